//! `RandomHorizontalFlip` and `RandomVerticalFlip`.

use std::fmt;

use fastrand::Rng;
use image::RgbImage;
use pillow_pixels::ops;
use serde_json::{Value, json};

use super::json::step;
use super::repr::PyFloat;
use super::transform::probability_fault;
use super::{Sample, Transform, TransformOp};
use crate::Result;

/// torchvision's `RandomHorizontalFlip(p)`: left and right are exchanged with probability `p`.
pub fn random_horizontal_flip(p: f64) -> Transform {
    Transform::new(RandomFlip { axis: Axis::Horizontal, p })
}

/// torchvision's `RandomVerticalFlip(p)`: top and bottom are exchanged with probability `p`.
pub fn random_vertical_flip(p: f64) -> Transform {
    Transform::new(RandomFlip { axis: Axis::Vertical, p })
}

/// Left and right exchanged.
pub fn hflip(picture: &RgbImage) -> RgbImage {
    let mut out = picture.clone();
    ops::mirror(&mut out);
    out
}

/// Top and bottom exchanged.
pub fn vflip(picture: &RgbImage) -> RgbImage {
    let mut out = picture.clone();
    ops::flip(&mut out);
    out
}

enum Axis {
    Horizontal,
    Vertical,
}

struct RandomFlip {
    axis: Axis,
    p: f64,
}

impl RandomFlip {
    fn name(&self) -> &'static str {
        match self.axis {
            Axis::Horizontal => "RandomHorizontalFlip",
            Axis::Vertical => "RandomVerticalFlip",
        }
    }
}

impl TransformOp for RandomFlip {
    fn apply(&self, sample: Sample, rng: &mut Rng) -> Result<Sample> {
        let mut picture = Transform::picture(sample, self.name())?;
        if rng.f64() < self.p {
            match self.axis {
                Axis::Horizontal => ops::mirror(&mut picture),
                Axis::Vertical => ops::flip(&mut picture),
            }
        }
        Ok(Sample::Picture(picture))
    }

    fn fault(&self) -> Option<String> {
        probability_fault(self.p)
    }

    fn to_json(&self) -> Option<Value> {
        Some(step(self.name(), json!({ "p": self.p })))
    }
}

impl fmt::Display for RandomFlip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(p={})", self.name(), PyFloat(self.p))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flips() {
        let picture = RgbImage::from_fn(3, 5, |x, y| image::Rgb([x as u8, y as u8, 1]));
        let across = hflip(&picture);
        let down = vflip(&picture);
        for (x, y, pixel) in picture.enumerate_pixels() {
            assert_eq!(across.get_pixel(2 - x, y), pixel);
            assert_eq!(down.get_pixel(x, 4 - y), pixel);
        }
    }

    #[test]
    fn chance_is_p() {
        let picture = RgbImage::from_fn(2, 1, |x, _| image::Rgb([x as u8, 0, 0]));
        let mut rng = Rng::with_seed(0);
        for (p, range) in [(0.0, 0..=0), (0.25, 200..=300), (1.0, 1000..=1000)] {
            let flip = random_horizontal_flip(p);
            let flipped = (0..1000)
                .filter(|_| match flip.apply(Sample::Picture(picture.clone()), &mut rng) {
                    Ok(Sample::Picture(out)) => out != picture,
                    other => panic!("{other:?}"),
                })
                .count();
            assert!(range.contains(&flipped), "p={p}: {flipped} of 1000");
        }
    }
}
