//! `affine` and `RandomAffine`.

use std::fmt;

use fastrand::Rng;
use image::RgbImage;
use pillow_pixels::{Map, transform};
use serde_json::Value;

use super::arguments::{NumberOrRange, Shear};
use super::json::{Arguments, arguments, step};
use super::options::{Options, Setting};
use super::repr::{py_colour, py_list, py_point, py_tuple};
use super::rotation::center_fault;
use super::size::round_half_even;
use super::transform::{range_fault, uniform};
use super::{Interpolation, Sample, Transform, TransformOp};
use crate::{Error, Result};

/// torchvision's `RandomAffine(degrees)`: rotated by an angle drawn evenly from `[smallest, largest]` degrees; a
/// single number means up to that many either way. The options shift, scale and shear the picture too. New areas are
/// black.
///
/// Options: [`translate`](Transform::translate), [`scale`](Transform::scale), [`shear`](Transform::shear),
/// [`interpolation`](Transform::interpolation), [`fill`](Transform::fill), [`center`](Transform::center).
pub fn random_affine(degrees: impl Into<NumberOrRange>) -> Transform {
    Transform::with_options(RandomAffine::by(degrees.into()))
}

/// What [`functional::affine`](super::functional::affine) does to a picture: torchvision's arguments of `affine`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    /// Turned clockwise by so many degrees. Default 0.
    pub angle: f64,
    /// Shifted by [right, down] pixels. Default none.
    pub translate: [i64; 2],
    /// Scaled, above 0. Default 1.
    pub scale: f64,
    /// Sheared by [x, y] degrees. Default none.
    pub shear: [f64; 2],
    /// How values between pixels are computed. Default nearest.
    pub interpolation: Interpolation,
    /// The colour of new areas. Default black.
    pub fill: [u8; 3],
    /// What to turn, scale and shear about, [right, down] in pixels. Default the middle.
    pub center: Option<[f64; 2]>,
}

impl Default for Affine {
    fn default() -> Self {
        Affine {
            angle: 0.0,
            translate: [0, 0],
            scale: 1.0,
            shear: [0.0, 0.0],
            interpolation: Interpolation::Nearest,
            fill: [0; 3],
            center: None,
        }
    }
}

/// Rotated about the centre (clockwise, unlike [`rotate`](super::functional::rotate)), scaled, sheared and then shifted:
/// Pillow's arithmetic behind torchvision's `affine`.
///
/// # Errors
/// When the scale is not above 0 or a number is not finite.
pub fn affine(picture: &RgbImage, how: Affine) -> Result<RgbImage> {
    let Affine { angle, translate, scale, shear, interpolation, fill, center } = how;
    let problem = if !(scale > 0.0 && scale.is_finite()) {
        format!("scale is {scale}: it must be above 0")
    } else if let Some(bad) = [angle, shear[0], shear[1]].iter().find(|value| !value.is_finite()) {
        format!("an angle is {bad}: it must be a number of degrees")
    } else if let Some(fault) = center_fault(center) {
        fault
    } else {
        let middle = [f64::from(picture.width()) * 0.5, f64::from(picture.height()) * 0.5];
        let center = center.unwrap_or(middle);
        let matrix = inverse_matrix(center, angle, translate.map(|t| t as f64), scale, shear);
        let size = picture.dimensions();
        match transform(picture, size, Map::Affine(matrix), interpolation.resampling(), fill) {
            Ok(out) => return Ok(out),
            Err(error) => error.to_string(),
        }
    };
    Err(Error::Transform { transform: "affine".into(), problem })
}

/// The inverse of M = T · C · R(angle) · S(scale) · SHy · SHx · C⁻¹, with T the shift and C the centre:
/// torchvision's `_get_inverse_affine_matrix`, operation by operation so that roundings agree.
fn inverse_matrix(
    center: [f64; 2],
    angle: f64,
    translate: [f64; 2],
    scale: f64,
    shear: [f64; 2],
) -> [f64; 6] {
    let rot = angle.to_radians();
    let (sx, sy) = (shear[0].to_radians(), shear[1].to_radians());
    let a = (rot - sy).cos() / sy.cos();
    let b = -(rot - sy).cos() * sx.tan() / sy.cos() - rot.sin();
    let c = (rot - sy).sin() / sy.cos();
    let d = -(rot - sy).sin() * sx.tan() / sy.cos() + rot.cos();
    let mut m = [d, -b, 0.0, -c, a, 0.0].map(|value| value / scale);
    let (x, y) = (-center[0] - translate[0], -center[1] - translate[1]);
    m[2] += m[0] * x + m[1] * y;
    m[5] += m[3] * x + m[4] * y;
    m[2] += center[0];
    m[5] += center[1];
    m
}

