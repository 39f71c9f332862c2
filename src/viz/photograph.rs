//! Photographs from their files, as small squares.

use std::path::Path;

use image::imageops;
use image::{Rgb, RgbImage};

use crate::data::read_image;

/// The middle square of a picture file, `side` pixels large at most. A file that is gone or cannot be
/// read is a grey square: one of them should not cost the whole figure.
pub(super) fn square(path: &Path, side: u32) -> RgbImage {
    match read_image(path) {
        Ok(picture) if !path.as_os_str().is_empty() => middle(&picture, side),
        _ => RgbImage::from_pixel(side, side, Rgb([205; 3])),
    }
}

/// The middle square of a picture, made smaller where it is larger than `side`.
pub(super) fn middle(picture: &RgbImage, side: u32) -> RgbImage {
    let (width, height) = picture.dimensions();
    let own = width.min(height);
    let (left, top) = ((width - own) / 2, (height - own) / 2);
    let cut = imageops::crop_imm(picture, left, top, own, own);
    if own <= side { cut.to_image() } else { imageops::thumbnail(&*cut, side, side) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_kept() {
        let picture = RgbImage::from_fn(90, 30, |x, _| Rgb([(x / 30 * 100) as u8, 0, 0]));
        let cut = middle(&picture, 10);
        assert_eq!(cut.dimensions(), (10, 10));
        assert!(cut.pixels().all(|pixel| pixel.0 == [100, 0, 0]));
        assert_eq!(middle(&picture, 64).dimensions(), (30, 30), "small ones are not enlarged");
        assert_eq!(square(Path::new("/nowhere.jpg"), 8).get_pixel(3, 3).0, [205; 3]);
    }
}
