//! Pictures that can be read, but not as their owner may think.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use image::DynamicImage;

use crate::transforms::MAX_IMAGE_PIXELS;

/// What is odd about a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Oddity {
    /// 16-bit grey: what is above 255 becomes white, as PIL's `convert("RGB")` does.
    Grey16,
    /// More than [`MAX_IMAGE_PIXELS`].
    Huge { width: u64, height: u64 },
}

/// Whether pixels of a 16-bit grey picture become white that are not.
pub(super) fn is_clipped(picture: &DynamicImage) -> bool {
    let DynamicImage::ImageLuma16(grey) = picture else { return false };
    grey.as_raw().iter().any(|&value| value > 255)
}

/// Warns of an oddity on standard error, once for each kind and data set (or folder, for a picture of none).
pub(super) fn warn(oddity: Option<Oddity>, data_set: Option<&Path>, path: &Path) {
    let Some(oddity) = oddity else { return };
    static WARNED: Mutex<Option<HashSet<(bool, PathBuf)>>> = Mutex::new(None);
    let mut warned = WARNED.lock().unwrap_or_else(PoisonError::into_inner);
    let warned = warned.get_or_insert_default();
    let kind = oddity == Oddity::Grey16;
    let known = path.ancestors().any(|folder| warned.contains(&(kind, folder.to_owned())));
    if known || !warned.insert((kind, data_set.or(path.parent()).unwrap_or(path).to_owned())) {
        return;
    }
    let path = path.display();
    match oddity {
        Oddity::Grey16 => eprintln!(
            "warning: {path} is grey with 16 bits, and becomes mostly white: values above 255 are cut off, as in \
             Pillow's `convert(\"RGB\")`. Save such pictures with 8 bits first, in Python: \
             `Image.fromarray((numpy.asarray(Image.open(IN)) // 256).astype(\"uint8\")).save(OUT)`. Others \
             like it are read in the same way, without a further warning."
        ),
        Oddity::Huge { width, height } => eprintln!(
            "warning: {path} has {width}x{height} pixels, more than {MAX_IMAGE_PIXELS}: reading it takes {} MB and \
             its time in every epoch. Pillow warns of it too, as it could be a decompression bomb; shrink it if it \
             need not be so large.",
            3 * width * height / 1_000_000
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_grey_above_255_is_clipped() {
        let grey = |value: u16| -> DynamicImage {
            image::ImageBuffer::<image::Luma<u16>, _>::from_raw(2, 1, vec![0, value]).unwrap().into()
        };
        assert!(!is_clipped(&grey(255)));
        assert!(is_clipped(&grey(256)));
        assert!(!is_clipped(&DynamicImage::new_rgb16(1, 1)));
    }
}
