//! The preprocessing and augmentation of each photograph, as in `torchvision.transforms`.
//!
//! A pipeline is a [`Compose`] of [`Transform`]s. Each constructor here is torchvision's class in
//! snake case, prints as torchvision's object prints, and computes what torchvision computes on a
//! PIL image, to the pixel: the arithmetic is Pillow's, from the crate [`pillow_pixels`]. [`functional`]
//! holds the same operations without randomness, as `torchvision.transforms.functional` does.
//!
//! ```
//! use herbarium::transforms::{
//!     Compose, IMAGENET_MEAN, IMAGENET_STD, center_crop, normalize, random_rotation, resize, to_tensor,
//! };
//!
//! let train = Compose::new(vec![
//!     resize([96, 128]),
//!     random_rotation(45.0).expand(true),
//!     center_crop(64),
//!     to_tensor(),
//!     normalize(IMAGENET_MEAN, IMAGENET_STD),
//! ]);
//! assert!(train.to_string().starts_with("Compose(\n    Resize(size=[96, 128]"));
//! ```
//!
//! A picture is an [`image::RgbImage`]: 3 bytes a pixel, (H, W, 3). A tensor is (3, H, W) `f32`.
//!
//! # Arguments and options
//! A required argument of torchvision's class is an argument here, with the same rules: a size is one number or
//! `[height, width]` (see [`Size`]). An argument with a default is a method of the same name:
//! `pad(4).padding_mode(PaddingMode::Reflect)`.
//!
//! Every constructor gives a [`Transform`], and the methods are that type's. With a type for each transform the
//! compiler would refuse an option that a transform does not have; but a list holds one type, so a pipeline would
//! need a tuple, a macro or `.into()` behind every step, and whoever mixes two steps in a `vec![…]` would read about
//! mismatched types. One type keeps `Compose::new(vec![…])` a plain list, and `if` and `push` work on it.
//!
//! # Wrong arguments
//! A constructor never fails, so that a list of them needs no `?`. It records the mistake, such as an option
//! that the transform does not have, and the first use of the transform reports it by name: [`Compose::check`],
//! which every data set calls when it is made, or [`Compose::apply`]. The transform's display in a cell shows it
//! too.

mod affine;
mod arguments;
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
mod grayscale;
mod interpolation;
mod json;
mod lookup_tables;
mod options;
mod pad;
mod perspective;
mod registry;
pub(crate) mod repr;
mod resize;
mod resized_crop;
mod rotation;
mod sample;
mod show;
mod size;
mod tensor;
mod transform;

pub use affine::random_affine;
pub use arguments::{Fill, KernelSize, NumberOrRange, Padding, Shear, Size};
pub use auto_augment::{Augmentation, auto_augment, rand_augment, trivial_augment_wide};
pub use center_crop::center_crop;
pub use color_jitter::color_jitter;
pub use compose::Compose;
pub use containers::{random_apply, random_choice, random_order};
pub use crop::random_crop;
pub use crops::{five_crop, ten_crop};
pub use erasing::{Erased, random_erasing};
pub use filters::{gaussian_blur, random_adjust_sharpness};
pub use flip::{random_horizontal_flip, random_vertical_flip};
pub use grayscale::{grayscale, random_grayscale};
pub use interpolation::Interpolation;
pub use lookup_tables::{
    random_autocontrast, random_equalize, random_invert, random_posterize, random_solarize,
};
pub use pad::{PadOptions, PaddingMode, pad};
pub use perspective::{Corners, PerspectiveOptions, random_perspective};
pub use pillow_pixels::MAX_IMAGE_PIXELS;
pub use resize::{ResizeOptions, resize};
pub use resized_crop::random_resized_crop;
pub use rotation::{RotationOptions, random_rotation};
pub use sample::Sample;
pub(crate) use tensor::append_tensor;
pub use tensor::{inverse_normalize, normalize, to_tensor};
pub use transform::{Transform, TransformOp};

/// The mean of ImageNet's red, green and blue, on pixels scaled to 0..1: what pretrained networks expect.
pub const IMAGENET_MEAN: [f64; 3] = [0.485, 0.456, 0.406];

/// The standard deviation of ImageNet's red, green and blue, on pixels scaled to 0..1.
pub const IMAGENET_STD: [f64; 3] = [0.229, 0.224, 0.225];
