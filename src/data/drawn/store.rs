//! The drawn set on disk: written whole or not at all, checked, and repaired where it is damaged.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use image::codecs::jpeg::JpegEncoder;
use serde_json::{Map, Value};

use super::picture::picture;
use super::species::SPECIES;
use crate::weights::write_atomically;
use crate::{Error, Result};

/// Pictures of each species in the two parts of the set.
const PARTS: [(&str, usize); 2] = [("train", 40), ("valid", 10)];
/// JPEG quality, of 100.
const QUALITY: u8 = 90;
/// Names and sizes of the set's files; written last, so that its presence says the set is whole.
const MANIFEST: &str = ".manifest";
/// First line of the manifest; changes when the pictures do.
const VERSION: &str = "herbarium drawn flowers 1";
/// Age after which an unfinished folder must be from a process that died.
const ABANDONED: Duration = Duration::from_secs(3600);

/// Draws the flowers into a folder: `train/<label>/image_00001.jpg` and so on, `valid/…`, and
/// `cat_to_name.json`, with the labels "1" to "12".
///
/// A folder that holds the whole set is left as it is; missing or damaged files are drawn anew,
/// and other files stay. Two processes may do this at once: a new set is drawn beside the folder
/// and renamed into place when it is whole. Returns whether anything had to be drawn.
///
/// # Errors
/// [`Error::Io`] with the file that could not be written.
pub fn draw_flowers(folder: impl AsRef<Path>) -> Result<bool> {
    let folder = folder.as_ref();
    let damaged = damaged(folder);
    if damaged.is_empty() {
        return Ok(false);
    }
    if folder.exists() {
        return repair(folder, &damaged).map(|()| true);
    }
    let parent = folder.parent().filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(Error::io("creating", parent))?;
    clear_abandoned(folder, parent);
    let scratch = temporary(folder);
    let drawn = write_files(&scratch, &all_files()).and_then(|()| write_manifest(&scratch));
    match drawn.and_then(|()| std::fs::rename(&scratch, folder).map_err(Error::io("creating", folder))) {
        Ok(()) => Ok(true),
        Err(error) => {
            // Nothing half-done stays behind; that it cannot be removed is not the error to report.
            let _ = std::fs::remove_dir_all(&scratch);
            // Another process may have been quicker: then its set is as good as this one.
            if self::damaged(folder).is_empty() { Ok(true) } else { Err(error) }
        }
    }
}

/// Whether a folder holds the whole set, undamaged.
pub(crate) fn is_whole(folder: &Path) -> bool {
    damaged(folder).is_empty()
}

/// How many pictures the set has.
pub(crate) fn picture_count() -> usize {
    SPECIES.len() * PARTS.iter().map(|(_, count)| count).sum::<usize>()
}

/// One file of the set.
#[derive(Clone)]
enum File {
    Names,
    Picture { part: &'static str, species: usize, number: usize, seed: u64 },
}

impl File {
    /// Its path inside the set.
    fn path(&self) -> String {
        match self {
            File::Names => "cat_to_name.json".into(),
            File::Picture { part, species, number, .. } => {
                format!("{part}/{}/image_{number:05}.jpg", species + 1)
            }
        }
    }

