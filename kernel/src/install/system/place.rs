//! Puts files where all users read them.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::access;
use crate::error::{Error, Result};
use crate::sys;

/// How files come to their new place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Files {
    /// What somebody edits: a link would change with it.
    Copied,
    /// What is large, and only ever replaced as a whole: where a link is as good as a copy, it takes no space.
    Linked,
}

/// Replaces a folder by what is below another one and is `wanted`, by its path in it. The old one stays until all of that is
/// there.
pub fn replace(from: &Path, to: &Path, files: Files, wanted: &dyn Fn(&Path) -> bool) -> Result<()> {
    let [unfinished, old] = ["unfinished", "old"].map(|end| to.with_extension(end));
    remove(&unfinished)?;
    place_folder(from, &unfinished, Path::new(""), files, wanted)?;
    remove(&old)?;
    match fs::rename(to, &old) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Error::file(to)(error)),
        _ => {}
    }
    fs::rename(&unfinished, to).map_err(Error::file(to))?;
    remove(&old)
}

/// Removes a folder, or the link that is there, if there is one.
pub fn remove(path: &Path) -> Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::file(path)(error)),
        _ => Ok(()),
    }
}

fn place_folder(
    from: &Path,
    to: &Path,
    inside: &Path,
    files: Files,
    wanted: &dyn Fn(&Path) -> bool,
) -> Result<()> {
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
                place_folder(from, to, &path, files, wanted)?;
            }
        } else {
            fs::create_dir_all(&target).map_err(Error::file(&target))?;
            place(&entry.path(), &to.join(&path), files).map_err(Error::file(entry.path()))?;
        }
    }
    // A template's key contains the time of libtorch's folder.
    if let (Ok(facts), Ok(folder)) = (source.metadata(), File::open(&target)) {
        let _ = facts.modified().and_then(|time| folder.set_modified(time));
    }
    Ok(())
}

/// One file, or symbolic link.
fn place(from: &Path, to: &Path, files: Files) -> io::Result<()> {
    let facts = fs::symlink_metadata(from)?;
    if facts.is_symlink() {
        return sys::link(fs::read_link(from)?, to);
    }
    if files == Files::Linked && is_linkable(from) && fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    fs::copy(from, to)?;
    // A file that nobody may write can only be opened for reading, and that is enough.
    File::open(to)?.set_modified(facts.modified()?)
}

/// Whether a link to a file is as good as a copy. One to somebody else's would change when that does, and letting everybody
/// read one to a closed file would open the original.
fn is_linkable(file: &Path) -> bool {
    sys::is_own(file) && access::is_open(file)
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
        replace(&from, &to, Files::Linked, &|path| {
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

    #[test]
    fn what_is_there_stays_until_its_replacement_is_whole() {
        let base = std::env::temp_dir().join(format!("herbarium-place-old-{}", std::process::id()));
        let (from, to) = (base.join("from"), base.join("to"));
        for folder in [&from, &to] {
            fs::create_dir_all(folder).unwrap();
            fs::write(folder.join("file"), folder.as_os_str().as_encoded_bytes()).unwrap();
        }
        assert!(replace(&base.join("nowhere"), &to, Files::Copied, &|_| true).is_err());
        let text = || fs::read(to.join("file")).unwrap();
        assert_eq!(text(), to.as_os_str().as_encoded_bytes());
        // Also where an earlier replacement was cut short, and where a link is in the place.
        for rest in ["to.unfinished/a", "to.old/a"] {
            fs::create_dir_all(base.join(rest)).unwrap();
        }
        for _ in 0..2 {
            replace(&from, &to, Files::Copied, &|_| true).unwrap();
            assert_eq!(text(), from.as_os_str().as_encoded_bytes());
            assert_eq!(fs::read_dir(&base).unwrap().count(), 2, "nothing unfinished or old is left");
            remove(&to).unwrap();
            sys::link("from", &to).unwrap();
        }
        fs::remove_dir_all(&base).unwrap();
    }

    #[test]
    fn opening_what_was_placed_leaves_the_original_closed() {
        use std::os::unix::fs::MetadataExt;
        let base = std::env::temp_dir().join(format!("herbarium-place-mode-{}", std::process::id()));
        let (from, to) = (base.join("from"), base.join("to"));
        fs::create_dir_all(&from).unwrap();
        let modes = [("closed", 0o600), ("open", 0o644), ("shared", 0o664), ("read-only", 0o444)];
        for (name, mode) in modes {
            fs::write(from.join(name), name).unwrap();
            sys::set_mode(&from.join(name), mode).unwrap();
        }
        for (files, linked) in [(Files::Copied, &[][..]), (Files::Linked, &["open", "read-only"][..])] {
            replace(&from, &to, files, &|_| true).unwrap();
            access::open_to_all(&to).unwrap();
            for (name, mode) in modes {
                let [original, placed] = [&from, &to].map(|folder| folder.join(name).metadata().unwrap());
                assert_eq!(original.mode() & 0o777, mode, "{name}");
                assert_eq!(original.ino() == placed.ino(), linked.contains(&name), "{name}, {files:?}");
                assert_eq!(original.modified().unwrap(), placed.modified().unwrap(), "{name}");
            }
        }
        fs::remove_dir_all(&base).unwrap();
    }
}
