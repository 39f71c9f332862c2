//! Writing a safetensors file, whole or not at all.

use std::path::Path;

use serde_json::{Map, Value, json};
use tch::{Device, Tensor};

use super::{DTYPES, METADATA, Metadata};
use crate::files::write_atomically;
use crate::tensors::kind_text;
use crate::weights::StateDict;
use crate::{Error, Result};

/// Writes tensors and free texts to a safetensors file, whole or not at all.
///
/// # Errors
/// [`Error::Io`] when the file cannot be written; [`Error::Weights`] when a name comes twice or a
/// tensor has no place in the format (sparse, complex). What was there before is then untouched.
pub fn save_safetensors(path: impl AsRef<Path>, tensors: &StateDict, metadata: &Metadata) -> Result<()> {
    fn save_safetensors(path: &Path, tensors: &StateDict, metadata: &Metadata) -> Result<()> {
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
    save_safetensors(path.as_ref(), tensors, metadata)
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
