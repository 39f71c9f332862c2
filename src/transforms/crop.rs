//! `crop` and `RandomCrop`.

use std::fmt;

use fastrand::Rng;
use image::RgbImage;
use serde_json::Value;

use super::arguments::Size;
use super::json::{Arguments, arguments, step};
use super::options::{Options, Setting};
use super::pad::padded;
use super::repr::py_padding;
use super::size::checked_size;
use super::{PadOptions, Sample, Transform, TransformOp};
use crate::{Error, Result};

/// torchvision's `RandomCrop(size)`: a part of that size from anywhere in the picture.
///
/// A picture smaller than the crop is an error, as in torchvision.
///
/// Options: [`padding`](Transform::padding), [`pad_if_needed`](Transform::pad_if_needed), and for the borders
/// [`fill`](Transform::fill) and [`padding_mode`](Transform::padding_mode).
pub fn random_crop(size: impl Into<Size>) -> Transform {
    RandomCrop::of(size.into())
}

/// The `height` × `width` part whose upper left corner is at (`top`, `left`). What lies outside the
/// picture is black, as in Pillow.
///
/// # Errors
/// When the size is below 1 pixel or above [`MAX_IMAGE_PIXELS`](super::MAX_IMAGE_PIXELS).
pub fn crop(picture: &RgbImage, top: i64, left: i64, height: i64, width: i64) -> Result<RgbImage> {
    crop_filled(picture, [top, left, height, width], [0; 3])
}

/// [`crop`] of [top, left, height, width] with another colour outside.
pub(super) fn crop_filled(
    picture: &RgbImage,
    [top, left, height, width]: [i64; 4],
    fill: [u8; 3],
) -> Result<RgbImage> {
    let error = |problem: String| Error::Transform { transform: "crop".into(), problem };
    let (height, width) = checked_size(height, width).map_err(error)?;
    pillow_pixels::crop_filled(picture, (left, top), (width, height), fill)
        .map_err(|problem| error(problem.to_string()))
}

#[derive(Clone)]
pub(super) struct RandomCrop {
    /// [height, width]
    size: [i64; 2],
    padding: Option<[i64; 4]>,
    pad_if_needed: bool,
    borders: PadOptions,
}

arguments!(RandomCrop { size, padding, pad_if_needed, ..borders });

impl Options for RandomCrop {
    fn set(&mut self, setting: Setting) -> bool {
        match setting {
            Setting::Padding(padding) => self.padding = Some(padding),
            Setting::PadIfNeeded(pad_if_needed) => self.pad_if_needed = pad_if_needed,
            Setting::Fill(fill) => self.borders.fill = fill,
            Setting::PaddingMode(padding_mode) => self.borders.padding_mode = padding_mode,
            _ => return false,
        }
        true
    }
}

impl RandomCrop {
    fn of(size: Size) -> Transform {
        let (size, borders) = (size.of_crop(), PadOptions::default());
        Transform::with_options(RandomCrop { size, padding: None, pad_if_needed: false, borders })
    }

    /// The picture with the borders that the options ask for.
    fn padded(&self, mut picture: RgbImage) -> Result<RgbImage> {
        let RandomCrop { size: [height, width], padding, pad_if_needed, borders: options } = *self;
        if let Some(padding) = padding {
            picture = padded(&picture, padding, options)?;
        }
        // The width first, by what is missing on each side, as torchvision does.
        let (columns, rows) = (width - i64::from(picture.width()), height - i64::from(picture.height()));
        if pad_if_needed && columns > 0 {
            picture = padded(&picture, [columns, 0, columns, 0], options)?;
        }
        if pad_if_needed && rows > 0 {
            picture = padded(&picture, [0, rows, 0, rows], options)?;
        }
        Ok(picture)
    }
}

impl TransformOp for RandomCrop {
    fn apply(&self, sample: Sample, rng: &mut Rng) -> Result<Sample> {
        let picture = self.padded(Transform::picture(sample, "RandomCrop")?)?;
        let [crop_height, crop_width] = self.size;
        let (height, width) = (i64::from(picture.height()), i64::from(picture.width()));
        if height < crop_height || width < crop_width {
            return Err(Error::Transform {
                transform: "RandomCrop".into(),
                problem: format!(
                    "required crop size ({crop_height}, {crop_width}) is larger than input image size ({height}, {width}): \
                     resize first"
                ),
            });
        }
        if [height, width] == self.size {
            return Ok(Sample::Picture(picture));
        }
        let top = rng.i64(0..=height - crop_height);
        let left = rng.i64(0..=width - crop_width);
        Ok(Sample::Picture(crop(&picture, top, left, crop_height, crop_width)?))
    }

    fn fault(&self) -> Option<String> {
        let [height, width] = self.size;
        checked_size(height, width).err()
    }

    fn to_json(&self) -> Option<Value> {
        Some(step("RandomCrop", self.arguments()))
    }
}

impl fmt::Display for RandomCrop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RandomCrop { size: [height, width], padding, .. } = *self;
        let padding = padding.map_or_else(|| "None".into(), py_padding);
        write!(f, "RandomCrop(size=({height}, {width}), padding={padding})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture whose pixel at (x, y) is (x, y, 7).
    fn coordinates(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, 7]))
    }

    #[test]
    fn inside() {
        let out = crop(&coordinates(10, 8), 2, 3, 4, 5).unwrap();
        assert_eq!(out.dimensions(), (5, 4));
        assert_eq!(out.get_pixel(0, 0).0, [3, 2, 7]);
        assert_eq!(out.get_pixel(4, 3).0, [7, 5, 7]);
    }

    #[test]
    fn outside_is_black() {
        let out = crop(&coordinates(4, 4), -1, 2, 3, 4).unwrap();
        assert_eq!(out.get_pixel(0, 0).0, [0, 0, 0]);
        assert_eq!(out.get_pixel(0, 1).0, [2, 0, 7]);
        assert_eq!(out.get_pixel(2, 1).0, [0, 0, 0]);
        let away = crop(&coordinates(4, 4), 100, i64::MAX, 2, 2).unwrap();
        assert!(away.pixels().all(|p| p.0 == [0, 0, 0]));
        assert!(crop(&away, 0, 0, 0, 2).is_err());
    }

    #[test]
    fn random_crops_cover_all_places() {
        let transform = random_crop(3);
        let mut rng = Rng::with_seed(1);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let Sample::Picture(out) = transform.apply(Sample::Picture(coordinates(5, 4)), &mut rng).unwrap()
            else {
                panic!("a picture stays a picture")
            };
            seen.insert(out.get_pixel(0, 0).0);
        }
        assert_eq!(seen.len(), 3 * 2);
    }
}
