//! Mixes pictures with each other, and their labels in the same proportion.

use fastrand::Rng;
use tch::{Kind, Tensor};

use crate::{Error, Result};

/// How the pictures of a training batch are mixed; `alpha` is above 0: 0.2 to 1 are usual. Larger values
/// mix more evenly.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Mix {
    /// Not at all.
    #[default]
    No,
    /// Each picture fades into another one ([Zhang et al. 2017](https://arxiv.org/abs/1710.09412)):
    /// [`torchvision.transforms.v2.MixUp`](https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.v2.MixUp.html).
    MixUp(f64),
    /// A rectangle of each picture comes from another one ([Yun et al. 2019](https://arxiv.org/abs/1905.04899)):
    /// [`torchvision.transforms.v2.CutMix`](https://docs.pytorch.org/vision/stable/generated/torchvision.transforms.v2.CutMix.html).
    CutMix(f64),
    /// One or the other, at random for each batch, with these two alphas: `RandomChoice([MixUp, CutMix])`.
    MixUpOrCutMix(f64, f64),
}

/// Mixed pictures (N, C, H, W), and the share of each that is its own; the rest comes from the preceding
/// picture, for the first one from the last.
#[derive(Debug)]
pub struct Mixed {
    /// The pictures.
    pub images: Tensor,
    /// How much of each picture, and of its label, is its own: 0 to 1.
    pub share: f64,
}

crate::notebook::rich_by_debug!(Mixed);

impl Mix {
    /// # Errors
    /// [`Error::Argument`] when an alpha is not a number above 0.
    pub(super) fn check(self) -> Result<()> {
        let alphas = match self {
            Mix::No => return Ok(()),
            Mix::MixUp(alpha) | Mix::CutMix(alpha) => [alpha, alpha],
            Mix::MixUpOrCutMix(first, second) => [first, second],
        };
        match alphas.iter().find(|alpha| !(**alpha > 0.0 && alpha.is_finite())) {
            Some(alpha) => Err(Error::Argument(format!("{self:?}: alpha is {alpha}, it must be above 0"))),
            None => Ok(()),
        }
    }

    /// Mixes a batch; `None` for [`Mix::No`].
    pub(super) fn apply(self, images: &Tensor, rng: &mut Rng) -> Result<Option<Mixed>> {
        match self {
            Mix::No => Ok(None),
            Mix::MixUp(alpha) => mixup(images, beta(alpha, rng)).map(Some),
            Mix::CutMix(alpha) => {
                let (height, width) = sides(images)?;
                let share = beta(alpha, rng);
                let centre = (rng.i64(0..height), rng.i64(0..width));
                cutmix(images, share, centre).map(Some)
            }
            Mix::MixUpOrCutMix(first, second) => match rng.bool() {
                true => Mix::MixUp(first).apply(images, rng),
                false => Mix::CutMix(second).apply(images, rng),
            },
        }
    }
}

/// Each picture (N, C, H, W) with `share` of itself and the rest of the one before it.
///
/// # Errors
/// libtorch's.
pub fn mixup(images: &Tensor, share: f64) -> Result<Mixed> {
    let other = images.f_roll([1], [0])?.f_mul_scalar_(1.0 - share)?;
    Ok(Mixed { images: images.f_mul_scalar(share)?.f_add(&other)?, share })
}

/// Each picture with a rectangle around `centre` (row, column) from the one before it, of `1 - share` of
/// the area but for what lies outside.
///
/// # Errors
/// [`Error::Argument`] when `images` are not (N, C, H, W); libtorch's.
pub fn cutmix(images: &Tensor, share: f64, centre: (i64, i64)) -> Result<Mixed> {
    let (height, width) = sides(images)?;
    let half = 0.5 * (1.0 - share).max(0.0).sqrt();
    let range = |centre: i64, side: i64| {
        let reach = (half * side as f64) as i64;
        ((centre - reach).max(0), (centre + reach).min(side))
    };
    let ((top, bottom), (left, right)) = (range(centre.0, height), range(centre.1, width));
    let mut mixed = images.f_empty_like()?;
    mixed.f_copy_(images)?;
    let part = |of: &Tensor| of.f_narrow(2, top, bottom - top)?.f_narrow(3, left, right - left);
    let mut target = part(&mixed)?;
    target.f_copy_(&part(&images.f_roll([1], [0])?)?)?;
    let area = ((bottom - top) * (right - left)) as f64 / (height * width) as f64;
    Ok(Mixed { images: mixed, share: 1.0 - area })
}

