//! Reads numbers from MATLAB files.
//!
//! Level 5 MAT-files, as "MAT-File Format" (The MathWorks) describes them: a head of 128 bytes, then elements
//! of a type, a length and data; a matrix is an element of elements. Real numeric matrices are read,
//! compressed ones too; everything else is skipped.

use std::collections::BTreeMap;
use std::io::Read;

use flate2::read::ZlibDecoder;

/// What a compressed element may hold, in bytes.
const LARGEST: u64 = 16 << 20;

const MI_INT8: u32 = 1;
const MI_MATRIX: u32 = 14;
const MI_COMPRESSED: u32 = 15;

/// The matrices of a file by name, each as its numbers column by column.
///
/// # Errors
/// What is wrong with the file.
pub(super) fn read(bytes: &[u8]) -> Result<BTreeMap<String, Vec<f64>>, String> {
    let head = bytes.get(..128).ok_or("not a MATLAB file: it is shorter than the header of one")?;
    let big_endian = match &head[124..] {
        [0x00, 0x01, b'I', b'M'] => false,
        [0x01, 0x00, b'M', b'I'] => true,
        _ => return Err("not a MATLAB file of level 5".into()),
    };
    let mut matrices = BTreeMap::new();
    let mut rest = Elements { bytes: &bytes[128..], big_endian, padded: false };
    while let Some((kind, data)) = rest.next()? {
        let matrix = match kind {
            MI_COMPRESSED => {
                let mut whole = Vec::new();
                ZlibDecoder::new(data)
                    .take(LARGEST + 1)
                    .read_to_end(&mut whole)
                    .map_err(|error| format!("a compressed matrix is damaged ({error})"))?;
                if whole.len() as u64 > LARGEST {
                    return Err(format!("a compressed matrix is larger than {LARGEST} bytes"));
                }
                match (Elements { bytes: &whole, big_endian, padded: true }).next()? {
                    Some((MI_MATRIX, data)) => matrix(data, big_endian)?,
                    _ => None,
                }
            }
            MI_MATRIX => matrix(data, big_endian)?,
            _ => None,
        };
        matrices.extend(matrix);
    }
    Ok(matrices)
}

/// Elements one after another.
struct Elements<'a> {
    bytes: &'a [u8],
    big_endian: bool,
    /// Whether data are padded to a multiple of 8 bytes; those of compressed elements are not.
    padded: bool,
}

impl<'a> Elements<'a> {
    /// The next element's type and data; nothing at the end.
    fn next(&mut self) -> Result<Option<(u32, &'a [u8])>, String> {
        if self.bytes.is_empty() {
            return Ok(None);
        }
        let cut = || "the file ends inside an element".to_string();
        let first = self.u32(0).ok_or_else(cut)?;
        // Up to four bytes of data may stand in the tag itself, with the length in its upper half.
        let (kind, start, length): (u32, usize, usize) = match first >> 16 {
            0 => (first, 8, self.u32(4).ok_or_else(cut)? as usize),
            small => (first & 0xFFFF, 4, small as usize),
        };
        let data = start.checked_add(length).and_then(|end| self.bytes.get(start..end)).ok_or_else(cut)?;
        let whole = match (start, self.padded || kind != MI_COMPRESSED) {
            (4, _) => 8,
            (_, true) => start + length.next_multiple_of(8),
            (_, false) => start + length,
        };
        self.bytes = self.bytes.get(whole..).unwrap_or_default();
        Ok(Some((kind, data)))
    }

    fn u32(&self, place: usize) -> Option<u32> {
        number::<4>(self.bytes.get(place..)?, self.big_endian).map(u32::from_le_bytes)
    }
}

/// The first `N` bytes, in little-endian order.
fn number<const N: usize>(bytes: &[u8], big_endian: bool) -> Option<[u8; N]> {
    let mut number: [u8; N] = bytes.get(..N)?.try_into().ok()?;
    if big_endian {
        number.reverse();
    }
    Some(number)
}

