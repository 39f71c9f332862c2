//! `FiveCrop` and `TenCrop`: several crops of one picture.

use std::fmt;

use fastrand::Rng;
use image::RgbImage;
use serde_json::{Value, json};

use super::arguments::Size;
use super::center_crop::center_cropped;
use super::crop::crop;
use super::flip::{hflip, vflip};
use super::json::step;
use super::options::{Options, Setting};
use super::repr::py_bool;
use super::size::checked_size;
use super::{Sample, Transform, TransformOp};
use crate::{Error, Result};

/// torchvision's `FiveCrop(size)`: the four corners and the middle.
///
/// `to_tensor()` after it stacks the crops to (5, 3, H, W), and `normalize` works on that. In a batch of N
/// pictures they lie one after another as channels, (N, 5 · 3, H, W): the same memory as torchvision's
/// (N, 5, 3, H, W). `batch.images.view([-1, 3, height, width])` makes 5 N pictures of them, and
/// `predictions.view([n, 5, -1]).mean_dim(1, false, None)` one prediction for each picture.
pub fn five_crop(size: impl Into<Size>) -> Transform {
    Crops::of(size.into(), None)
}

/// torchvision's `TenCrop(size)`: the crops of [`five_crop`], and those of the picture flipped left to right. In a
/// batch as there, with 10.
///
/// Options: [`vertical_flip`](Transform::vertical_flip).
pub fn ten_crop(size: impl Into<Size>) -> Transform {
    Crops::of(size.into(), Some(false))
}

/// The upper left, upper right, lower left and lower right corner and the middle, a square or `[height, width]` each.
///
/// # Errors
/// When the picture is smaller.
pub fn five_crops(picture: &RgbImage, size: impl Into<Size>) -> Result<Vec<RgbImage>> {
    corners_and_middle(picture, size.into().of_crop())
}

fn corners_and_middle(picture: &RgbImage, [height, width]: [i64; 2]) -> Result<Vec<RgbImage>> {
    let (right, lower) = (i64::from(picture.width()) - width, i64::from(picture.height()) - height);
    if right < 0 || lower < 0 {
        return Err(Error::Transform {
            transform: "FiveCrop".into(),
            problem: format!(
                "requested crop size ({height}, {width}) is bigger than input size ({}, {}): resize first",
                picture.height(),
                picture.width()
            ),
        });
    }
    let mut crops = [(0, 0), (0, right), (lower, 0), (lower, right)]
        .iter()
        .map(|&(top, left)| crop(picture, top, left, height, width))
        .collect::<Result<Vec<_>>>()?;
    crops.push(center_cropped(picture, [height, width])?);
    Ok(crops)
}

/// [`five_crops`] of the picture and of the flipped picture.
///
/// # Errors
/// As [`five_crops`].
pub fn ten_crops(picture: &RgbImage, size: impl Into<Size>, vertical_flip: bool) -> Result<Vec<RgbImage>> {
    corners_and_middle_twice(picture, size.into().of_crop(), vertical_flip)
}

fn corners_and_middle_twice(
    picture: &RgbImage,
    size: [i64; 2],
    vertical_flip: bool,
) -> Result<Vec<RgbImage>> {
    let mut crops = corners_and_middle(picture, size)?;
    let flipped = if vertical_flip { vflip(picture) } else { hflip(picture) };
    crops.extend(corners_and_middle(&flipped, size)?);
    Ok(crops)
}

#[derive(Clone)]
struct Crops {
    height: i64,
    width: i64,
    /// Whether the picture is flipped too, and from top to bottom.
    ten: Option<bool>,
}

impl Crops {
    fn of(size: Size, ten: Option<bool>) -> Transform {
        let [height, width] = size.of_crop();
        Transform::with_options(Crops { height, width, ten })
    }
}

impl Options for Crops {
    fn set(&mut self, setting: Setting) -> bool {
        match (setting, &mut self.ten) {
            (Setting::VerticalFlip(flip), Some(vertical_flip)) => *vertical_flip = flip,
            _ => return false,
        }
        true
    }
}

impl TransformOp for Crops {
    fn apply(&self, sample: Sample, _: &mut Rng) -> Result<Sample> {
        let name = if self.ten.is_some() { "TenCrop" } else { "FiveCrop" };
        let picture = Transform::picture(sample, name)?;
        let size = [self.height, self.width];
        Ok(Sample::Pictures(match self.ten {
            None => corners_and_middle(&picture, size)?,
            Some(vertical_flip) => corners_and_middle_twice(&picture, size, vertical_flip)?,
        }))
    }

    fn is_deterministic(&self) -> bool {
        true
    }

    fn fault(&self) -> Option<String> {
        checked_size(self.height, self.width).err()
    }

    fn to_json(&self) -> Option<Value> {
        let size = [self.height, self.width];
        Some(match self.ten {
            None => step("FiveCrop", json!({ "size": size })),
            Some(vertical_flip) => step("TenCrop", json!({ "size": size, "vertical_flip": vertical_flip })),
        })
    }
}

impl fmt::Display for Crops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (height, width) = (self.height, self.width);
        match self.ten {
            None => write!(f, "FiveCrop(size=({height}, {width}))"),
            Some(flip) => write!(f, "TenCrop(size=({height}, {width}), vertical_flip={})", py_bool(flip)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Compose, IMAGENET_MEAN, IMAGENET_STD, normalize, to_tensor};
    use super::*;

    /// The crops lie one after another in a sample of a batch, each as it is alone.
    #[test]
    fn crops_in_a_batch() {
        let picture = RgbImage::from_fn(9, 8, |x, y| image::Rgb([x as u8, y as u8, 7]));
        let ends = || vec![to_tensor(), normalize(IMAGENET_MEAN, IMAGENET_STD)];
        let mut rng = Rng::with_seed(0);
        for (transform, crops) in [
            (five_crop([4, 5]), five_crops(&picture, [4, 5]).unwrap()),
            (ten_crop([4, 5]).vertical_flip(true), ten_crops(&picture, [4, 5], true).unwrap()),
        ] {
            let mut values = Vec::new();
            let pipeline = Compose::new([vec![transform], ends()].concat());
            let shape = pipeline.apply_into(picture.clone(), &mut rng, &mut values).unwrap();
            assert_eq!(shape, [crops.len() as i64 * 3, 4, 5]);
            let mut alone = Vec::new();
            for crop in crops {
                Compose::new(ends()).apply_into(crop, &mut rng, &mut alone).unwrap();
            }
            assert_eq!(values, alone);
        }
        assert!(five_crops(&picture, 9).is_err());
        assert_eq!(
            ten_crop([4, 5]).vertical_flip(true).to_string(),
            "TenCrop(size=(4, 5), vertical_flip=True)"
        );
    }
}
