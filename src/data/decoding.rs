//! Whether pictures are decoded in full.

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
