//! The key of a template: a hash of all that goes into it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Location;
use crate::error::{Error, Result};
use crate::toolchain;

/// Sixteen hexadecimal digits; equal for equal sources, toolchain, libtorch and kernel.
pub fn of(location: &Location) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    env!("CARGO_PKG_VERSION").hash(&mut hasher);
    super::build::VERSION.hash(&mut hasher);
    std::fs::read(super::build::shim()?).ok().hash(&mut hasher);
    toolchain()?.hash(&mut hasher);
    location.libtorch.hash(&mut hasher);
    location.libtorch.join("lib").metadata().and_then(|facts| facts.modified()).ok().hash(&mut hasher);
    location.crate_folder.hash(&mut hasher);
    for file in sources(&location.crate_folder)? {
        file.hash(&mut hasher);
        std::fs::read(&file).map_err(Error::file(&file))?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// What the toolchain says of itself.
fn toolchain() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output().map_err(Error::system(
        "running rustc, which cells are compiled with (is Rust installed and on the PATH?)",
    ))?;
    let about = String::from_utf8_lossy(&output.stdout).into_owned();
    toolchain::check(&about).map_err(Error::Start)?;
    Ok(about)
}

/// The crate's manifest, lock file and everything below `src`, sorted.
fn sources(crate_folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = vec![crate_folder.join("Cargo.toml"), crate_folder.join("Cargo.lock")];
    let mut folders = vec![crate_folder.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(Error::file(&folder))? {
            let path = entry.map_err(Error::file(&folder))?.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    Ok(files)
}
