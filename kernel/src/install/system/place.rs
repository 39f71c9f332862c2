//! Puts files where all users read them.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::error::{Error, Result};
use crate::sys;

/// Replaces a folder by what is below another one and is `wanted`, by its path in it. Files of the same owner are linked,
/// others copied.
pub fn replace(from: &Path, to: &Path, wanted: &dyn Fn(&Path) -> bool) -> Result<()> {
    let unfinished = to.with_extension("unfinished");
    for old in [&unfinished, &to.to_owned()] {
        match fs::remove_dir_all(old) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Error::file(old)(error)),
            _ => {}
        }
    }
    place_folder(from, &unfinished, Path::new(""), wanted)?;
    fs::rename(&unfinished, to).map_err(Error::file(to))
}

fn place_folder(from: &Path, to: &Path, inside: &Path, wanted: &dyn Fn(&Path) -> bool) -> Result<()> {
    let (source, target) = (from.join(inside), to.join(inside));
    let mut entries = fs::read_dir(&source)
        .and_then(|entries| entries.collect::<io::Result<Vec<_>>>())
        .map_err(Error::file(&source))?;
    entries.retain(|entry| entry.path().is_dir() || wanted(&inside.join(entry.file_name())));
    for entry in entries {
        let path = inside.join(entry.file_name());
        let kind = entry.file_type().map_err(Error::file(&source))?;
        if kind.is_dir() {
            if wanted(&path) {
                place_folder(from, to, &path, wanted)?;
            }
        } else {
            fs::create_dir_all(&target).map_err(Error::file(&target))?;
            place(&entry.path(), &to.join(&path)).map_err(Error::file(entry.path()))?;
        }
    }
    // A template's key contains the time of libtorch's folder.
    if let (Ok(facts), Ok(folder)) = (source.metadata(), File::open(&target)) {
        let _ = facts.modified().and_then(|time| folder.set_modified(time));
    }
    Ok(())
}

/// One file, or symbolic link.
fn place(from: &Path, to: &Path) -> io::Result<()> {
    let facts = fs::symlink_metadata(from)?;
    if facts.is_symlink() {
        return sys::link(fs::read_link(from)?, to);
    }
    // A link to somebody else's file would change when that does.
    if sys::is_own(from) && fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    fs::copy(from, to)?;
    File::options().write(true).open(to)?.set_modified(facts.modified()?)
}

/// Copies one file, so that a later build of it changes nothing here.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(Error::file(folder))?;
    }
    let unfinished = to.with_extension("unfinished");
    fs::copy(from, &unfinished).map_err(Error::file(from))?;
    // The program may be running.
    fs::rename(&unfinished, to).map_err(Error::file(to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_takes_what_is_wanted_and_loses_what_it_had() {
        let base = std::env::temp_dir().join(format!("herbarium-place-{}", std::process::id()));
        let (from, to) = (base.join("from"), base.join("to"));
        for file in ["lib/a.so", "lib/b.txt", "doc/c.so"] {
            fs::create_dir_all(from.join(file).parent().unwrap()).unwrap();
            fs::write(from.join(file), "1").unwrap();
        }
        sys::link("a.so", from.join("lib/link.so")).unwrap();
        fs::create_dir_all(to.join("old")).unwrap();
        replace(&from, &to, &|path| {
            !path.starts_with("doc") && path.extension().is_none_or(|end| end == "so")
        })
        .unwrap();
        assert_eq!(fs::read_link(to.join("lib/link.so")).unwrap(), Path::new("a.so"));
        assert!(to.join("lib/a.so").is_file() && !to.join("lib/b.txt").exists());
        assert!(!to.join("doc").exists() && !to.join("old").exists());
        let time = |folder: &Path| folder.join("lib").metadata().unwrap().modified().unwrap();
        assert_eq!(time(&from), time(&to));
        fs::remove_dir_all(&base).unwrap();
    }
}
