//! `affine` and `RandomAffine`.

use std::fmt;

use fastrand::Rng;
use image::RgbImage;

use super::nearest::{Matrix, nearest};
use super::repr::{PyFloat, py_list, py_tuple};
use super::size::round_half_even;
use super::transform::uniform;
use super::{Sample, Transform, TransformOp};
use crate::{Error, Result};

/// torchvision's `RandomAffine(degrees=0, translate=(horizontal, vertical))`: shifted by up to that
/// fraction (0..1) of the width and of the height; what comes in is black.
pub fn random_translation(horizontal: f64, vertical: f64) -> Transform {
    random_affine(0.0, [horizontal, vertical], [1.0, 1.0], 0.0)
}

/// torchvision's `RandomAffine(degrees, translate, scale, shear)`, nearest neighbour, filled with black.
///
/// - `degrees`: turned by up to this much either way, at least 0.
/// - `translate`: largest shift as a fraction of the width and of the height, 0..1; `[0.0, 0.0]` for none.
/// - `scale`: smallest and largest factor, above 0; `[1.0, 1.0]` for none.
/// - `shear`: sheared along x by up to this many degrees either way, at least 0.
pub fn random_affine(degrees: f64, translate: [f64; 2], scale: [f64; 2], shear: f64) -> Transform {
    Transform::new(RandomAffine { degrees, translate, scale, shear })
}

/// Turned about the centre by `angle` degrees (clockwise, unlike [`rotate`](super::functional::rotate)),
/// scaled, sheared by `shear` = [x, y] degrees, then shifted by `translate` = [right, down] pixels.
/// Nearest neighbour; what comes in is black. Pillow's arithmetic behind torchvision's `affine`.
///
/// # Errors
/// When `scale` is not above 0 or a number is not finite.
pub fn affine(
    picture: &RgbImage,
    angle: f64,
    translate: [i64; 2],
    scale: f64,
    shear: [f64; 2],
) -> Result<RgbImage> {
    let problem = if !(scale > 0.0 && scale.is_finite()) {
        format!("scale is {scale}: it must be above 0")
    } else if let Some(bad) = [angle, shear[0], shear[1]].iter().find(|value| !value.is_finite()) {
        format!("an angle is {bad}: it must be a number of degrees")
    } else {
        let center = [f64::from(picture.width()) * 0.5, f64::from(picture.height()) * 0.5];
        let matrix = inverse_matrix(center, angle, translate.map(|t| t as f64), scale, shear);
        return Ok(nearest(picture, matrix));
    };
    Err(Error::Transform { transform: "affine".into(), problem })
}

/// The inverse of M = T · C · R(angle) · S(scale) · SHy · SHx · C⁻¹, with T the shift and C the centre:
/// torchvision's `_get_inverse_affine_matrix`, operation by operation so that roundings agree.
fn inverse_matrix(center: [f64; 2], angle: f64, translate: [f64; 2], scale: f64, shear: [f64; 2]) -> Matrix {
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

struct RandomAffine {
    degrees: f64,
    translate: [f64; 2],
    scale: [f64; 2],
    shear: f64,
}

impl TransformOp for RandomAffine {
    fn apply(&self, sample: Sample, rng: &mut Rng) -> Result<Sample> {
        let picture = Transform::picture(sample, "RandomAffine")?;
        let angle = uniform(rng, -self.degrees, self.degrees);
        let size = [picture.width(), picture.height()];
        let translate = [0, 1].map(|axis| {
            let most = self.translate[axis] * f64::from(size[axis]);
            round_half_even(uniform(rng, -most, most))
        });
        let scale = uniform(rng, self.scale[0], self.scale[1]);
        let shear = uniform(rng, -self.shear, self.shear);
        Ok(Sample::Picture(affine(&picture, angle, translate, scale, [shear, 0.0])?))
    }

    fn fault(&self) -> Option<String> {
        let angle = |name: &str, value: f64| {
            (!(value >= 0.0 && value.is_finite())).then(|| format!("{name} is {value}: it must be 0 or more"))
        };
        let [smallest, largest] = self.scale;
        angle("degrees", self.degrees)
            .or_else(|| angle("shear", self.shear))
            .or_else(|| {
                let bad = self.translate.iter().find(|t| !(0.0..=1.0).contains(*t))?;
                Some(format!("translate holds {bad}: a shift is a fraction of the picture, between 0 and 1"))
            })
            .or_else(|| {
                let good = smallest > 0.0 && smallest <= largest && largest.is_finite();
                (!good).then(|| {
                    format!("scale is [{smallest}, {largest}]: it must be [smallest, largest], above 0")
                })
            })
    }
}

impl fmt::Display for RandomAffine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RandomAffine(degrees=[{}, {}]", PyFloat(-self.degrees), PyFloat(self.degrees))?;
        if self.translate != [0.0, 0.0] {
            write!(f, ", translate={}", py_tuple(&self.translate))?;
        }
        if self.scale != [1.0, 1.0] {
            write!(f, ", scale={}", py_tuple(&self.scale))?;
        }
        if self.shear != 0.0 {
            write!(f, ", shear={}", py_list(&[-self.shear, self.shear]))?;
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
        let out = affine(&picture, 0.0, [7, -3], 1.0, [0.0, 0.0]).unwrap();
        for (x, y, pixel) in out.enumerate_pixels() {
            let expected = if x >= 7 && y < 7 { picture.get_pixel(x - 7, y + 3).0 } else { [0, 0, 0] };
            assert_eq!(pixel.0, expected, "({x}, {y})");
        }
    }

    #[test]
    fn what_cannot_be_is_an_error() {
        let picture = coordinates(4, 4);
        assert!(affine(&picture, 0.0, [0, 0], 0.0, [0.0, 0.0]).is_err());
        assert!(affine(&picture, f64::NAN, [0, 0], 1.0, [0.0, 0.0]).is_err());
        assert!(affine(&picture, 1.0, [i64::MAX, i64::MIN], 1.0, [0.0, 0.0]).is_ok());
        assert!(random_translation(1.5, 0.0).check().is_err());
        assert!(random_affine(1.0, [0.0, 0.0], [2.0, 1.0], 0.0).check().is_err());
    }
}
