//! The [safetensors](https://github.com/huggingface/safetensors#format) format: eight bytes with the
//! length of a JSON header, the header with each tensor's type, shape and place, then the values,
//! little-endian and without gaps.
//!
//! Written here, and not with the crate of that name, because that one forgets the order of the
//! tensors: a state dict is an ordered thing.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use serde_json::{Map, Value, json};
use tch::{Device, Kind, Tensor};

use super::atomic::write_atomically;
use super::spec::kind_text;
use crate::models::StateDict;
use crate::{Error, Result};

/// The free texts of a safetensors file, by name.
pub type Metadata = BTreeMap<String, String>;

const METADATA: &str = "__metadata__";
/// The format's own limit.
const MAX_HEADER: u64 = 100_000_000;

/// Types by their names in the header.
const DTYPES: [(&str, Kind); 10] = [
    ("BOOL", Kind::Bool),
    ("U8", Kind::Uint8),
    ("I8", Kind::Int8),
    ("I16", Kind::Int16),
    ("I32", Kind::Int),
    ("I64", Kind::Int64),
    ("F16", Kind::Half),
    ("BF16", Kind::BFloat16),
    ("F32", Kind::Float),
    ("F64", Kind::Double),
];

/// Reads a safetensors file: its tensors in the order of its header, on the CPU, and its metadata.
///
/// # Errors
/// [`Error::Io`] when the file cannot be read; [`Error::Weights`] when it is truncated, damaged, not
/// a safetensors file, or has a type that PyTorch's tensors here have not.
pub fn load_safetensors(path: impl AsRef<Path>) -> Result<(StateDict, Metadata)> {
    let path = path.as_ref();
    let mut file = File::open(path).map_err(Error::io("reading", path))?;
    let size = file.metadata().map_err(Error::io("reading", path))?.len();
    let broken = |reason: String| Error::Weights { path: path.to_owned(), reason };
    let header = read_header(&mut file, size, path)?;
    let (entries, metadata) = parse(&header.text).map_err(broken)?;
    check_layout(&entries, size - header.end).map_err(broken)?;

    let mut tensors = Vec::with_capacity(entries.len());
    for entry in entries {
        let mut bytes = vec![0; (entry.end - entry.start) as usize];
        file.seek(SeekFrom::Start(header.end + entry.start)).map_err(Error::io("reading", path))?;
        file.read_exact(&mut bytes).map_err(Error::io("reading", path))?;
        tensors.push((entry.name, Tensor::f_from_data_size(&bytes, &entry.shape, entry.kind)?));
    }
    Ok((tensors.into_iter().collect(), metadata))
}

/// Writes tensors and free texts to a safetensors file, whole or not at all.
///
/// # Errors
/// [`Error::Io`] when the file cannot be written; [`Error::Weights`] when a name comes twice or a
/// tensor has no place in the format (sparse, complex). What was there before is then untouched.
pub fn save_safetensors(path: impl AsRef<Path>, tensors: &StateDict, metadata: &Metadata) -> Result<()> {
    let path = path.as_ref();
    let refuse = |reason: String| Error::Weights { path: path.to_owned(), reason };
    let places = layout(tensors).map_err(refuse)?;
    let header = header_text(tensors, &places, metadata).map_err(refuse)?;
    let mut order: Vec<usize> = (0..tensors.len()).collect();
    order.sort_by_key(|&index| places[index].0);
    let tensors: Vec<&Tensor> = tensors.iter().map(|(_, tensor)| tensor).collect();

    write_atomically(path, |out| {
        let mut write = |bytes: &[u8]| out.write_all(bytes).map_err(Error::io("writing", path));
        write(&(header.len() as u64).to_le_bytes())?;
        write(header.as_bytes())?;
        order.into_iter().try_for_each(|index| write(&bytes_of(tensors[index])?))
    })
}

struct Header {
    text: String,
    end: u64,
}

struct Entry {
    name: String,
    kind: Kind,
    shape: Vec<i64>,
    start: u64,
    end: u64,
}

fn read_header(file: &mut File, size: u64, path: &Path) -> Result<Header> {
    let broken = |reason: &str| Error::Weights { path: path.to_owned(), reason: reason.to_owned() };
    let mut length = [0; 8];
    if size < 8 {
        return Err(broken("not a safetensors file: it has less than eight bytes"));
    }
    file.read_exact(&mut length).map_err(Error::io("reading", path))?;
    let length = u64::from_le_bytes(length);
    if length > MAX_HEADER {
        return Err(broken("not a safetensors file: it does not begin with the length of a header"));
    }
    if length > size - 8 {
        return Err(broken("truncated: it ends inside its header"));
    }
    let mut text = vec![0; length as usize];
    file.read_exact(&mut text).map_err(Error::io("reading", path))?;
    let text =
        String::from_utf8(text).map_err(|_| broken("not a safetensors file: its header is not UTF-8"))?;
    Ok(Header { text, end: 8 + length })
}

