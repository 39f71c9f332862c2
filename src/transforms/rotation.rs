//! `rotate` and `RandomRotation`.

use std::fmt;

use fastrand::Rng;
use image::RgbImage;

use super::nearest::{Matrix, nearest};
use super::repr::PyFloat;
use super::transform::uniform;
use super::{Sample, Transform, TransformOp};
use crate::{Error, Result};

/// torchvision's `RandomRotation(degrees)`: turned about the centre by up to `degrees` either way. The
/// size stays, what comes in at the corners is black.
pub fn random_rotation(degrees: f64) -> Transform {
    Transform::new(RandomRotation { degrees })
}

/// Turned counter-clockwise by `angle` degrees about the centre; same size, nearest neighbour, black
/// corners. Equal to Pillow's `rotate(angle, NEAREST)`: half a turn, and quarter turns of a square, are
/// exact moves of pixels.
///
/// # Errors
/// When `angle` is not finite.
pub fn rotate(picture: &RgbImage, angle: f64) -> Result<RgbImage> {
    if !angle.is_finite() {
        let problem = format!("angle is {angle}: it must be a number of degrees");
        return Err(Error::Transform { transform: "rotate".into(), problem });
    }
    let angle = angle.rem_euclid(360.0);
    let square = picture.width() == picture.height();
    Ok(if angle == 0.0 {
        picture.clone()
    } else if angle == 180.0 {
        half_turn(picture)
    } else if angle == 90.0 && square {
        image::imageops::rotate270(picture)
    } else if angle == 270.0 && square {
        image::imageops::rotate90(picture)
    } else {
        nearest(picture, rotation_matrix(picture, angle))
    })
}

fn half_turn(picture: &RgbImage) -> RgbImage {
    let mut out = picture.clone();
    let pixels: &mut [u8] = &mut out;
    pixels.as_chunks_mut::<3>().0.reverse();
    out
}

/// Pillow's matrix from output to input; its sines and cosines are rounded to 15 decimals.
fn rotation_matrix(picture: &RgbImage, angle: f64) -> Matrix {
    let (x, y) = (f64::from(picture.width()) / 2.0, f64::from(picture.height()) / 2.0);
    let angle = -angle.to_radians();
    let (cos, sin) = (fifteen_decimals(angle.cos()), fifteen_decimals(angle.sin()));
    let negative_sin = fifteen_decimals(-angle.sin());
    [cos, sin, cos * -x + sin * -y + 0.0 + x, negative_sin, cos, negative_sin * -x + cos * -y + 0.0 + y]
}

/// Python's `round(value, 15)`.
fn fifteen_decimals(value: f64) -> f64 {
    format!("{value:.15}").parse().unwrap_or(value)
}

struct RandomRotation {
    degrees: f64,
}

impl TransformOp for RandomRotation {
    fn apply(&self, sample: Sample, rng: &mut Rng) -> Result<Sample> {
        let picture = Transform::picture(sample, "RandomRotation")?;
        let angle = uniform(rng, -self.degrees, self.degrees);
        Ok(Sample::Picture(rotate(&picture, angle)?))
    }

    fn fault(&self) -> Option<String> {
        let good = self.degrees >= 0.0 && self.degrees.is_finite();
        (!good).then(|| format!("degrees is {}: it must be 0 or more", self.degrees))
    }
}

impl fmt::Display for RandomRotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (low, high) = (PyFloat(-self.degrees), PyFloat(self.degrees));
        write!(f, "RandomRotation(degrees=[{low}, {high}], interpolation=nearest, expand=False, fill=0)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coordinates(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8 + 1, y as u8 + 1, 7]))
    }

    /// Counter-clockwise: the upper right corner goes to the upper left.
    #[test]
    fn quarter_turns_of_a_square() {
        let picture = coordinates(6, 6);
        let quarter = rotate(&picture, 90.0).unwrap();
        assert_eq!(quarter.get_pixel(0, 0), picture.get_pixel(5, 0));
        assert_eq!(rotate(&picture, -90.0).unwrap(), rotate(&picture, 270.0).unwrap());
        assert_eq!(rotate(&quarter, 270.0).unwrap(), picture);
        assert_eq!(rotate(&quarter, 90.0).unwrap(), rotate(&picture, 180.0).unwrap());
        assert_eq!(rotate(&picture, 720.0).unwrap(), picture);
    }

    /// A quarter turn of an oblong picture keeps its size: the ends are cut off, the sides are black.
    #[test]
    fn quarter_turn_of_an_oblong() {
        let out = rotate(&coordinates(6, 4), 90.0).unwrap();
        assert_eq!(out.dimensions(), (6, 4));
        assert_eq!(out.get_pixel(0, 0).0, [0, 0, 0]);
        assert_eq!(out.get_pixel(1, 0).0, [5, 1, 7]);
    }

    #[test]
    fn what_cannot_be_is_an_error() {
        assert!(rotate(&coordinates(2, 2), f64::INFINITY).is_err());
        assert!(random_rotation(-1.0).check().is_err());
        assert!(random_rotation(f64::NAN).check().is_err());
    }
}