/// The name and numbers of a matrix; nothing where it is not one of real numbers.
fn matrix(data: &[u8], big_endian: bool) -> Result<Option<(String, Vec<f64>)>, String> {
    /// Classes of arrays: double to uint64. Flag: complex.
    const NUMERIC: std::ops::RangeInclusive<u32> = 6..=15;
    const COMPLEX: u32 = 0x0800;
    let mut parts = Elements { bytes: data, big_endian, padded: true };
    let (Some((_, flags)), Some(_), Some((MI_INT8, name))) = (parts.next()?, parts.next()?, parts.next()?)
    else {
        return Ok(None);
    };
    let flags = number::<4>(flags, big_endian).map_or(0, u32::from_le_bytes);
    if !NUMERIC.contains(&(flags & 0xFF)) || flags & COMPLEX != 0 {
        return Ok(None);
    }
    let name = String::from_utf8_lossy(name).into_owned();
    let Some((kind, values)) = parts.next()? else { return Ok(None) };
    Ok(numbers(kind, values, big_endian).map(|numbers| (name, numbers)))
}

/// Numbers of one of the file's types.
fn numbers(kind: u32, bytes: &[u8], big_endian: bool) -> Option<Vec<f64>> {
    macro_rules! all {
        ($type:ty) => {
            bytes
                .chunks_exact(size_of::<$type>())
                .filter_map(|chunk| number(chunk, big_endian))
                .map(|chunk| <$type>::from_le_bytes(chunk) as f64)
                .collect()
        };
    }
    Some(match kind {
        1 => all!(i8),
        2 => all!(u8),
        3 => all!(i16),
        4 => all!(u16),
        5 => all!(i32),
        6 => all!(u32),
        7 => all!(f32),
        9 => all!(f64),
        12 => all!(i64),
        13 => all!(u64),
        _ => return None,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;

    use super::*;

    /// A file as MATLAB writes it, with rows of bytes, of 16-bit numbers and of doubles.
    pub(in crate::data::flowers102) fn write(matrices: &[(&str, &[f64], u32)], compressed: bool) -> Vec<u8> {
        let mut file = b"MATLAB 5.0 MAT-file, made for a test".to_vec();
        file.resize(124, b' ');
        file.extend([0x00, 0x01, b'I', b'M']);
        for (name, values, kind) in matrices {
            let mut body = element(6, &[9u32.to_le_bytes(), 0u32.to_le_bytes()].concat());
            body.extend(element(5, &[1i32.to_le_bytes(), (values.len() as i32).to_le_bytes()].concat()));
            body.extend(element(1, name.as_bytes()));
            let data: Vec<u8> = values
                .iter()
                .flat_map(|&value| match kind {
                    2 => vec![value as u8],
                    4 => (value as u16).to_le_bytes().to_vec(),
                    _ => value.to_le_bytes().to_vec(),
                })
                .collect();
            body.extend(element(*kind, &data));
            let matrix = element(MI_MATRIX, &body);
            if compressed {
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(&matrix).unwrap();
                let data = encoder.finish().unwrap();
                file.extend([MI_COMPRESSED.to_le_bytes(), (data.len() as u32).to_le_bytes()].concat());
                file.extend(data);
            } else {
                file.extend(matrix);
            }
        }
        file
    }

    fn element(kind: u32, data: &[u8]) -> Vec<u8> {
        let mut bytes = if data.len() <= 4 {
            (kind | (data.len() as u32) << 16).to_le_bytes().to_vec()
        } else {
            [kind.to_le_bytes(), (data.len() as u32).to_le_bytes()].concat()
        };
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    }

    #[test]
    fn numbers_come_back() {
        let (bytes, words, doubles) = ([77.0, 1.0, 255.0], [8189.0, 1.0], [-0.5, 1e300, 3.0]);
        for compressed in [false, true] {
            let list: [(&str, &[f64], u32); 3] =
                [("labels", &bytes, 2), ("id", &words, 4), ("x", &doubles, 9)];
            let file = write(&list, compressed);
            let read = read(&file).unwrap();
            assert_eq!(read["labels"], bytes);
            assert_eq!(read["id"], words);
            assert_eq!(read["x"], doubles);
        }
    }

    /// Truncated and changed files give errors or fewer numbers; none causes a panic or unbounded memory.
    #[test]
    fn damage_does_no_harm() {
        let values: Vec<f64> = (0..200).map(f64::from).collect();
        let mut rng = fastrand::Rng::with_seed(1);
        for compressed in [false, true] {
            let file = write(&[("labels", &values, 2), ("id", &values, 4)], compressed);
            (0..file.len()).for_each(|length| drop(read(&file[..length])));
            for _ in 0..2000 {
                let mut damaged = file.clone();
                for _ in 0..rng.usize(1..6) {
                    let place = rng.usize(120..damaged.len());
                    damaged[place] = rng.u8(..);
                }
                let _ = read(&damaged);
            }
        }
        assert!(read(b"<!doctype html>").is_err());
    }
}
