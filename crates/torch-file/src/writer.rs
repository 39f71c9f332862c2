//! Writes the zip archive of `torch.save`: uncompressed entries aligned to 64 bytes.

use std::io::Write;

use crate::error::Result;
use crate::pickler::Pickler;
use crate::value::Value;
use crate::zip::crc32;

/// The alignment of an entry's values, for readers that map the file.
const ALIGNMENT: u64 = 64;
/// The placeholder for a number that is in the ZIP64 field.
const ELSEWHERE: u32 = u32::MAX;

/// Writes the file of a value, with `folder` around the archive's entries.
pub(crate) fn write(out: &mut dyn Write, folder: &str, value: &Value) -> Result<()> {
    fill(out, folder, &Pickler::of(value)?, ELSEWHERE.into())
}

/// Numbers from `limit` up are written in eight bytes; the format demands it from [`ELSEWHERE`] up.
fn fill(out: &mut dyn Write, folder: &str, pickler: &Pickler, limit: u64) -> Result<()> {
    let mut archive = Archive { out, at: 0, directory: Vec::new(), count: 0, limit };
    archive.entry(&format!("{folder}/data.pkl"), &pickler.bytes)?;
    archive.entry(&format!("{folder}/byteorder"), b"little")?;
    for (index, storage) in pickler.storages.iter().enumerate() {
        archive.entry(&format!("{folder}/data/{index}"), &storage.read()?)?;
    }
    archive.entry(&format!("{folder}/version"), b"3\n")?;
    archive.finish()
}

struct Archive<'a> {
    out: &'a mut dyn Write,
    at: u64,
    directory: Vec<u8>,
    count: u64,
    limit: u64,
}

impl Archive<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.at += bytes.len() as u64;
        Ok(self.out.write_all(bytes)?)
    }

    fn entry(&mut self, name: &str, content: &[u8]) -> Result<()> {
        let (start, length, crc) = (self.at, content.len() as u64, crc32(content));
        let big = length >= self.limit;
        // Sizes, before the name: the same in the local header and in the directory.
        let mut sizes = Vec::new();
        sizes.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0x21, 0]);
        sizes.extend_from_slice(&crc.to_le_bytes());
        let short = if big { ELSEWHERE } else { length as u32 };
        sizes.extend_from_slice(&[short.to_le_bytes(), short.to_le_bytes()].concat());
        let name_length = (name.len() as u16).to_le_bytes();

        let mut zip64 = Vec::new();
        if big {
            zip64.extend_from_slice(&[length.to_le_bytes(), length.to_le_bytes()].concat());
        }
        let mut extra = field64(&zip64);
        let header = 30 + name.len() as u64 + extra.len() as u64 + 4;
        let padding = (ALIGNMENT - (start + header) % ALIGNMENT) % ALIGNMENT;
        // PyTorch's padding field.
        extra.extend_from_slice(b"FB");
        extra.extend_from_slice(&(padding as u16).to_le_bytes());
        extra.resize(extra.len() + padding as usize, b'Z');
        let mut local = b"PK\x03\x04".to_vec();
        local.extend_from_slice(&version(big));
        local.extend_from_slice(&sizes);
        local.extend_from_slice(&name_length);
        local.extend_from_slice(&(extra.len() as u16).to_le_bytes());
        local.extend_from_slice(name.as_bytes());
        local.extend_from_slice(&extra);
        self.put(&local)?;
        self.put(content)?;

        let far = start >= self.limit;
        if far {
            zip64.extend_from_slice(&start.to_le_bytes());
        }
        let extra = field64(&zip64);
        self.directory.extend_from_slice(b"PK\x01\x02");
        self.directory.extend_from_slice(&version(big || far));
        self.directory.extend_from_slice(&version(big || far));
        self.directory.extend_from_slice(&sizes);
        self.directory.extend_from_slice(&name_length);
        self.directory.extend_from_slice(&(extra.len() as u16).to_le_bytes());
        self.directory.extend_from_slice(&[0; 10]);
        let short = if far { ELSEWHERE } else { start as u32 };
        self.directory.extend_from_slice(&short.to_le_bytes());
        self.directory.extend_from_slice(name.as_bytes());
        self.directory.extend_from_slice(&extra);
        self.count += 1;
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        let (start, directory) = (self.at, std::mem::take(&mut self.directory));
        let length = directory.len() as u64;
        self.put(&directory)?;
        let big = start + length >= self.limit || self.count >= 0xffff;
        if big {
            let record = self.at;
            let mut end = b"PK\x06\x06".to_vec();
            end.extend_from_slice(&44u64.to_le_bytes());
            end.extend_from_slice(&[version(true), version(true)].concat());
            end.extend_from_slice(&[0; 8]);
            for number in [self.count, self.count, length, start] {
                end.extend_from_slice(&number.to_le_bytes());
            }
            end.extend_from_slice(b"PK\x06\x07\0\0\0\0");
            end.extend_from_slice(&record.to_le_bytes());
            end.extend_from_slice(&1u32.to_le_bytes());
            self.put(&end)?;
        }
        let count = if big { u16::MAX } else { self.count as u16 };
        let (length, start) = if big { (ELSEWHERE, ELSEWHERE) } else { (length as u32, start as u32) };
        let mut end = b"PK\x05\x06\0\0\0\0".to_vec();
        end.extend_from_slice(&[count.to_le_bytes(), count.to_le_bytes()].concat());
        end.extend_from_slice(&[length.to_le_bytes(), start.to_le_bytes()].concat());
        end.extend_from_slice(&[0; 2]);
        self.put(&end)
    }
}

/// The version of the zip format that is needed to read an entry.
fn version(big: bool) -> [u8; 2] {
    [if big { 45 } else { 20 }, 0]
}

/// The extra field with numbers of eight bytes, if there are any.
fn field64(numbers: &[u8]) -> Vec<u8> {
    if numbers.is_empty() {
        return Vec::new();
    }
    [&[1, 0][..], &(numbers.len() as u16).to_le_bytes(), numbers].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dict, Dtype, Tensor, from_bytes};

    /// As in a file of more than 4 GiB, but small: the first numbers fit into four bytes, the others do not.
    #[test]
    fn large_archives_have_numbers_of_eight_bytes() {
        let tensor = |index| {
            let bytes = f32::from(index).to_le_bytes().repeat(40);
            Tensor::from_bytes(Dtype::Float32, vec![40], bytes).unwrap()
        };
        let dict: Dict = (0..9u8).map(|index| (format!("t{index}"), tensor(index))).collect();
        let pickler = Pickler::of(&Value::Dict(dict)).unwrap();
        for limit in [0, 100, 700, 2000, u64::from(ELSEWHERE)] {
            let mut file = Vec::new();
            fill(&mut file, "large", &pickler, limit).unwrap();
            let read = from_bytes(&file).unwrap_or_else(|error| panic!("limit {limit}: {error}"));
            let tensor = read.get("t8").and_then(Value::as_tensor).unwrap();
            assert_eq!(tensor.bytes().unwrap()[156..], 8f32.to_le_bytes(), "limit {limit}");
            assert_eq!(file.windows(4).any(|four| four == b"PK\x06\x06"), limit < u64::from(ELSEWHERE));
        }
    }
}
