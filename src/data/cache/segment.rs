//! The files that pictures are kept in.
//!
//! A segment is two files that one process appends to and others read: `NAME.pixels`, the bytes of the
//! pictures one after another, and `NAME.index`, a head and one record of 64 bytes for each picture. A record
//! is written after the pixels, in one write, and both have a checksum: after a crash or a power cut, a
//! picture is either complete or absent.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use flate2::Crc;
use image::RgbImage;
use pillow_pixels::MAX_FILE_PIXELS;

use super::id::Stamp;
use crate::files::read_exact_at;

/// The first bytes of an index: what it is and the version of its form.
const HEAD: &[u8; 16] = b"herbarium px 1\n\0";
/// The bytes of a record.
const RECORD: usize = 64;
pub(super) const INDEX: &str = "index";
pub(super) const PIXELS: &str = "pixels";

/// Where a picture is, and whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) id: u128,
    pub(super) stamp: Stamp,
    pub(super) offset: u64,
    pub(super) width: u32,
    pub(super) height: u32,
    /// CRC-32 of the pixels.
    pub(super) checksum: u32,
}

pub(super) fn crc(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

impl Record {
    /// The bytes of the pixels.
    pub(super) fn length(&self) -> u64 {
        3 * u64::from(self.width) * u64::from(self.height)
    }

    fn to_bytes(self) -> [u8; RECORD] {
        let mut bytes = [0; RECORD];
        let mut place = 0;
        let mut put = |part: &[u8]| {
            bytes[place..place + part.len()].copy_from_slice(part);
            place += part.len();
        };
        put(&self.id.to_le_bytes());
        put(&self.stamp.size.to_le_bytes());
        put(&self.stamp.written.to_le_bytes());
        put(&self.offset.to_le_bytes());
        put(&self.width.to_le_bytes());
        put(&self.height.to_le_bytes());
        put(&self.checksum.to_le_bytes());
        let checksum = crc(&bytes[..RECORD - 4]);
        bytes[RECORD - 4..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// The record in `bytes`; none if they are damaged or describe an impossible picture.
    fn from_bytes(bytes: &[u8; RECORD]) -> Option<Record> {
        fn part<const N: usize>(bytes: &[u8; RECORD], place: usize) -> [u8; N] {
            std::array::from_fn(|i| bytes[place + i])
        }
        if crc(&bytes[..RECORD - 4]) != u32::from_le_bytes(part(bytes, RECORD - 4)) {
            return None;
        }
        let record = Record {
            id: u128::from_le_bytes(part(bytes, 0)),
            stamp: Stamp {
                size: u64::from_le_bytes(part(bytes, 16)),
                written: i64::from_le_bytes(part(bytes, 24)),
            },
            offset: u64::from_le_bytes(part(bytes, 32)),
            width: u32::from_le_bytes(part(bytes, 40)),
            height: u32::from_le_bytes(part(bytes, 44)),
            checksum: u32::from_le_bytes(part(bytes, 48)),
        };
        let pixels = u64::from(record.width) * u64::from(record.height);
        (pixels > 0 && pixels <= MAX_FILE_PIXELS).then_some(record)
    }
}

/// Reads the picture of `record` out of a segment's pixels; none where they are not what was written.
pub(super) fn read_pixels(pixels: &File, record: &Record) -> Option<RgbImage> {
    let mut bytes = vec![0; record.length() as usize];
    read_exact_at(pixels, &mut bytes, record.offset).ok()?;
    if crc(&bytes) != record.checksum {
        return None;
    }
    RgbImage::from_raw(record.width, record.height, bytes)
}

/// The whole records of the index at `path` whose pixels are there.
pub(super) fn read_index(path: &Path, pixels: &File) -> io::Result<Vec<Record>> {
    let mut bytes = Vec::new();
    File::open(path)?.read_to_end(&mut bytes)?;
    // In this order: in a growing segment, pixels are written before their record.
    let length = pixels.metadata()?.len();
    let Some(records) = bytes.strip_prefix(HEAD) else { return Ok(Vec::new()) };
    let whole = records.as_chunks::<RECORD>().0.iter().filter_map(Record::from_bytes);
    Ok(whole
        .filter(|record| record.offset.checked_add(record.length()).is_some_and(|end| end <= length))
        .collect())
}

/// The bytes that a picture takes on disk.
pub(super) fn size_of(picture: &RgbImage) -> u64 {
    (picture.as_raw().len() + RECORD) as u64
}

/// How many records the index at `path` has room for.
pub(super) fn count(path: &Path) -> usize {
    let length = std::fs::metadata(path).map_or(0, |data| data.len() as usize);
    length.saturating_sub(HEAD.len()) / RECORD
}

/// A segment that this process writes.
pub(super) struct Writer {
    index: File,
    pixels: File,
    /// Where the next picture goes.
    end: u64,
}

impl Writer {
    /// Begins a new segment in `folder`. Its index is locked for as long as it is written.
    pub(super) fn create(folder: &Path) -> io::Result<Writer> {
        std::fs::create_dir_all(folder)?;
        let path = folder.join(format!("{:016x}", fastrand::u64(..)));
        let create = |ending: &str| {
            OpenOptions::new().read(true).append(true).create_new(true).open(path.with_extension(ending))
        };
        let pixels = create(PIXELS)?;
        let mut index = create(INDEX)?;
        // Another process may hold the lock briefly, to check whether the segment is being written. Some
        // network file systems have no locks: there the segment is removed a little too early.
        let _ = index.lock();
        index.write_all(HEAD)?;
        Ok(Writer { index, pixels, end: 0 })
    }

    /// The pixels, to read from.
    pub(super) fn pixels(&self) -> io::Result<File> {
        self.pixels.try_clone()
    }

    /// Appends a picture.
    ///
    /// # Errors
    /// When it cannot be written; nothing more must then be appended.
    pub(super) fn append(&mut self, id: u128, stamp: Stamp, picture: &RgbImage) -> io::Result<Record> {
        let bytes = picture.as_raw();
        let record = Record {
            id,
            stamp,
            offset: self.end,
            width: picture.width(),
            height: picture.height(),
            checksum: crc(bytes),
        };
        self.pixels.write_all(bytes)?;
        self.end += bytes.len() as u64;
        self.index.write_all(&record.to_bytes())?;
        Ok(record)
    }
}

/// Whether a process is writing the segment whose index is at `path`.
pub(super) fn is_written(path: &Path) -> bool {
    File::open(path).is_ok_and(|index| index.try_lock().is_err())
}

/// Removes the segment whose index is at `path`, unless a process is writing it; returns whether it is
/// gone.
pub(super) fn remove_abandoned(path: &Path) -> bool {
    let Ok(index) = File::open(path) else { return true };
    let abandoned = index.try_lock().is_ok();
    if abandoned {
        let _ = std::fs::remove_file(path);
        let _ = std::fs::remove_file(path.with_extension(PIXELS));
    }
    abandoned
}

/// The indices of the segments in `folder`, oldest first.
pub(super) fn indices(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == INDEX))
        .map(|path| (std::fs::metadata(&path).and_then(|data| data.modified()).ok(), path))
        .collect();
    found.sort();
    found.into_iter().map(|(_, path)| path).collect()
}

#[cfg(test)]
mod tests {
    use tempfile::tempdir;

    use super::*;

    /// However the files are truncated or changed, a picture is either intact or absent.
    #[test]
    fn damage_is_noticed() {
        let folder = tempdir().unwrap();
        let folder = folder.path();
        let mut writer = Writer::create(folder).unwrap();
        let picture = |i: u8| RgbImage::from_fn(4, 3, |x, y| image::Rgb([x as u8, y as u8, i]));
        for i in 0..5 {
            writer.append(u128::from(i), Stamp { size: 9, written: -1 }, &picture(i)).unwrap();
        }
        let index = indices(folder).pop().unwrap();
        let pixels = index.with_extension(PIXELS);
        let whole = (std::fs::read(&index).unwrap(), std::fs::read(&pixels).unwrap());
        let readable = || {
            let file = File::open(&pixels).unwrap();
            let records = read_index(&index, &file).unwrap();
            let good = records.iter().filter_map(|record| Some((record.id, read_pixels(&file, record)?)));
            let good: Vec<_> = good.collect();
            assert!(good.iter().all(|(id, found)| *found == picture(*id as u8)));
            good.len()
        };
        assert_eq!(readable(), 5);
        for length in 0..whole.0.len() {
            std::fs::write(&index, &whole.0[..length]).unwrap();
            assert_eq!(readable(), length.saturating_sub(HEAD.len()) / RECORD);
        }
        for place in 0..whole.0.len() {
            let mut bytes = whole.0.clone();
            bytes[place] ^= 0x10;
            std::fs::write(&index, bytes).unwrap();
            assert_eq!(readable(), if place < HEAD.len() { 0 } else { 4 });
        }
        std::fs::write(&index, &whole.0).unwrap();
        for length in 0..whole.1.len() {
            std::fs::write(&pixels, &whole.1[..length]).unwrap();
            assert_eq!(readable(), length / 36);
        }
        let mut bytes = whole.1.clone();
        bytes[40] ^= 1;
        std::fs::write(&pixels, bytes).unwrap();
        assert_eq!(readable(), 4);
    }

    #[test]
    fn a_segment_that_is_written_stays() {
        let folder = tempdir().unwrap();
        let folder = folder.path();
        let writer = Writer::create(folder).unwrap();
        let index = indices(folder).pop().unwrap();
        assert!(is_written(&index) && !remove_abandoned(&index));
        assert!(index.exists());
        drop(writer);
        assert!(!is_written(&index) && remove_abandoned(&index));
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0);
    }
}
