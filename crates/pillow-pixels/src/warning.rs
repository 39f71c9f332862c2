//! Warnings about how a picture was read.

use std::fmt;

use crate::size::MAX_IMAGE_PIXELS;

/// A picture was read, but perhaps not as expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Warning {
    /// 16-bit grey: values above 255 became white, as with Pillow's `convert("RGB")`.
    Grey16,
    /// It has more than [`MAX_IMAGE_PIXELS`]: Pillow warns of a decompression bomb.
    ManyPixels {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::Grey16 => f.write_str("it is grey with 16 bits, and values above 255 have become white"),
            Warning::ManyPixels { width, height } => {
                write!(f, "it has {width}x{height} pixels, more than {MAX_IMAGE_PIXELS}")
            }
        }
    }
}
