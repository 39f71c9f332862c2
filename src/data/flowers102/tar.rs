//! Files out of a tar archive, one after another.

use std::io::{self, Read};

/// The unit of the format, in bytes.
const BLOCK: usize = 512;

/// What stands before each file: the parts that matter of POSIX's ustar header, which the older forms share.
#[derive(Debug, PartialEq)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) size: u64,
    /// Whether it is a file: no folder, link, device, or note of a tar program to itself.
    pub(super) is_file: bool,
}

/// Reads an archive from front to back.
pub(super) struct Archive<R> {
    reader: R,
    /// Bytes of the last entry that were not read, with what fills up its last block.
    left: u64,
}

impl<R: Read> Archive<R> {
    pub(super) fn new(reader: R) -> Self {
        Archive { reader, left: 0 }
    }

    /// The next entry; nothing at the archive's end.
    ///
    /// # Errors
    /// When the archive cannot be read, or is damaged or cut.
    pub(super) fn next(&mut self) -> io::Result<Option<Entry>> {
        io::copy(&mut (&mut self.reader).take(self.left), &mut io::sink()).and_then(|skipped| {
            if skipped < self.left { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
        })?;
        let mut header = [0; BLOCK];
        self.reader.read_exact(&mut header)?;
        if header.iter().all(|&byte| byte == 0) {
            self.left = 0;
            return Ok(None);
        }
        let entry = parse(&header).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, "this is no header of a tar archive")
        })?;
        self.left = entry.size.checked_next_multiple_of(BLOCK as u64).unwrap_or(u64::MAX);
        Ok(Some(entry))
    }

    /// The content of the entry that [`Archive::next`] gave last.
    ///
    /// # Errors
    /// When the archive cannot be read or is cut.
    pub(super) fn content(&mut self, entry: &Entry) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        (&mut self.reader).take(entry.size).read_to_end(&mut bytes)?;
        self.left -= (bytes.len() as u64).min(self.left);
        if (bytes.len() as u64) < entry.size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(bytes)
    }
}

/// An entry's header; nothing where its checksum or a number is wrong.
fn parse(header: &[u8; BLOCK]) -> Option<Entry> {
    const CHECKSUM: std::ops::Range<usize> = 148..156;
    let sum: u64 = header
        .iter()
        .enumerate()
        .map(|(place, &byte)| if CHECKSUM.contains(&place) { u64::from(b' ') } else { u64::from(byte) })
        .sum();
    if octal(&header[CHECKSUM])? != sum {
        return None;
    }
    let text = |field: &[u8]| {
        let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
        String::from_utf8_lossy(&field[..end]).into_owned()
    };
    let mut name = text(&header[..100]);
    if &header[257..263] == b"ustar\0" && header[345] != 0 {
        name = format!("{}/{name}", text(&header[345..500]));
    }
    let is_file = matches!(header[156], 0 | b'0' | b'7') && !name.ends_with('/');
    Some(Entry { name, size: octal(&header[124..136])?, is_file })
}

/// A number in octal digits, with blanks or zeros around them.
fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?.trim_matches(['\0', ' ']);
    if text.is_empty() { Some(0) } else { u64::from_str_radix(text, 8).ok() }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An archive of entries: name, type, content.
    pub(in crate::data::flowers102) fn write(entries: &[(&str, u8, &[u8])]) -> Vec<u8> {
        let mut archive = Vec::new();
        for (name, kind, content) in entries {
            let mut header = [0u8; BLOCK];
            header[..name.len()].copy_from_slice(name.as_bytes());
            header[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
            header[148..156].fill(b' ');
            header[156] = *kind;
            header[257..263].copy_from_slice(b"ustar\0");
            let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
            header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            archive.extend(header);
            archive.extend(*content);
            archive.resize(archive.len().next_multiple_of(BLOCK), 0);
        }
        archive.extend([0; 2 * BLOCK]);
        archive
    }

    #[test]
    fn entries_come_in_order() {
        let long = [7u8; 1000];
        let bytes =
            write(&[("jpg/", b'5', b""), ("jpg/a.jpg", b'0', &long), ("b", b'2', b""), ("c", 0, b"xyz")]);
        let mut archive = Archive::new(bytes.as_slice());
        let mut found = Vec::new();
        while let Some(entry) = archive.next().unwrap() {
            // Contents may be passed over.
            let content = if entry.name == "c" { archive.content(&entry).unwrap() } else { Vec::new() };
            found.push((entry.name, entry.is_file, entry.size, content));
        }
        let expected = [
            ("jpg/".to_string(), false, 0, vec![]),
            ("jpg/a.jpg".into(), true, 1000, vec![]),
            ("b".into(), false, 0, vec![]),
            ("c".into(), true, 3, b"xyz".to_vec()),
        ];
        assert_eq!(found, expected);
        for length in 0..bytes.len() - BLOCK {
            let mut archive = Archive::new(&bytes[..length]);
            while let Ok(Some(entry)) = archive.next() {
                let _ = archive.content(&entry);
            }
        }
        let mut archive = Archive::new([b'x'; 600].as_slice());
        assert!(archive.next().is_err());
    }
}
