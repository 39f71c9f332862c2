//! `RandomResizedCrop`.

use std::fmt;

use fastrand::Rng;
use image::RgbImage;
use serde_json::{Value, json};

use super::crop::crop;
use super::json::{Args, step};
use super::repr::PyFloat;
use super::resize::resize_to_with;
use super::size::{checked_size, round_half_even};
use super::transform::{range_fault, uniform};
use super::{Interpolation, Sample, Transform, TransformOp};
use crate::Result;

/// torchvision's `RandomResizedCrop(size)`: a part of 8 % to 100 % of the area, of ratio 3:4 to 4:3,
/// made `size` × `size` pixels. "Going Deeper with Convolutions", <https://arxiv.org/abs/1409.4842>.
pub fn random_resized_crop(size: i64) -> Transform {
    random_resized_crop_with(size, size, ResizedCropOptions::default())
}

/// torchvision's `RandomResizedCrop((height, width), scale, ratio, interpolation)`; see
/// [`random_resized_crop`].
pub fn random_resized_crop_with(height: i64, width: i64, options: ResizedCropOptions) -> Transform {
    Transform::new(RandomResizedCrop { size: [height, width], options })
}

/// Which parts [`random_resized_crop_with`] takes, with torchvision's defaults.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ResizedCropOptions {
    /// The smallest and largest share of the picture's area that a part takes. Default 0.08 to 1.
    pub scale: [f64; 2],
    /// The smallest and largest ratio of a part's width to its height. Default 3/4 to 4/3.
    pub ratio: [f64; 2],
    /// How pixels between pixels are told. Default bilinear.
    pub interpolation: Interpolation,
}

impl Default for ResizedCropOptions {
    fn default() -> Self {
        ResizedCropOptions {
            scale: [0.08, 1.0],
            ratio: [3.0 / 4.0, 4.0 / 3.0],
            interpolation: Interpolation::Bilinear,
        }
    }
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
    resized_crop_with(picture, [top, left, height, width], size, Interpolation::Bilinear)
}

/// [`resized_crop`] of `part` = [top, left, height, width] with another interpolation.
///
/// # Errors
/// As [`resized_crop`].
pub fn resized_crop_with(
    picture: &RgbImage,
    part: [i64; 4],
    size: [i64; 2],
    interpolation: Interpolation,
) -> Result<RgbImage> {
    let [top, left, height, width] = part;
    let part = crop(picture, top, left, height, width)?;
    resize_to_with(&part, size[0], size[1], interpolation)
}

struct RandomResizedCrop {
    size: [i64; 2],
    options: ResizedCropOptions,
}

pub(super) fn from_json(args: &mut Args) -> Result<Transform> {
    let [height, width] = args.ints("size")?;
    let options = ResizedCropOptions {
        scale: args.floats("scale")?,
        ratio: args.floats("ratio")?,
        interpolation: args.interpolation()?,
    };
    Ok(random_resized_crop_with(height, width, options))
}

impl RandomResizedCrop {
    /// [top, left, height, width] of the part to take: torchvision's `get_params`.
    fn draw(&self, picture: &RgbImage, rng: &mut Rng) -> [i64; 4] {
        let ResizedCropOptions { scale, ratio: [narrowest, widest], .. } = self.options;
        let (height, width) = (i64::from(picture.height()), i64::from(picture.width()));
        let area = (height * width) as f64;
        for _ in 0..10 {
            let target_area = area * uniform(rng, scale[0], scale[1]);
            let ratio = uniform(rng, narrowest.ln(), widest.ln()).exp();
            let w = round_half_even((target_area * ratio).sqrt());
            let h = round_half_even((target_area / ratio).sqrt());
            if (1..=width).contains(&w) && (1..=height).contains(&h) {
                return [rng.i64(0..=height - h), rng.i64(0..=width - w), h, w];
            }
        }
        // A very long picture: the middle, at the nearest allowed ratio.
        let in_ratio = width as f64 / height as f64;
        let (h, w) = if in_ratio < narrowest {
            (round_half_even(width as f64 / narrowest), width)
        } else if in_ratio > widest {
            (height, round_half_even(height as f64 * widest))
        } else {
            (height, width)
        };
        [(height - h) / 2, (width - w) / 2, h.max(1), w.max(1)]
    }
}

