//! PyTorch's own files, `.pt` and `.pth`, read without running any code in them.
//!
//! Such a file is a Python pickle: a little program that builds objects, and that can call any function
//! of Python's. [`read`] knows only the opcodes and the dozen names that tensors, numbers, texts, lists
//! and dictionaries need, builds these itself, and refuses a file that asks for anything dangerous, naming
//! it. Other objects beside the weights are no reason to refuse a file: numpy's numbers and arrays, dates,
//! paths and `argparse.Namespace` are read as plain values, and an object of any other class becomes a
//! [`Value::Object`] with the class's name. A file with nothing but such objects is refused. Every size is
//! checked against the file before memory is allocated.
//!
//! Read are the zip format (since PyTorch 1.6; stored or compressed entries, ZIP64, either byte order),
//! the older one, the tensors of TorchScript files, which tch's `.ot` files are, and those of whole models
//! (`torch.save(model)`). Not read are sparse and quantized tensors, and the tar format of before 2017.
//!
//! A [`Tensor`] knows its type, shape and strides at once; its elements are read on
//! [demand](Tensor::bytes), as plain bytes that any tensor library can take.
//!
//! ```
//! use torch_file::{Dict, Dtype, Tensor, Value};
//!
//! let weight: Vec<u8> = [1f32, 2.0].iter().flat_map(|value| value.to_le_bytes()).collect();
//! let mut checkpoint = Dict::new();
//! checkpoint.insert("weight", Tensor::from_bytes(Dtype::Float32, vec![2], weight.clone())?);
//! checkpoint.insert("best_acc", 0.9);
//! let mut file = Vec::new(); // or a `std::fs::File`: torch.load(path, weights_only=True) reads it
//! torch_file::write(&mut file, "best", &Value::Dict(checkpoint))?;
//!
//! let back = torch_file::from_bytes(&file)?;
//! assert_eq!(back.get("best_acc").and_then(Value::as_float), Some(0.9));
//! assert_eq!(back.get("weight").map(Value::to_string).as_deref(), Some("tensor (2,) float32"));
//! assert_eq!(back.get("weight").and_then(Value::as_tensor).unwrap().bytes()?, weight);
//! # Ok::<(), torch_file::Error>(())
//! ```

#![deny(missing_docs, rustdoc::broken_intra_doc_links)]

mod build;
mod call;
mod dtype;
mod error;
mod foreign;
mod globals;
mod legacy;
mod machine;
mod node;
mod pickler;
pub mod python;
mod show;
mod stack;
mod state;
mod storage;
mod storages;
mod tensor;
mod value;
mod writer;
mod zip;

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek, SeekFrom, Write};
use std::path::Path;

pub use dtype::Dtype;
use error::unsupported;
pub use error::{Error, Result};
use machine::Pickle;
pub use storage::Storage;
use storages::{Storages, ZipStorages};
pub use tensor::Tensor;
pub use value::{Dict, DictKind, Key, Value};
use zip::Zip;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// The longest pickle accepted in an archive: a thousand times that of the largest networks.
const MAX_PICKLE: u64 = 256 << 20;

/// Reads a file. It stays open as long as one of its tensors exists, because elements are read on demand.
///
/// # Errors
/// [`Error::Io`] when it cannot be read, the other ones when it is truncated, damaged, not a PyTorch file, or asks
/// for something that is refused: the message names it.
pub fn read(path: impl AsRef<Path>) -> Result<Value> {
    from_reader(BufReader::new(File::open(path)?))
}

/// [`read`] for a file's content.
///
/// # Errors
/// As [`read`].
pub fn from_bytes(bytes: &[u8]) -> Result<Value> {
    from_reader(Cursor::new(bytes.to_vec()))
}

/// [`read`] for any seekable reader.
///
/// # Errors
/// As [`read`].
pub fn from_reader<R: Read + Seek + Send + 'static>(mut reader: R) -> Result<Value> {
    let mut start = Vec::new();
    reader.by_ref().take(512).read_to_end(&mut start)?;
    if start.starts_with(b"PK") {
        return read_zip(reader);
    }
    if legacy::is_legacy(&start) {
        reader.seek(SeekFrom::Start(0))?;
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes)?;
        return legacy::read(&bytes.into());
    }
    Err(Error::NotTorch(what_else(&start).into()))
}

/// Writes a file that `torch.load(PATH, weights_only=True)` reads, in the zip format. `folder` stands before the names
/// of the archive's entries: `torch.save` takes the file's name without its ending. Tensors that share a storage
/// share it in the file.
///
/// The output is incomplete until this returns: write to a temporary file beside the target, then rename it.
///
/// # Errors
/// [`Error::Io`] when it cannot be written, [`Error::NotWritable`] for what has no place in the format, and what reading
/// a tensor's elements gives.
pub fn write(mut out: impl Write, folder: &str, value: &Value) -> Result<()> {
    writer::write(&mut out, folder, value)
}

fn read_zip<R: Read + Seek + Send + 'static>(reader: R) -> Result<Value> {
    let mut zip = Zip::open(reader)?;
    // PyTorch names the folder after the file, `best/data.pkl`; other writers may leave it out.
    let names = zip.names().filter(|name| *name == "data.pkl" || name.ends_with("/data.pkl"));
    let name = names.min_by_key(|name| name.len()).map(str::to_owned);
    let name = name.ok_or(unsupported("it is a zip archive, but not a PyTorch file: it has no data.pkl"))?;
    let prefix = name.strip_suffix("data.pkl").unwrap_or_default().to_owned();
    if zip.length(&name).is_some_and(|length| length > MAX_PICKLE) {
        return Err(error::refused(format!("{name} in it is larger than {} MB", MAX_PICKLE >> 20)));
    }
    let bytes = zip.read(&name)?;
    let order = format!("{prefix}byteorder");
    let big_endian = zip.length(&order).is_some_and(|length| length < 16) && zip.read(&order)? == b"big";
    let pickle = Pickle::read(&bytes, 0)?;
    build::build(&pickle, Storages::new(ZipStorages { zip, prefix, big_endian }))
}

/// What a file is, if it is not a PyTorch file.
fn what_else(start: &[u8]) -> &'static str {
    let text = String::from_utf8_lossy(start).to_lowercase();
    let header = start.get(..8).and_then(|length| length.try_into().ok()).map(u64::from_le_bytes);
    if start.is_empty() {
        "it is empty"
    } else if text.contains("<!doctype html") || text.contains("<html") {
        "it is a web page: a download got a page instead of the file"
    } else if header.is_some_and(|length| length < 100_000_000) && start.get(8) == Some(&b'{') {
        "it is a safetensors file: call it .safetensors"
    } else if start.get(257..262) == Some(b"ustar") {
        "it is a tar archive, as PyTorch wrote before 2017: load and save it once more in Python"
    } else if text.starts_with("version https://git-lfs") {
        "it is a pointer of Git LFS: `git lfs pull` fetches the file"
    } else if start.first() == Some(&0x80) {
        "it is a pickle, but not of torch.save"
    } else {
        "it does not begin like a file of torch.save"
    }
}
