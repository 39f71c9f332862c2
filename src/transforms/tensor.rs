//! `ToTensor` and `Normalize`, and the two in one pass.

use std::fmt;

use fastrand::Rng;
use image::RgbImage;
use serde_json::{Value, json};
use tch::{Kind, Tensor};

use super::json::step;
use super::repr::py_list;
use super::{Sample, Transform, TransformOp};
use crate::{Error, Result};

/// torchvision's `ToTensor()`: bytes (H, W, 3) become `f32` (3, H, W) in 0..=1.
pub fn to_tensor() -> Transform {
    Transform::new(ToTensor)
}

/// torchvision's `Normalize(mean, std)`: per channel (value - mean) / std. `std` must not be 0.
pub fn normalize(mean: [f64; 3], std: [f64; 3]) -> Transform {
    Transform::new(Normalize { mean, std })
}

/// The inverse of [`normalize`] with the same numbers, value · std + mean: as torchvision says it,
/// `Normalize(mean=-mean/std, std=1/std)`. For looking at what a network sees.
pub fn inverse_normalize(mean: [f64; 3], std: [f64; 3]) -> Transform {
    let mean = std::array::from_fn(|i| -mean[i] / std[i]);
    Transform::new(Normalize { mean, std: std.map(|s| 1.0 / s) })
}

/// `picture` as a tensor (3, H, W), `f32`, in 0..=1.
///
/// # Errors
/// When libtorch cannot make the tensor.
pub fn picture_to_tensor(picture: &RgbImage) -> Result<Tensor> {
    ByteToFloat::scaled().tensor(picture)
}

/// Per channel (value - mean) / std of a tensor (…, 3, H, W) of floats.
///
/// # Errors
/// When a `std` is 0 or the tensor has another shape or kind.
pub fn normalize_tensor(tensor: &Tensor, mean: [f64; 3], std: [f64; 3]) -> Result<Tensor> {
    let problem = match std_fault(mean, std) {
        Some(fault) => fault,
        None if !tensor.is_floating_point() => {
            format!("the tensor is {:?}: ToTensor() makes it Float", tensor.kind())
        }
        None if tensor.dim() < 3 || tensor.size()[tensor.dim() - 3] != 3 => {
            format!("the tensor has shape {:?}: (…, 3, H, W) is needed", tensor.size())
        }
        None => {
            let channels = |values: [f64; 3]| -> Result<Tensor> {
                Ok(Tensor::f_from_slice(&values)?.f_to_kind(tensor.kind())?.f_view([3, 1, 1])?)
            };
            return Ok(tensor.f_sub(&channels(mean)?)?.f_div(&channels(std)?)?);
        }
    };
    Err(Error::Transform { transform: "Normalize".into(), problem })
}

fn std_fault(mean: [f64; 3], std: [f64; 3]) -> Option<String> {
    if let Some(bad) = std.iter().find(|&&s| !(s.is_finite() && s as f32 != 0.0)) {
        return Some(format!("std holds {bad}: dividing by it gives no picture"));
    }
    let bad = mean.iter().find(|m| !m.is_finite())?;
    Some(format!("mean holds {bad}: it must be a number"))
}

/// The `f32` of every byte in every channel. A table of PyTorch's own results, computed in its order,
/// makes both transforms one pass and equal to it bit by bit.
#[derive(Clone)]
pub(super) struct ByteToFloat([[f32; 256]; 3]);

impl ByteToFloat {
    /// `ToTensor` alone: value / 255.
    pub(super) fn scaled() -> Self {
        ByteToFloat([std::array::from_fn(|value| value as f32 / 255.0); 3])
    }

    /// `ToTensor` then `Normalize`.
    fn normalized(mean: [f64; 3], std: [f64; 3]) -> Self {
        let ByteToFloat(mut tables) = Self::scaled();
        for (table, (mean, std)) in tables.iter_mut().zip(mean.into_iter().zip(std)) {
            for value in table {
                *value = (*value - mean as f32) / std as f32;
            }
        }
        ByteToFloat(tables)
    }

    /// The table of `transforms` where they are `ToTensor`, or `ToTensor` and `Normalize`.
    pub(super) fn of(transforms: &[Transform]) -> Option<Self> {
        match transforms {
            [to_tensor] => to_tensor.downcast_ref::<ToTensor>().map(|_| Self::scaled()),
            [to_tensor, normalize] => {
                to_tensor.downcast_ref::<ToTensor>()?;
                let normalize = normalize.downcast_ref::<Normalize>()?;
                Some(Self::normalized(normalize.mean, normalize.std))
            }
            _ => None,
        }
    }

    /// Appends `picture` to `out`, channel by channel.
    pub(super) fn append(&self, picture: &RgbImage, out: &mut Vec<f32>) {
        let pixels = picture.as_raw().as_chunks::<3>().0;
        out.reserve(pixels.len() * 3);
        for (channel, table) in self.0.iter().enumerate() {
            out.extend(pixels.iter().map(|pixel| table[usize::from(pixel[channel])]));
        }
    }