#[derive(Clone)]
pub(super) struct RandomAffine {
    degrees: [f64; 2],
    translate: Option<[f64; 2]>,
    scale: Option<[f64; 2]>,
    shear: Option<Shear>,
    interpolation: Interpolation,
    fill: [u8; 3],
    center: Option<[f64; 2]>,
    /// What is wrong with a `degrees` of one number.
    fault: Option<String>,
}

arguments!(RandomAffine { degrees, translate, scale, shear, interpolation, fill, center } fault: None);

impl Options for RandomAffine {
    fn set(&mut self, setting: Setting) -> bool {
        match setting {
            Setting::Translate(translate) => self.translate = Some(translate),
            Setting::Scale(scale) => self.scale = Some(scale),
            Setting::Shear(shear) => self.shear = Some(shear),
            Setting::Interpolation(interpolation) => self.interpolation = interpolation,
            Setting::Fill(fill) => self.fill = fill,
            Setting::Center(center) => self.center = Some(center),
            _ => return false,
        }
        true
    }
}

impl RandomAffine {
    fn by(degrees: NumberOrRange) -> Self {
        let (degrees, fault) = degrees.either_way("degrees");
        RandomAffine {
            degrees,
            translate: None,
            scale: None,
            shear: None,
            interpolation: Interpolation::Nearest,
            fill: [0; 3],
            center: None,
            fault,
        }
    }

    /// What is done to a picture of `size` = [width, height]: torchvision's `get_params`.
    fn draw(&self, size: [u32; 2], rng: &mut Rng) -> Affine {
        let RandomAffine { translate, scale, shear, interpolation, fill, center, .. } = *self;
        let angle = uniform(rng, self.degrees[0], self.degrees[1]);
        let fractions = translate.unwrap_or([0.0, 0.0]);
        let translate = [0, 1].map(|axis| {
            let most = fractions[axis] * f64::from(size[axis]);
            round_half_even(uniform(rng, -most, most))
        });
        let scale = scale.unwrap_or([1.0, 1.0]);
        let scale = uniform(rng, scale[0], scale[1]);
        let [x_low, x_high, y_low, y_high] = shear.map(Shear::ranges).unwrap_or_default();
        let x = uniform(rng, x_low, x_high);
        let y = if y_low == y_high { y_low } else { uniform(rng, y_low, y_high) };
        Affine { angle, translate, scale, shear: [x, y], interpolation, fill, center }
    }
}

impl TransformOp for RandomAffine {
    fn apply(&self, sample: Sample, rng: &mut Rng) -> Result<Sample> {
        let picture = Transform::picture(sample, "RandomAffine")?;
        let how = self.draw([picture.width(), picture.height()], rng);
        Ok(Sample::Picture(affine(&picture, how)?))
    }

    fn fault(&self) -> Option<String> {
        let RandomAffine { translate, scale, shear, center, .. } = *self;
        let shift = || {
            let bad = *translate.as_ref()?.iter().find(|t| !(0.0..=1.0).contains(*t))?;
            Some(format!("translate holds {bad}: a shift is a fraction of the picture, between 0 and 1"))
        };
        let factor = || {
            let [smallest, largest] = scale?;
            let good = smallest > 0.0 && smallest <= largest && largest.is_finite();
            (!good)
                .then(|| format!("scale is [{smallest}, {largest}]: it must be [smallest, largest], above 0"))
        };
        let angles = || {
            let [x_low, x_high, y_low, y_high] = shear?.ranges();
            shear?
                .fault()
                .or_else(|| range_fault("shear", [x_low, x_high], f64::NEG_INFINITY))
                .or_else(|| range_fault("shear", [y_low, y_high], f64::NEG_INFINITY))
        };
        self.fault
            .clone()
            .or_else(|| range_fault("degrees", self.degrees, f64::NEG_INFINITY))
            .or_else(shift)
            .or_else(factor)
            .or_else(angles)
            .or_else(|| center_fault(center))
    }

