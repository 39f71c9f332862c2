//! `RandomErasing`: a rectangle of a tensor replaced.

use std::fmt;

use fastrand::Rng;
use serde_json::Value;
use tch::{Kind, Tensor};

use super::json::{Arguments, arguments, step};
use super::options::{Options, Setting};
use super::repr::{PyFloat, py_list, py_tuple};
use super::size::round_half_even;
use super::transform::{probability_fault, range_fault, uniform};
use super::{Sample, Transform, TransformOp};
use crate::{Error, Result};

/// torchvision's `RandomErasing(p)`: after `to_tensor()`, a rectangle of 2 % to 33 % of the area becomes 0 with
/// probability `p`. "Random Erasing Data Augmentation", <https://arxiv.org/abs/1708.04896>.
///
/// Options: [`scale`](Transform::scale), [`ratio`](Transform::ratio), [`value`](Transform::value).
pub fn random_erasing(p: f64) -> Transform {
    Transform::with_options(RandomErasing::with_probability(p))
}

/// The replacement for the erased part.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Erased {
    /// One number.
    Value(f64),
    /// A number for each of red, green and blue.
    Colour([f64; 3]),
    /// Noise: every value drawn from the standard normal distribution.
    Random,
}

impl From<f64> for Erased {
    fn from(value: f64) -> Self {
        Erased::Value(value)
    }
}

impl From<i32> for Erased {
    fn from(value: i32) -> Self {
        Erased::Value(value.into())
    }
}

impl From<[f64; 3]> for Erased {
    fn from(colour: [f64; 3]) -> Self {
        Erased::Colour(colour)
    }
}

/// The rectangle [top, left, height, width] of a tensor (…, C, H, W) replaced by `value`, which must go over
/// it: a number, (C, 1, 1) or (C, height, width). Gives a new tensor.
///
/// # Errors
/// When the rectangle does not lie within, or the value does not fit.
pub fn erase(tensor: &Tensor, part: [i64; 4], value: &Tensor) -> Result<Tensor> {
    let [top, left, height, width] = part;
    let size = tensor.size();
    let inside = match size[..] {
        [.., h, w] if size.len() >= 3 => {
            top >= 0 && left >= 0 && height >= 0 && width >= 0 && top <= h - height && left <= w - width
        }
        _ => false,
    };
    if !inside {
        let problem = format!("[top, left, height, width] = {part:?} is not within a tensor of {size:?}");
        return Err(Error::Transform { transform: "erase".into(), problem });
    }
    let out = tensor.f_detach_copy()?;
    let mut hole = out.f_narrow(-2, top, height)?.f_narrow(-1, left, width)?;
    hole.f_copy_(&value.f_to_kind(tensor.kind())?.f_expand_as(&hole)?)?;
    Ok(out)
}

#[derive(Clone)]
pub(super) struct RandomErasing {
    p: f64,
    scale: [f64; 2],
    ratio: [f64; 2],
    value: Erased,
}

arguments!(RandomErasing { p, scale, ratio, value });

impl Options for RandomErasing {
    fn set(&mut self, setting: Setting) -> bool {
        match setting {
            Setting::Scale(scale) => self.scale = scale,
            Setting::Ratio(ratio) => self.ratio = ratio,
            Setting::Value(value) => self.value = value,
            _ => return false,
        }
        true
    }
}

impl RandomErasing {
    /// With torchvision's defaults.
    fn with_probability(p: f64) -> Self {
        RandomErasing { p, scale: [0.02, 0.33], ratio: [0.3, 3.3], value: Erased::Value(0.0) }
    }

    /// [top, left, height, width], or nothing where no rectangle was found in ten tries: torchvision's
    /// `get_params`.
    fn draw(&self, height: i64, width: i64, rng: &mut Rng) -> Option<[i64; 4]> {
        let RandomErasing { scale, ratio: [lowest, highest], .. } = *self;
        let area = (height * width) as f64;
        for _ in 0..10 {
            let erased = area * uniform(rng, scale[0], scale[1]);
            let ratio = uniform(rng, lowest.ln(), highest.ln()).exp();
            let h = round_half_even((erased * ratio).sqrt());
            let w = round_half_even((erased / ratio).sqrt());
            if h < height && w < width {
                return Some([rng.i64(0..=height - h), rng.i64(0..=width - w), h, w]);
            }
        }
        None
    }

    fn value(&self, channels: i64, height: i64, width: i64, rng: &mut Rng) -> Result<Tensor> {
        Ok(match self.value {
            Erased::Value(value) => Tensor::f_from_slice(&[value as f32])?,
            Erased::Colour(colour) if channels == 3 => {
                Tensor::f_from_slice(&colour.map(|value| value as f32))?.f_view([3, 1, 1])?
            }
            Erased::Colour(_) => {
                let problem = format!("value has a number for each of 3 channels, the tensor has {channels}");
                return Err(Error::Transform { transform: "RandomErasing".into(), problem });
            }
            Erased::Random => {
                let count = (channels * height * width) as usize;
                let noise: Vec<f32> = (0..count).map(|_| normal(rng)).collect();
                Tensor::f_from_slice(&noise)?.f_view([channels, height, width])?
            }
        })
    }
}

