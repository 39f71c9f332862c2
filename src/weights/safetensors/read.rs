//! Reads an untrusted safetensors file.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use serde_json::{Map, Value};
use tch::{Kind, Tensor};

use super::{DTYPES, METADATA, Metadata};
use crate::weights::StateDict;
use crate::{Error, Result};

/// The format's own limit, in bytes.
const MAX_HEADER: u64 = 100_000_000;

/// Reads a safetensors file: its tensors in the order of its header, on the CPU, and its metadata.
///
/// # Errors
/// [`Error::Io`] when the file cannot be read; [`Error::Weights`] when it is truncated, damaged, not
/// a safetensors file, or has a type that PyTorch's tensors here have not.
pub fn load_safetensors(path: impl AsRef<Path>) -> Result<(StateDict, Metadata)> {
    fn load_safetensors(path: &Path) -> Result<(StateDict, Metadata)> {
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
    load_safetensors(path.as_ref())
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
        .map_err(|error| format!("not a safetensors file: its header is not a JSON object ({error})"))?;
    let mut metadata = Metadata::new();
    let mut entries = Vec::with_capacity(header.len());
    for (name, value) in header {
        if name == METADATA {
            let texts = serde_json::from_value(value);
            metadata = texts.map_err(|_| "damaged header: its metadata are not all strings".to_owned())?;
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
    let shape = numbers("shape").ok_or("its shape is not a list of sizes")?;
    let offsets = numbers("data_offsets").ok_or("its data_offsets are not a list of positions")?;
    let &[start, end] = offsets.as_slice() else { return Err("its data_offsets are not two".into()) };

    let bytes =
        shape.iter().try_fold(kind.elt_size_in_bytes() as u64, |product, &size| product.checked_mul(size));
    if end.checked_sub(start).is_none() || end.checked_sub(start) != bytes {
        return Err(format!("a {dtype} of shape {shape:?} does not fill the bytes {start} to {end}"));
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