    fn content(&self) -> Result<Vec<u8>> {
        match self {
            File::Names => {
                let name = |(i, species): (usize, &super::species::Species)| {
                    ((i + 1).to_string(), Value::from(species.name))
                };
                let names: Map<String, Value> = SPECIES.iter().enumerate().map(name).collect();
                Ok(format!("{:#}\n", Value::Object(names)).into_bytes())
            }
            File::Picture { species, seed, .. } => {
                let mut bytes = Vec::new();
                let image = picture(&SPECIES[*species], *seed);
                JpegEncoder::new_with_quality(&mut bytes, QUALITY)
                    .encode_image(&image)
                    .map_err(|error| Error::io("encoding", self.path())(std::io::Error::other(error)))?;
                Ok(bytes)
            }
        }
    }
}

/// Every file of the set. Numbers run through the whole set, as in the tutorial's, so that no two
/// pictures share a name.
fn all_files() -> Vec<File> {
    let mut files = vec![File::Names];
    let mut number = 0;
    for (part, count) in PARTS {
        for species in 0..SPECIES.len() {
            for _ in 0..count {
                number += 1;
                // Far apart, so that neighbouring seeds do not start the generator alike.
                let seed = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                files.push(File::Picture { part, species, number, seed });
            }
        }
    }
    files
}

/// The files that are missing or do not have the size the manifest says; all without a manifest.
fn damaged(folder: &Path) -> Vec<File> {
    let manifest = std::fs::read_to_string(folder.join(MANIFEST)).unwrap_or_default();
    let mut lines = manifest.lines();
    if lines.next() != Some(VERSION) {
        return all_files();
    }
    let sizes: std::collections::HashMap<&str, u64> = lines
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(size, path)| Some((path, size.parse().ok()?)))
        .collect();
    let is_whole = |file: &File| {
        let path = file.path();
        let size = std::fs::metadata(folder.join(&path)).map(|data| data.len()).ok();
        size.is_some() && size == sizes.get(path.as_str()).copied()
    };
    all_files().into_iter().filter(|file| !is_whole(file)).collect()
}

fn repair(folder: &Path, damaged: &[File]) -> Result<()> {
    write_files(folder, damaged)?;
    write_manifest(folder)
}

/// Draws files on all processors; the first error ends the work.
fn write_files(folder: &Path, files: &[File]) -> Result<()> {
    for file in files {
        let path = folder.join(file.path());
        let parent = path.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent).map_err(Error::io("creating", parent))?;
    }
    let (next, failure) = (AtomicUsize::new(0), Mutex::new(None));
    let work = || {
        while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let written = file.content().and_then(|bytes| write_whole(&folder.join(file.path()), &bytes));
            if let Err(error) = written {
                next.store(files.len(), Ordering::Relaxed);
                if let Ok(mut failure) = failure.lock() {
                    failure.get_or_insert(error);
                }
            }
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(files.len());
    std::thread::scope(|scope| (0..workers).for_each(|_| drop(scope.spawn(work))));
    match failure.into_inner() {
        Ok(Some(error)) => Err(error),
        _ => Ok(()),
    }
}

fn write_manifest(folder: &Path) -> Result<()> {
    let mut manifest = format!("{VERSION}\n");
    for file in all_files() {
        let path = folder.join(file.path());
        let size = std::fs::metadata(&path).map_err(Error::io("reading", &path))?.len();
        manifest += &format!("{size} {}\n", file.path());
    }
    let path = folder.join(MANIFEST);
    write_atomically(&path, |file| file.write_all(manifest.as_bytes()).map_err(Error::io("writing", &path)))
}

/// Writes beside the file and renames, so that nobody ever sees half of it. Without waiting for the
/// disk, 600 times: a picture that a power cut took has another size than the manifest says, and is
/// drawn anew.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let scratch = temporary(path);
    let write = || {
        let mut file = std::fs::File::create(&scratch)?;
        file.write_all(bytes)?;
        std::fs::rename(&scratch, path)
    };
    write().map_err(|error| {
        let _ = std::fs::remove_file(&scratch);
        Error::io("writing", path)(error)
    })
}

/// A name beside a path that no other process or thread uses.
fn temporary(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}-{:08x}", std::process::id(), fastrand::u32(..)))
}

/// Removes unfinished sets of processes that died. A folder that cannot be read or removed is in
/// nobody's way.
fn clear_abandoned(folder: &Path, parent: &Path) {
    let ours = format!(".{}.", folder.file_name().unwrap_or_default().to_string_lossy());
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let age =
            entry.metadata().and_then(|data| data.modified()).map(|at| SystemTime::now().duration_since(at));
        let old = matches!(age, Ok(Ok(age)) if age > ABANDONED);
        if old && entry.file_name().to_string_lossy().starts_with(&ours) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}