/// A number of the standard normal distribution (Box and Muller 1958).
fn normal(rng: &mut Rng) -> f32 {
    let radius = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
    (radius * (std::f64::consts::TAU * rng.f64()).cos()) as f32
}

impl TransformOp for RandomErasing {
    fn apply(&self, sample: Sample, rng: &mut Rng) -> Result<Sample> {
        let error = |problem: String| Error::Transform { transform: "RandomErasing".into(), problem };
        let Sample::Tensor(tensor) = sample else {
            return Err(error("works on tensors and was given a picture: put it after ToTensor()".into()));
        };
        let (channels, height, width) = match tensor.size()[..] {
            [.., c, h, w] if tensor.kind() == Kind::Float => (c, h, w),
            ref size => return Err(error(format!("the tensor is {:?} of {size:?}", tensor.kind()))),
        };
        if rng.f64() >= self.p {
            return Ok(Sample::Tensor(tensor));
        }
        let Some(part) = self.draw(height, width, rng) else { return Ok(Sample::Tensor(tensor)) };
        let value = self.value(channels, part[2], part[3], rng)?;
        Ok(Sample::Tensor(erase(&tensor, part, &value)?))
    }

    fn fault(&self) -> Option<String> {
        let RandomErasing { scale, ratio, value, .. } = *self;
        let most = (scale[1] > 1.0).then(|| format!("scale holds {}: a share is at most 1", scale[1]));
        let bad = match value {
            Erased::Value(value) => !value.is_finite(),
            Erased::Colour(values) => values.iter().any(|value| !value.is_finite()),
            Erased::Random => false,
        };
        probability_fault(self.p)
            .or_else(|| range_fault("scale", scale, 0.0))
            .or(most)
            .or_else(|| range_fault("ratio", ratio, f64::MIN_POSITIVE))
            .or_else(|| bad.then(|| "value must be finite".to_string()))
    }

    fn to_json(&self) -> Option<Value> {
        Some(step("RandomErasing", self.arguments()))
    }
}

impl fmt::Display for RandomErasing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RandomErasing { p, scale, ratio, value } = *self;
        let value = match value {
            Erased::Value(value) if value.fract() == 0.0 => format!("{value:.0}"),
            Erased::Value(value) => PyFloat(value).to_string(),
            Erased::Colour(values) => py_list(&values),
            Erased::Random => "random".into(),
        };
        let (p, scale, ratio) = (PyFloat(p), py_tuple(&scale), py_tuple(&ratio));
        write!(f, "RandomErasing(p={p}, scale={scale}, ratio={ratio}, value={value}, inplace=False)")
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;

    #[test]
    fn a_rectangle_is_erased() {
        let tensor = Tensor::ones([3, 10, 12], (Kind::Float, Device::Cpu));
        let out =
            erase(&tensor, [2, 3, 4, 5], &Tensor::from_slice(&[0f32, 5.0, 7.0]).view([3, 1, 1])).unwrap();
        assert_eq!(out.double_value(&[1, 2, 3]), 5.0);
        assert_eq!(out.double_value(&[2, 5, 7]), 7.0);
        assert_eq!(out.double_value(&[2, 6, 7]), 1.0);
        assert_eq!(out.narrow(0, 0, 1).sum(Kind::Float).double_value(&[]), 120.0 - 20.0);
        assert_eq!(tensor.sum(Kind::Float).double_value(&[]), 360.0);
        for part in [[-1, 0, 2, 2], [8, 0, 3, 2], [0, 11, 1, 2], [0, 0, i64::MAX, 1], [0, 0, 1, -1]] {
            assert!(erase(&tensor, part, &Tensor::from_slice(&[0f32])).is_err(), "{part:?}");
        }
    }

    /// The probability is p, the shares and ratios lie in their ranges, and noise is standard
    /// normal.
    #[test]
    fn draws() {
        let mut rng = Rng::with_seed(8);
        let erasing = RandomErasing::with_probability(0.25);
        let tensor = Tensor::ones([3, 20, 20], (Kind::Float, Device::Cpu));
        let erased = (0..1000)
            .filter(|_| match erasing.apply(Sample::Tensor(tensor.shallow_clone()), &mut rng) {
                Ok(Sample::Tensor(out)) => !out.equal(&tensor),
                other => panic!("{other:?}"),
            })
            .count();
        assert!((200..=300).contains(&erased), "{erased}");
        for _ in 0..1000 {
            let [top, left, h, w] = erasing.draw(100, 100, &mut rng).unwrap();
            assert!(top + h <= 100 && left + w <= 100);
            assert!((150..=3450).contains(&(h * w)), "{h} x {w}");
        }
        let noise: Vec<f64> = (0..20_000).map(|_| f64::from(normal(&mut rng))).collect();
        let mean = noise.iter().sum::<f64>() / 20_000.0;
        let variance = noise.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
    }

    /// Expected: torchvision 0.28.
    #[test]
    fn prints_as_torchvision() {
        assert_eq!(
            random_erasing(0.5).to_string(),
            "RandomErasing(p=0.5, scale=(0.02, 0.33), ratio=(0.3, 3.3), value=0, inplace=False)"
        );
        assert!(random_erasing(2.0).check().is_err());
    }
}
