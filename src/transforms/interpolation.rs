//! How values between pixels are computed.

use std::fmt;

use pillow_pixels::Resampling;

/// torchvision's `InterpolationMode`, as far as Pillow offers it everywhere.
///
/// Where a picture is shrunk ([`resize`](super::resize), [`random_resized_crop`](super::random_resized_crop)),
/// bilinear and bicubic are antialiased as Pillow's are: every input pixel counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Interpolation {
    /// The nearest pixel.
    Nearest,
    /// Between the 2 × 2 pixels around.
    Bilinear,
    /// A cubic through the 4 × 4 pixels around.
    Bicubic,
}

impl Interpolation {
    /// torchvision's name, `"bilinear"`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Interpolation::Nearest => "nearest",
            Interpolation::Bilinear => "bilinear",
            Interpolation::Bicubic => "bicubic",
        }
    }

    /// Pillow's name of it.
    pub(super) fn resampling(self) -> Resampling {
        match self {
            Interpolation::Nearest => Resampling::Nearest,
            Interpolation::Bilinear => Resampling::Bilinear,
            Interpolation::Bicubic => Resampling::Bicubic,
        }
    }

    /// What torchvision calls `name`.
    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::Nearest, Self::Bilinear, Self::Bicubic].into_iter().find(|mode| mode.name() == name)
    }
}

impl fmt::Display for Interpolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
