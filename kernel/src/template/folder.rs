//! A kernel's own folder, where evcxr writes its cells; gone when the kernel ends.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Template, cache_folder};
use crate::error::{Error, Result};

/// The cell that is run before a learner's first. Its `?` spares the first `?` of the learner a second build.
pub const PRELOAD: &str = "use herbarium::prelude::*;\nherbarium::notebook::init()?;";

/// The file in each folder that its kernel holds locked.
const LOCK: &str = "kernel.lock";

/// An empty folder for one kernel. It is removed on drop, and by the next kernel if this one dies.
#[derive(Debug)]
pub struct KernelFolder {
    /// Where evcxr works: its `tmpdir`.
    pub path: PathBuf,
    _lock: File,
}

impl KernelFolder {
    /// Makes the folder, with evcxr's configuration in it, and removes those of dead kernels.
    pub fn create() -> Result<KernelFolder> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let kernels = cache_folder()?.join("kernels");
        remove_abandoned(&kernels);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = kernels.join(format!("{}-{number}", std::process::id()));
        std::fs::create_dir_all(path.join("src")).map_err(Error::file(&path))?;
        let lock = File::create(path.join(LOCK)).map_err(Error::file(&path))?;
        lock.lock().map_err(Error::file(path.join(LOCK)))?;
        let config = path.join("evcxr.toml");
        std::fs::write(&config, evcxr_config(&path)).map_err(Error::file(&config))?;
        Ok(KernelFolder { path, _lock: lock })
    }
}

impl Drop for KernelFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

impl Template {
    /// What this process must have in its environment before evcxr starts: its cargo, rustc and rustup are the template's.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let bin = self.path.join("bin");
        vec![
            (super::recipe::TEMPLATE_VARIABLE, self.path.display().to_string()),
            ("CARGO_HOME", self.path.display().to_string()),
            ("CARGO", bin.join("cargo").display().to_string()),
            ("RUSTC", bin.join("rustc").display().to_string()),
            ("PATH", format!("{}:{}", bin.display(), self.recipe.path)),
        ]
    }

    /// What a cell's own process must have back: commands that a cell runs see the user's tools.
    pub fn variables_of_cells(&self) -> Vec<(&'static str, Option<String>)> {
        vec![
            ("PATH", Some(self.recipe.path.clone())),
            ("CARGO_HOME", self.recipe.cargo_home.clone()),
            ("CARGO", None),
            ("RUSTC", None),
        ]
    }
}

/// evcxr reads this file from the working folder when it starts.
fn evcxr_config(folder: &Path) -> String {
    format!(
        "[evcxr]\ntmpdir = {:?}\nopt_level = \"0\"\nprelude = \"\"\n",
        folder.display().to_string()
    )
}

/// A kernel that was killed leaves its folder behind, but not its lock.
fn remove_abandoned(kernels: &Path) {
    let Ok(entries) = std::fs::read_dir(kernels) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let abandoned = File::open(path.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok());
        if abandoned {
            let _ = std::fs::remove_dir_all(&path);
        }
    }
}
