//! Files that Unix has, and permissions.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::Path;

/// Creates a folder that only this user can open.
pub fn create_private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

/// Makes `link` stand for what is at `target`, which a relative path names from the link's folder.
pub fn link(target: impl AsRef<Path>, link: impl AsRef<Path>) -> io::Result<()> {
    symlink(target, link)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_private_folder_is_closed_to_others() {
        let path = std::env::temp_dir().join(format!("herbarium-private-{}", std::process::id()));
        create_private_folder(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        std::fs::remove_dir(&path).unwrap();
    }
}
