//! Where the storages of a file lie, each made once and shared by its tensors.

use std::collections::HashMap;
use std::io::{Read, Seek};
use std::sync::{Arc, Mutex, PoisonError};

use crate::dtype::Dtype;
use crate::error::{Result, damaged};
use crate::node;
use crate::storage::Storage;
use crate::zip::Zip;

/// A file that the elements of storages are read from.
pub(crate) trait StorageReader: Send {
    /// Fails if it is already known that a storage of that name does not have `length` bytes, or has too many.
    fn check(&mut self, key: &str, length: u64) -> Result<()>;

    /// The bytes of a storage that should have `length` of them.
    fn bytes(&mut self, key: &str, length: u64) -> Result<Vec<u8>>;

    /// Whether numbers are big-endian.
    fn big_endian(&self) -> bool;
}

/// The entries `PREFIX/data/KEY` of an archive.
pub(crate) struct ZipStorages<R> {
    pub zip: Zip<R>,
    pub prefix: String,
    pub big_endian: bool,
}

impl<R: Read + Seek + Send> StorageReader for ZipStorages<R> {
    fn check(&mut self, key: &str, length: u64) -> Result<()> {
        let name = format!("{}data/{key}", self.prefix);
        match self.zip.length(&name) {
            Some(found) if found != length => Err(damaged(format!(
                "{name} in the zip archive has {found} bytes, its tensors need {length}"
            ))),
            _ => self.zip.claim(&name),
        }
    }

    fn bytes(&mut self, key: &str, _: u64) -> Result<Vec<u8>> {
        self.zip.read(&format!("{}data/{key}", self.prefix))
    }

    fn big_endian(&self) -> bool {
        self.big_endian
    }
}

/// The storages of a file, each created on first use.
pub(crate) struct Storages {
    source: Arc<Mutex<dyn StorageReader>>,
    made: HashMap<String, Storage>,
}

impl Storages {
    pub fn new(source: impl StorageReader + 'static) -> Self {
        Storages { source: Arc::new(Mutex::new(source)), made: HashMap::new() }
    }

    /// The storage that a pickle names, of elements of type `asked` if it is one of bytes.
    pub fn get(&mut self, named: &node::Storage, asked: Option<Dtype>) -> Result<Storage> {
        let dtype = match (named.dtype, asked) {
            (Some(own), Some(asked)) if own != asked => {
                return Err(damaged("a tensor has another dtype than its storage"));
            }
            (Some(own), _) => own,
            (None, asked) => asked.unwrap_or(Dtype::Uint8),
        };
        let element = named.dtype.unwrap_or(Dtype::Uint8);
        let length = (element.size() as u64).checked_mul(named.numel);
        let length = length.ok_or(damaged("a storage is larger than memory can be"))?;
        if let Some(known) = self.made.get(&named.key) {
            if (known.dtype(), (known.len() * dtype.size()) as u64) != (dtype, length) {
                return Err(damaged("its tensors do not agree on what one storage holds"));
            }
            return Ok(known.clone());
        }
        self.lock(|source| source.check(&named.key, length))?;
        if !length.is_multiple_of(dtype.size() as u64) {
            return Err(damaged("a storage ends inside an element"));
        }
        let (source, key) = (Arc::clone(&self.source), named.key.clone());
        let storage = Storage::lazy(dtype, (length / dtype.size() as u64) as usize, move || {
            let mut source = source.lock().unwrap_or_else(PoisonError::into_inner);
            let mut bytes = source.bytes(&key, length)?;
            if source.big_endian() {
                dtype.swap(&mut bytes);
            }
            Ok(bytes)
        });
        self.made.insert(named.key.clone(), storage.clone());
        Ok(storage)
    }

    fn lock<T>(&self, ask: impl FnOnce(&mut dyn StorageReader) -> T) -> T {
        ask(&mut *self.source.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
