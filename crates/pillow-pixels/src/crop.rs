//! `crop`.

use std::ops::Range;

use image::RgbImage;

use crate::Result;
use crate::size::check_size;

/// The part of `size` = (width, height) whose upper left corner is at `corner` = (left, top): Pillow's
/// `Image.crop((left, top, left + width, top + height))`. Anything outside the picture is black.
///
/// # Errors
/// [`Error::Size`](crate::Error::Size) when a side is below 1 pixel or the whole above
/// [`MAX_IMAGE_PIXELS`](crate::MAX_IMAGE_PIXELS).
pub fn crop(picture: &RgbImage, corner: (i64, i64), size: (u32, u32)) -> Result<RgbImage> {
    crop_filled(picture, corner, size, [0; 3])
}

/// [`crop()`] with another colour outside.
///
/// # Errors
/// As [`crop()`].
pub fn crop_filled(
    picture: &RgbImage,
    (left, top): (i64, i64),
    size: (u32, u32),
    fill: [u8; 3],
) -> Result<RgbImage> {
    let (width, height) = check_size(size.0.into(), size.1.into())?;
    let mut out = match fill {
        [0, 0, 0] => RgbImage::new(width, height),
        fill => RgbImage::from_pixel(width, height, image::Rgb(fill)),
    };
    let rows = overlap(top, height, picture.height());
    let columns = overlap(left, width, picture.width());
    if rows.is_empty() || columns.is_empty() {
        return Ok(out);
    }
    let (in_stride, out_stride) = (picture.width() as usize * 3, width as usize * 3);
    let (first, end) = (columns.start as usize * 3, columns.end as usize * 3);
    let out_first = (columns.start - left) as usize * 3;
    let source = picture.as_raw();
    let target: &mut [u8] = &mut out;
    for row in rows {
        let from = &source[row as usize * in_stride..][first..end];
        target[(row - top) as usize * out_stride..][out_first..out_first + from.len()].copy_from_slice(from);
    }
    Ok(out)
}

/// The part of `start..start + length` that lies within `0..size`.
fn overlap(start: i64, length: u32, size: u32) -> Range<i64> {
    start.max(0)..start.saturating_add(length.into()).min(size.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture whose pixel at (x, y) is (x, y, 7).
    fn coordinates(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, 7]))
    }

    #[test]
    fn inside() {
        let out = crop(&coordinates(10, 8), (3, 2), (5, 4)).unwrap();
        assert_eq!(out.dimensions(), (5, 4));
        assert_eq!(out.get_pixel(0, 0).0, [3, 2, 7]);
        assert_eq!(out.get_pixel(4, 3).0, [7, 5, 7]);
    }

    #[test]
    fn outside_is_filled() {
        let out = crop(&coordinates(4, 4), (2, -1), (4, 3)).unwrap();
        assert_eq!(out.get_pixel(0, 0).0, [0, 0, 0]);
        assert_eq!(out.get_pixel(0, 1).0, [2, 0, 7]);
        assert_eq!(out.get_pixel(2, 1).0, [0, 0, 0]);
        let away = crop_filled(&coordinates(4, 4), (i64::MAX, 100), (2, 2), [1, 2, 3]).unwrap();
        assert!(away.pixels().all(|pixel| pixel.0 == [1, 2, 3]));
        assert!(crop(&away, (i64::MIN, i64::MIN), (1, 1)).unwrap().pixels().all(|pixel| pixel.0 == [0; 3]));
        assert!(crop(&away, (0, 0), (0, 2)).is_err());
    }
}