impl TransformOp for RandomResizedCrop {
    fn apply(&self, sample: Sample, rng: &mut Rng) -> Result<Sample> {
        let picture = Transform::picture(sample, "RandomResizedCrop")?;
        let part = self.draw(&picture, rng);
        Ok(Sample::Picture(resized_crop_with(&picture, part, self.size, self.options.interpolation)?))
    }

    fn fault(&self) -> Option<String> {
        let ResizedCropOptions { scale, ratio, .. } = self.options;
        checked_size(self.size[0], self.size[1])
            .err()
            .or_else(|| range_fault("scale", scale, 0.0))
            .or_else(|| range_fault("ratio", ratio, f64::MIN_POSITIVE))
    }

    fn to_json(&self) -> Option<Value> {
        let ResizedCropOptions { scale, ratio, interpolation } = self.options;
        Some(step(
            "RandomResizedCrop",
            json!({
                "size": self.size, "scale": scale, "ratio": ratio, "interpolation": interpolation.name(),
            }),
        ))
    }
}

impl fmt::Display for RandomResizedCrop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // torchvision rounds what it prints to 4 digits.
        let rounded = |[low, high]: [f64; 2]| {
            let four = |value: f64| PyFloat(format!("{value:.4}").parse().unwrap_or(value));
            format!("({}, {})", four(low), four(high))
        };
        let ResizedCropOptions { scale, ratio, interpolation } = self.options;
        write!(
            f,
            "RandomResizedCrop(size=({}, {}), scale={}, ratio={}, interpolation={interpolation}, antialias=True)",
            self.size[0],
            self.size[1],
            rounded(scale),
            rounded(ratio)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_lie_in_the_picture_and_in_the_ranges() {
        let mut rng = Rng::with_seed(3);
        let crop = RandomResizedCrop { size: [8, 8], options: ResizedCropOptions::default() };
        for (width, height) in [(100, 80), (1000, 10), (10, 1000), (1, 1)] {
            let picture = RgbImage::new(width, height);
            for _ in 0..100 {
                let [top, left, h, w] = crop.draw(&picture, &mut rng);
                assert!(top >= 0 && left >= 0 && h >= 1 && w >= 1);
                assert!(top + h <= i64::from(height) && left + w <= i64::from(width));
            }
        }
    }

    /// torchvision's `get_params`: the share of the area uniform, the logarithm of the ratio uniform. (Of a
    /// square the largest shares leave no room for the widest ratios, so shares up to 0.5 are looked at.)
    #[test]
    fn draws_are_torchvisions() {
        let mut rng = Rng::with_seed(9);
        let options = ResizedCropOptions { scale: [0.1, 0.5], ..Default::default() };
        let crop = RandomResizedCrop { size: [8, 8], options };
        let picture = RgbImage::new(1000, 1000);
        let count = 10_000;
        let (mut area, mut log_ratio, mut wide) = (0.0, 0.0, 0);
        for _ in 0..count {
            let [_, _, h, w] = crop.draw(&picture, &mut rng);
            area += (h * w) as f64 / 1e6;
            let ratio = (w as f64 / h as f64).ln();
            log_ratio += ratio;
            wide += usize::from(ratio > (4.0f64 / 3.0).ln() / 2.0);
        }
        assert!((area / f64::from(count) - 0.3).abs() < 0.005, "{area}");
        assert!((log_ratio / f64::from(count)).abs() < 0.01, "{log_ratio}");
        assert!((wide as f64 / f64::from(count) - 0.25).abs() < 0.015, "{wide}");
    }
}
