//! The kernel's private temporary folder: evcxr's crate and the socket for output live there.

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::runtime::CELLS;
use crate::sys;
use crate::template::recipe::STALE;

const PREFIX: &str = "herbarium-kernel-";
/// A socket's path has at most 108 bytes on Linux, 104 on macOS.
const MAX_SOCKET_PATH: usize = 100;

/// Removed when dropped.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes a new folder that only this user can open, and removes those of kernels that were killed.
    pub fn create() -> Result<Folder> {
        let mut parent = std::env::temp_dir();
        let name =
            format!("{PREFIX}{}-{}", std::process::id(), &uuid::Uuid::new_v4().simple().to_string()[..8]);
        if parent.as_os_str().len() + name.len() + "/output".len() > MAX_SOCKET_PATH {
            parent = PathBuf::from("/tmp");
        }
        remove_stale(&parent);
        let path = parent.join(name);
        DirBuilder::new().mode(0o700).create(&path).map_err(Error::file(&path))?;
        Ok(Folder { path })
    }

    #[cfg(test)]
    fn path(&self) -> &Path {
        &self.path
    }

    /// Where the kernel listens for output.
    pub fn socket(&self) -> PathBuf {
        self.path.join("output")
    }

    /// Removes it before its time, when the process is about to end without unwinding.
    pub fn remove(&self) {
        // A compiler that is being killed may still write: try again, but not for long.
        for _ in 0..5 {
            if fs::remove_dir_all(&self.path).is_ok() || !self.path.exists() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.remove();
    }
}

fn remove_stale(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name: OsString = entry.file_name();
        let pid =
            name.to_str().and_then(|name| name.strip_prefix(PREFIX)).and_then(|rest| rest.split_once('-'));
        if let Some(pid) = pid.and_then(|(pid, _)| pid.parse().ok())
            && !sys::is_alive(pid)
        {
            // Another user's folder cannot be removed, and need not be.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

impl Folder {
    /// Tells the cells' compiler which variables have a type that the next cell changes. If that cannot be told, evcxr
    /// goes on as it always does.
    pub fn set_stale(&self, names: &[String]) {
        let file = self.path.join(CELLS).join(STALE);
        let _ = match names {
            [] => fs::remove_file(file),
            names => fs::write(file, names.join("\n")),
        };
    }

    /// The folder of the crate that cells become, evcxr's `tmpdir`, with evcxr's configuration in it.
    pub fn cells(&self) -> Result<PathBuf> {
        let path = self.path.join(CELLS);
        fs::create_dir_all(&path).map_err(Error::file(&path))?;
        let config = path.join("evcxr.toml");
        // Cells are compiled for a short wait; `:opt 2` is there for those that compute.
        let text = format!("[evcxr]\ntmpdir = {:?}\nopt_level = \"0\"\n", path.display().to_string());
        fs::write(&config, text).map_err(Error::file(&config))?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn private_and_removed_and_the_dead_cleared_away() {
        let stale = std::env::temp_dir().join(format!("{PREFIX}{}-stale", 0x7fff_fff0));
        fs::create_dir_all(&stale).unwrap();
        let folder = Folder::create().unwrap();
        let path = folder.path().to_owned();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(folder.socket().as_os_str().len() <= MAX_SOCKET_PATH);
        assert!(!stale.exists());
        drop(folder);
        assert!(!path.exists());
    }
}
