//! Files that Unix has, and permissions.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;

/// Creates a folder that only this user can open.
pub fn create_private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

/// Makes `link` stand for what is at `target`, which a relative path names from the link's folder.
pub fn link(target: impl AsRef<Path>, link: impl AsRef<Path>) -> io::Result<()> {
    symlink(target, link)
}

/// The id of this process's user.
pub fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Whether a file, or the link that is there, belongs to this user.
pub fn is_own(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|facts| facts.uid() == user())
}

/// Whether a folder is this user's, and closed to others.
pub fn is_private_folder(path: &Path) -> bool {
    let closed = |facts: fs::Metadata| facts.is_dir() && facts.mode() & 0o077 == 0;
    is_own(path) && fs::symlink_metadata(path).is_ok_and(closed)
}

/// The bits that say who may do what with a file.
pub fn mode(path: &Path) -> io::Result<u32> {
    Ok(fs::metadata(path)?.mode() & 0o7777)
}

/// Sets them.
pub fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode))
}

/// Whether this user may write to an existing file or folder.
pub fn may_write(path: &Path) -> io::Result<()> {
    Ok(rustix::fs::access(path, rustix::fs::Access::WRITE_OK)?)
}

/// Whether there is a Unix socket.
pub fn is_socket(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|facts| facts.file_type().is_socket())
}

/// Lets others read the files that this process makes from now on, and those of programs that it starts.
pub fn make_files_readable() {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_folder_is_closed_to_others() {
        let path = std::env::temp_dir().join(format!("herbarium-private-{}", std::process::id()));
        create_private_folder(&path).unwrap();
        assert_eq!(mode(&path).unwrap(), 0o700);
        assert!(is_private_folder(&path) && may_write(&path).is_ok() && !is_socket(&path));
        set_mode(&path, 0o750).unwrap();
        assert!(!is_private_folder(&path) && is_own(&path));
        std::fs::remove_dir(&path).unwrap();
    }
}
