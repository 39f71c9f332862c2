//! `GaussianBlur` and `RandomAdjustSharpness`.

use std::fmt;

use fastrand::Rng;
use image::RgbImage;
use pillow_pixels::enhance;
use serde_json::{Value, json};

use super::arguments::KernelSize;
use super::json::{Arguments, arguments, step};
use super::options::{Options, Setting};
use super::repr::{PyFloat, py_tuple};
use super::transform::{probability_fault, uniform};
use super::{Sample, Transform, TransformOp};
use crate::{Error, Result};

/// torchvision's `GaussianBlur(kernel_size)`: blurred with a Gaussian kernel of that many pixels, one size
/// or `[width, height]`, all odd; its sigma is drawn uniformly from 0.1 to 2.
///
/// Options: [`sigma`](Transform::sigma).
pub fn gaussian_blur(kernel_size: impl Into<KernelSize>) -> Transform {
    GaussianBlur::of(kernel_size.into())
}

/// torchvision's `RandomAdjustSharpness(factor, p)`: with probability `p` made unsharp (factor 0) up to
/// sharper (2 and more); 1 changes nothing.
pub fn random_adjust_sharpness(sharpness_factor: f64, p: f64) -> Transform {
    Transform::new(RandomAdjustSharpness { sharpness_factor, p })
}

/// Blurred by a Gaussian kernel of `kernel_size` = [width, height] pixels, both odd, with `sigma` = [across,
/// down] pixels; the edges are mirrored. Within one step of torchvision, which sums in single precision in
/// another order.
///
/// # Errors
/// When a size is even or not below twice the picture's, or a sigma is not above 0.
pub fn gaussian_blur_picture(picture: &RgbImage, kernel_size: [i64; 2], sigma: [f64; 2]) -> Result<RgbImage> {
    let error = |problem: String| Error::Transform { transform: "GaussianBlur".into(), problem };
    if let Some(fault) = kernel_fault(kernel_size) {
        return Err(error(fault));
    }
    if let Some(bad) = sigma.iter().find(|&&sigma| !(sigma > 0.0 && sigma.is_finite())) {
        return Err(error(format!("sigma is {bad}: it must be above 0")));
    }
    let size = [i64::from(picture.width()), i64::from(picture.height())];
    if kernel_size.iter().zip(size).any(|(&kernel, size)| kernel / 2 >= size) {
        return Err(error(format!(
            "a kernel of {kernel_size:?} pixels (width, height) cannot mirror the edges of a picture of {size:?}: \
             half of it must fit"
        )));
    }
    let kernels = [0, 1].map(|axis| bell(kernel_size[axis] as usize, sigma[axis]));
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    // Down first, then across, from rows of floats.
    let source = picture.as_raw();
    let stride = width * 3;
    let reach = kernels[1].len() / 2;
    let mut row = vec![0f32; stride];
    let mut out = RgbImage::new(picture.width(), picture.height());
    for (y, target) in out.chunks_exact_mut(stride).enumerate() {
        row.fill(0.0);
        for (place, &weight) in kernels[1].iter().enumerate() {
            let from = mirrored(y as i64 + place as i64 - reach as i64, height);
            for (sum, &value) in row.iter_mut().zip(&source[from * stride..][..stride]) {
                *sum += weight * f32::from(value);
            }
        }
        blur_row(&row, &kernels[0], target);
    }
    Ok(out)
}

fn blur_row(row: &[f32], kernel: &[f32], target: &mut [u8]) {
    let (pixels, reach) = (row.as_chunks::<3>().0, kernel.len() / 2);
    for (x, pixel) in target.as_chunks_mut::<3>().0.iter_mut().enumerate() {
        let mut sums = [0f32; 3];
        for (place, &weight) in kernel.iter().enumerate() {
            let from = &pixels[mirrored(x as i64 + place as i64 - reach as i64, pixels.len())];
            for (sum, value) in sums.iter_mut().zip(from) {
                *sum += weight * value;
            }
        }
        *pixel = sums.map(|sum| sum.round_ties_even() as u8);
    }
}

/// A place mirrored about the first and the last pixel.
fn mirrored(at: i64, size: usize) -> usize {
    let last = size as i64 - 1;
    let at = at.abs();
    (if at > last { 2 * last - at } else { at }) as usize
}

/// `size` weights of a Gaussian, which sum to 1.
fn bell(size: usize, sigma: f64) -> Vec<f32> {
    let half = (size as f32 - 1.0) * 0.5;
    let exact: Vec<f32> =
        (0..size).map(|i| (-0.5 * ((i as f32 - half) / sigma as f32).powi(2)).exp()).collect();
    let sum: f32 = exact.iter().sum();
    exact.into_iter().map(|weight| weight / sum).collect()
}

