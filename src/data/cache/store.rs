//! Kept pictures of one data set on disk.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use image::RgbImage;

use super::folder;
use super::id::Stamp;
use super::segment::{self, Record, Writer};
use crate::data::{Decoding, FixedSteps};

/// The folders of this process's stores. Room is not made by deleting them: the training set and the validation set
/// would delete each other's pictures in turn.
static IN_USE: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn in_use() -> MutexGuard<'static, Vec<PathBuf>> {
    IN_USE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The segments of a data set: those that were there, and one of our own.
pub(super) struct Store {
    fixed: FixedSteps,
    decoding: Decoding,
    /// The cache folder, and the data set's folder in it.
    cache: PathBuf,
    folder: PathBuf,
    /// The most bytes that the whole cache may take.
    limit: u64,
    shelf: RwLock<Shelf>,
    pen: Mutex<Pen>,
}

/// What can be read.
#[derive(Default)]
struct Shelf {
    /// For each picture the number of its segment and its record there.
    index: HashMap<u128, (usize, Record)>,
    /// The pixels of every segment.
    segments: Vec<Arc<File>>,
}

/// The state of writing.
enum Pen {
    /// Nothing was written yet.
    Idle,
    Open {
        writer: Writer,
        segment: usize,
        /// Bytes that may still be written.
        room: u64,
    },
    /// The cache is as large as it may be.
    Full,
    /// Something went wrong.
    Failed(String),
}

impl Store {
    /// The store in `folder`, which need not exist, of the cache folder `cache`.
    pub(super) fn open(
        fixed: &FixedSteps,
        decoding: Decoding,
        cache: &Path,
        folder: PathBuf,
        limit: u64,
    ) -> Store {
        in_use().push(folder.clone());
        if folder.exists() {
            // Updates the time of the last use; an unwritable folder is reported when a picture is
            // written.
            let _ = folder::describe(&folder, fixed, decoding);
        }
        let shelf = RwLock::new(Shelf::read(&folder));
        let pen = Mutex::new(Pen::Idle);
        Store { fixed: fixed.clone(), decoding, cache: cache.into(), folder, limit, shelf, pen }
    }

    /// A picture, if it is there and its file is unchanged.
    pub(super) fn get(&self, id: u128, stamp: Stamp) -> Option<RgbImage> {
        let (segment, record) = {
            let shelf = self.shelf.read().unwrap_or_else(PoisonError::into_inner);
            let (segment, record) = shelf.index.get(&id).filter(|(_, record)| record.stamp == stamp)?;
            (shelf.segments.get(*segment)?.clone(), *record)
        };
        let picture = segment::read_pixels(&segment, &record);
        if picture.is_none() {
            // Damaged: it is decoded and stored again.
            self.shelf.write().unwrap_or_else(PoisonError::into_inner).index.remove(&id);
        }
        picture
    }

    /// Keeps a picture where it can. The first failure is returned; after it nothing more is written.
    ///
    /// # Errors
    /// When the picture cannot be written.
    pub(super) fn put(&self, id: u128, stamp: Stamp, picture: &RgbImage) -> Result<(), String> {
        let mut pen = self.pen.lock().unwrap_or_else(PoisonError::into_inner);
        self.write(&mut pen, id, stamp, picture).map_err(|error| {
            let reason = format!("{}: {error}", self.folder.display());
            *pen = Pen::Failed(reason.clone());
            reason
        })
    }

    fn write(&self, pen: &mut Pen, id: u128, stamp: Stamp, picture: &RgbImage) -> io::Result<()> {
        if matches!(pen, Pen::Idle) {
            folder::describe(&self.folder, &self.fixed, self.decoding).map_err(io::Error::other)?;
            let writer = Writer::create(&self.folder)?;
            let pixels = Arc::new(writer.pixels()?);
            let mut shelf = self.shelf.write().unwrap_or_else(PoisonError::into_inner);
            shelf.segments.push(pixels);
            let taken = folder::make_room(&self.cache, &in_use(), self.limit);
            *pen = Pen::Open {
                writer,
                segment: shelf.segments.len() - 1,
                room: self.limit.saturating_sub(taken),
            };
        }
        let Pen::Open { writer, segment, room } = pen else { return Ok(()) };
        let size = segment::size_of(picture);
        if size > *room {
            let goal = self.limit.saturating_sub(size);
            let taken = folder::make_room(&self.cache, &in_use(), goal);
            *room = self.limit.saturating_sub(taken);
            if size > *room {
                *pen = Pen::Full;
                return Ok(());
            }
        }
        let record = writer.append(id, stamp, picture)?;
        *room -= size;
        let mut shelf = self.shelf.write().unwrap_or_else(PoisonError::into_inner);
        shelf.index.insert(id, (*segment, record));
        Ok(())
    }

