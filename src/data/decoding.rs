//! Whether pictures are decoded in full.

use std::path::Path;

use super::ReadOptions;
use super::read_image::{Begun, read_image_through, read_noting};
use crate::Result;
use crate::transforms::Transform;

/// How a loader decodes JPEG pictures that are then made smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Decoding {
    /// Every pixel, as torchvision does: the same pixels.
    #[default]
    Exact,
    /// At a half, a quarter or an eighth of the size where that is still not smaller than what the first
    /// `resize` makes of it, as PIL's `Image.draft` does: several times faster, and pixels a little different.
    Reduced,
}

/// Reads the picture at `path`, for a pipeline that begins with `first`.
pub(super) fn read_picture(path: &Path, decoding: Decoding, first: Option<&Transform>) -> Result<Begun> {
    match first {
        Some(first) => read_image_through(path, first, decoding == Decoding::Reduced),
        None => read_noting(path, ReadOptions::default()).map(|(picture, oddity)| Begun {
            picture,
            transformed: false,
            oddity,
        }),
    }
}