fn sides(images: &Tensor) -> Result<(i64, i64)> {
    match images.size().as_slice() {
        &[_, _, height, width] if height * width > 0 => Ok((height, width)),
        size => Err(Error::Argument(format!("pictures to mix must be (N, C, H, W), got {size:?}"))),
    }
}

/// A number of the distribution Beta(alpha, alpha).
fn beta(alpha: f64, rng: &mut Rng) -> f64 {
    let (a, b) = (gamma(alpha, rng), gamma(alpha, rng));
    if a + b > 0.0 { a / (a + b) } else { 1.0 }
}

/// A number of the distribution Gamma(shape, 1) (Marsaglia and Tsang 2000).
fn gamma(shape: f64, rng: &mut Rng) -> f64 {
    if shape < 1.0 {
        // Gamma(s) = Gamma(s + 1) · U^(1/s).
        return gamma(shape + 1.0, rng) * (1.0 - rng.f64()).powf(1.0 / shape);
    }
    let d = shape - 1.0 / 3.0;
    let c = 1.0 / (9.0 * d).sqrt();
    loop {
        let x = normal(rng);
        let v = (1.0 + c * x).powi(3);
        if v > 0.0 && (1.0 - rng.f64()).ln() < 0.5 * x * x + d - d * v + d * v.ln() {
            return d * v;
        }
    }
}

/// A number of the standard normal distribution (Box and Muller 1958).
fn normal(rng: &mut Rng) -> f64 {
    (-2.0 * (1.0 - rng.f64()).ln()).sqrt() * (std::f64::consts::TAU * rng.f64()).cos()
}

/// Labels (N,) of the pictures that are mixed in.
pub(super) fn partners(labels: &Tensor) -> Result<Tensor> {
    debug_assert_eq!(labels.kind(), Kind::Int64);
    Ok(labels.f_roll([1], [0])?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pictures() -> Tensor {
        Tensor::arange(2 * 3 * 4 * 4, (Kind::Float, tch::Device::Cpu)).reshape([2, 3, 4, 4])
    }

    #[test]
    fn mixup_fades() {
        let (images, mixed) = (pictures(), mixup(&pictures(), 0.75).unwrap());
        let expected = 0.75 * images.double_value(&[0, 1, 2, 3]) + 0.25 * images.double_value(&[1, 1, 2, 3]);
        assert_eq!(mixed.images.double_value(&[0, 1, 2, 3]), expected);
        assert_eq!(mixed.share, 0.75);
    }

    /// torchvision 0.28, `v2.CutMix` with the same box: r = 0.5 sqrt(0.25), sides 4: 1 each way.
    #[test]
    fn cutmix_cuts_a_box_and_counts_it() {
        let (images, mixed) = (pictures(), cutmix(&pictures(), 0.75, (0, 2)).unwrap());
        // Rows 0..1 (cut at the edge), columns 1..3.
        assert_eq!(mixed.share, 1.0 - 2.0 / 16.0);
        for (row, column, from) in [(0, 1, 1), (0, 2, 1), (0, 3, 0), (1, 1, 0), (0, 0, 0)] {
            let value = mixed.images.double_value(&[0, 0, row, column]);
            assert_eq!(value, images.double_value(&[from, 0, row, column]), "{row} {column}");
        }
        assert_eq!(images, pictures(), "the batch itself stays");
    }

    /// Beta(a, a) has mean 1/2 and variance 1 / (4 (2a + 1)).
    #[test]
    fn shares_follow_the_beta_distribution() {
        let mut rng = Rng::with_seed(3);
        for alpha in [0.2, 1.0, 3.0] {
            let drawn: Vec<f64> = (0..20_000).map(|_| beta(alpha, &mut rng)).collect();
            let mean = drawn.iter().sum::<f64>() / 20_000.0;
            let variance = drawn.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 20_000.0;
            assert!((mean - 0.5).abs() < 0.02, "{alpha}: {mean}");
            assert!((variance * 4.0 * (2.0 * alpha + 1.0) - 1.0).abs() < 0.05, "{alpha}: {variance}");
        }
        assert!(Mix::MixUp(0.0).check().is_err() && Mix::CutMix(1.0).check().is_ok());
    }
}