    /// How many pictures there are, and the bytes of their pixels.
    pub(super) fn size(&self) -> (usize, u64) {
        let shelf = self.shelf.read().unwrap_or_else(PoisonError::into_inner);
        (shelf.index.len(), shelf.index.values().map(|(_, record)| record.length()).sum())
    }

    /// Why pictures are no longer written, if so.
    pub(super) fn trouble(&self) -> Option<String> {
        match &*self.pen.lock().unwrap_or_else(PoisonError::into_inner) {
            Pen::Full => Some(format!(
                "the cache has reached its limit ({} bytes, data::CacheOptions::disk)",
                self.limit
            )),
            Pen::Failed(reason) => Some(reason.clone()),
            _ => None,
        }
    }

    /// Forgets everything, after the folder was deleted.
    pub(super) fn forget(&self) {
        // Both at once, in the order in which `write` locks them: a picture written in between would be filed under
        // a segment that the new shelf does not have.
        let mut pen = self.pen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut shelf = self.shelf.write().unwrap_or_else(PoisonError::into_inner);
        *pen = Pen::Idle;
        *shelf = Shelf::default();
    }

    /// The data set's folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let mut in_use = in_use();
        if let Some(place) = in_use.iter().position(|folder| *folder == self.folder) {
            in_use.swap_remove(place);
        }
    }
}

impl Shelf {
    /// The contents of the segments in `folder`; of each picture the copy written last. Segments that are
    /// less than half in use are deleted, and their remaining pictures are decoded again; but not while a
    /// process is writing, since its copies replace others one by one.
    fn read(folder: &Path) -> Shelf {
        let mut shelf = Shelf::default();
        let mut paths = Vec::new();
        for path in segment::indices(folder) {
            let Ok(pixels) = File::open(path.with_extension(segment::PIXELS)) else {
                segment::remove_abandoned(&path);
                continue;
            };
            let number = shelf.segments.len();
            for record in segment::read_index(&path, &pixels).unwrap_or_default() {
                shelf.index.insert(record.id, (number, record));
            }
            shelf.segments.push(Arc::new(pixels));
            paths.push(path);
        }
        let mut live = vec![0; paths.len()];
        for (number, record) in shelf.index.values() {
            live[*number] += record.length();
        }
        let growing = paths.iter().any(|path| segment::is_written(path));
        let wasteful = |number: usize| {
            let length = shelf.segments[number].metadata().map_or(0, |data| data.len());
            live[number] == 0 || !growing && live[number] * 2 < length
        };
        let gone: Vec<bool> = (paths.iter().enumerate())
            .map(|(number, path)| wasteful(number) && segment::remove_abandoned(path))
            .collect();
        shelf.index.retain(|_, (number, _)| !gone[*number]);
        shelf
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;
    use std::time::Duration;

    use tempfile::tempdir;

    use super::*;

    fn append(writer: &mut Writer, ids: Range<u128>) {
        for id in ids {
            writer.append(id, Stamp { size: 9, written: 1 }, &RgbImage::new(4, 3)).unwrap();
        }
        // So that the next segment is newer even if file times are coarse.
        std::thread::sleep(Duration::from_millis(20));
    }

    /// How many pictures can be read, and the segments that are left then.
    fn read(folder: &Path) -> (usize, usize) {
        (Shelf::read(folder).index.len(), segment::indices(folder).len())
    }

    #[test]
    fn nothing_is_lost_while_another_process_writes() {
        let folder = tempdir().unwrap();
        let folder = folder.path();
        append(&mut Writer::create(folder).unwrap(), 0..10);
        let mut second = Writer::create(folder).unwrap();
        for id in 0..10 {
            assert_eq!(read(folder), (10, 2), "{id} copies");
            append(&mut second, id..id + 1);
        }
        assert_eq!(read(folder), (10, 1), "all are in the second");
        let third = Writer::create(folder).unwrap();
        assert_eq!(read(folder), (10, 2), "an empty one that is written stays");
        drop((second, third));
        assert_eq!(read(folder), (10, 1));
    }

    #[test]
    fn what_is_mostly_superseded_goes() {
        let folder = tempdir().unwrap();
        let folder = folder.path();
        for ids in [0..10, 0..6] {
            append(&mut Writer::create(folder).unwrap(), ids);
        }
        assert_eq!(read(folder), (6, 1));
    }
}
