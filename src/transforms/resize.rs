//! `Resize`: to a fixed size, or by the short side.

use std::fmt;

use fastrand::Rng;
use image::RgbImage;

use super::size::checked_size;
use super::{Sample, Transform, TransformOp, resample};
use crate::{Error, Result};

/// torchvision's `Resize([height, width])`: bilinear with antialiasing, ratio not kept.
///
/// Both in pixels, at least 1.
pub fn resize(height: i64, width: i64) -> Transform {
    Transform::new(Resize { target: Target::Both { height, width } })
}

/// torchvision's `Resize(side)`: the shorter side becomes `side` pixels, the ratio is kept.
pub fn resize_short(side: i64) -> Transform {
    Transform::new(Resize { target: Target::Short(side) })
}

/// `picture` at `height` × `width` pixels; equal to Pillow's `resize((width, height), BILINEAR)`.
///
/// # Errors
/// When a side is below 1 pixel or the whole above [`MAX_IMAGE_PIXELS`](super::MAX_IMAGE_PIXELS).
pub fn resize_to(picture: &RgbImage, height: i64, width: i64) -> Result<RgbImage> {
    let (height, width) = checked_size(height, width).map_err(error)?;
    if picture.width() == 0 || picture.height() == 0 {
        return Err(error("the picture has no pixels".into()));
    }
    Ok(resample::bilinear(picture, width, height))
}

/// `picture` with its shorter side at `side` pixels and its ratio kept (the longer side is rounded down).
///
/// # Errors
/// As [`resize_to`].
pub fn resize_short_to(picture: &RgbImage, side: i64) -> Result<RgbImage> {
    let (height, width) = short_side_size(picture, side)?;
    resize_to(picture, height, width)
}

/// (height, width) of `picture` once its shorter side is `side`.
fn short_side_size(picture: &RgbImage, side: i64) -> Result<(i64, i64)> {
    checked_size(side, side).map_err(error)?;
    let (width, height) = (i64::from(picture.width()), i64::from(picture.height()));
    let (short, long) = (width.min(height), width.max(height));
    if short == 0 {
        return Err(error("the picture has no pixels".into()));
    }
    // In floating point, as Python's `/` does.
    let long = ((side * long) as f64 / short as f64) as i64;
    Ok(if width <= height { (long, side) } else { (side, long) })
}

fn error(problem: String) -> Error {
    Error::Transform { transform: "Resize".into(), problem }
}

struct Resize {
    target: Target,
}

enum Target {
    Both { height: i64, width: i64 },
    Short(i64),
}

impl TransformOp for Resize {
    fn apply(&self, sample: Sample, _: &mut Rng) -> Result<Sample> {
        let picture = Transform::picture(sample, "Resize")?;
        let (height, width) = match self.target {
            Target::Both { height, width } => (height, width),
            Target::Short(side) => short_side_size(&picture, side)?,
        };
        if (i64::from(picture.height()), i64::from(picture.width())) == (height, width) {
            return Ok(Sample::Picture(picture));
        }
        Ok(Sample::Picture(resize_to(&picture, height, width)?))
    }

    fn is_deterministic(&self) -> bool {
        true
    }

    fn fault(&self) -> Option<String> {
        match self.target {
            Target::Both { height, width } => checked_size(height, width).err(),
            Target::Short(side) => checked_size(side, side).err(),
        }
    }
}

impl fmt::Display for Resize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = match self.target {
            Target::Both { height, width } => format!("[{height}, {width}]"),
            Target::Short(side) => side.to_string(),
        };
        write!(f, "Resize(size={size}, interpolation=bilinear, max_size=None, antialias=True)")
    }
}
