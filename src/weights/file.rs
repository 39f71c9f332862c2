//! State dicts in files of any format that is known here.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::quantized::widened;
use super::wrappers::without_wrappers;
use super::{Metadata, load_safetensors, save_safetensors, torch_file};
use crate::weights::StateDict;
use crate::{Error, Result};

/// Reads a state dict from a file of safetensors, or of PyTorch's (`.pt`, `.pth`, `.ckpt`, `.pth.tar`, `.bin`),
/// or of tch's (`.ot`); the content says which it is, whatever its name. Of a checkpoint it is the `state_dict`
/// in it, without the prefixes of wrappers; see [`state_dict`](torch_file::state_dict). A line on
/// stdout says which prefix was removed, and another one what the file contains that is not read. What
/// [`save_quantized`](super::save_quantized) wrote is widened to `float32`. Tensors are on the CPU.
///
/// # Errors
/// [`Error::Io`] when the file cannot be read; [`Error::Weights`] when it is damaged, refused (see
/// [`torch_file`]) or has no state dict.
pub fn load(path: impl AsRef<Path>) -> Result<StateDict> {
    fn load(path: &Path) -> Result<StateDict> {
        let state = if is_safetensors(path)? {
            let (state, metadata) = load_safetensors(path)?;
            widened(state, &metadata)?.map_err(|reason| Error::Weights { path: path.to_owned(), reason })?
        } else {
            let value = torch_file::read(path)?;
            tell_not_read(path, &value);
            torch_file::Tensors::of(path).state_dict(&value)?
        };
        let (state, prefix) = without_wrappers(state);
        if !prefix.is_empty() {
            println!("{}: every name begins with `{prefix}`, which is removed", path.display());
        }
        Ok(state.into_iter().map(|(name, tensor)| (without_old_points(name), tensor)).collect())
    }
    load(path.as_ref())
}

/// Says what a file holds beside its tensors that is passed over.
pub(crate) fn tell_not_read(path: &Path, value: &torch_file::Value) {
    const SHOWN: usize = 5;
    let objects = value.not_read();
    if objects.is_empty() {
        return;
    }
    let more = match objects.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let shown = objects.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    println!("{}: not read, because only Python's own code can: {shown}{more}", path.display());
}

/// DenseNet's layers had names with points, `denselayer1.norm.1`, when torchvision's files of it were
/// written; torchvision renames them in the same way when it loads these.
fn without_old_points(name: String) -> String {
    if !name.contains(".denselayer") {
        return name;
    }
    let layers = ["norm", "relu", "conv"].into_iter().flat_map(|layer| [(layer, 1), (layer, 2)]);
    layers.fold(name, |name, (layer, index)| {
        name.replace(&format!(".{layer}.{index}."), &format!(".{layer}{index}."))
    })
}

/// Writes a state dict, whole or not at all: `.pt` and `.pth` as `torch.save(state_dict, PATH)` does,
/// `.safetensors` as that format.
///
/// # Errors
/// [`Error::Weights`] for another ending or a tensor that has no place in the format, [`Error::Io`] when
/// the file cannot be written.
pub fn save(path: impl AsRef<Path>, state: &StateDict) -> Result<()> {
    fn save(path: &Path, state: &StateDict) -> Result<()> {
        match Format::of(path) {
            Some(Format::Safetensors) => {
                save_safetensors(path, state, &Metadata::from([("format".into(), "pt".into())]))
            }
            Some(Format::Torch) => {
                let refuse =
                    |error: Error| Error::Weights { path: path.to_owned(), reason: error.to_string() };
                torch_file::write(path, &torch_file::ordered_dict(state).map_err(refuse)?.into())
            }
            None => Err(Error::Weights {
                path: path.to_owned(),
                reason: "weights are written as .safetensors, .pt or .pth: choose one of these endings"
                    .into(),
            }),
        }
    }
    save(path.as_ref(), state)
}

/// A format, as a file's name states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Safetensors,
    /// PyTorch's own.
    Torch,
}

impl Format {
    /// The format that the ending of a name stands for.
    pub fn of(path: &Path) -> Option<Format> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "safetensors" => Some(Format::Safetensors),
            "pt" | "pth" => Some(Format::Torch),
            _ => None,
        }
    }
}

/// Whether a file begins with a length and a JSON object, or is called so.
pub(crate) fn is_safetensors(path: &Path) -> Result<bool> {
    let mut start = Vec::new();
    let file = File::open(path).map_err(Error::io("reading", path))?;
    file.take(9).read_to_end(&mut start).map_err(Error::io("reading", path))?;
    let called_so = Format::of(path) == Some(Format::Safetensors) && !start.starts_with(b"PK\x03\x04");
    Ok(called_so || start.get(8) == Some(&b'{'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn densenets_old_names_lose_their_points() {
        let renamed = |name: &str| without_old_points(name.to_owned());
        let old = "features.denseblock1.denselayer1.norm.1.weight";
        assert_eq!(renamed(old), "features.denseblock1.denselayer1.norm1.weight");
        assert_eq!(
            renamed("features.denseblock4.denselayer16.conv.2.weight"),
            "features.denseblock4.denselayer16.conv2.weight"
        );
        for kept in ["features.denseblock1.denselayer1.norm1.weight", "features.norm.1.weight", "fc.weight"] {
            assert_eq!(renamed(kept), kept);
        }
    }
}
