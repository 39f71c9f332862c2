//! The operations themselves, without randomness, as `torchvision.transforms.functional` names them.
//!
//! Each takes a picture (RGB, 8 bits) and gives a new one; what torchvision takes by keyword comes last, as a struct
//! with defaults where there are several.
//!
//! ```
//! use herbarium::transforms::{ResizeOptions, RotationOptions, functional};
//!
//! let picture = image::RgbImage::new(300, 200);
//! let small = functional::resize(&picture, 96, ResizeOptions::default())?;
//! assert_eq!(small.dimensions(), (144, 96));
//! let options = RotationOptions { expand: true, ..Default::default() };
//! assert_eq!(functional::rotate(&small, 90.0, options)?.dimensions(), (96, 144));
//! # Ok::<(), herbarium::Error>(())
//! ```
//!
//! Sizes are those of [`Size`](super::Size). One below 1 or above [`MAX_IMAGE_PIXELS`](super::MAX_IMAGE_PIXELS), or a factor out
//! of range, is an error.

pub use super::affine::{Affine, affine};
pub use super::auto_augment::augment;
pub use super::center_crop::center_crop_to as center_crop;
pub use super::color::{adjust_brightness, adjust_contrast, adjust_hue, adjust_saturation};
pub use super::crop::crop;
pub use super::crops::{five_crops as five_crop, ten_crops as ten_crop};
pub use super::erasing::erase;
pub use super::filters::{adjust_sharpness, gaussian_blur_picture as gaussian_blur};
pub use super::flip::{hflip, vflip};
pub use super::grayscale::to_grayscale;
pub use super::lookup_tables::{autocontrast, equalize, invert, posterize, solarize};
pub use super::pad::pad_picture as pad;
pub use super::perspective::perspective;
pub use super::resize::resize_to as resize;
pub use super::resized_crop::resized_crop;
pub use super::rotation::rotate;
pub use super::tensor::{normalize_tensor as normalize, picture_to_tensor as to_tensor};