    /// `picture` as a tensor (3, H, W).
    pub(super) fn tensor(&self, picture: &RgbImage) -> Result<Tensor> {
        let mut values = Vec::new();
        self.append(picture, &mut values);
        let size = [3, i64::from(picture.height()), i64::from(picture.width())];
        Ok(Tensor::f_from_slice(&values)?.f_view(size)?)
    }
}

struct ToTensor;

impl TransformOp for ToTensor {
    fn apply(&self, sample: Sample, _: &mut Rng) -> Result<Sample> {
        if let Sample::Pictures(crops) = &sample {
            let tensors = crops.iter().map(picture_to_tensor).collect::<Result<Vec<_>>>()?;
            return Ok(Sample::Tensor(Tensor::f_stack(&tensors, 0)?));
        }
        let picture = Transform::picture(sample, "ToTensor")?;
        Ok(Sample::Tensor(picture_to_tensor(&picture)?))
    }

    fn is_deterministic(&self) -> bool {
        true
    }

    fn to_json(&self) -> Option<Value> {
        Some(step("ToTensor", json!({})))
    }
}

impl fmt::Display for ToTensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ToTensor()")
    }
}

struct Normalize {
    mean: [f64; 3],
    std: [f64; 3],
}

impl Transform {
    /// The mean and standard deviation of a `Normalize`.
    pub(crate) fn normalization(&self) -> Option<([f64; 3], [f64; 3])> {
        self.downcast_ref::<Normalize>().map(|normalize| (normalize.mean, normalize.std))
    }
}

impl TransformOp for Normalize {
    fn apply(&self, sample: Sample, _: &mut Rng) -> Result<Sample> {
        match sample {
            Sample::Tensor(tensor) => Ok(Sample::Tensor(normalize_tensor(&tensor, self.mean, self.std)?)),
            Sample::Picture(_) | Sample::Pictures(_) => Err(Error::Transform {
                transform: "Normalize".into(),
                problem: "works on tensors and was given a picture: put it after ToTensor()".into(),
            }),
        }
    }

    fn is_deterministic(&self) -> bool {
        true
    }

    fn fault(&self) -> Option<String> {
        std_fault(self.mean, self.std)
    }

    fn to_json(&self) -> Option<Value> {
        Some(step("Normalize", json!({ "mean": self.mean, "std": self.std })))
    }
}

impl fmt::Display for Normalize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Normalize(mean={}, std={})", py_list(&self.mean), py_list(&self.std))
    }
}

/// The `f32` values of a tensor in memory order, appended to `out`.
pub(crate) fn append_tensor(tensor: &Tensor, out: &mut Vec<f32>) -> Result<()> {
    let flat = tensor.f_to_kind(Kind::Float)?.f_contiguous()?;
    let start = out.len();
    let count = flat.numel();
    out.resize(start + count, 0.0);
    Ok(flat.f_copy_data(&mut out[start..], count)?)
}

#[cfg(test)]
mod tests {
    use super::super::{IMAGENET_MEAN, IMAGENET_STD};
    use super::*;

    /// The one-pass table and libtorch's own operations give the same bits.
    #[test]
    fn one_pass_is_two() {
        let picture = RgbImage::from_fn(16, 16, |x, y| {
            let value = (y * 16 + x) as u8;
            image::Rgb([value, 255 - value, value ^ 0x55])
        });
        let fused = ByteToFloat::normalized(IMAGENET_MEAN, IMAGENET_STD).tensor(&picture).unwrap();
        let bytes = Tensor::f_from_data_size(picture.as_raw(), &[16, 16, 3], Kind::Uint8).unwrap();
        let scaled = bytes.permute([2, 0, 1]).to_kind(Kind::Float) / 255.0;
        assert!(picture_to_tensor(&picture).unwrap().equal(&scaled));
        assert!(fused.equal(&normalize_tensor(&scaled, IMAGENET_MEAN, IMAGENET_STD).unwrap()));
        assert_eq!(fused.size(), [3, 16, 16]);
    }

    #[test]
    fn wrong_arguments() {
        assert!(normalize(IMAGENET_MEAN, [0.2, 0.0, 0.2]).check().is_err());
        assert!(normalize([f64::NAN; 3], IMAGENET_STD).check().is_err());
        let grey = Tensor::zeros([1, 4, 4], (Kind::Float, tch::Device::Cpu));
        assert!(normalize_tensor(&grey, IMAGENET_MEAN, IMAGENET_STD).is_err());
        let bytes = Tensor::zeros([3, 4, 4], (Kind::Uint8, tch::Device::Cpu));
        assert!(normalize_tensor(&bytes, IMAGENET_MEAN, IMAGENET_STD).is_err());
    }
}
