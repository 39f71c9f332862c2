//! Full or reduced decoding.

/// How a loader decodes JPEG pictures that are then made smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Decoding {
    /// Every pixel, as torchvision does: the same pixels.
    #[default]
    Exact,
    /// At a half, a quarter or an eighth of the size, if that is still at least what the first `resize`
    /// produces, as PIL's `Image.draft` does: several times faster, and pixels a little different.
    Reduced,
}
