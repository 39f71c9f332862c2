//! What size a picture may have.

use crate::{Error, Result};

/// The most pixels of a picture that is created: Pillow's `Image.MAX_IMAGE_PIXELS`, a quarter of a GiB as RGB.
/// Larger files are read with a [warning](crate::Warning).
pub const MAX_IMAGE_PIXELS: u64 = 89_478_485;

/// The most pixels of a file: Pillow also raises its `DecompressionBombError` above this.
pub const MAX_FILE_PIXELS: u64 = 2 * MAX_IMAGE_PIXELS;

/// `width` × `height` as the size of a picture to be made.
///
/// # Errors
/// [`Error::Size`] when a side is below 1 pixel, or the whole above [`MAX_IMAGE_PIXELS`].
pub fn check_size(width: i64, height: i64) -> Result<(u32, u32)> {
    match width.checked_mul(height) {
        Some(pixels) if width >= 1 && height >= 1 && pixels as u64 <= MAX_IMAGE_PIXELS => {
            Ok((width as u32, height as u32))
        }
        _ => Err(Error::Size { width, height }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_cannot_be() {
        assert_eq!(check_size(89_478_485, 1).unwrap(), (89_478_485, 1));
        for (width, height) in [(0, 4), (4, -1), (-4, -4), (89_478_486, 1), (i64::MAX, i64::MAX)] {
            assert!(matches!(check_size(width, height), Err(Error::Size { .. })), "{width}x{height}");
        }
        let text = |width, height| check_size(width, height).unwrap_err().to_string();
        assert_eq!(text(0, 4), "size is 4x0: height and width must be at least 1 pixel");
        assert_eq!(
            text(1 << 20, 1 << 20),
            "size is 1048576x1048576: a picture may have 89478485 pixels at most"
        );
    }
}
