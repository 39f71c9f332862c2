//! What is done to each photograph before the network sees it, as `torchvision.transforms` does it.
//!
//! A pipeline is a [`Compose`] of [`Transform`]s. Each constructor here is torchvision's class in
//! snake case, prints as torchvision's object prints, and computes what torchvision computes on a
//! PIL image, to the pixel: the arithmetic is Pillow's (fixed-point resampling, truncating blends,
//! 8-bit HSV), not merely the same idea. [`functional`] holds the same operations without chance, as
//! `torchvision.transforms.functional` does.
//!
//! ```
//! use herbarium::transforms::{Compose, IMAGENET_MEAN, IMAGENET_STD, normalize, resize, to_tensor};
//!
//! let valid = Compose::new(vec![resize(64, 64), to_tensor(), normalize(IMAGENET_MEAN, IMAGENET_STD)]);
//! assert!(valid.to_string().starts_with("Compose(\n    Resize(size=[64, 64]"));
//! ```
//!
//! A picture is an [`image::RgbImage`]: 3 bytes a pixel, (H, W, 3). A tensor is (3, H, W) `f32`.
//!
//! # Wrong arguments
//! A constructor never fails, so that a list of them needs no `?`. It notes what is wrong, and the
//! first thing that would use the transform says so and names it: [`Compose::check`], which every
//! data set calls when it is made, or [`Compose::apply`].

mod affine;
mod auto_augment;
mod center_crop;
mod color;
mod color_jitter;
mod compose;
mod containers;
mod crop;
mod crops;
mod erasing;
mod filters;
mod flip;
pub mod functional;
mod geometric_map;
mod grayscale;
mod hsv;
mod interpolation;
mod json;
mod lookup_tables;
mod nearest;
mod pad;
mod perspective;
mod registry;
pub(crate) mod repr;
mod resample;
mod resize;
mod resized_crop;
mod rotation;
mod sample;
mod show;
mod size;
mod tensor;
mod transform;

pub use affine::{AffineOptions, random_affine, random_affine_with, random_translation};
pub use auto_augment::{
    Augmentation, RandAugmentOptions, auto_augment, rand_augment, rand_augment_with, trivial_augment_wide,
    trivial_augment_wide_with,
};
pub use center_crop::center_crop;
pub use color_jitter::{ColorJitterRanges, color_jitter, color_jitter_between};
pub use compose::Compose;
pub use containers::{random_apply, random_choice, random_choice_weighted, random_order};
pub use crop::{CropOptions, random_crop, random_crop_with};
pub use crops::{five_crop, ten_crop};
pub use erasing::{Erased, ErasingOptions, random_erasing, random_erasing_with};
pub use filters::{gaussian_blur, random_adjust_sharpness};
pub use flip::{random_horizontal_flip, random_vertical_flip};
pub use grayscale::{grayscale, random_grayscale};
pub use interpolation::Interpolation;
pub use lookup_tables::{
    random_autocontrast, random_equalize, random_invert, random_posterize, random_solarize,
};
pub use pad::{PadOptions, PaddingMode, pad, pad_with};
pub use perspective::{Corners, PerspectiveOptions, random_perspective, random_perspective_with};
pub use resize::{ResizeOptions, resize, resize_short, resize_short_with, resize_with};
pub use resized_crop::{ResizedCropOptions, random_resized_crop, random_resized_crop_with};
pub use rotation::{RotationOptions, random_rotation, random_rotation_with};
pub use sample::Sample;
pub use size::MAX_IMAGE_PIXELS;
pub(crate) use tensor::append_tensor;
pub use tensor::{inverse_normalize, normalize, to_tensor};
pub use transform::{Transform, TransformOp};

/// The mean of ImageNet's red, green and blue, on pixels scaled to 0..1: what pretrained networks expect.
pub const IMAGENET_MEAN: [f64; 3] = [0.485, 0.456, 0.406];

/// The standard deviation of ImageNet's red, green and blue, on pixels scaled to 0..1.
pub const IMAGENET_STD: [f64; 3] = [0.229, 0.224, 0.225];
