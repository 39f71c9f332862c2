//! `RandomResizedCrop`.

use std::fmt;

use fastrand::Rng;
use image::RgbImage;

use super::crop::crop;
use super::resize::resize_to;
use super::size::{checked_size, round_half_even};
use super::transform::uniform;
use super::{Sample, Transform, TransformOp};
use crate::Result;

/// The share of the picture's area that a crop takes.
const SCALE: (f64, f64) = (0.08, 1.0);
/// The crop's width to its height.
const RATIO: (f64, f64) = (3.0 / 4.0, 4.0 / 3.0);

/// torchvision's `RandomResizedCrop(size)`: a part of 8 % to 100 % of the area, of ratio 3:4 to 4:3,
/// made `size` × `size` pixels. "Going Deeper with Convolutions", <https://arxiv.org/abs/1409.4842>.
pub fn random_resized_crop(size: i64) -> Transform {
    Transform::new(RandomResizedCrop { size })
}

/// [`crop`], then resized to `size` = [height, width].
///
/// # Errors
/// When one of the sizes is below 1 pixel or above [`MAX_IMAGE_PIXELS`](super::MAX_IMAGE_PIXELS).
pub fn resized_crop(
    picture: &RgbImage,
    top: i64,
    left: i64,
    height: i64,
    width: i64,
    size: [i64; 2],
) -> Result<RgbImage> {
    let part = crop(picture, top, left, height, width)?;
    resize_to(&part, size[0], size[1])
}

struct RandomResizedCrop {
    size: i64,
}

impl RandomResizedCrop {
    /// (top, left, height, width) of the part to take: torchvision's `get_params`.
    fn draw(picture: &RgbImage, rng: &mut Rng) -> (i64, i64, i64, i64) {
        let (height, width) = (i64::from(picture.height()), i64::from(picture.width()));
        let area = (height * width) as f64;
        for _ in 0..10 {
            let target_area = area * uniform(rng, SCALE.0, SCALE.1);
            let ratio = uniform(rng, RATIO.0.ln(), RATIO.1.ln()).exp();
            let w = round_half_even((target_area * ratio).sqrt());
            let h = round_half_even((target_area / ratio).sqrt());
            if (1..=width).contains(&w) && (1..=height).contains(&h) {
                return (rng.i64(0..=height - h), rng.i64(0..=width - w), h, w);
            }
        }
        // A very long picture: the middle, at the nearest allowed ratio.
        let in_ratio = width as f64 / height as f64;
        let (h, w) = if in_ratio < RATIO.0 {
            (round_half_even(width as f64 / RATIO.0), width)
        } else if in_ratio > RATIO.1 {
            (height, round_half_even(height as f64 * RATIO.1))
        } else {
            (height, width)
        };
        ((height - h) / 2, (width - w) / 2, h, w)
    }
}

impl TransformOp for RandomResizedCrop {
    fn apply(&self, sample: Sample, rng: &mut Rng) -> Result<Sample> {
        let picture = Transform::picture(sample, "RandomResizedCrop")?;
        let (top, left, height, width) = Self::draw(&picture, rng);
        Ok(Sample::Picture(resized_crop(&picture, top, left, height, width, [self.size; 2])?))
    }

    fn fault(&self) -> Option<String> {
        checked_size(self.size, self.size).err()
    }
}

impl fmt::Display for RandomResizedCrop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // torchvision rounds what it prints to 4 digits.
        write!(
            f,
            "RandomResizedCrop(size=({0}, {0}), scale=(0.08, 1.0), ratio=(0.75, 1.3333), \
             interpolation=bilinear, antialias=True)",
            self.size
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_lie_in_the_picture_and_in_the_ranges() {
        let mut rng = Rng::with_seed(3);
        for (width, height) in [(100, 80), (1000, 10), (10, 1000), (1, 1)] {
            let picture = RgbImage::new(width, height);
            for _ in 0..100 {
                let (top, left, h, w) = RandomResizedCrop::draw(&picture, &mut rng);
                assert!(top >= 0 && left >= 0 && h >= 1 && w >= 1);
                assert!(top + h <= i64::from(height) && left + w <= i64::from(width));
            }
        }
    }
}
