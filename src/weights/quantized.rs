//! Weights in one byte each: a quarter of the file for next to no accuracy.
//!
//! A weight of two or more dimensions is kept as whole numbers from -127 to 127 and one `float32` scale for each
//! output channel: `w[o, …] ≈ q[o, …] · scale[o]`, symmetric about zero, the scale being the channel's largest
//! magnitude / 127. Biases and batch norms stay as they are. In a safetensors file the weight has its own name and
//! the type `I8`, the scale the name with `.scale` behind it, and the metadata say so; [`load`](super::load()) widens
//! such files.

use std::path::Path;

use tch::{Kind, Tensor};

use super::StateDict;
use super::{Metadata, save_safetensors};
use crate::tensors::{TensorSpec, shape_text};
use crate::{Error, Result};

/// The key in a file's metadata that says how its weights were quantized.
const KEY: &str = "herbarium.quantized";
/// Its only value so far.
const INT8: &str = "int8, a scale for each output channel";
/// What follows a weight's name in its scale's name.
const SCALE: &str = ".scale";

/// Writes a state dict to a safetensors file with one byte a weight, whole or not at all. Each weight is off by at
/// most half a step, 1/254 of the largest in its output channel. [`load`](super::load()) reads it as `float32`.
///
/// `metadata` are free texts to keep with it.
///
/// # Errors
/// [`Error::Weights`] for a weight that is not finite or is `int8` already, or a name that ends in `.scale`;
/// [`Error::Io`] when the file cannot be written.
pub fn save_quantized(path: impl AsRef<Path>, state: &StateDict, metadata: &Metadata) -> Result<()> {
    fn save_quantized(path: &Path, state: &StateDict, metadata: &Metadata) -> Result<()> {
        let refuse = |reason: String| Error::Weights { path: path.to_owned(), reason };
        let mut narrow = StateDict::new();
        for (name, tensor) in state {
            if name.ends_with(SCALE) {
                return Err(refuse(format!(
                    "{name} ends in {SCALE}, as only scales may in a quantized file"
                )));
            }
            if tensor.kind() == Kind::Int8 {
                return Err(refuse(format!(
                    "{name} is int8, as only quantized weights may be in such a file"
                )));
            }
            if tensor.dim() < 2 || !tensor.is_floating_point() {
                narrow.insert(name.as_str(), tensor.f_detach()?);
                continue;
            }
            let Some((values, scale)) = quantize(tensor)? else {
                return Err(refuse(format!("{name} has values that are not finite, which no byte can hold")));
            };
            narrow.insert(name.as_str(), values);
            narrow.insert(format!("{name}{SCALE}"), scale);
        }
        let mut metadata = metadata.clone();
        metadata.insert(KEY.into(), INT8.into());
        save_safetensors(path, &narrow, &metadata)
    }
    save_quantized(path.as_ref(), state, metadata)
}

/// A weight's whole numbers and its scales; nothing if it is not finite.
fn quantize(weight: &Tensor) -> Result<Option<(Tensor, Tensor)>> {
    let weight = weight.f_detach()?.f_to_kind(Kind::Float)?;
    if !bool::try_from(weight.f_isfinite()?.f_all()?)? {
        return Ok(None);
    }
    let largest = weight.f_abs()?.f_flatten(1, -1)?.f_amax([1], false)?;
    // A channel of zeros alone has any scale.
    let scale = largest.f_clamp_min(f64::from(f32::MIN_POSITIVE) * 127.0)?.f_div_scalar(127.0)?;
    let values = weight.f_div(&along_channels(&scale, weight.dim())?)?.f_round()?.f_to_kind(Kind::Int8)?;
    Ok(Some((values, scale)))
}

/// A value for each output channel in the shape that multiplies a weight.
fn along_channels(scale: &Tensor, dimensions: usize) -> Result<Tensor> {
    let mut shape = vec![1; dimensions];
    shape[0] = -1;
    Ok(scale.f_view(shape.as_slice())?)
}

/// The state of a safetensors file, widened if its metadata say that it is quantized.
///
/// # Errors
/// What does not fit, as a text that names the tensor.
pub(super) fn widened(state: StateDict, metadata: &Metadata) -> Result<Result<StateDict, String>> {
    match metadata.get(KEY).map(String::as_str) {
        None => Ok(Ok(state)),
        Some(INT8) => widen(state),
        Some(other) => Ok(Err(format!("its weights are quantized in an unknown way ({other})"))),
    }
}

fn widen(state: StateDict) -> Result<Result<StateDict, String>> {
    let mut wide = StateDict::new();
    for (name, values) in &state {
        if let Some(weight) = name.strip_suffix(SCALE) {
            if state.get(weight).is_none_or(|weight| weight.kind() != Kind::Int8) {
                return Ok(Err(format!("damaged: {name} belongs to no quantized weight")));
            }
            continue;
        }
        if values.kind() != Kind::Int8 {
            wide.insert(name.as_str(), values.shallow_clone());
            continue;
        }
        if values.dim() < 2 {
            let spec = TensorSpec::of(values);
            return Ok(Err(format!(
                "damaged: {name} is {spec}, a quantized weight has 2 or more dimensions"
            )));
        }
        let channels = values.size().first().copied().unwrap_or(0);
        let Some(scale) = state.get(&format!("{name}{SCALE}")) else {
            return Ok(Err(format!("damaged: the scales of {name} are missing")));
        };
        if scale.kind() != Kind::Float || scale.size() != [channels] {
            let (spec, wanted) = (TensorSpec::of(scale), shape_text(&[channels]));
            return Ok(Err(format!("damaged: the scales of {name} are {spec}, not {wanted} float32")));
        }
        if !bool::try_from(scale.f_isfinite()?.f_all()?)? {
            return Ok(Err(format!("damaged: the scales of {name} are not all finite")));
        }
        let scale = along_channels(scale, values.dim())?;
        wide.insert(name.as_str(), values.f_to_kind(Kind::Float)?.f_mul(&scale)?);
    }
    Ok(Ok(wide))
}

