//! PyTorch's own files, `.pt` and `.pth`, read without running any code in them.
//!
//! The crate [`torch_file`] reads and writes them; its [`Value`] is what a file holds, with tensors
//! that are described, and read when they are asked for. Here they become tch's, and tch's are written.
//!
//! ```
//! use herbarium::weights::torch_file::{self, Dict, Value};
//! use tch::Tensor;
//!
//! # let path = std::env::temp_dir().join(format!("herbarium-doc-{}.pt", std::process::id()));
//! let mut checkpoint = Dict::new();
//! checkpoint.insert("weight", torch_file::described(&Tensor::from_slice(&[1f32, 2.0]))?);
//! checkpoint.insert("best_acc", 0.9);
//! torch_file::write(&path, &Value::Dict(checkpoint))?; // torch.load(path, weights_only=True) reads it
//!
//! let back = torch_file::read(&path)?;
//! assert_eq!(back.get("best_acc").and_then(Value::as_float), Some(0.9));
//! let weight = torch_file::tensor(back.get("weight").and_then(Value::as_tensor).unwrap())?;
//! assert_eq!(weight, Tensor::from_slice(&[1f32, 2.0]));
//! # std::fs::remove_file(&path).ok();
//! # Ok::<(), herbarium::Error>(())
//! ```

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tch::{Device, Kind, Tensor};
pub use torch_file::{Dict, DictKind, Dtype, Key, Value};

use super::StateDict;
use super::wrappers::without_wrappers;
use crate::files::write_atomically;
use crate::tensors::kind_text;
use crate::{Error, Result};

/// The types of the two libraries.
const TYPES: [(Dtype, Kind); 12] = [
    (Dtype::Float32, Kind::Float),
    (Dtype::Float64, Kind::Double),
    (Dtype::Float16, Kind::Half),
    (Dtype::BFloat16, Kind::BFloat16),
    (Dtype::Int64, Kind::Int64),
    (Dtype::Int32, Kind::Int),
    (Dtype::Int16, Kind::Int16),
    (Dtype::Int8, Kind::Int8),
    (Dtype::Uint8, Kind::Uint8),
    (Dtype::Bool, Kind::Bool),
    (Dtype::Complex64, Kind::ComplexFloat),
    (Dtype::Complex128, Kind::ComplexDouble),
];

/// Reads a PyTorch file. Its tensors are read from it when they are [made](tensor), so it stays open as long as the
/// value is there.
///
/// # Errors
/// [`Error::Io`] when it cannot be read; [`Error::Weights`] when it is truncated, damaged, no PyTorch file,
/// or asks for something that is not done: the message names it.
pub fn read(path: impl AsRef<Path>) -> Result<Value> {
    torch_file::read(path.as_ref()).map_err(about(path.as_ref()))
}

/// [`read`] for a file's content.
///
/// # Errors
/// As [`read`]; the file is called `(bytes)`.
pub fn from_bytes(bytes: &[u8]) -> Result<Value> {
    torch_file::from_bytes(bytes).map_err(about(Path::new("(bytes)")))
}

/// Writes a value to a file that `torch.load(PATH, weights_only=True)` reads, whole or not at all.
///
/// # Errors
/// [`Error::Io`] when it cannot be written; [`Error::Weights`] for what has no place in the format. What was there
/// before is then untouched.
pub fn write(path: impl AsRef<Path>, value: &Value) -> Result<()> {
    let path = path.as_ref();
    // The folder in the archive is called after the file, as torch.save does.
    let stem = path.file_stem().map_or_else(|| "archive".into(), |stem| stem.to_string_lossy());
    write_atomically(path, |out| {
        torch_file::write(out, &stem, value).map_err(|error| match error {
            torch_file::Error::Io(error) => Error::io("writing", path)(error),
            other => about(path)(other),
        })
    })
}

/// The tensor that a file describes, on the CPU, whatever device it was saved from.
///
/// # Errors
/// As [`read`], where its values are damaged; the file is called `(a PyTorch file)`.
pub fn tensor(described: &torch_file::Tensor) -> Result<Tensor> {
    Tensors::of(Path::new(UNNAMED)).tensor(described)
}

/// The state dict in a value: see [`Value::state_dict`] for where it is looked for. Prefixes that every name has
/// (`model.` of PyTorch Lightning, `module.` of `DataParallel`, `_orig_mod.` of `torch.compile`, `backbone.`, `net.`,
/// and several of them) are removed. Views of one storage share it, as they did when they were saved.
///
/// # Errors
/// [`Error::Weights`] that says what the value is instead, or what of it is damaged; the file is called
/// `(a PyTorch file)`.
pub fn state_dict(value: &Value) -> Result<StateDict> {
    Ok(without_wrappers(Tensors::of(Path::new(UNNAMED)).state_dict(value)?).0)
}

/// A tensor as a value for a file, without its gradient. It is copied while it is written.
///
/// # Errors
/// [`Error::Argument`] for a tensor that has no place in the format (sparse, quantized).
pub fn described(tensor: &Tensor) -> Result<Value> {
    Ok(Value::Tensor(Descriptions::default().of(tensor)?))
}

/// An `OrderedDict` of a state dict's tensors, for a file.
///
/// # Errors
/// As [`described`].
pub fn ordered_dict(state: &StateDict) -> Result<Dict> {
    let mut descriptions = Descriptions::default();
    let mut dict = Dict::of_kind(DictKind::OrderedDict);
    for (name, tensor) in state {
        dict.insert(name, descriptions.of(tensor)?);
    }
    Ok(dict)
}

