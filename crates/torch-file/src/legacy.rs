//! The format of PyTorch before 1.6 (`_use_new_zipfile_serialization=False`): five pickles, then the
//! storages one after another.

use std::collections::HashMap;
use std::sync::Arc;

use crate::build::build;
use crate::dtype::Dtype;
use crate::error::{Result, damaged, truncated, unsupported};
use crate::machine::Pickle;
use crate::node::{Node, Storage};
use crate::storages::{StorageReader, Storages};
use crate::value::Value;

/// The first pickle: the number 0x1950a86a20f9469cfc6c.
const MAGIC: &[u8] = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
/// The second: the version of the format.
const VERSION: i64 = 1001;

/// Whether a file begins as one of this format, after its two bytes for the pickle's protocol.
pub(crate) fn is_legacy(start: &[u8]) -> bool {
    start.first() == Some(&0x80) && start.get(2..).is_some_and(|rest| rest.starts_with(MAGIC))
}

/// Reads a whole file of this format.
pub(crate) fn read(whole: &Arc<[u8]>) -> Result<Value> {
    let bytes: &[u8] = whole;
    let version = Pickle::read(bytes, 2 + MAGIC.len())?;
    if !matches!(version.node(version.root), Node::Int(VERSION)) {
        return Err(unsupported(format!("it is of another version of PyTorch's old format than {VERSION}")));
    }
    let system = Pickle::read(bytes, version.end)?;
    let big_endian = is_big_endian(&system);
    let main = Pickle::read(bytes, system.end)?;
    let keys = Pickle::read(bytes, main.end)?;
    let places = places(bytes, &main, &keys)?;
    let pickle = Pickle { bytes: &bytes[..keys.end], ..main };
    let source = LegacyStorages { bytes: Arc::clone(whole), places, big_endian };
    build(&pickle, Storages::new(source))
}

fn is_big_endian(system: &Pickle) -> bool {
    let Node::Dict(dict) = system.node(system.root) else { return false };
    dict.entries.iter().any(|&(key, value)| {
        system.text(key) == Some("little_endian") && matches!(system.node(value), Node::Bool(false))
    })
}

/// Where each storage's values begin and how many bytes they are.
fn places(bytes: &[u8], main: &Pickle, keys: &Pickle) -> Result<HashMap<String, (usize, usize)>> {
    let Node::List(list) = keys.node(keys.root) else {
        return Err(damaged("the list of its storages is not a list"));
    };
    let known: HashMap<&str, &Storage> =
        main.storages.iter().map(|storage| (storage.key.as_str(), storage)).collect();
    let mut places = HashMap::new();
    let mut at = keys.end;
    for &id in list {
        let key = keys.text(id).ok_or(damaged("the name of a storage is not text"))?;
        let storage = known.get(key).ok_or(damaged("it lists a storage that no tensor has"))?;
        let size = storage.dtype.map_or(1, Dtype::size);
        let cut = || truncated("it ends inside its values; copy or fetch it again");
        let mut numel = [0; 8];
        numel.copy_from_slice(bytes.get(at..at + 8).ok_or_else(cut)?);
        let numel = u64::from_le_bytes(numel);
        if numel != storage.numel {
            return Err(damaged(format!(
                "a storage has {numel} elements, its tensors need {}",
                storage.numel
            )));
        }
        let length = usize::try_from(numel).ok().and_then(|numel| numel.checked_mul(size)).ok_or_else(cut)?;
        let start = at + 8;
        at = start.checked_add(length).filter(|&end| end <= bytes.len()).ok_or_else(cut)?;
        places.insert(key.to_owned(), (start, length));
    }
    Ok(places)
}

struct LegacyStorages {
    bytes: Arc<[u8]>,
    places: HashMap<String, (usize, usize)>,
    big_endian: bool,
}

impl LegacyStorages {
    /// Where the bytes of a storage begin.
    fn start(&self, key: &str, length: u64) -> Result<usize> {
        match self.places.get(key) {
            Some(&(start, found)) if found as u64 == length => Ok(start),
            Some(_) => Err(damaged("its tensors do not agree on what one storage holds")),
            None => Err(truncated(format!("the values of storage {key} are missing"))),
        }
    }
}

impl StorageReader for LegacyStorages {
    fn check(&mut self, key: &str, length: u64) -> Result<()> {
        self.start(key, length).map(drop)
    }

    fn bytes(&mut self, key: &str, length: u64) -> Result<Vec<u8>> {
        let start = self.start(key, length)?;
        Ok(self.bytes[start..start + length as usize].to_vec())
    }

    fn big_endian(&self) -> bool {
        self.big_endian
    }
}
