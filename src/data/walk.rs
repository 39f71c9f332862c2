//! Lists the pictures of a folder, in torchvision's order.

use std::ffi::{OsStr, OsString};
use std::fs::DirEntry;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// What the name of a picture ends in, in any case: torchvision's list.
///
/// All of these formats can be read; see [`read_image`](super::read_image()), which also reads GIF.
pub const IMG_EXTENSIONS: [&str; 9] =
    [".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"];

/// The folders directly in `root`, by name, sorted as text.
pub(super) fn subfolders(root: &Path) -> Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(root).map_err(Error::io("reading", root))? {
        let entry = entry.map_err(Error::io("reading", root))?;
        if is_folder(&entry) {
            names.push(entry.file_name());
        }
    }
    names.sort();
    Ok(names)
}

/// The pictures in `folder` and below, folders sorted by path and files by name, through links.
pub(super) fn pictures(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    collect(folder, &mut Vec::new(), &mut folders)?;
    folders.sort_by(|a, b| a.0.as_os_str().cmp(b.0.as_os_str()));
    Ok(folders
        .into_iter()
        .flat_map(|(folder, mut names)| {
            names.sort();
            names.into_iter().map(move |name| folder.join(name))
        })
        .collect())
}

/// Adds `folder` and the names of its pictures, then the folders below. `above` are the folders on the
/// way here, so that a link back to one of them ends the recursion.
fn collect(folder: &Path, above: &mut Vec<PathBuf>, found: &mut Vec<(PathBuf, Vec<OsString>)>) -> Result<()> {
    let real = folder.canonicalize().map_err(Error::io("reading", folder))?;
    if above.contains(&real) {
        return Ok(());
    }
    above.push(real);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io("reading", folder))? {
        let entry = entry.map_err(Error::io("reading", folder))?;
        if is_folder(&entry) {
            collect(&entry.path(), above, found)?;
        } else if is_picture(&entry.file_name()) {
            names.push(entry.file_name());
        }
    }
    above.pop();
    found.push((folder.to_path_buf(), names));
    Ok(())
}

/// Whether an entry is a folder, through links, as Python's `is_dir` looks. Only a link needs a look at the
/// disk: what else is a folder stands in the folder above.
fn is_folder(entry: &DirEntry) -> bool {
    match entry.file_type() {
        Ok(kind) if !kind.is_symlink() => kind.is_dir(),
        _ => entry.path().is_dir(),
    }
}

/// Whether a file's name has one of [`IMG_EXTENSIONS`].
fn is_picture(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    IMG_EXTENSIONS.iter().any(|extension| {
        let ending = name.len().checked_sub(extension.len()).map(|start| &name[start..]);
        ending.is_some_and(|ending| ending.eq_ignore_ascii_case(extension.as_bytes()))
    })
}
