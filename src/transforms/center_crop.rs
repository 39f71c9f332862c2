//! `CenterCrop`.

use std::fmt;

use fastrand::Rng;
use image::RgbImage;
use serde_json::{Value, json};

use super::arguments::Size;
use super::crop::crop;
use super::json::step;
use super::pad::{PadOptions, padded};
use super::size::{checked_size, round_half_even};
use super::{Sample, Transform, TransformOp};
use crate::{Error, Result};

/// torchvision's `CenterCrop(size)`: the middle of the picture; black is added around a picture that is too small.
pub fn center_crop(size: impl Into<Size>) -> Transform {
    CenterCrop::of(size.into())
}

/// The middle of the picture, a square or `[height, width]` pixels, after padding with black where the picture is smaller. Where
/// the middle falls between pixels the corner is rounded as Python rounds, halves to even.
///
/// # Errors
/// When the size is below 1 pixel or above [`MAX_IMAGE_PIXELS`](super::MAX_IMAGE_PIXELS).
pub fn center_crop_to(picture: &RgbImage, size: impl Into<Size>) -> Result<RgbImage> {
    center_cropped(picture, size.into().of_crop())
}

/// The middle [height, width] pixels.
pub(super) fn center_cropped(picture: &RgbImage, [height, width]: [i64; 2]) -> Result<RgbImage> {
    checked_size(height, width)
        .map_err(|problem| Error::Transform { transform: "CenterCrop".into(), problem })?;
    let missing_rows = (height - i64::from(picture.height())).max(0);
    let missing_columns = (width - i64::from(picture.width())).max(0);
    if missing_rows == 0 && missing_columns == 0 {
        return middle(picture, height, width);
    }
    let (left, top) = (missing_columns / 2, missing_rows / 2);
    let with_borders = padded(
        picture,
        [left, top, (missing_columns + 1) / 2, (missing_rows + 1) / 2],
        PadOptions::default(),
    )?;
    middle(&with_borders, height, width)
}

fn middle(picture: &RgbImage, height: i64, width: i64) -> Result<RgbImage> {
    let top = round_half_even((i64::from(picture.height()) - height) as f64 / 2.0);
    let left = round_half_even((i64::from(picture.width()) - width) as f64 / 2.0);
    crop(picture, top, left, height, width)
}

struct CenterCrop {
    height: i64,
    width: i64,
}

impl CenterCrop {
    fn of(size: Size) -> Transform {
        let [height, width] = size.of_crop();
        Transform::new(CenterCrop { height, width })
    }
}

impl TransformOp for CenterCrop {
    fn apply(&self, sample: Sample, _: &mut Rng) -> Result<Sample> {
        let picture = Transform::picture(sample, "CenterCrop")?;
        Ok(Sample::Picture(center_cropped(&picture, [self.height, self.width])?))
    }

    fn is_deterministic(&self) -> bool {
        true
    }

    fn fault(&self) -> Option<String> {
        checked_size(self.height, self.width).err()
    }

    fn to_json(&self) -> Option<Value> {
        Some(step("CenterCrop", json!({ "size": [self.height, self.width] })))
    }
}

impl fmt::Display for CenterCrop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CenterCrop(size=({}, {}))", self.height, self.width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coordinates(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8 + 1, y as u8 + 1, 7]))
    }

    /// Python: int(round((9 - 4) / 2.0)) is 2, int(round((11 - 4) / 2.0)) is 4.
    #[test]
    fn odd_margins_round_to_even() {
        let out = center_crop_to(&coordinates(9, 11), 4).unwrap();
        assert_eq!(out.get_pixel(0, 0).0, [3, 5, 7]);
    }

    #[test]
    fn small_pictures_are_padded() {
        let out = center_crop_to(&coordinates(2, 5), [3, 5]).unwrap();
        assert_eq!(out.dimensions(), (5, 3));
        assert_eq!(out.get_pixel(0, 0).0, [0, 0, 0]);
        assert_eq!(out.get_pixel(1, 0).0, [1, 2, 7]);
        assert_eq!(out.get_pixel(2, 2).0, [2, 4, 7]);
        assert_eq!(out.get_pixel(3, 0).0, [0, 0, 0]);
    }
}
