//! `resize`.

use image::RgbImage;

use crate::nearest::nearest;
use crate::resample::{Filter, resample};
use crate::size::check_size;
use crate::{Error, Result};

/// How values between pixels are computed: Pillow's `Image.Resampling`, as far as it offers it everywhere.
///
/// [`resize`](resize()) antialiases where it shrinks, as Pillow does: every input pixel counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Resampling {
    /// The nearest pixel.
    #[default]
    Nearest,
    /// Between the 2 × 2 pixels around.
    Bilinear,
    /// A cubic through the 4 × 4 pixels around.
    Bicubic,
}

impl Resampling {
    /// The filter that weights neighbouring pixels; `None` for nearest.
    pub(crate) fn filter(self) -> Option<Filter> {
        match self {
            Resampling::Nearest => None,
            Resampling::Bilinear => Some(Filter::Triangle),
            Resampling::Bicubic => Some(Filter::Cubic),
        }
    }
}

/// `picture` at `size` = (width, height): Pillow's `Image.resize(size, resampling)`.
///
/// # Errors
/// [`Error::Size`] when a side is below 1 pixel, or the whole above [`MAX_IMAGE_PIXELS`](crate::MAX_IMAGE_PIXELS), or the
/// picture at its new width and old height above four times that, [`Error::NoPixels`] when the picture has none.
pub fn resize(picture: &RgbImage, size: (u32, u32), resampling: Resampling) -> Result<RgbImage> {
    let (width, height) = check_size(size.0.into(), size.1.into())?;
    if picture.width() == 0 || picture.height() == 0 {
        return Err(Error::NoPixels);
    }
    if picture.dimensions() == size {
        return Ok(picture.clone());
    }
    match resampling.filter() {
        Some(filter) => resample(picture, width, height, filter),
        None => {
            let x = f64::from(picture.width()) / f64::from(width);
            let y = f64::from(picture.height()) / f64::from(height);
            Ok(nearest(picture, size, [x, 0.0, 0.0, 0.0, y, 0.0], [0; 3]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_resized() {
        let of = |picture: &RgbImage, size| resize(picture, size, Resampling::Bilinear);
        let picture = RgbImage::new(2, 2);
        assert!(matches!(of(&picture, (0, 1)), Err(Error::Size { width: 0, height: 1 })));
        assert!(matches!(of(&picture, (u32::MAX, u32::MAX)), Err(Error::Size { .. })));
        // Between the two passes it would have 200 times 3 million pixels.
        let tall = RgbImage::new(1, 200);
        assert!(matches!(of(&tall, (3_000_000, 1)), Err(Error::Size { width: 3_000_000, height: 200 })));
        assert!(matches!(of(&RgbImage::new(0, 3), (1, 1)), Err(Error::NoPixels)));
        assert_eq!(of(&picture, (2, 2)).unwrap(), picture);
    }
}
