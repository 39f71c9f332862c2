//! Reads an untrusted zip archive: every size is checked against the file before memory is allocated.

use std::collections::HashMap;
use std::io::{Read, Seek, SeekFrom};

use flate2::Crc;
use flate2::read::DeflateDecoder;

use crate::error::{Result, damaged, truncated, unsupported};

/// Length of the record at the end, without its comment.
const END: u64 = 22;
/// Longest comment behind it.
const COMMENT: u64 = 65_535;
/// The total size that compressed entries may expand to, in multiples of the file. Weights hardly
/// compress; a zip bomb expands a thousandfold.
const EXPANSION: u64 = 32;

/// An open archive.
pub(crate) struct Zip<R> {
    reader: R,
    size: u64,
    entries: HashMap<String, Entry>,
    /// Bytes that stored entries may still take: entries must not overlap, so together at most the
    /// file.
    stored_left: u64,
    /// Bytes that compressed entries may still expand to.
    expanded_left: u64,
}

struct Entry {
    method: u16,
    crc: u32,
    packed: u64,
    size: u64,
    header: u64,
    /// Whether its size has been subtracted from the budget.
    is_claimed: bool,
}

/// Little-endian numbers of a header, one after another.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn bytes(&mut self, count: usize) -> Result<&'a [u8]> {
        let (front, rest) =
            self.0.split_at_checked(count).ok_or(damaged("a header of the zip archive ends too early"))?;
        self.0 = rest;
        Ok(front)
    }

    fn number(&mut self, bytes: usize) -> Result<u64> {
        Ok(self.bytes(bytes)?.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    fn u16(&mut self) -> Result<u16> {
        Ok(self.number(2)? as u16)
    }
}

impl<R: Read + Seek> Zip<R> {
    /// Reads the directory of an archive.
    pub fn open(mut reader: R) -> Result<Zip<R>> {
        let size = reader.seek(SeekFrom::End(0))?;
        let (directory, end) = find_directory(&mut reader, size)?;
        reader.seek(SeekFrom::Start(directory))?;
        let mut bytes = Vec::new();
        reader.by_ref().take(end - directory).read_to_end(&mut bytes)?;
        let mut fields = Fields(&bytes);
        let mut entries = HashMap::new();
        while fields.0.starts_with(b"PK\x01\x02") {
            let (name, entry) = directory_entry(&mut fields)?;
            if entries.contains_key(&name) {
                return Err(damaged(format!("the zip archive has two entries {name}")));
            }
            entries.insert(name, entry);
        }
        let expanded_left = size.saturating_mul(EXPANSION);
        Ok(Zip { reader, size, entries, stored_left: size, expanded_left })
    }

    /// The names of all entries, in no order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// The length of an entry as the archive states it, unverified.
    pub fn length(&self, name: &str) -> Option<u64> {
        self.entries.get(name).map(|entry| entry.size)
    }

    /// Fails if an entry is missing or would exceed the memory budget. Each entry counts once.
    pub fn claim(&mut self, name: &str) -> Result<()> {
        let wrong = |what: &str| damaged(format!("{name} in the zip archive {what}"));
        let entry = self.entries.get_mut(name).ok_or_else(|| wrong("is missing"))?;
        if entry.is_claimed {
            return Ok(());
        }
        match entry.method {
            0 if entry.packed != entry.size => return Err(wrong("has two different lengths")),
            0 => {
                let overlap = || wrong("overlaps another entry");
                self.stored_left = self.stored_left.checked_sub(entry.size).ok_or_else(overlap)?;
            }
            8 => {
                let bomb = || wrong(&format!("expands to more than {EXPANSION} times the file"));
                self.expanded_left = self.expanded_left.checked_sub(entry.size).ok_or_else(bomb)?;
            }
            method => {
                return Err(wrong(&format!(
                    "is compressed in a way that torch.load does not know ({method})"
                )));
            }
        }
        entry.is_claimed = true;
        Ok(())
    }

    /// The content of an entry, which is there and undamaged.
    pub fn read(&mut self, name: &str) -> Result<Vec<u8>> {
        self.claim(name)?;
        let wrong = |what: &str| damaged(format!("{name} in the zip archive {what}"));
        let entry = self.entries.get(name).ok_or_else(|| wrong("is missing"))?;
        let start = data_start(&mut self.reader, entry.header)?;
        if start.checked_add(entry.packed).is_none_or(|end| end > self.size) {
            return Err(wrong("ends beyond the end of the file"));
        }
        self.reader.seek(SeekFrom::Start(start))?;
        let packed = self.reader.by_ref().take(entry.packed);
        let mut content = Vec::new();
        if entry.method == 0 {
            content.reserve_exact(entry.size as usize);
            packed.take(entry.size).read_to_end(&mut content)?;
        } else {
            let inflated =
                DeflateDecoder::new(packed).take(entry.size.saturating_add(1)).read_to_end(&mut content);
            inflated.map_err(|error| wrong(&format!("cannot be decompressed ({error})")))?;
        }
        if content.len() as u64 != entry.size {
            return Err(wrong("has another length than the archive says"));
        }
        // 0 is what PyTorch writes after `set_crc32_options(False)`.
        if entry.crc != 0 && crc32(&content) != entry.crc {
            return Err(wrong("has another checksum than the archive says: copy or fetch the file again"));
        }
        Ok(content)
    }
}

/// The checksum of the zip format.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// Where the directory begins and ends.
fn find_directory<R: Read + Seek>(reader: &mut R, size: u64) -> Result<(u64, u64)> {
    let tail_start = size.saturating_sub(END + COMMENT + 20);
    reader.seek(SeekFrom::Start(tail_start))?;
    let mut tail = Vec::new();
    reader.by_ref().take(size - tail_start).read_to_end(&mut tail)?;
    let last = tail.len().checked_sub(END as usize);
    let found = last.and_then(|last| (0..=last).rev().find(|&at| tail[at..].starts_with(b"PK\x05\x06")));
    let at = found.ok_or(truncated(
        "it begins as a zip archive but has no directory at its end; copy or fetch it again",
    ))?;
    let mut fields = Fields(&tail[at + 12..]);
    let (mut length, mut start) = (fields.number(4)?, fields.number(4)?);
    let mut end = tail_start + at as u64;
    if at >= 20 && tail[at - 20..].starts_with(b"PK\x06\x07") {
        let record = Fields(&tail[at - 12..]).number(8)?;
        reader.seek(SeekFrom::Start(record))?;
        let mut big = [0; 56];
        reader.read_exact(&mut big)?;
        if !big.starts_with(b"PK\x06\x06") {
            return Err(damaged("the zip archive's directory is not where it should be"));
        }
        let mut fields = Fields(&big[40..]);
        (length, start) = (fields.number(8)?, fields.number(8)?);
        end = record;
    }
    match start.checked_add(length) {
        Some(directory_end) if directory_end <= end => Ok((start, directory_end)),
        _ => Err(damaged("the zip archive's directory is not where it should be")),
    }
}

fn directory_entry(fields: &mut Fields) -> Result<(String, Entry)> {
    fields.bytes(8)?;
    let flags = fields.u16()?;
    let method = fields.u16()?;
    fields.bytes(4)?;
    let crc = fields.number(4)? as u32;
    let (mut packed, mut size) = (fields.number(4)?, fields.number(4)?);
    let (name, extra, comment) = (fields.u16()?, fields.u16()?, fields.u16()?);
    fields.bytes(8)?;
    let mut header = fields.number(4)?;
    let name = std::str::from_utf8(fields.bytes(name.into())?);
    let name = name.map_err(|_| damaged("a name in the zip archive is not UTF-8"))?.to_owned();
    let mut extra = Fields(fields.bytes(extra.into())?);
    fields.bytes(comment.into())?;
    if flags & 1 != 0 {
        return Err(unsupported(format!("{name} in the zip archive is encrypted")));
    }
    while extra.0.len() >= 4 {
        let (id, length) = (extra.u16()?, extra.u16()?);
        let mut field = Fields(extra.bytes(length.into())?);
        if id == 1 {
            // ZIP64: those numbers that do not fit into four bytes, in this order.
            for number in [&mut size, &mut packed, &mut header] {
                if *number == 0xffff_ffff {
                    *number = field.number(8)?;
                }
            }
        }
    }
    Ok((name, Entry { method, crc, packed, size, header, is_claimed: false }))
}

fn data_start<R: Read + Seek>(reader: &mut R, header: u64) -> Result<u64> {
    reader.seek(SeekFrom::Start(header))?;
    let mut local = [0; 30];
    reader.read_exact(&mut local)?;
    if !local.starts_with(b"PK\x03\x04") {
        return Err(damaged("an entry of the zip archive is not where it should be"));
    }
    let mut fields = Fields(&local[26..]);
    let (name, extra) = (fields.number(2)?, fields.number(2)?);
    Ok(header.saturating_add(30 + name + extra))
}
