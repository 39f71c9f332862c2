//! `rotate` and `RandomRotation`.

use std::fmt;

use fastrand::Rng;
use image::RgbImage;
use pillow_pixels::RotateOptions;
use serde_json::Value;

use super::arguments::NumberOrRange;
use super::json::{Arguments, arguments, step};
use super::options::{Options, Setting};
use super::repr::{py_bool, py_colour, py_list, py_point};
use super::transform::{range_fault, uniform};
use super::{Interpolation, Sample, Transform, TransformOp};
use crate::{Error, Result};

/// torchvision's `RandomRotation(degrees)`: rotated counter-clockwise about the centre by an angle drawn evenly from
/// `[smallest, largest]`; of one number, by up to so many degrees either way. The size stays, what comes in at the
/// corners is black, and values between pixels are the nearest's.
///
/// Options: [`interpolation`](Transform::interpolation), [`expand`](Transform::expand),
/// [`center`](Transform::center), [`fill`](Transform::fill).
pub fn random_rotation(degrees: impl Into<NumberOrRange>) -> Transform {
    RandomRotation::by(degrees.into())
}

/// How [`functional::rotate`](super::functional::rotate) rotates, with torchvision's defaults.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RotationOptions {
    /// How values between pixels are computed. Default nearest.
    pub interpolation: Interpolation,
    /// Whether the result is as large as the whole turned picture needs. Default no: the size stays.
    pub expand: bool,
    /// What to turn about, [right, down] in pixels from the upper left corner. Default the middle.
    pub center: Option<[f64; 2]>,
    /// The colour of new areas. Default black.
    pub fill: [u8; 3],
}

impl Default for RotationOptions {
    fn default() -> Self {
        RotationOptions { interpolation: Interpolation::Nearest, expand: false, center: None, fill: [0; 3] }
    }
}

/// Rotated counter-clockwise by `angle` degrees: Pillow's `rotate(angle, interpolation, expand, center,
/// fillcolor=fill)`. By default about the centre, of the same size, by the nearest pixel, with black corners; half a
/// turn, and quarter turns of a square, are exact moves of pixels.
///
/// # Errors
/// When `angle` or the centre is not finite, or the expanded picture would have more than
/// [`MAX_IMAGE_PIXELS`](super::MAX_IMAGE_PIXELS).
pub fn rotate(picture: &RgbImage, angle: f64, options: RotationOptions) -> Result<RgbImage> {
    let error = |problem: String| Error::Transform { transform: "rotate".into(), problem };
    if !angle.is_finite() {
        return Err(error(format!("angle is {angle}: it must be a number of degrees")));
    }
    if let Some(fault) = center_fault(options.center) {
        return Err(error(fault));
    }
    let RotationOptions { interpolation, expand, center, fill } = options;
    let options = RotateOptions { resampling: interpolation.resampling(), expand, center, fill };
    pillow_pixels::rotate(picture, angle, options).map_err(|problem| error(problem.to_string()))
}

/// What is wrong with a centre, if anything.
pub(super) fn center_fault(center: Option<[f64; 2]>) -> Option<String> {
    let [x, y] = center.filter(|center| center.iter().any(|value| !value.is_finite()))?;
    Some(format!("center is [{x}, {y}]: it must be a place in pixels"))
}

#[derive(Clone)]
pub(super) struct RandomRotation {
    degrees: [f64; 2],
    options: RotationOptions,
    /// What is wrong with a `degrees` of one number.
    fault: Option<String>,
}

arguments!(RotationOptions { interpolation, expand, center, fill });
arguments!(RandomRotation { degrees, ..options } fault: None);

impl RandomRotation {
    fn by(degrees: NumberOrRange) -> Transform {
        let (degrees, fault) = degrees.either_way("degrees");
        Transform::with_options(RandomRotation { degrees, options: RotationOptions::default(), fault })
    }
}

impl Options for RandomRotation {
    fn set(&mut self, setting: Setting) -> bool {
        match setting {
            Setting::Interpolation(interpolation) => self.options.interpolation = interpolation,
            Setting::Expand(expand) => self.options.expand = expand,
            Setting::Center(center) => self.options.center = Some(center),
            Setting::Fill(fill) => self.options.fill = fill,
            _ => return false,
        }
        true
    }
}

impl TransformOp for RandomRotation {
    fn apply(&self, sample: Sample, rng: &mut Rng) -> Result<Sample> {
        let picture = Transform::picture(sample, "RandomRotation")?;
        let angle = uniform(rng, self.degrees[0], self.degrees[1]);
        Ok(Sample::Picture(rotate(&picture, angle, self.options)?))
    }

    fn fault(&self) -> Option<String> {
        self.fault
            .clone()
            .or_else(|| range_fault("degrees", self.degrees, f64::NEG_INFINITY))
            .or_else(|| center_fault(self.options.center))
    }

    fn to_json(&self) -> Option<Value> {
        Some(step("RandomRotation", self.arguments()))
    }
}

impl fmt::Display for RandomRotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RotationOptions { interpolation, expand, center, fill } = self.options;
        let center = center.map_or_else(String::new, |center| format!(", center={}", py_point(center)));
        write!(
            f,
            "RandomRotation(degrees={}, interpolation={interpolation}, expand={}{center}, fill={})",
            py_list(&self.degrees),
            py_bool(expand),
            py_colour(fill)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rotated(picture: &RgbImage, angle: f64) -> Result<RgbImage> {
        rotate(picture, angle, RotationOptions::default())
    }

    fn coordinates(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8 + 1, y as u8 + 1, 7]))
    }

    /// Counter-clockwise: the upper right corner goes to the upper left.
    #[test]
    fn quarter_turns_of_a_square() {
        let picture = coordinates(6, 6);
        let quarter = rotated(&picture, 90.0).unwrap();
        assert_eq!(quarter.get_pixel(0, 0), picture.get_pixel(5, 0));
        assert_eq!(rotated(&picture, -90.0).unwrap(), rotated(&picture, 270.0).unwrap());
        assert_eq!(rotated(&quarter, 270.0).unwrap(), picture);
        assert_eq!(rotated(&quarter, 90.0).unwrap(), rotated(&picture, 180.0).unwrap());
        assert_eq!(rotated(&picture, 720.0).unwrap(), picture);
    }

    /// A quarter turn of an oblong picture keeps its size: the ends are cut off, the sides are black.
    #[test]
    fn quarter_turn_of_an_oblong() {
        let out = rotated(&coordinates(6, 4), 90.0).unwrap();
        assert_eq!(out.dimensions(), (6, 4));
        assert_eq!(out.get_pixel(0, 0).0, [0, 0, 0]);
        assert_eq!(out.get_pixel(1, 0).0, [5, 1, 7]);
    }

    #[test]
    fn what_cannot_be_is_an_error() {
        assert!(rotated(&coordinates(2, 2), f64::INFINITY).is_err());
        assert!(random_rotation(-1.0).check().is_err());
        assert!(random_rotation(f64::NAN).check().is_err());
    }
}
