//! From a tensor back to a picture.

use image::{Rgb, RgbImage};
use tch::{Device, Kind, Tensor};

use super::Figure;
use crate::notebook::to_page_size;
use crate::transforms::{IMAGENET_MEAN, IMAGENET_STD};
use crate::{Error, Result};

/// The picture in a normalised tensor, as the tutorial's `im_convert`: the normalisation with
/// [`IMAGENET_MEAN`] and [`IMAGENET_STD`] is undone and the result clipped to 0..1.
///
/// `tensor` is (3, H, W) or (1, 3, H, W), of any kind of number, on any device. A channel value `x`
/// becomes the byte nearest to `255 · clip(x · std + mean)`; halves round up, and NaN becomes 0.
/// So a picture that went through `to_tensor` and `normalize` comes back byte for byte (truncating, as `matplotlib`
/// does, would make some values one less). A picture narrower than 320 pixels is enlarged by an integer factor, each
/// pixel to a square, as `imshow` does.
///
/// # Errors
/// [`Error::Argument`] if the tensor has another shape, or no pixels.
pub fn im_convert(tensor: &Tensor) -> Result<Figure> {
    Figure::from_tensor(tensor, IMAGENET_MEAN, IMAGENET_STD)
}

impl Figure {
    /// [`im_convert`] for pictures that were normalised with other numbers, one for each of red, green
    /// and blue. `[0.0; 3]` and `[1.0; 3]` for those that were not normalised at all.
    ///
    /// # Errors
    /// As [`im_convert`].
    pub fn from_tensor(tensor: &Tensor, mean: [f64; 3], std: [f64; 3]) -> Result<Figure> {
        let image = to_image(tensor, mean, std)?;
        let alt = format!("a picture of {} x {} pixels", image.width(), image.height());
        let (image, (width, height)) = to_page_size(image);
        Figure::of_pixels(image, width, height, alt)
    }
}

/// The pixels of a normalised tensor.
pub(crate) fn to_image(tensor: &Tensor, mean: [f64; 3], std: [f64; 3]) -> Result<RgbImage> {
    let size = tensor.size();
    let (height, width) = match size[..] {
        [3, height, width] | [1, 3, height, width] if height > 0 && width > 0 => (height, width),
        _ => {
            let told = format!(
                "a picture must be a tensor of (3, H, W) with H and W above 0, this one has {size:?}"
            );
            return Err(Error::Argument(told));
        }
    };
    let flat = tensor.f_detach()?.f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?.f_reshape([-1])?;
    let values = Vec::<f32>::try_from(&flat)?;
    let plane = (height * width) as usize;
    let byte = |pixel: usize, channel: usize| {
        let value = f64::from(values[channel * plane + pixel]) * std[channel] + mean[channel];
        // A NaN passes through `clamp` and becomes 0 in the conversion.
        (value.clamp(0.0, 1.0) * 255.0 + 0.5).floor() as u8
    };
    Ok(RgbImage::from_fn(width as u32, height as u32, |x, y| {
        let pixel = y as usize * width as usize + x as usize;
        Rgb([byte(pixel, 0), byte(pixel, 1), byte(pixel, 2)])
    }))
}
