//! Brightness, contrast, colour and sharpness: Pillow's `ImageEnhance`.
//!
//! Each blends the picture with a "degenerate" one (black, its mean grey, its grey version, itself smoothed):
//! degenerate + factor · (pixel - degenerate), in `f32`, truncated and clipped to a byte. A factor of 1 leaves the
//! picture alone, 0 gives the degenerate one, more than 1 goes beyond the picture.

use image::RgbImage;

use crate::ops::luma;

/// `factor` 0 is black, 1 the picture, 2 twice as bright: `ImageEnhance.Brightness`.
pub fn brightness(picture: &mut RgbImage, factor: f32) {
    blend_with_constant(picture, 0, factor);
}

/// `factor` 0 is the mean grey, 1 the picture, 2 twice the contrast: `ImageEnhance.Contrast`.
pub fn contrast(picture: &mut RgbImage, factor: f32) {
    let pixels = picture.as_raw().as_chunks().0;
    if pixels.is_empty() {
        return;
    }
    let sum: u64 = pixels.iter().map(|&pixel| u64::from(luma(pixel))).sum();
    let mean = (sum as f64 / pixels.len() as f64 + 0.5) as u8;
    blend_with_constant(picture, mean, factor);
}

/// `factor` 0 is grey, 1 the picture, 2 twice as colourful: `ImageEnhance.Color`.
pub fn color(picture: &mut RgbImage, factor: f32) {
    let pixels: &mut [u8] = picture;
    for pixel in pixels.as_chunks_mut::<3>().0 {
        let grey = luma(*pixel);
        *pixel = pixel.map(|value| blend(grey, value, factor));
    }
}

/// `factor` 0 is smoothed, 1 the picture, 2 sharpened: `ImageEnhance.Sharpness`.
///
/// The smooth picture is the mean of 3 × 3 pixels in which the middle counts five times (`ImageFilter.SMOOTH`); the
/// outermost pixels stay.
pub fn sharpness(picture: &RgbImage, factor: f32) -> RgbImage {
    let mut out = picture.clone();
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    if width < 3 || height < 3 {
        return out;
    }
    let (source, stride) = (picture.as_raw(), width * 3);
    let (one, five) = (1.0 / 13.0, 5.0 / 13.0f32);
    let target: &mut [u8] = &mut out;
    for y in 1..height - 1 {
        let [above, here, below] = [y - 1, y, y + 1].map(|row| &source[row * stride..][..stride]);
        let target = &mut target[y * stride..][..stride];
        for x in 3..stride - 3 {
            // Pillow's order of single-precision sums, the lower row first.
            let weigh = |row: &[u8], middle: f32| {
                f32::from(row[x - 3]) * one + f32::from(row[x]) * middle + f32::from(row[x + 3]) * one
            };
            let mut sum = 0.5;
            sum += weigh(below, one);
            sum += weigh(here, five);
            sum += weigh(above, one);
            target[x] = blend(sum as u8, here[x], factor);
        }
    }
    out
}

/// A byte's result depends on that byte alone, so all 256 are blended once and the pixels looked
/// up.
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
        let enhanced = |enhance: fn(&mut RgbImage, f32), factor: f32| {
            let mut out = picture.clone();
            enhance(&mut out, factor);
            out.into_raw()
        };
        assert_eq!(enhanced(brightness, 1.3), [255, 130, 65, 13, 26, 39]);
        assert_eq!(enhanced(contrast, 0.5), [135, 85, 60, 40, 45, 50]);
        assert_eq!(enhanced(color, 1.5), [238, 88, 13, 6, 21, 36]);
        assert_eq!(enhanced(color, 1.0), picture.into_raw());
    }

    #[test]
    fn what_is_flat_stays() {
        let picture = RgbImage::from_pixel(9, 7, image::Rgb([200, 3, 255]));
        assert_eq!(sharpness(&picture, 3.0), picture);
    }

    #[test]
    fn a_picture_without_pixels_stays() {
        let mut empty = RgbImage::new(0, 0);
        contrast(&mut empty, 2.0);
        assert_eq!(sharpness(&empty, 2.0), empty);
    }
}
