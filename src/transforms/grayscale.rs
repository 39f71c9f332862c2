//! `Grayscale` and `RandomGrayscale`.

use std::fmt;

use fastrand::Rng;
use image::RgbImage;
use pillow_pixels::ops;
use serde_json::{Value, json};

use super::json::{Args, step};
use super::repr::PyFloat;
use super::transform::probability_fault;
use super::{Sample, Transform, TransformOp};
use crate::{Error, Result};

/// torchvision's `RandomGrayscale(p)`: grey with probability `p`, still with three (equal) channels.
pub fn random_grayscale(p: f64) -> Transform {
    Transform::new(RandomGrayscale { p })
}

/// torchvision's `Grayscale(num_output_channels=3)`: grey, still with three (equal) channels.
pub fn grayscale() -> Transform {
    Transform::new(Grayscale)
}

/// Grey, with three equal channels: torchvision's `to_grayscale(picture, num_output_channels=3)`.
pub fn to_grayscale(picture: &RgbImage) -> RgbImage {
    let mut out = picture.clone();
    ops::grayscale(&mut out);
    out
}

struct Grayscale;

pub(super) fn from_json(args: &mut Args) -> Result<Transform> {
    match args.take::<i64>("num_output_channels")? {
        3 => Ok(grayscale()),
        other => Err(Error::Transform {
            transform: "Grayscale".into(),
            problem: format!("num_output_channels is {other}: pictures have 3 here"),
        }),
    }
}

impl TransformOp for Grayscale {
    fn apply(&self, sample: Sample, _: &mut Rng) -> Result<Sample> {
        let mut picture = Transform::picture(sample, "Grayscale")?;
        ops::grayscale(&mut picture);
        Ok(Sample::Picture(picture))
    }

    fn is_deterministic(&self) -> bool {
        true
    }

    fn to_json(&self) -> Option<Value> {
        Some(step("Grayscale", json!({ "num_output_channels": 3 })))
    }
}

impl fmt::Display for Grayscale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Grayscale(num_output_channels=3)")
    }
}

struct RandomGrayscale {
    p: f64,
}

impl TransformOp for RandomGrayscale {
    fn apply(&self, sample: Sample, rng: &mut Rng) -> Result<Sample> {
        let mut picture = Transform::picture(sample, "RandomGrayscale")?;
        if rng.f64() < self.p {
            ops::grayscale(&mut picture);
        }
        Ok(Sample::Picture(picture))
    }

    fn fault(&self) -> Option<String> {
        probability_fault(self.p)
    }

    fn to_json(&self) -> Option<Value> {
        Some(step("RandomGrayscale", json!({ "p": self.p })))
    }
}

impl fmt::Display for RandomGrayscale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RandomGrayscale(p={})", PyFloat(self.p))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grey_has_three_equal_channels() {
        let picture = RgbImage::from_pixel(2, 1, image::Rgb([0, 255, 0]));
        assert_eq!(to_grayscale(&picture).into_raw(), [150; 6]);
    }
}
