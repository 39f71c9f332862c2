//! A painted set on disk: written whole or not at all, checked, and repaired where it is damaged.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use serde_json::{Map, Value};

use crate::files::write_atomically;
use crate::notebook::Progress;
use crate::{Error, Result};

/// JPEG quality, of 100.
const QUALITY: u8 = 90;
/// Names and sizes of the set's files; written last, so that its presence says the set is whole.
const MANIFEST: &str = ".manifest";
/// The version of a set that is being painted in place; complete files of it need not be painted
/// again.
const UNFINISHED: &str = ".unfinished";
/// The last bytes of a whole JPEG file.
const END_OF_IMAGE: &[u8] = &[0xff, 0xd9];
/// Age after which an unfinished folder must be from a process that died.
const ABANDONED: Duration = Duration::from_secs(3600);

/// What a set consists of.
pub(super) struct PaintedSet<'a> {
    /// First line of the manifest: equal for equal pictures.
    pub(super) version: String,
    /// The folders of the set, and how many pictures of each species they have.
    pub(super) parts: [(&'static str, usize); 2],
    /// The species' names; the first has the label "1".
    pub(super) names: Vec<String>,
    /// Mixed into each picture's seed.
    pub(super) seed: u64,
    /// Paints a picture of a species, by its place in `names`, from a seed.
    pub(super) paint: &'a (dyn Fn(usize, u64) -> RgbImage + Sync),
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
}

impl PaintedSet<'_> {
    pub(super) fn picture_count(&self) -> usize {
        self.names.len() * self.parts.iter().map(|(_, count)| count).sum::<usize>()
    }

    /// Whether a folder holds the whole set, undamaged.
    pub(super) fn is_whole(&self, folder: &Path) -> bool {
        self.damaged(folder).is_empty()
    }

    /// Paints what is missing; a new set beside the folder, and renames it into place when it is whole. Returns
    /// whether there was anything to paint.
    ///
    /// # Errors
    /// [`Error::Argument`] for a folder that has other files in it and no manifest.
    pub(super) fn draw(&self, folder: &Path) -> Result<bool> {
        let damaged = self.damaged(folder);
        if damaged.is_empty() {
            return Ok(false);
        }
        if folder.exists() {
            // A set of another version is ours, too: it is painted over.
            self.refuse_other_files(folder, folder.join(MANIFEST).exists())?;
            self.write_files(folder, &damaged, &|| ())?;
            return self.write_manifest(folder).map(|()| true);
        }
        let parent = folder.parent().filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(parent).map_err(Error::io("creating", parent))?;
        clear_abandoned(folder, parent);
        let scratch = temporary(folder);
        let drawn =
            self.write_files(&scratch, &self.files(), &|| ()).and_then(|()| self.write_manifest(&scratch));
        match drawn.and_then(|()| std::fs::rename(&scratch, folder).map_err(Error::io("creating", folder))) {
            Ok(()) => Ok(true),
            Err(error) => {
                // Remove partial work; a failure to remove it is not the error to report.
                let _ = std::fs::remove_dir_all(&scratch);
                // Another process may have finished first: its set is as good as this one.
                if self.is_whole(folder) { Ok(true) } else { Err(error) }
            }
        }
    }

    /// Paints what is missing into the folder itself, with a progress bar: a set too large to begin again after an
    /// interruption. Returns whether there was anything to paint.
    ///
    /// # Errors
    /// [`Error::Argument`] for a folder with another set or with other files in it.
    pub(super) fn draw_in_place(&self, folder: &Path) -> Result<bool> {
        let missing = self.damaged(folder);
        if missing.is_empty() {
            return Ok(false);
        }
        let marker = folder.join(UNFINISHED);
        let ours = self.is_begun(folder) || self.sizes(folder).is_some();
        self.refuse_other_files(folder, ours)?;
        write_atomically(&marker, |file| {
            file.write_all(self.version.as_bytes()).map_err(Error::io("writing", &marker))
        })?;
        let bar = Mutex::new(Progress::new("painting", missing.len() as u64).unit("picture"));
        self.write_files(folder, &missing, &|| {
            bar.lock().unwrap_or_else(|broken| broken.into_inner()).update(1)
        })?;
        self.write_manifest(folder)?;
        std::fs::remove_file(&marker).map_err(Error::io("removing", &marker))?;
        bar.into_inner().unwrap_or_else(|broken| broken.into_inner()).close();
        Ok(true)
    }

    /// Keeps the user's own files from being painted over.
    ///
    /// # Errors
    /// [`Error::Argument`] for a folder that is not `ours` and not empty.
    fn refuse_other_files(&self, folder: &Path, ours: bool) -> Result<()> {
        let is_empty = std::fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none());
        if ours || is_empty {
            return Ok(());
        }
        Err(Error::Argument(format!(
            "{} contains something other than this set of pictures ({}): choose another folder, or \
            remove it",
            folder.display(),
            self.version
        )))
    }

    /// Every file of the set. Numbers run through the whole set, as in the tutorial's, so that no two
    /// pictures share a name.
    fn files(&self) -> Vec<File> {
        let mut files = vec![File::Names];
        let mut number = 0;
        for (part, count) in self.parts {
            for species in 0..self.names.len() {
                for _ in 0..count {
                    number += 1;
                    // Far apart, so that consecutive seeds do not start the generator in similar
                    // states.
                    let seed = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                    let seed = seed ^ self.seed.wrapping_mul(0xd134_2543_de82_ef95);
                    files.push(File::Picture { part, species, number, seed });
                }
            }
        }
        files
    }

    /// Sizes by path, as the manifest has them; nothing without the manifest of this version.
    fn sizes(&self, folder: &Path) -> Option<HashMap<String, u64>> {
        let manifest = std::fs::read_to_string(folder.join(MANIFEST)).ok()?;
        let mut lines = manifest.lines();
        if lines.next() != Some(&self.version) {
            return None;
        }
        let size = |line: &str| {
            let (size, path) = line.split_once(' ')?;
            Some((path.to_owned(), size.parse().ok()?))
        };
        Some(lines.filter_map(size).collect())
    }

    /// Whether painting this set in place was begun in the folder.
    fn is_begun(&self, folder: &Path) -> bool {
        std::fs::read(folder.join(UNFINISHED)).is_ok_and(|version| version == self.version.as_bytes())
    }

    /// The files that are missing or damaged; all without a manifest of this version.
    fn damaged(&self, folder: &Path) -> Vec<File> {
        let mut files = self.files();
        if let Some(sizes) = self.sizes(folder) {
            files.retain(|file| {
                let path = file.path();
                let size = std::fs::metadata(folder.join(&path)).map(|data| data.len()).ok();
                size.is_none() || size != sizes.get(path.as_str()).copied()
            });
        } else if self.is_begun(folder) {
            let is_whole = |file: &File| {
                let bytes = std::fs::read(folder.join(file.path()));
                matches!(file, File::Picture { .. }) && bytes.is_ok_and(|bytes| bytes.ends_with(END_OF_IMAGE))
            };
            files.retain(|file| !is_whole(file));
        }
        files
    }

    fn content(&self, file: &File) -> Result<Vec<u8>> {
        match file {
            File::Names => {
                let name = |(i, name): (usize, &String)| ((i + 1).to_string(), Value::from(name.as_str()));
                let names: Map<String, Value> = self.names.iter().enumerate().map(name).collect();
                Ok(format!("{:#}\n", Value::Object(names)).into_bytes())
            }
            File::Picture { species, seed, .. } => {
                let mut bytes = Vec::new();
                JpegEncoder::new_with_quality(&mut bytes, QUALITY)
                    .encode_image(&(self.paint)(*species, *seed))
                    .map_err(|error| Error::io("encoding", file.path())(std::io::Error::other(error)))?;
                Ok(bytes)
            }
        }
    }

    /// Paints files on all processors; the first error ends the work. `done` is called after each.
    fn write_files(&self, folder: &Path, files: &[File], done: &(dyn Fn() + Sync)) -> Result<()> {
        for file in files {
            let path = folder.join(file.path());
            let parent = path.parent().unwrap_or(folder);
            std::fs::create_dir_all(parent).map_err(Error::io("creating", parent))?;
        }
        let (next, failure) = (AtomicUsize::new(0), Mutex::new(None));
        let work = || {
            while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                let written =
                    self.content(file).and_then(|bytes| write_whole(&folder.join(file.path()), &bytes));
                if let Err(error) = written {
                    next.store(files.len(), Ordering::Relaxed);
                    if let Ok(mut failure) = failure.lock() {
                        failure.get_or_insert(error);
                    }
                }
                done();
            }
        };
        let workers = std::thread::available_parallelism().map_or(1, usize::from).min(files.len());
        std::thread::scope(|scope| (0..workers).for_each(|_| drop(scope.spawn(work))));
        match failure.into_inner() {
            Ok(Some(error)) => Err(error),
            _ => Ok(()),
        }
    }

    fn write_manifest(&self, folder: &Path) -> Result<()> {
        let mut manifest = format!("{}\n", self.version);
        for file in self.files() {
            let path = folder.join(file.path());
            let size = std::fs::metadata(&path).map_err(Error::io("reading", &path))?.len();
            manifest += &format!("{size} {}\n", file.path());
        }
        let path = folder.join(MANIFEST);
        write_atomically(&path, |file| {
            file.write_all(manifest.as_bytes()).map_err(Error::io("writing", &path))
        })
    }
}

/// Writes a temporary file and renames it, so that nobody sees a partial one. It does not sync to disk,
/// hundreds of times: a picture lost to a power cut differs in size from the manifest, and is drawn again.
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

/// Removes unfinished sets of processes that died. A folder that cannot be read or removed does no
/// harm.
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
