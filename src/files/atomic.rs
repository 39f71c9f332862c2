//! Files that are either complete or absent.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Error, Result};

/// Writes a file through a temporary one beside it, synced and then renamed: a reader sees the old
/// file or the new one, never a part. Folders on the way are made. Through a link, the file that it leads to is
/// written, as `torch.save` does.
///
/// # Errors
/// Those of `fill`, and [`Error::Io`] with the file's name; the old file is then as it was.
pub(crate) fn write_atomically(path: &Path, fill: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    path.file_name().ok_or_else(|| {
        Error::io("writing", path)(io::Error::new(io::ErrorKind::InvalidInput, "this is not a file name"))
    })?;
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.into());
    let folder = match real.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder).map_err(Error::io("creating", folder))?;

    static COUNT: AtomicU64 = AtomicU64::new(0);
    let unique = format!(".{}.{}.tmp", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(real.file_name().unwrap_or_default());
    hidden.push(unique);
    let temporary = Temporary(folder.join(hidden));

    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&temporary.0)
        .map_err(Error::io("writing", path))?;
    let mut writer = BufWriter::new(file);
    fill(&mut writer)?;
    let file = writer.into_inner().map_err(|error| Error::io("writing", path)(error.into_error()))?;
    file.sync_all().map_err(Error::io("writing", path))?;
    drop(file);
    fs::rename(&temporary.0, &real).map_err(Error::io("writing", path))?;
    sync_folder(folder);
    Ok(())
}

/// Makes the rename survive a power cut, where folders can be synced; elsewhere it is not needed.
fn sync_folder(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

/// A temporary file that is removed if writing fails; after the rename there is nothing to remove.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link() {
        let home = tempfile::tempdir().unwrap();
        let (file, link) = (home.path().join("elsewhere/file"), home.path().join("link"));
        fs::create_dir(home.path().join("elsewhere")).unwrap();
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write_atomically(&link, |out| out.write_all(b"new").map_err(Error::io("writing", &link))).unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
    }
}