fn kernel_fault(kernel_size: [i64; 2]) -> Option<String> {
    let bad = kernel_size.iter().find(|&&size| size < 1 || size % 2 == 0 || size > 9999)?;
    Some(format!("kernel_size holds {bad}: it must be odd and above 0"))
}

/// Made unsharp (`factor` 0) up to sharper (2 and more): Pillow's `ImageEnhance.Sharpness`.
///
/// # Errors
/// When `factor` is negative or not finite.
pub fn adjust_sharpness(picture: &RgbImage, factor: f64) -> Result<RgbImage> {
    match factor_fault(factor) {
        Some(problem) => Err(Error::Transform { transform: "adjust_sharpness".into(), problem }),
        None => Ok(enhance::sharpness(picture, factor as f32)),
    }
}

fn factor_fault(factor: f64) -> Option<String> {
    (!(factor >= 0.0 && factor.is_finite()))
        .then(|| format!("sharpness_factor is {factor}: it must be 0 or more"))
}

#[derive(Clone)]
pub(super) struct GaussianBlur {
    kernel_size: [i64; 2],
    sigma: [f64; 2],
}

arguments!(GaussianBlur { kernel_size, sigma });

impl GaussianBlur {
    fn of(KernelSize(kernel_size): KernelSize) -> Transform {
        Transform::with_options(GaussianBlur { kernel_size, sigma: [0.1, 2.0] })
    }
}

impl Options for GaussianBlur {
    fn set(&mut self, setting: Setting) -> bool {
        match setting {
            Setting::Sigma(sigma) => self.sigma = sigma,
            _ => return false,
        }
        true
    }
}

impl TransformOp for GaussianBlur {
    fn apply(&self, sample: Sample, rng: &mut Rng) -> Result<Sample> {
        let picture = Transform::picture(sample, "GaussianBlur")?;
        let sigma = uniform(rng, self.sigma[0], self.sigma[1]);
        Ok(Sample::Picture(gaussian_blur_picture(&picture, self.kernel_size, [sigma; 2])?))
    }

    fn fault(&self) -> Option<String> {
        let [low, high] = self.sigma;
        let good = 0.0 < low && low <= high && high.is_finite();
        kernel_fault(self.kernel_size).or_else(|| {
            (!good).then(|| format!("sigma is [{low}, {high}]: it must be [smallest, largest], above 0"))
        })
    }

    fn to_json(&self) -> Option<Value> {
        Some(step("GaussianBlur", self.arguments()))
    }
}

impl fmt::Display for GaussianBlur {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [width, height] = self.kernel_size;
        write!(f, "GaussianBlur(kernel_size=({width}, {height}), sigma={})", py_tuple(&self.sigma))
    }
}

struct RandomAdjustSharpness {
    sharpness_factor: f64,
    p: f64,
}

impl TransformOp for RandomAdjustSharpness {
    fn apply(&self, sample: Sample, rng: &mut Rng) -> Result<Sample> {
        let picture = Transform::picture(sample, "RandomAdjustSharpness")?;
        if rng.f64() >= self.p {
            return Ok(Sample::Picture(picture));
        }
        Ok(Sample::Picture(enhance::sharpness(&picture, self.sharpness_factor as f32)))
    }

    fn fault(&self) -> Option<String> {
        factor_fault(self.sharpness_factor).or_else(|| probability_fault(self.p))
    }

    fn to_json(&self) -> Option<Value> {
        let arguments = json!({ "sharpness_factor": self.sharpness_factor, "p": self.p });
        Some(step("RandomAdjustSharpness", arguments))
    }
}

impl fmt::Display for RandomAdjustSharpness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (factor, p) = (PyFloat(self.sharpness_factor), PyFloat(self.p));
        write!(f, "RandomAdjustSharpness(sharpness_factor={factor},p={p})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_flat_stays() {
        let picture = RgbImage::from_pixel(9, 7, image::Rgb([200, 3, 255]));
        assert_eq!(gaussian_blur_picture(&picture, [5, 3], [1.5, 0.5]).unwrap(), picture);
        assert_eq!(adjust_sharpness(&picture, 3.0).unwrap(), picture);
    }

    #[test]
    fn what_cannot_be_is_an_error() {
        let picture = RgbImage::new(4, 4);
        assert!(gaussian_blur_picture(&picture, [2, 3], [1.0, 1.0]).is_err());
        assert!(gaussian_blur_picture(&picture, [9, 3], [1.0, 1.0]).is_err());
        assert!(gaussian_blur_picture(&picture, [3, 3], [0.0, 1.0]).is_err());
        assert!(gaussian_blur(3).sigma([2.0, 1.0]).check().is_err());
        assert!(adjust_sharpness(&picture, -1.0).is_err());
        assert!(random_adjust_sharpness(f64::NAN, 0.5).check().is_err());
    }
}
