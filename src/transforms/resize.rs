//! `Resize`: to a fixed size, or by the short side.

use std::fmt;

use fastrand::Rng;
use image::RgbImage;
use pillow_pixels::Resampling;
use serde_json::Value;

use super::arguments::Size;
use super::json::{Arguments, arguments, step};
use super::options::{Options, Setting};
use super::size::checked_size;
use super::{Interpolation, Sample, Transform, TransformOp};
use crate::{Error, Result};

/// torchvision's `Resize(size)`: of one number, the shorter side becomes that many pixels and the ratio is kept; of
/// `[height, width]` it becomes exactly these. Bilinear with antialiasing.
///
/// Options: [`interpolation`](Transform::interpolation), and by the shorter side [`max_size`](Transform::max_size).
pub fn resize(size: impl Into<Size>) -> Transform {
    Resize::to(size.into())
}

/// How [`functional::resize`](super::functional::resize) resizes, with torchvision's defaults.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ResizeOptions {
    /// How values between pixels are computed. Default bilinear.
    pub interpolation: Interpolation,
    /// The most that the longer side may have, in pixels, above the shorter side's: where it would have more,
    /// the whole is made smaller. Goes with a size of one number. Default none.
    pub max_size: Option<i64>,
}

impl Default for ResizeOptions {
    fn default() -> Self {
        ResizeOptions { interpolation: Interpolation::Bilinear, max_size: None }
    }
}

/// `picture` at `[height, width]` pixels, as Pillow's `resize((width, height), interpolation)` makes it; of one number,
/// with its shorter side at that many pixels and its ratio kept (the longer side is rounded down).
///
/// # Errors
/// When a side is below 1 pixel or the whole above [`MAX_IMAGE_PIXELS`](super::MAX_IMAGE_PIXELS), and when `max_size` is
/// not above the shorter side, or the size is of two numbers.
pub fn resize_to(picture: &RgbImage, size: impl Into<Size>, options: ResizeOptions) -> Result<RgbImage> {
    let ResizeOptions { interpolation, max_size } = options;
    Resize { size: size.into(), interpolation, max_size }.resized(picture)
}

/// `picture` at [height, width] pixels.
pub(super) fn resized(
    picture: &RgbImage,
    [height, width]: [i64; 2],
    interpolation: Interpolation,
) -> Result<RgbImage> {
    let (height, width) = checked_size(height, width).map_err(error)?;
    pillow_pixels::resize(picture, (width, height), interpolation.resampling())
        .map_err(|problem| error(problem.to_string()))
}

/// (height, width) of a picture of that size once its shorter side is `side`.
fn short_side(width: i64, height: i64, side: i64, max_size: Option<i64>) -> Result<(i64, i64)> {
    short_side_fault(side, max_size).map_or(Ok(()), |fault| Err(error(fault)))?;
    let (short, long) = (width.min(height), width.max(height));
    if short == 0 {
        return Err(error("the picture has no pixels".into()));
    }
    // In floating point, as Python's `/` does.
    let part = |a: i64, b: i64, c: i64| ((a * b) as f64 / c as f64) as i64;
    let (mut short_side, mut long_side) = (side, part(side, long, short));
    if let Some(most) = max_size.filter(|&most| long_side > most) {
        (short_side, long_side) = (part(most, short_side, long_side), most);
    }
    Ok(if width <= height { (long_side, short_side) } else { (short_side, long_side) })
}

fn short_side_fault(side: i64, max_size: Option<i64>) -> Option<String> {
    checked_size(side, side).err().or_else(|| {
        let most = max_size.filter(|&most| most <= side)?;
        Some(format!("max_size is {most}: it must be above the short side's {side}"))
    })
}

impl Transform {
    /// The (width, height) that a picture of that size has after this step, where it is a `Resize`.
    pub(crate) fn resized_size(&self, (width, height): (u32, u32)) -> Option<(u32, u32)> {
        let (height, width) = self.downcast_ref::<Resize>()?.size_of(width.into(), height.into()).ok()?;
        Some((u32::try_from(width).ok()?, u32::try_from(height).ok()?))
    }