/// What a file is called whose name is not known any more.
const UNNAMED: &str = "(a PyTorch file)";

/// The error that names the file.
pub(crate) fn about(path: &Path) -> impl Fn(torch_file::Error) -> Error {
    move |error| match error {
        torch_file::Error::Io(error) => Error::io("reading", path)(error),
        other => Error::Weights { path: path.to_owned(), reason: other.to_string() },
    }
}

/// Makes tensors of what a file describes; those of one storage share its memory, as they did when they were saved.
pub(crate) struct Tensors {
    path: PathBuf,
    /// The whole storages by their numbers, with what keeps the numbers theirs.
    made: HashMap<usize, (torch_file::Storage, Tensor)>,
}

impl Tensors {
    /// For the values of one file.
    pub fn of(path: &Path) -> Tensors {
        Tensors { path: path.to_owned(), made: HashMap::new() }
    }

    /// A tensor, on the CPU.
    pub fn tensor(&mut self, described: &torch_file::Tensor) -> Result<Tensor> {
        let number = |number: &usize| *number as i64;
        let shape: Vec<i64> = described.shape().iter().map(number).collect();
        let strides: Vec<i64> = described.strides().iter().map(number).collect();
        let whole = self.whole(described.storage())?;
        Ok(whole.f_as_strided(&shape, &strides, described.offset() as i64)?)
    }

    /// The tensors of [`Value::state_dict`], under the names that stand there.
    pub fn state_dict(&mut self, value: &Value) -> Result<StateDict> {
        let described = value.state_dict().map_err(about(&self.path))?;
        described.iter().map(|(name, described)| Ok((name.clone(), self.tensor(described)?))).collect()
    }

    fn whole(&mut self, storage: &torch_file::Storage) -> Result<Tensor> {
        if let Some((_, made)) = self.made.get(&storage.id()) {
            return Ok(made.shallow_clone());
        }
        let dtype = storage.dtype();
        let kind = TYPES.iter().find(|(known, _)| *known == dtype).map(|(_, kind)| *kind);
        let kind = kind.ok_or_else(|| Error::Weights {
            path: self.path.clone(),
            reason: format!("tensors of {dtype} are not known here"),
        })?;
        let bytes = storage.read().map_err(about(&self.path))?;
        let made = Tensor::f_from_data_size(&bytes, &[storage.len() as i64], kind)?;
        self.made.insert(storage.id(), (storage.clone(), made.shallow_clone()));
        Ok(made)
    }
}

/// Describes tensors for a file; one that stands in several places is one in the file, too.
#[derive(Default)]
pub(crate) struct Descriptions {
    known: Vec<(Tensor, torch_file::Tensor)>,
}

impl Descriptions {
    /// A tensor's description; its values are copied while they are written.
    pub fn of(&mut self, tensor: &Tensor) -> Result<torch_file::Tensor> {
        let kind = tensor.kind();
        let dtype = TYPES.iter().find(|(_, known)| *known == kind).filter(|_| !tensor.is_sparse());
        let (dtype, _) = dtype.ok_or_else(|| {
            Error::Argument(format!("the format cannot store a tensor of {}", kind_text(kind)))
        })?;
        // Only now: a sparse tensor has no memory that could be compared.
        let same = |(other, _): &&(Tensor, _)| tensor.numel() > 0 && alike(other, tensor);
        if let Some((_, known)) = self.known.iter().find(same) {
            return Ok(known.clone());
        }
        // libtorch's tensors may go from thread to thread, but not be used by two at once.
        let held = Mutex::new(tensor.f_detach()?);
        let storage = torch_file::Storage::lazy(*dtype, tensor.numel(), move || {
            let tensor = held.lock().unwrap_or_else(PoisonError::into_inner);
            bytes_of(&tensor).map_err(|error| torch_file::Error::NotWritable(error.to_string().into()))
        });
        let shape = tensor.size().iter().map(|&side| side as usize).collect();
        let described = torch_file::Tensor::of_storage(storage, shape)
            .map_err(|error| Error::Argument(error.to_string()))?;
        self.known.push((tensor.shallow_clone(), described.clone()));
        Ok(described)
    }
}

/// Whether two tensors are the same window on the same memory.
fn alike(left: &Tensor, right: &Tensor) -> bool {
    left.data_ptr() == right.data_ptr()
        && left.kind() == right.kind()
        && left.device() == right.device()
        && left.size() == right.size()
        && left.stride() == right.stride()
}

fn bytes_of(tensor: &Tensor) -> Result<Vec<u8>> {
    let tensor = tensor.f_to_device(Device::Cpu)?.f_contiguous()?;
    let numel = tensor.numel();
    let mut bytes = vec![0; numel * tensor.kind().elt_size_in_bytes()];
    tensor.f_copy_data_u8(&mut bytes, numel)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sparse_tensor_after_a_dense_one_is_refused() {
        let dense = Tensor::from_slice(&[1f32, 0.0]);
        let sparse = dense.to_sparse_sparse_dim(1);
        let state = StateDict::from_iter([("dense".to_owned(), dense), ("sparse".to_owned(), sparse)]);
        let message = ordered_dict(&state).unwrap_err().to_string();
        assert!(message.contains("cannot store a tensor of"), "{message}");
    }
}
