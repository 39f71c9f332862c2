//! The cache folder: its place, its contents, and how room is made.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::{Value, json};

use super::segment;
use crate::data::{Decoding, FixedSteps};
use crate::files::{user_cache, write_atomically};
use crate::{Error, Result};

/// The file that describes a data set's folder; rewritten at each use, so that its modification time is
/// that of the last use.
pub(super) const ABOUT: &str = "about.json";

/// The folder of kept pictures, if the user has a cache folder.
///
/// # Errors
/// [`Error::NoCacheFolder`].
pub(super) fn default_folder() -> Result<PathBuf> {
    Ok(user_cache()?.join("herbarium/pictures"))
}

/// Writes the description of a data set's folder.
pub(super) fn describe(folder: &Path, fixed: &FixedSteps, decoding: Decoding) -> Result<()> {
    // Absolute: whoever makes room may stand in another folder, and ask whether the pictures are still there.
    let root = std::path::absolute(fixed.root()).unwrap_or_else(|_| fixed.root().into());
    let about = json!({
        "root": root.to_string_lossy(),
        "kept": fixed.to_string(),
        "decoding": format!("{decoding:?}"),
    });
    let path = folder.join(ABOUT);
    write_atomically(&path, |file| writeln!(file, "{about:#}").map_err(Error::io("writing", &path)))
}

/// One data set's folder as it lies on disk.
pub(super) struct Found {
    pub(super) folder: PathBuf,
    pub(super) root: PathBuf,
    pub(super) kept: String,
    pub(super) decoding: String,
    pub(super) pictures: usize,
    pub(super) bytes: u64,
    pub(super) used: Option<SystemTime>,
}

/// The data sets' folders in the cache folder, the one used last first; none where there is no such folder.
///
/// # Errors
/// When the folder is there and cannot be read.
pub(super) fn find(cache: &Path) -> Result<Vec<Found>> {
    let entries = match std::fs::read_dir(cache) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::io("reading", cache)(error)),
    };
    let mut found: Vec<Found> = entries
        .flatten()
        .filter(|entry| is_name(&entry.file_name()))
        .map(|entry| look(entry.path()))
        .collect();
    found.sort_by_key(|found| std::cmp::Reverse(found.used));
    Ok(found)
}

/// The name of a data set's folder; anything else in the cache folder is left alone.
pub(super) fn name(key: u128) -> String {
    format!("{key:032x}")
}

fn is_name(name: &OsString) -> bool {
    let name = name.as_encoded_bytes();
    name.len() == 32 && name.iter().all(u8::is_ascii_hexdigit)
}

fn look(folder: PathBuf) -> Found {
    let about = std::fs::read(folder.join(ABOUT)).unwrap_or_default();
    let about: Value = serde_json::from_slice(&about).unwrap_or_default();
    let text = |key: &str| about[key].as_str().unwrap_or("?").to_string();
    let pictures = segment::indices(&folder).iter().map(|index| segment::count(index)).sum();
    let used = std::fs::metadata(folder.join(ABOUT)).and_then(|data| data.modified()).ok();
    Found {
        root: text("root").into(),
        kept: text("kept"),
        decoding: text("decoding"),
        pictures,
        bytes: size(&folder),
        used,
        folder,
    }
}

/// The bytes of the files in a folder.
fn size(folder: &Path) -> u64 {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|data| data.len()).sum()
}

/// Deletes the least recently used data sets, except those in the folders `in_use`, until the cache takes at
/// most `goal` bytes; returns its new size.
pub(super) fn make_room(cache: &Path, in_use: &[PathBuf], goal: u64) -> u64 {
    let mut found = find(cache).unwrap_or_default();
    let mut total = found.iter().map(|found| found.bytes).sum();
    // Data sets whose pictures no longer exist (of a test, of an unpacked archive) go first.
    found.sort_by_key(|found| (found.root.exists(), found.used));
    for old in found {
        if total <= goal {
            break;
        }
        if !in_use.contains(&old.folder) && std::fs::remove_dir_all(&old.folder).is_ok() {
            total -= old.bytes;
        }
    }
    total
}
