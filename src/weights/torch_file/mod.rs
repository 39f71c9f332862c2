//! PyTorch's own files, `.pt` and `.pth`, read without running anything of them.
//!
//! Such a file is a Python pickle: a little program that builds objects, and that can call any function
//! of Python's. [`read`] knows only the opcodes and the dozen names that tensors, numbers, texts, lists
//! and dictionaries need, builds these itself, and refuses the file with the name of whatever else it
//! asks for where it may do harm. What people keep beside the weights is no reason to refuse them: numpy's
//! numbers and arrays, dates, paths and `argparse.Namespace` are read as plain values, an object of any other
//! class is passed over and stands there by its name ([`Value::Object`]). A file that has nothing but such
//! objects is refused. Every size is checked against the file before memory is taken for it.
//!
//! Read are the zip format (since PyTorch 1.6; stored or compressed entries, ZIP64, either byte order),
//! the older one, and the tensors of TorchScript files, which tch's `.ot` files are. Not read are sparse
//! and quantized tensors, whole models (`torch.save(model)`), and the tar format of before 2017.
//!
//! ```
//! use herbarium::weights::torch_file::{self, Dict, Value};
//! use tch::Tensor;
//!
//! # let path = std::env::temp_dir().join(format!("herbarium-doc-{}.pt", std::process::id()));
//! let mut checkpoint = Dict::new();
//! checkpoint.insert("weight", Tensor::from_slice(&[1f32, 2.0]));
//! checkpoint.insert("best_acc", 0.9);
//! torch_file::write(&path, &Value::Dict(checkpoint))?; // torch.load(path, weights_only=True) reads it
//!
//! let back = torch_file::read(&path)?;
//! assert_eq!(back.get("best_acc").and_then(Value::as_float), Some(0.9));
//! # std::fs::remove_file(&path).ok();
//! # Ok::<(), herbarium::Error>(())
//! ```

mod archive;
mod build;
mod call;
mod fault;
mod foreign;
mod globals;
mod legacy;
mod machine;
mod node;
mod pickler;
mod show;
mod stack;
mod state;
mod storages;
mod value;
mod zip;

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use fault::Fallible;
use machine::Pickle;
pub(super) use state::tensors_of;
use storages::{Storages, ZipSource};
pub use value::{Dict, DictKind, Key, Value};
use zip::Zip;

use crate::{Error, Result};

/// The longest pickle of an archive that is read: a thousand times that of the largest networks here.
const MAX_PICKLE: u64 = 256 << 20;

/// Reads a PyTorch file. Tensors are on the CPU, whatever device they were saved from.
///
/// # Errors
/// [`Error::Io`] when it cannot be read; [`Error::Weights`] when it is truncated, damaged, no PyTorch file,
/// or asks for something that is not done: the message names it.
pub fn read(path: impl AsRef<Path>) -> Result<Value> {
    fn read(path: &Path) -> Result<Value> {
        let file = File::open(path).map_err(Error::io("reading", path))?;
        read_from(BufReader::new(file)).map_err(|fault| fault.at(path))
    }
    read(path.as_ref())
}

/// [`read`] for a file's content.
///
/// # Errors
/// As [`read`]; the file is called `(bytes)`.
pub fn from_bytes(bytes: &[u8]) -> Result<Value> {
    read_from(Cursor::new(bytes)).map_err(|fault| fault.at(Path::new("(bytes)")))
}

/// Writes a value to a file that `torch.load(PATH, weights_only=True)` reads, whole or not at all. Tensors
/// are written as they are, without gradients, on the CPU.
///
/// # Errors
/// [`Error::Io`] when it cannot be written; [`Error::Weights`] for a tensor that has no place in the format
/// (sparse, quantized). What was there before is then untouched.
pub fn write(path: impl AsRef<Path>, value: &Value) -> Result<()> {
    archive::write(path.as_ref(), value)
}

fn read_from<R: Read + Seek>(mut reader: R) -> Fallible<Value> {
    let mut start = Vec::new();
    reader.by_ref().take(512).read_to_end(&mut start)?;
    if start.starts_with(b"PK") {
        return read_zip(reader);
    }
    if legacy::is_legacy(&start) {
        reader.seek(SeekFrom::Start(0))?;
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes)?;
        return legacy::read(&bytes);
    }
    Err(what_else(&start).into())
}

fn read_zip<R: Read + Seek>(reader: R) -> Fallible<Value> {
    let mut zip = Zip::open(reader)?;
    // PyTorch calls the folder after the file, `best/data.pkl`; others that write its format need none.
    let names = zip.names().filter(|name| *name == "data.pkl" || name.ends_with("/data.pkl"));
    let name = names.min_by_key(|name| name.len()).map(str::to_owned);
    let name = name.ok_or("it is a zip archive, but no PyTorch file: it has no data.pkl")?;
    let prefix = name.strip_suffix("data.pkl").unwrap_or_default().to_owned();
    if zip.length(&name).is_some_and(|length| length > MAX_PICKLE) {
        return Err(format!("refused: {name} in it is larger than {} MB", MAX_PICKLE >> 20).into());
    }
    let bytes = zip.read(&name)?;
    let order = format!("{prefix}byteorder");
    let big_endian = zip.length(&order).is_some_and(|length| length < 16) && zip.read(&order)? == b"big";
    let pickle = Pickle::read(&bytes, 0)?;
    let mut source = ZipSource { zip, prefix, big_endian };
    build::build(&pickle, Storages::new(&mut source))
}

/// What a file is, that is no PyTorch file.
fn what_else(start: &[u8]) -> String {
    let text = String::from_utf8_lossy(start).to_lowercase();
    let header = start.get(..8).and_then(|length| length.try_into().ok()).map(u64::from_le_bytes);
    let what = if start.is_empty() {
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
        "it begins like no file of torch.save"
    };
    format!("no PyTorch file: {what}")
}
