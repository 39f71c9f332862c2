//! The operations themselves, without chance, as `torchvision.transforms.functional` names them.
//!
//! Each takes a picture (RGB, 8 bits) and gives a new one; sizes are (height, width) in pixels as in
//! torchvision. A size below 1 or above [`MAX_IMAGE_PIXELS`](super::MAX_IMAGE_PIXELS), or a factor out
//! of range, is an error.

pub use super::affine::{Affine, affine, affine_with};
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
pub use super::pad::{pad_picture as pad, pad_picture_with as pad_with};
pub use super::perspective::perspective;
pub use super::resize::{
    resize_short_to as resize_short, resize_short_to_with as resize_short_with, resize_to as resize,
    resize_to_with as resize_with,
};
pub use super::resized_crop::{resized_crop, resized_crop_with};
pub use super::rotation::{rotate, rotate_with};
pub use super::tensor::{normalize_tensor as normalize, picture_to_tensor as to_tensor};
