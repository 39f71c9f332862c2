//! The values behind the tensors of a pickle, each storage read once and shared by its views.

use std::collections::HashMap;
use std::io::{Read, Seek};

use tch::{Kind, Tensor};

use super::fault::Fallible;
use super::node::Storage;
use super::zip::Zip;

/// Where the bytes of storages come from.
pub(super) trait Source {
    /// The bytes of a storage that should have `length` of them.
    fn bytes(&mut self, key: &str, length: u64) -> Fallible<Vec<u8>>;

    /// Whether numbers begin with their most significant byte.
    fn big_endian(&self) -> bool;
}

/// The entries `PREFIX/data/KEY` of an archive.
pub(super) struct ZipSource<R> {
    pub zip: Zip<R>,
    pub prefix: String,
    pub big_endian: bool,
}

impl<R: Read + Seek> Source for ZipSource<R> {
    fn bytes(&mut self, key: &str, length: u64) -> Fallible<Vec<u8>> {
        let name = format!("{}data/{key}", self.prefix);
        if let Some(found) = self.zip.length(&name).filter(|&found| found != length) {
            return Err(format!(
                "damaged: {name} in the zip archive has {found} bytes, its tensors need {length}"
            )
            .into());
        }
        self.zip.read(&name)
    }

    fn big_endian(&self) -> bool {
        self.big_endian
    }
}

/// The tensors of storages, each made when it is first asked for.
pub(super) struct Storages<'a> {
    source: &'a mut dyn Source,
    made: HashMap<String, (Kind, u64, Tensor)>,
}

impl<'a> Storages<'a> {
    pub fn new(source: &'a mut dyn Source) -> Self {
        Storages { source, made: HashMap::new() }
    }

    /// All elements of a storage, `(numel,)`, as `kind` if it is of bytes.
    pub fn tensor(&mut self, storage: &Storage, kind: Option<Kind>) -> Fallible<Tensor> {
        let element = storage.kind.unwrap_or(Kind::Uint8);
        let kind = match (storage.kind, kind) {
            (Some(own), Some(asked)) if own != asked => {
                return Err("damaged: a tensor has another dtype than its storage".into());
            }
            (Some(own), _) => own,
            (None, asked) => asked.unwrap_or(Kind::Uint8),
        };
        let length = (element.elt_size_in_bytes() as u64).checked_mul(storage.numel);
        let length = length.ok_or("damaged: a storage is larger than memory can be")?;
        let tensor = match self.made.get(&storage.key) {
            Some((known, bytes, tensor)) if (*known, *bytes) == (kind, length) => tensor.shallow_clone(),
            Some(_) => return Err("damaged: its tensors do not agree on what one storage holds".into()),
            None => {
                let mut bytes = self.source.bytes(&storage.key, length)?;
                if self.source.big_endian() {
                    swap(&mut bytes, kind);
                }
                let tensor = typed(&bytes, kind)?;
                self.made.insert(storage.key.clone(), (kind, length, tensor.shallow_clone()));
                tensor
            }
        };
        match &storage.view {
            None => Ok(tensor),
            Some((_, start, count)) => {
                let whole = tensor.numel() as u64;
                if start.checked_add(*count).is_none_or(|end| end > whole) {
                    return Err("damaged: a view reaches beyond its storage".into());
                }
                Ok(tensor.f_narrow(0, *start as i64, *count as i64)?)
            }
        }
    }
}

pub(super) fn typed(bytes: &[u8], kind: Kind) -> Fallible<Tensor> {
    let size = kind.elt_size_in_bytes();
    if !bytes.len().is_multiple_of(size) {
        return Err("damaged: a storage ends inside an element".into());
    }
    if kind == Kind::Bool && bytes.iter().any(|&byte| byte > 1) {
        return Err("damaged: a bool is neither 0 nor 1".into());
    }
    Ok(Tensor::f_from_data_size(bytes, &[(bytes.len() / size) as i64], kind)?)
}

/// Turns numbers around, byte by byte.
pub(super) fn swap(bytes: &mut [u8], kind: Kind) {
    let size = match kind {
        Kind::ComplexFloat => 4,
        Kind::ComplexDouble => 8,
        kind => kind.elt_size_in_bytes(),
    };
    if size > 1 {
        bytes.chunks_exact_mut(size).for_each(<[u8]>::reverse);
    }
}
