//! `pad`: a black border.

use image::RgbImage;

use super::crop::crop;
use crate::{Error, Result};

/// `picture` with black borders of so many pixels (torchvision's `pad` with a constant fill of 0). A
/// negative border crops.
///
/// # Errors
/// When nothing is left, or more than [`MAX_IMAGE_PIXELS`](super::MAX_IMAGE_PIXELS).
pub fn pad(picture: &RgbImage, left: i64, top: i64, right: i64, bottom: i64) -> Result<RgbImage> {
    let sum = |size: u32, before: i64, after: i64| i64::from(size).checked_add(before)?.checked_add(after);
    match (sum(picture.height(), top, bottom), sum(picture.width(), left, right), top.checked_neg()) {
        (Some(height), Some(width), Some(first)) if left > i64::MIN => {
            crop(picture, first, -left, height, width)
        }
        _ => Err(Error::Transform {
            transform: "pad".into(),
            problem: format!("padding is ({left}, {top}, {right}, {bottom}): the sum is out of range"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders() {
        let out = pad(&RgbImage::from_pixel(2, 1, image::Rgb([9, 9, 9])), 1, 2, 3, 4).unwrap();
        assert_eq!(out.dimensions(), (6, 7));
        let lit: Vec<(u32, u32)> =
            out.enumerate_pixels().filter(|p| p.2.0 == [9, 9, 9]).map(|p| (p.0, p.1)).collect();
        assert_eq!(lit, [(1, 2), (2, 2)]);
        assert!(pad(&out, i64::MAX, 0, 0, 0).is_err());
        assert!(pad(&out, i64::MIN, 0, 0, 0).is_err());
    }
}
