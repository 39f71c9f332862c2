//! [Pillow](https://python-pillow.org)'s pictures in Rust, to the pixel.
//!
//! Networks trained on photographs that Python's Pillow decoded and resized expect the same pixels in Rust.
//! "Bilinear" is not enough of a specification: every library implements it differently. This crate repeats
//! Pillow's arithmetic (fixed-point resampling, truncating blends, 8-bit HSV, and for JPEG libjpeg-turbo's), so
//! that results are equal byte by byte.
//!
//! - [`open`], [`decode`] and [`Decoder`]: picture files as `Image.open(path).convert("RGB")` gives them, JPEG at
//!   reduced scale (`draft`) and resized while it is decoded, too.
//! - [`resize`], [`crop`], [`rotate`], [`transform`]: `Image`'s methods of these names.
//! - [`enhance`]: brightness, contrast, colour and sharpness, as `ImageEnhance`.
//! - [`ops`]: `ImageOps`'s tables (invert, posterize, solarize, autocontrast, equalize), grey, flips.
//! - [`hsv`]: `convert("HSV")` and back, and the colour circle turned.
//!
//! A picture is an [`image::RgbImage`]: red, green and blue, 8 bits each. Sizes are (width, height).
//!
//! ```
//! use image::{Rgb, RgbImage};
//! use pillow_pixels::{Resampling, enhance, ops, resize};
//!
//! # fn main() -> pillow_pixels::Result<()> {
//! let picture = RgbImage::from_raw(4, 1, vec![0, 0, 0, 90, 90, 90, 180, 180, 180, 255, 255, 255]).unwrap();
//! let mut small = resize(&picture, (2, 1), Resampling::Bilinear)?; // Image.resize((2, 1), Image.BILINEAR)
//! assert_eq!(small.as_raw()[..], [64, 64, 64, 199, 199, 199]);
//! enhance::brightness(&mut small, 0.5); // ImageEnhance.Brightness(picture).enhance(0.5)
//! assert_eq!(small.as_raw()[..], [32, 32, 32, 99, 99, 99]);
//! ops::invert(&mut small); // ImageOps.invert(picture)
//! assert_eq!(small.get_pixel(1, 0), &Rgb([156; 3]));
//! # Ok(())
//! # }
//! ```

mod crop;
mod decoder;
pub mod enhance;
mod error;
mod exif;
pub mod hsv;
mod jpeg;
mod nearest;
pub mod ops;
mod resample;
mod resize;
mod rotate;
mod scratch;
mod size;
mod transform;
mod unread_formats;
mod vectors;
mod warning;

pub use crop::{crop, crop_filled};
pub use decoder::{DecodeOptions, Decoded, Decoder, decode, open};
pub use error::{Error, Result};
pub use resize::{Resampling, resize};
pub use rotate::{RotateOptions, rotate};
pub use size::{MAX_FILE_PIXELS, MAX_IMAGE_PIXELS, check_size};
pub use transform::{Map, transform};
pub use warning::Warning;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
