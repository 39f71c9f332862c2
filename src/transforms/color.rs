//! Brightness, contrast, saturation and hue of a picture.

use image::RgbImage;
use pillow_pixels::{enhance, hsv};

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

/// Turns the colour circle: by `factor` of a whole turn, -0.5..=0.5.
///
/// The hue is a byte that wraps around, as in torchvision on a PIL image: a turn of 0.1 is 25 steps of
/// 255, and the conversion to HSV and back itself changes a colour slightly.
///
/// # Errors
/// When `factor` is out of range.
pub fn adjust_hue(picture: &RgbImage, factor: f64) -> Result<RgbImage> {
    if !(-0.5..=0.5).contains(&factor) {
        let problem = format!("hue factor is {factor}: it must be in -0.5..=0.5");
        return Err(Error::Transform { transform: "adjust_hue".into(), problem });
    }
    let mut out = picture.clone();
    hue_in_place(&mut out, factor);
    Ok(out)
}

pub(super) fn brightness_in_place(picture: &mut RgbImage, factor: f64) {
    enhance::brightness(picture, factor as f32);
}

pub(super) fn contrast_in_place(picture: &mut RgbImage, factor: f64) {
    enhance::contrast(picture, factor as f32);
}

pub(super) fn saturation_in_place(picture: &mut RgbImage, factor: f64) {
    enhance::color(picture, factor as f32);
}

pub(super) fn hue_in_place(picture: &mut RgbImage, factor: f64) {
    // torchvision's rounding: truncated, then modulo 256.
    hsv::shift_hue(picture, (factor * 255.0) as i32 as u8);
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
        assert!(adjust_hue(&picture, 0.51).is_err());
        assert!(adjust_hue(&picture, f64::NAN).is_err());
    }
}
