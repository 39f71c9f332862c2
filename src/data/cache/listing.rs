//! Lists and deletes what is cached on disk.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::folder::{self, Found};
use super::pictures::forget_below;
use crate::data::table::{Table, bytes_text, counted};
use crate::notebook::html::escape;
use crate::notebook::numbers::thousands;
use crate::notebook::{MimeBundle, Rich, Show, result};
use crate::{Error, Result};

/// The cache's contents on disk, one line per data set and pipeline. Prints as a table.
#[derive(Clone)]
pub struct Listing {
    /// The cache folder.
    pub folder: PathBuf,
    /// The data sets, the one used last first.
    pub stored: Vec<Stored>,
    /// Makes the type `!Sync`, so that a cell that ends in `list()` shows it without a `?`, like a
    /// figure.
    rich: PhantomData<Cell<()>>,
}

/// The cached pictures of one data set under one pipeline.
#[derive(Clone)]
pub struct Stored {
    /// The data set's folder.
    pub root: PathBuf,
    /// What is done to a picture before it is kept.
    pub kept: String,
    /// `Exact` or `Reduced`: see [`Decoding`](crate::data::Decoding).
    pub decoding: String,
    /// How many pictures.
    pub pictures: usize,
    /// The bytes they take on disk.
    pub bytes: u64,
    /// When a loader last used them, if known.
    pub used: Option<SystemTime>,
}

/// What is kept on disk in the user's cache folder.
///
/// # Errors
/// When there is no cache folder (neither `XDG_CACHE_HOME` nor `HOME` is set) or it cannot be read.
pub fn list() -> Result<Listing> {
    list_folder(folder::default_folder()?)
}

/// What is kept on disk in another cache folder, one that [`CacheOptions::folder`](super::CacheOptions) named.
///
/// # Errors
/// When it is there and cannot be read.
pub fn list_folder(folder: impl AsRef<Path>) -> Result<Listing> {
    let folder = folder.as_ref().to_path_buf();
    let stored = folder::find(&folder)?.into_iter().map(Stored::from).collect();
    Ok(Listing { folder, stored, rich: PhantomData })
}

/// Deletes everything in the user's cache folder. Loaders that use it keep working: they decode
/// again.
///
/// # Errors
/// When there is no cache folder, or something in it cannot be read or deleted.
pub fn clear() -> Result<Cleared> {
    clear_folder(folder::default_folder()?)
}

/// As [`clear`], for another cache folder. Only files that the cache has written are deleted.
///
/// # Errors
/// When something in it cannot be read or deleted.
pub fn clear_folder(cache: impl AsRef<Path>) -> Result<Cleared> {
    let cache = cache.as_ref();
    let folder = cache.to_path_buf();
    let mut cleared = Cleared { folder, data_sets: 0, pictures: 0, bytes: 0, rich: PhantomData };
    for found in folder::find(cache)? {
        std::fs::remove_dir_all(&found.folder).map_err(Error::io("deleting", &found.folder))?;
        forget_below(&found.folder);
        cleared.data_sets += 1;
        cleared.pictures += found.pictures;
        cleared.bytes += found.bytes;
    }
    Ok(cleared)
}

impl From<Found> for Stored {
    fn from(found: Found) -> Self {
        let Found { root, kept, decoding, pictures, bytes, used, .. } = found;
        Stored { root, kept, decoding, pictures, bytes, used }
    }
}

impl Listing {
    /// The bytes that everything takes on disk.
    pub fn bytes(&self) -> u64 {
        self.stored.iter().map(|stored| stored.bytes).sum()
    }

    fn summary(&self) -> String {
        let pictures = self.stored.iter().map(|stored| stored.pictures).sum();
        let count = counted(pictures, "picture", "pictures");
        format!("{count}, {}, in {}", bytes_text(self.bytes()), self.folder.display())
    }

    fn table(&self) -> Table {
        let mut table =
            Table::new(&["data set", "kept after", "pictures", "on disk", "last used"]).with_texts(&[1, 4]);
        for stored in &self.stored {
            let reduced = if stored.decoding == "Reduced" { " (reduced scale)" } else { "" };
            table.row(vec![
                stored.root.display().to_string(),
                format!("{}{reduced}", stored.kept),
                thousands(stored.pictures),
                bytes_text(stored.bytes),
                stored.used.map_or_else(|| "?".into(), ago),
            ]);
        }
        table
    }

    /// Shows the table as the value of a cell's last expression.
    pub fn evcxr_display(&self) {
        result(self);
    }
}

/// How long ago something was.
fn ago(time: SystemTime) -> String {
    let seconds = SystemTime::now().duration_since(time).unwrap_or(Duration::ZERO).as_secs();
    match seconds {
        0..60 => "just now".into(),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..86400 => format!("{} h ago", seconds / 3600),
        _ => counted((seconds / 86400) as usize, "day ago", "days ago"),
    }
}

impl Show for Listing {
    fn bundle(&self) -> MimeBundle {
        let html = format!("<div>{}</div>{}", escape(&self.summary()), self.table().html());
        let html = if self.stored.is_empty() { escape(&self.to_string()) } else { html };
        MimeBundle::text(self.to_string()).with_html(html)
    }
}

impl Rich for Listing {
    fn text(&self) -> String {
        self.to_string()
    }

    fn show(&self) {
        result(self);
    }
}

impl Rich for Cleared {
    fn text(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.stored.is_empty() {
            return write!(f, "no pictures are stored in {}", self.folder.display());
        }
        write!(f, "{}\n{}", self.summary(), self.table().text())
    }
}

impl fmt::Debug for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = counted(self.pictures, "picture", "pictures");
        write!(f, "{}: {count} after {}, {}", self.root.display(), self.kept, bytes_text(self.bytes))
    }
}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What was deleted.
#[derive(Clone, PartialEq, Eq)]
pub struct Cleared {
    /// The cache folder.
    pub folder: PathBuf,
    /// How many data sets and pipelines.
    pub data_sets: usize,
    /// How many pictures.
    pub pictures: usize,
    /// The bytes that they took on disk.
    pub bytes: u64,
    /// As in [`Listing`].
    rich: PhantomData<Cell<()>>,
}

impl fmt::Display for Cleared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, size) = (counted(self.pictures, "picture", "pictures"), bytes_text(self.bytes));
        write!(f, "deleted {count}, {size}, from {}", self.folder.display())
    }
}

impl fmt::Debug for Cleared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