#[cfg(test)]
mod tests {
    use tch::Device;
    use tempfile::tempdir;

    use super::*;
    use crate::weights::{load, load_safetensors};

    fn state() -> StateDict {
        let weight = Tensor::from_slice(&[1.27f32, -0.5, 0.004, 0.0, 0.0, 0.0]).view([2, 3]);
        let bias = Tensor::from_slice(&[0.123_456f32, -9.5]);
        let counter = Tensor::from(7i64);
        let names = ["fc.weight", "fc.bias", "bn.num_batches_tracked"];
        names.into_iter().map(str::to_owned).zip([weight, bias, counter]).collect()
    }

    #[test]
    fn weights_come_back_within_half_a_step_and_the_rest_as_it_was() {
        let folder = tempdir().unwrap();
        let path = folder.path().join("round-trip.safetensors");
        save_quantized(&path, &state(), &Metadata::from([("about".into(), "a test".into())])).unwrap();
        let (raw, metadata) = load_safetensors(&path).unwrap();
        assert_eq!(metadata["about"], "a test");
        assert_eq!(
            raw.get("fc.weight").unwrap(),
            &Tensor::from_slice(&[127i8, -50, 0, 0, 0, 0]).view([2, 3])
        );
        let back = load(&path).unwrap();
        assert_eq!(back.keys(), state().keys());
        let weight = Vec::<f32>::try_from(back.get("fc.weight").unwrap().view([-1])).unwrap();
        let expected = [1.27, -0.5, 0.0, 0.0, 0.0, 0.0];
        assert!(weight.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{weight:?}");
        for kept in ["fc.bias", "bn.num_batches_tracked"] {
            assert_eq!(back.get(kept), state().get(kept));
        }
    }

    #[test]
    fn what_no_byte_can_hold_is_refused_by_name() {
        let folder = tempdir().unwrap();
        let path = folder.path().join("refused.safetensors");
        let mut infinite = state();
        infinite.insert("conv.weight", Tensor::full([1, 1], f64::INFINITY, (Kind::Float, Device::Cpu)));
        let message = save_quantized(&path, &infinite, &Metadata::new()).unwrap_err().to_string();
        assert!(message.contains("conv.weight") && message.contains("not finite"), "{message}");
        let named = StateDict::from_iter([("a.scale".to_owned(), Tensor::from(1.0))]);
        let message = save_quantized(&path, &named, &Metadata::new()).unwrap_err().to_string();
        assert!(message.contains("a.scale"), "{message}");
        let bytes = StateDict::from_iter([("a".to_owned(), Tensor::from_slice(&[1i8]))]);
        let message = save_quantized(&path, &bytes, &Metadata::new()).unwrap_err().to_string();
        assert!(message.contains("a is int8"), "{message}");
        assert!(!path.exists());
    }

    #[test]
    fn damaged_files_are_refused_with_the_tensors_name() {
        let folder = tempdir().unwrap();
        let path = folder.path().join("damaged.safetensors");
        save_quantized(&path, &state(), &Metadata::new()).unwrap();
        let (whole, metadata) = load_safetensors(&path).unwrap();
        let refused = |change: &dyn Fn(&mut StateDict), metadata: &Metadata| {
            let mut state = whole.clone();
            change(&mut state);
            save_safetensors(&path, &state, metadata).unwrap();
            let message = load(&path).unwrap_err().to_string();
            assert!(message.contains(path.to_str().unwrap()), "{message}");
            message
        };
        let scale = "fc.weight.scale";
        let message = refused(&|state| drop(state.remove(scale)), &metadata);
        assert!(message.contains("the scales of fc.weight are missing"), "{message}");
        let message = refused(&|state| state.insert(scale, Tensor::from_slice(&[1.0f32])), &metadata);
        assert!(message.contains("the scales of fc.weight are (1,) float32, not (2,) float32"), "{message}");
        let message = refused(&|state| state.insert(scale, Tensor::from_slice(&[1.0, f32::NAN])), &metadata);
        assert!(message.contains("the scales of fc.weight are not all finite"), "{message}");
        let message = refused(&|state| drop(state.remove("fc.weight")), &metadata);
        assert!(message.contains("fc.weight.scale belongs to no quantized weight"), "{message}");
        let flat = |state: &mut StateDict| {
            state.insert("fc.weight", Tensor::from_slice(&[1i8]).squeeze());
            state.insert(scale, Tensor::zeros([0], (Kind::Float, Device::Cpu)));
        };
        let message = refused(&flat, &metadata);
        assert!(message.contains("damaged: fc.weight is"), "{message}");
        let other = Metadata::from([(KEY.into(), "int4".into())]);
        let message = refused(&|_| (), &other);
        assert!(message.contains("an unknown way (int4)"), "{message}");

        let bytes = {
            save_quantized(&path, &state(), &Metadata::new()).unwrap();
            std::fs::read(&path).unwrap()
        };
        std::fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
        let message = load(&path).unwrap_err().to_string();
        assert!(message.contains("truncated"), "{message}");
    }
}
