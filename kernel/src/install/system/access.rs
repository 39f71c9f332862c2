//! What users other than a file's owner may do with it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::sys;

/// The first file or folder, from the root down to `path`, that keeps other users from reading what is at `path`.
pub fn obstacle(path: &Path) -> Option<PathBuf> {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let above = path.ancestors().skip(1).filter(|folder| !has(folder, 0o001));
    let at = (!has(&path, if path.is_dir() { 0o005 } else { 0o004 })).then_some(&*path);
    at.into_iter().chain(above).last().map(Path::to_owned)
}

fn has(path: &Path, bits: u32) -> bool {
    sys::mode(path).is_ok_and(|mode| mode & bits == bits)
}

/// The mode of a file by which everybody reads it, and nobody but the owner writes it.
fn opened(mode: u32, is_folder: bool) -> u32 {
    let is_program = is_folder || mode & 0o100 != 0;
    (mode | if is_program { 0o555 } else { 0o444 }) & !0o022
}

/// Whether [`open_to_all`] leaves a file as it is.
pub fn is_open(file: &Path) -> bool {
    sys::mode(file).is_ok_and(|mode| opened(mode, false) == mode)
}

/// Lets everybody read all that is below a folder, and nobody but the owner write it.
pub fn open_to_all(path: &Path) -> Result<()> {
    let facts = fs::symlink_metadata(path).map_err(Error::file(path))?;
    if facts.is_symlink() {
        return Ok(());
    }
    let mode = sys::mode(path).map_err(Error::file(path))?;
    let open = opened(mode, facts.is_dir());
    if open != mode {
        sys::set_mode(path, open).map_err(Error::file(path))?;
    }
    if facts.is_dir() {
        for entry in fs::read_dir(path).map_err(Error::file(path))? {
            open_to_all(&entry.map_err(Error::file(path))?.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_folder_is_an_obstacle_until_it_is_opened() {
        let folder = std::env::temp_dir().join(format!("herbarium-access-{}", std::process::id()));
        let (program, text) = (folder.join("bin/program"), folder.join("text"));
        fs::create_dir_all(folder.join("bin")).unwrap();
        let set = |path: &Path, mode: u32| sys::set_mode(path, mode).unwrap();
        for (path, mode) in [(&program, 0o700), (&text, 0o660)] {
            fs::write(path, "").unwrap();
            set(path, mode);
        }
        set(&folder, 0o700);
        assert_eq!(obstacle(&text), Some(folder.canonicalize().unwrap()));
        open_to_all(&folder).unwrap();
        assert_eq!((obstacle(&text), obstacle(&program)), (None, None));
        assert!(is_open(&text) && is_open(&program));
        let mode = |path: &Path| sys::mode(path).unwrap();
        assert_eq!((mode(&program), mode(&text), mode(&folder)), (0o755, 0o644, 0o755));
        set(&text, 0o600);
        assert!(!is_open(&text));
        assert_eq!(obstacle(&text), Some(text.canonicalize().unwrap()));
        fs::remove_dir_all(&folder).unwrap();
    }
}
