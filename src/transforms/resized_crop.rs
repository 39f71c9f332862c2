//! `RandomResizedCrop`.

use std::fmt;

use fastrand::Rng;
use image::RgbImage;
use serde_json::Value;

use super::arguments::Size;
use super::crop::crop;
use super::json::{Arguments, arguments, step};
use super::options::{Options, Setting};
use super::repr::PyFloat;
use super::resize::resized;
use super::size::{checked_size, round_half_even};
use super::transform::{range_fault, uniform};
use super::{Interpolation, Sample, Transform, TransformOp};
use crate::Result;

/// torchvision's `RandomResizedCrop(size)`: a crop of 8 % to 100 % of the area, of ratio 3:4 to 4:3, made `size`
/// pixels large. "Going Deeper with Convolutions", <https://arxiv.org/abs/1409.4842>.
///
/// Options: [`scale`](Transform::scale), [`ratio`](Transform::ratio), [`interpolation`](Transform::interpolation).
pub fn random_resized_crop(size: impl Into<Size>) -> Transform {
    Transform::with_options(RandomResizedCrop::of(size.into()))
}

/// [`crop`] of `part` = [top, left, height, width], then resized to a square or `[height, width]`.
///
/// # Errors
/// When one of the sizes is below 1 pixel or above [`MAX_IMAGE_PIXELS`](super::MAX_IMAGE_PIXELS).
pub fn resized_crop(
    picture: &RgbImage,
    part: [i64; 4],
    size: impl Into<Size>,
    interpolation: Interpolation,
) -> Result<RgbImage> {
    cropped_and_resized(picture, part, size.into().of_crop(), interpolation)
}

fn cropped_and_resized(
    picture: &RgbImage,
    [top, left, height, width]: [i64; 4],
    size: [i64; 2],
    interpolation: Interpolation,
) -> Result<RgbImage> {
    resized(&crop(picture, top, left, height, width)?, size, interpolation)
}

#[derive(Clone)]
pub(super) struct RandomResizedCrop {
    size: [i64; 2],
    scale: [f64; 2],
    ratio: [f64; 2],
    interpolation: Interpolation,
}

arguments!(RandomResizedCrop { size, scale, ratio, interpolation });

impl Options for RandomResizedCrop {
    fn set(&mut self, setting: Setting) -> bool {
        match setting {
            Setting::Scale(scale) => self.scale = scale,
            Setting::Ratio(ratio) => self.ratio = ratio,
            Setting::Interpolation(interpolation) => self.interpolation = interpolation,
            _ => return false,
        }
        true
    }
}

impl RandomResizedCrop {
    /// With torchvision's defaults.
    fn of(size: Size) -> Self {
        RandomResizedCrop {
            size: size.of_crop(),
            scale: [0.08, 1.0],
            ratio: [3.0 / 4.0, 4.0 / 3.0],
            interpolation: Interpolation::Bilinear,
        }
    }

    /// [top, left, height, width] of the part to take: torchvision's `get_params`.
    fn draw(&self, picture: &RgbImage, rng: &mut Rng) -> [i64; 4] {
        let RandomResizedCrop { scale, ratio: [narrowest, widest], .. } = *self;
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
        Ok(Sample::Picture(cropped_and_resized(&picture, part, self.size, self.interpolation)?))
    }

    fn fault(&self) -> Option<String> {
        let RandomResizedCrop { size: [height, width], scale, ratio, .. } = *self;
        checked_size(height, width)
            .err()
            .or_else(|| range_fault("scale", scale, 0.0))
            .or_else(|| range_fault("ratio", ratio, f64::MIN_POSITIVE))
    }

    fn to_json(&self) -> Option<Value> {
        Some(step("RandomResizedCrop", self.arguments()))
    }
}

impl fmt::Display for RandomResizedCrop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // torchvision rounds what it prints to 4 digits.
        let rounded = |[low, high]: [f64; 2]| {
            let four = |value: f64| PyFloat(format!("{value:.4}").parse().unwrap_or(value));
            format!("({}, {})", four(low), four(high))
        };
        let RandomResizedCrop { size: [height, width], scale, ratio, interpolation } = *self;
        write!(
            f,
            "RandomResizedCrop(size=({height}, {width}), scale={}, ratio={}, interpolation={interpolation}, antialias=True)",
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
        let crop = RandomResizedCrop::of(8.into());
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
        let crop = RandomResizedCrop { scale: [0.1, 0.5], ..RandomResizedCrop::of(8.into()) };
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