    /// What this step resizes a picture to that has `size` (width, height), and how, where it is a `Resize` that can.
    pub(crate) fn as_resize(&self, size: (u32, u32)) -> Option<((u32, u32), Resampling)> {
        let resize = self.downcast_ref::<Resize>()?;
        let (width, height) = self.resized_size(size)?;
        checked_size(height.into(), width.into()).ok()?;
        self.check().is_ok().then(|| ((width, height), resize.interpolation.resampling()))
    }
}

fn error(problem: String) -> Error {
    Error::Transform { transform: "Resize".into(), problem }
}

#[derive(Clone)]
pub(super) struct Resize {
    size: Size,
    interpolation: Interpolation,
    max_size: Option<i64>,
}

arguments!(Resize { size, interpolation, max_size });

impl Resize {
    fn to(size: Size) -> Transform {
        Transform::with_options(Resize { size, interpolation: Interpolation::Bilinear, max_size: None })
    }

    /// What [`resize_to`] gives.
    fn resized(&self, picture: &RgbImage) -> Result<RgbImage> {
        if let Some(fault) = self.fault() {
            return Err(error(fault));
        }
        let (height, width) = self.size_of(picture.width().into(), picture.height().into())?;
        resized(picture, [height, width], self.interpolation)
    }

    /// (height, width) of the result of a picture of that size.
    fn size_of(&self, width: i64, height: i64) -> Result<(i64, i64)> {
        match self.size {
            Size::Side(side) => short_side(width, height, side, self.max_size),
            Size::Sides { height, width } => Ok((height, width)),
        }
    }
}

impl Options for Resize {
    fn set(&mut self, setting: Setting) -> bool {
        match setting {
            Setting::Interpolation(interpolation) => self.interpolation = interpolation,
            Setting::MaxSize(max_size) => self.max_size = Some(max_size),
            _ => return false,
        }
        true
    }
}

impl TransformOp for Resize {
    fn apply(&self, sample: Sample, _: &mut Rng) -> Result<Sample> {
        let picture = Transform::picture(sample, "Resize")?;
        let (height, width) = self.size_of(picture.width().into(), picture.height().into())?;
        if (i64::from(picture.height()), i64::from(picture.width())) == (height, width) {
            return Ok(Sample::Picture(picture));
        }
        Ok(Sample::Picture(resized(&picture, [height, width], self.interpolation)?))
    }

    fn is_deterministic(&self) -> bool {
        true
    }

    fn fault(&self) -> Option<String> {
        match self.size {
            Size::Side(side) => short_side_fault(side, self.max_size),
            Size::Sides { height, width } => checked_size(height, width).err().or_else(|| {
                let message = "max_size goes with a size of one number, the shorter side";
                self.max_size.map(|_| message.to_string())
            }),
        }
    }

    fn to_json(&self) -> Option<Value> {
        Some(step("Resize", self.arguments()))
    }
}

impl fmt::Display for Resize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = match self.size {
            Size::Side(side) => side.to_string(),
            Size::Sides { height, width } => format!("[{height}, {width}]"),
        };
        let max_size = self.max_size.map_or_else(|| "None".into(), |most| most.to_string());
        write!(
            f,
            "Resize(size={size}, interpolation={}, max_size={max_size}, antialias=True)",
            self.interpolation
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected: torchvision's `_compute_resized_output_size`.
    #[test]
    fn sizes_by_the_short_side() {
        let size = |width, height, side, most| {
            let (height, width) = short_side(width, height, side, most).unwrap();
            (width, height)
        };
        assert_eq!(size(667, 500, 96, None), (128, 96));
        assert_eq!(size(500, 667, 96, None), (96, 128));
        assert_eq!(size(667, 500, 96, Some(100)), (100, 75));
        assert_eq!(size(667, 500, 96, Some(128)), (128, 96));
        assert!(short_side(4, 4, 96, Some(96)).is_err());
    }
}
