//! Lookup tables for bytes: invert, posterize, solarize, autocontrast, equalize.

use std::fmt;

use fastrand::Rng;
use image::RgbImage;
use pillow_pixels::ops;
use serde_json::{Value, json};

use super::json::step;
use super::repr::PyFloat;
use super::transform::probability_fault;
use super::{Sample, Transform, TransformOp};
use crate::{Error, Result};

/// torchvision's `RandomInvert(p)`: the negative, with probability `p`.
pub fn random_invert(p: f64) -> Transform {
    Transform::new(RandomTableOp { op: TableOp::Invert, p })
}

/// torchvision's `RandomPosterize(bits, p)`: only the upper `bits` (1..=8) bits of each byte are kept, with
/// probability `p`.
pub fn random_posterize(bits: i64, p: f64) -> Transform {
    Transform::new(RandomTableOp { op: TableOp::Posterize { bits }, p })
}

/// torchvision's `RandomSolarize(threshold, p)`: bytes not below `threshold` (0..=255 and beyond) are
/// inverted, with probability `p`.
pub fn random_solarize(threshold: f64, p: f64) -> Transform {
    Transform::new(RandomTableOp { op: TableOp::Solarize { threshold }, p })
}

/// torchvision's `RandomAutocontrast(p)`: each channel stretched to 0..=255, with probability `p`.
pub fn random_autocontrast(p: f64) -> Transform {
    Transform::new(RandomTableOp { op: TableOp::Autocontrast, p })
}

/// torchvision's `RandomEqualize(p)`: the histogram of each channel made even, with probability `p`.
pub fn random_equalize(p: f64) -> Transform {
    Transform::new(RandomTableOp { op: TableOp::Equalize, p })
}

/// The negative.
pub fn invert(picture: &RgbImage) -> RgbImage {
    changed(picture, TableOp::Invert)
}

/// Only the upper `bits` bits of each byte.
///
/// # Errors
/// When `bits` is not in 1..=8.
pub fn posterize(picture: &RgbImage, bits: i64) -> Result<RgbImage> {
    let op = TableOp::Posterize { bits };
    match op.fault() {
        Some(problem) => Err(Error::Transform { transform: "posterize".into(), problem }),
        None => Ok(changed(picture, op)),
    }
}

/// Bytes not below `threshold` inverted.
pub fn solarize(picture: &RgbImage, threshold: f64) -> RgbImage {
    changed(picture, TableOp::Solarize { threshold })
}

/// Each channel stretched so that its darkest byte becomes 0 and its lightest 255.
pub fn autocontrast(picture: &RgbImage) -> RgbImage {
    changed(picture, TableOp::Autocontrast)
}

/// The histogram of each channel made even.
pub fn equalize(picture: &RgbImage) -> RgbImage {
    changed(picture, TableOp::Equalize)
}

fn changed(picture: &RgbImage, op: TableOp) -> RgbImage {
    let mut out = picture.clone();
    op.apply(&mut out);
    out
}

/// What is done to every byte.
#[derive(Clone, Copy)]
enum TableOp {
    Invert,
    Posterize { bits: i64 },
    Solarize { threshold: f64 },
    Autocontrast,
    Equalize,
}

impl TableOp {
    fn apply(self, picture: &mut RgbImage) {
        match self {
            TableOp::Invert => ops::invert(picture),
            TableOp::Posterize { bits } => ops::posterize(picture, bits.clamp(1, 8) as u32),
            TableOp::Solarize { threshold } => ops::solarize(picture, threshold),
            TableOp::Autocontrast => ops::autocontrast(picture),
            TableOp::Equalize => ops::equalize(picture),
        }
    }

    fn fault(self) -> Option<String> {
        match self {
            TableOp::Posterize { bits } if !(1..=8).contains(&bits) => {
                Some(format!("bits is {bits}: it must be 1 to 8"))
            }
            TableOp::Solarize { threshold } if !threshold.is_finite() => {
                Some(format!("threshold is {threshold}: it must be a number"))
            }
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            TableOp::Invert => "RandomInvert",
            TableOp::Posterize { .. } => "RandomPosterize",
            TableOp::Solarize { .. } => "RandomSolarize",
            TableOp::Autocontrast => "RandomAutocontrast",
            TableOp::Equalize => "RandomEqualize",
        }
    }
}

struct RandomTableOp {
    op: TableOp,
    p: f64,
}

impl TransformOp for RandomTableOp {
    fn apply(&self, sample: Sample, rng: &mut Rng) -> Result<Sample> {
        let mut picture = Transform::picture(sample, self.op.name())?;
        if rng.f64() < self.p {
            self.op.apply(&mut picture);
        }
        Ok(Sample::Picture(picture))
    }

    fn fault(&self) -> Option<String> {
        self.op.fault().or_else(|| probability_fault(self.p))
    }

    fn to_json(&self) -> Option<Value> {
        let arguments = match self.op {
            TableOp::Posterize { bits } => json!({ "bits": bits, "p": self.p }),
            TableOp::Solarize { threshold } => json!({ "threshold": threshold, "p": self.p }),
            _ => json!({ "p": self.p }),
        };
        Some(step(self.op.name(), arguments))
    }
}

impl fmt::Display for RandomTableOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, p) = (self.op.name(), PyFloat(self.p));
        // torchvision leaves out the space here.
        match self.op {
            TableOp::Posterize { bits } => write!(f, "{name}(bits={bits},p={p})"),
            TableOp::Solarize { threshold } => write!(f, "{name}(threshold={},p={p})", PyFloat(threshold)),
            _ => write!(f, "{name}(p={p})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected: Pillow's `ImageOps`, on the pixels (200, 100, 50) and (10, 20, 30).
    #[test]
    fn two_pixels() {
        let picture = RgbImage::from_raw(2, 1, vec![200, 100, 50, 10, 20, 30]).unwrap();
        assert_eq!(invert(&picture).into_raw(), [55, 155, 205, 245, 235, 225]);
        assert_eq!(posterize(&picture, 2).unwrap().into_raw(), [192, 64, 0, 0, 0, 0]);
        assert_eq!(posterize(&picture, 8).unwrap(), picture);
        assert_eq!(solarize(&picture, 100.0).into_raw(), [55, 155, 50, 10, 20, 30]);
        assert_eq!(autocontrast(&picture).into_raw(), [255, 255, 255, 0, 0, 0]);
        assert_eq!(equalize(&picture), picture);
    }

    #[test]
    fn what_cannot_be_is_an_error() {
        assert!(posterize(&RgbImage::new(1, 1), 0).is_err());
        assert!(random_posterize(9, 0.5).check().is_err());
        assert!(random_solarize(f64::NAN, 0.5).check().is_err());
        assert!(random_invert(1.1).check().is_err());
        assert_eq!(equalize(&RgbImage::new(0, 0)).dimensions(), (0, 0));
    }

    /// Expected: torchvision 0.28.
    #[test]
    fn prints_as_torchvision() {
        assert_eq!(random_posterize(2, 0.5).to_string(), "RandomPosterize(bits=2,p=0.5)");
        assert_eq!(random_solarize(192.0, 0.5).to_string(), "RandomSolarize(threshold=192.0,p=0.5)");
        assert_eq!(random_equalize(1.0).to_string(), "RandomEqualize(p=1.0)");
    }
}