fn parse(header: &str) -> Result<(Vec<Entry>, Metadata), String> {
    let header: Map<String, Value> = serde_json::from_str(header)
        .map_err(|error| format!("not a safetensors file: its header is no JSON object ({error})"))?;
    let mut metadata = Metadata::new();
    let mut entries = Vec::with_capacity(header.len());
    for (name, value) in header {
        if name == METADATA {
            let texts = serde_json::from_value(value);
            metadata = texts.map_err(|_| "damaged header: its metadata are not all texts".to_owned())?;
        } else {
            let entry = entry(&name, &value);
            entries.push(entry.map_err(|reason| format!("damaged header at {name}: {reason}"))?);
        }
    }
    Ok((entries, metadata))
}

fn entry(name: &str, value: &Value) -> Result<Entry, String> {
    let dtype = value["dtype"].as_str().ok_or("no dtype")?;
    let kind = DTYPES.iter().find(|(known, _)| *known == dtype).map(|(_, kind)| *kind);
    let kind = kind.ok_or_else(|| format!("the type {dtype} is not supported"))?;
    let numbers =
        |key: &str| -> Option<Vec<u64>> { value[key].as_array()?.iter().map(Value::as_u64).collect() };
    let shape = numbers("shape").ok_or("its shape is no list of sizes")?;
    let offsets = numbers("data_offsets").ok_or("its data_offsets are no list of positions")?;
    let &[start, end] = offsets.as_slice() else { return Err("its data_offsets are not two".into()) };

    let bytes =
        shape.iter().try_fold(kind.elt_size_in_bytes() as u64, |product, &size| product.checked_mul(size));
    if end.checked_sub(start).is_none() || end.checked_sub(start) != bytes {
        return Err(format!("a {dtype} of shape {shape:?} does not take the bytes {start} to {end}"));
    }
    let shape = shape.into_iter().map(i64::try_from).collect::<Result<_, _>>();
    let shape = shape.map_err(|_| "its shape is too large".to_owned())?;
    Ok(Entry { name: name.to_owned(), kind, shape, start, end })
}

/// The tensors must fill the `size` bytes after the header without gap or overlap.
fn check_layout(entries: &[Entry], size: u64) -> Result<(), String> {
    let mut places: Vec<(u64, u64, &str)> =
        entries.iter().map(|entry| (entry.start, entry.end, entry.name.as_str())).collect();
    places.sort_unstable();
    let mut reached = 0;
    for (start, end, name) in places {
        if start != reached {
            return Err(format!(
                "damaged header at {name}: its values begin at byte {start}, not at {reached}"
            ));
        }
        reached = end;
    }
    if reached > size {
        return Err(format!("truncated: it has {size} of {reached} bytes of values"));
    }
    if reached < size {
        return Err(format!("damaged: {} bytes follow the last tensor", size - reached));
    }
    Ok(())
}

/// Where each tensor's bytes go. Larger elements come first, so that all are aligned to their size,
/// which Python's readers rely on; the header keeps the order of the state dict.
fn layout(tensors: &StateDict) -> Result<Vec<(u64, u64)>, String> {
    for (name, tensor) in tensors {
        if !DTYPES.iter().any(|(_, kind)| *kind == tensor.kind()) || tensor.is_sparse() {
            return Err(format!("{name} is {}, which safetensors cannot hold", kind_text(tensor.kind())));
        }
    }
    let sizes: Vec<usize> = tensors.iter().map(|(_, tensor)| tensor.kind().elt_size_in_bytes()).collect();
    let mut order: Vec<usize> = (0..tensors.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(sizes[index]));
    let numels: Vec<usize> = tensors.iter().map(|(_, tensor)| tensor.numel()).collect();
    let mut places = vec![(0, 0); tensors.len()];
    let mut reached = 0;
    for index in order {
        let end = reached + (sizes[index] * numels[index]) as u64;
        places[index] = (reached, end);
        reached = end;
    }
    Ok(places)
}

fn header_text(tensors: &StateDict, places: &[(u64, u64)], metadata: &Metadata) -> Result<String, String> {
    let mut header = Map::new();
    if !metadata.is_empty() {
        header.insert(METADATA.into(), json!(metadata));
    }
    for ((name, tensor), &(start, end)) in tensors.iter().zip(places) {
        let dtype = DTYPES.iter().find(|(_, kind)| *kind == tensor.kind()).map(|(dtype, _)| *dtype);
        let entry = json!({ "dtype": dtype, "shape": tensor.size(), "data_offsets": [start, end] });
        if name == METADATA || header.insert(name.clone(), entry).is_some() {
            return Err(format!("two tensors cannot be called {name}"));
        }
    }
    let mut text = Value::Object(header).to_string();
    // The values begin at a multiple of eight bytes; the format pads with spaces.
    text.push_str(&" ".repeat(text.len().next_multiple_of(8) - text.len()));
    Ok(text)
}

fn bytes_of(tensor: &Tensor) -> Result<Vec<u8>> {
    let tensor = tensor.f_detach()?.f_to_device(Device::Cpu)?.f_contiguous()?;
    let numel = tensor.numel();
    let mut bytes = vec![0; numel * tensor.kind().elt_size_in_bytes()];
    tensor.f_copy_data_u8(&mut bytes, numel)?;
    Ok(bytes)
}
