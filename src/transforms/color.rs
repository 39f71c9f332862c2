//! Brightness, contrast and saturation: Pillow's `ImageEnhance`.
//!
//! Each blends the picture with a "degenerate" one (black, its mean grey, its grey version):
//! degenerate + factor · (pixel - degenerate), in `f32`, truncated and clipped to a byte.

use image::RgbImage;

use super::grayscale::luma;
use crate::{Error, Result};

/// `factor` 0 is black, 1 the picture, 2 twice as bright.
///
/// # Errors
/// When `factor` is negative or not finite.
pub fn adjust_brightness(picture: &RgbImage, factor: f64) -> Result<RgbImage> {
    adjusted(picture, "adjust_brightness", factor, brightness_in_place)
}

/// `factor` 0 is the mean grey, 1 the picture, 2 twice the contrast.
///
/// # Errors
/// When `factor` is negative or not finite.
pub fn adjust_contrast(picture: &RgbImage, factor: f64) -> Result<RgbImage> {
    adjusted(picture, "adjust_contrast", factor, contrast_in_place)
}

/// `factor` 0 is grey, 1 the picture, 2 twice as colourful.
///
/// # Errors
/// When `factor` is negative or not finite.
pub fn adjust_saturation(picture: &RgbImage, factor: f64) -> Result<RgbImage> {
    adjusted(picture, "adjust_saturation", factor, saturation_in_place)
}

fn adjusted(picture: &RgbImage, name: &str, factor: f64, adjust: fn(&mut RgbImage, f64)) -> Result<RgbImage> {
    if !(factor >= 0.0 && factor.is_finite()) {
        let problem = format!("factor is {factor}: it must be 0 or more");
        return Err(Error::Transform { transform: name.into(), problem });
    }
    let mut out = picture.clone();
    adjust(&mut out, factor);
    Ok(out)
}

pub(super) fn brightness_in_place(picture: &mut RgbImage, factor: f64) {
    blend_with_constant(picture, 0, factor as f32);
}

pub(super) fn contrast_in_place(picture: &mut RgbImage, factor: f64) {
    let pixels = picture.as_raw().as_chunks().0;
    if pixels.is_empty() {
        return;
    }
    let sum: u64 = pixels.iter().map(|&pixel| u64::from(luma(pixel))).sum();
    let mean = (sum as f64 / pixels.len() as f64 + 0.5) as u8;
    blend_with_constant(picture, mean, factor as f32);
}

pub(super) fn saturation_in_place(picture: &mut RgbImage, factor: f64) {
    let factor = factor as f32;
    let pixels: &mut [u8] = picture;
    for pixel in pixels.as_chunks_mut::<3>().0 {
        let grey = luma(*pixel);
        *pixel = pixel.map(|value| blend(grey, value, factor));
    }
}

/// A byte's result depends on the byte alone: 256 of them are blended, the rest looked up.
fn blend_with_constant(picture: &mut RgbImage, degenerate: u8, factor: f32) {
    let table: [u8; 256] = std::array::from_fn(|value| blend(degenerate, value as u8, factor));
    let pixels: &mut [u8] = picture;
    for value in pixels {
        *value = table[usize::from(*value)];
    }
}

/// Pillow's `Image.blend` of two bytes; `as` truncates and clips.
fn blend(degenerate: u8, value: u8, factor: f32) -> u8 {
    let (from, to) = (f32::from(degenerate), f32::from(value));
    (from + factor * (to - from)) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected: Pillow's `ImageEnhance` on the pixels (200, 100, 50) and (10, 20, 30).
    #[test]
    fn two_pixels() {
        let picture = RgbImage::from_raw(2, 1, vec![200, 100, 50, 10, 20, 30]).unwrap();
        assert_eq!(adjust_brightness(&picture, 1.3).unwrap().into_raw(), [255, 130, 65, 13, 26, 39]);
        assert_eq!(adjust_contrast(&picture, 0.5).unwrap().into_raw(), [135, 85, 60, 40, 45, 50]);
        assert_eq!(adjust_saturation(&picture, 1.5).unwrap().into_raw(), [238, 88, 13, 6, 21, 36]);
        assert_eq!(adjust_saturation(&picture, 1.0).unwrap(), picture);
    }

    #[test]
    fn factors_out_of_range() {
        let picture = RgbImage::new(1, 1);
        assert!(adjust_brightness(&picture, -0.1).is_err());
        assert!(adjust_contrast(&picture, f64::NAN).is_err());
        assert!(adjust_saturation(&picture, f64::INFINITY).is_err());
    }
}
