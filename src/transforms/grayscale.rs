//! `to_grayscale` and `RandomGrayscale`.

use std::fmt;

use fastrand::Rng;
use image::RgbImage;

use super::repr::PyFloat;
use super::transform::probability_fault;
use super::{Sample, Transform, TransformOp};
use crate::Result;

/// torchvision's `RandomGrayscale(p)`: grey with probability `p`, still with three (equal) channels.
pub fn random_grayscale(p: f64) -> Transform {
    Transform::new(RandomGrayscale { p })
}

/// Grey, with three equal channels: torchvision's `to_grayscale(picture, num_output_channels=3)`.
pub fn to_grayscale(picture: &RgbImage) -> RgbImage {
    let mut out = picture.clone();
    grayscale_in_place(&mut out);
    out
}

fn grayscale_in_place(picture: &mut RgbImage) {
    let pixels: &mut [u8] = picture;
    for pixel in pixels.as_chunks_mut().0 {
        *pixel = [luma(*pixel); 3];
    }
}

/// Pillow's `convert("L")`: ITU-R 601-2 in 16-bit fixed point, rounded.
pub(super) fn luma([red, green, blue]: [u8; 3]) -> u8 {
    ((u32::from(red) * 19595 + u32::from(green) * 38470 + u32::from(blue) * 7471 + 0x8000) >> 16) as u8
}

struct RandomGrayscale {
    p: f64,
}

impl TransformOp for RandomGrayscale {
    fn apply(&self, sample: Sample, rng: &mut Rng) -> Result<Sample> {
        let mut picture = Transform::picture(sample, "RandomGrayscale")?;
        if rng.f64() < self.p {
            grayscale_in_place(&mut picture);
        }
        Ok(Sample::Picture(picture))
    }

    fn fault(&self) -> Option<String> {
        probability_fault(self.p)
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

    /// Expected: Pillow's `Image.new("RGB", (1, 1), colour).convert("L")`.
    #[test]
    fn luma_of_colours() {
        for (colour, expected) in
            [([255, 0, 0], 76), ([0, 255, 0], 150), ([0, 0, 255], 29), ([255, 255, 255], 255), ([1, 2, 3], 2)]
        {
            assert_eq!(luma(colour), expected, "{colour:?}");
        }
    }
}