    fn to_json(&self) -> Option<Value> {
        Some(step("RandomAffine", self.arguments()))
    }
}

impl fmt::Display for RandomAffine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RandomAffine { translate, scale, shear, interpolation, fill, center, .. } = *self;
        write!(f, "RandomAffine(degrees={}", py_list(&self.degrees))?;
        if let Some(translate) = translate {
            write!(f, ", translate={}", py_tuple(&translate))?;
        }
        if let Some(scale) = scale {
            write!(f, ", scale={}", py_tuple(&scale))?;
        }
        match shear.map(Shear::ranges) {
            Some([low, high, 0.0, 0.0]) => write!(f, ", shear={}", py_list(&[low, high]))?,
            Some(shear) => write!(f, ", shear={}", py_list(&shear))?,
            None => {}
        }
        if interpolation != Interpolation::Nearest {
            write!(f, ", interpolation={interpolation}")?;
        }
        if fill != [0; 3] {
            write!(f, ", fill={}", py_colour(fill))?;
        }
        if let Some(center) = center {
            write!(f, ", center={}", py_point(center))?;
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coordinates(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8 + 1, y as u8 + 1, 7]))
    }

    #[test]
    fn a_shift_moves_the_pixels() {
        let picture = coordinates(20, 10);
        let out = affine(&picture, Affine { translate: [7, -3], ..Default::default() }).unwrap();
        for (x, y, pixel) in out.enumerate_pixels() {
            let expected = if x >= 7 && y < 7 { picture.get_pixel(x - 7, y + 3).0 } else { [0, 0, 0] };
            assert_eq!(pixel.0, expected, "({x}, {y})");
        }
    }

    /// torchvision's `get_params`: everything uniform, shifts in whole pixels.
    #[test]
    fn draws_are_uniform() {
        let transform = RandomAffine {
            translate: Some([0.1, 0.25]),
            scale: Some([0.5, 1.5]),
            shear: Some([-10.0, 30.0, 5.0, 6.0].into()),
            ..RandomAffine::by([-20.0, 60.0].into())
        };
        let mut rng = Rng::with_seed(5);
        let drawn: Vec<Affine> = (0..20_000).map(|_| transform.draw([200, 80], &mut rng)).collect();
        let check = |name: &str, low: f64, high: f64, value: &dyn Fn(&Affine) -> f64| {
            let values: Vec<f64> = drawn.iter().map(value).collect();
            assert!(values.iter().all(|value| (low..=high).contains(value)), "{name} out of its range");
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            assert!((mean - (low + high) / 2.0).abs() < 0.01 * (high - low), "{name}: mean {mean}");
            let below = values.iter().filter(|&&value| value < low + (high - low) / 4.0).count() as f64;
            assert!(
                (below / values.len() as f64 - 0.25).abs() < 0.02,
                "{name}: {below} in the first quarter"
            );
        };
        check("angle", -20.0, 60.0, &|how| how.angle);
        check("shift right", -20.0, 20.0, &|how| how.translate[0] as f64);
        check("shift down", -20.0, 20.0, &|how| how.translate[1] as f64);
        check("scale", 0.5, 1.5, &|how| how.scale);
        check("shear along x", -10.0, 30.0, &|how| how.shear[0]);
        check("shear along y", 5.0, 6.0, &|how| how.shear[1]);
    }

    #[test]
    fn what_cannot_be_is_an_error() {
        let picture = coordinates(4, 4);
        assert!(affine(&picture, Affine { scale: 0.0, ..Default::default() }).is_err());
        assert!(affine(&picture, Affine { angle: f64::NAN, ..Default::default() }).is_err());
        assert!(affine(&picture, Affine { translate: [i64::MAX, i64::MIN], ..Default::default() }).is_ok());
        for (transform, problem) in [
            (random_affine(0.0).translate([1.5, 0.0]), "translate holds 1.5"),
            (random_affine(1.0).scale([2.0, 1.0]), "scale is [2, 1]"),
            (random_affine(1.0).shear(-3.0), "shear is -3: it must be 0 or more"),
            (random_affine(-1), "degrees is -1: it must be 0 or more"),
        ] {
            let message = transform.check().unwrap_err().to_string();
            assert!(message.contains(problem), "{message}");
        }
    }
}
