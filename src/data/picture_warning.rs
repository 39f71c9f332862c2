//! Warnings about pictures that are read, but perhaps not as expected.

use std::mem::{Discriminant, discriminant};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use pillow_pixels::Warning;

use crate::transforms::MAX_IMAGE_PIXELS;

/// Prints a warning on standard error, once for each kind and data set (or folder, for a picture of none).
pub(super) fn warn(warning: Option<Warning>, data_set: Option<&Path>, path: &Path) {
    let Some(warning) = warning else { return };
    static WARNED: Mutex<Vec<(Discriminant<Warning>, PathBuf)>> = Mutex::new(Vec::new());
    let mut warned = WARNED.lock().unwrap_or_else(PoisonError::into_inner);
    let kind = discriminant(&warning);
    let place = data_set.or(path.parent()).unwrap_or(path);
    let known = |folder: &Path| warned.iter().any(|(other, known)| *other == kind && known == folder);
    if known(place) || path.ancestors().any(known) {
        return;
    }
    warned.push((kind, place.to_owned()));
    let path = path.display();
    match warning {
        Warning::Grey16 => eprintln!(
            "warning: {path} is grey with 16 bits, and becomes mostly white: values above 255 are cut off, as in \
             Pillow's `convert(\"RGB\")`. Save such pictures with 8 bits first, in Python: \
             `Image.fromarray((numpy.asarray(Image.open(IN)) // 256).astype(\"uint8\")).save(OUT)`. Others \
             like it are read in the same way, without a further warning."
        ),
        Warning::ManyPixels { width, height } => eprintln!(
            "warning: {path} has {width}x{height} pixels, more than {MAX_IMAGE_PIXELS}: reading it takes {} MB and \
             its time in every epoch. Pillow warns of it too, as it could be a decompression bomb; shrink it if it \
             need not be so large.",
            3 * u64::from(width) * u64::from(height) / 1_000_000
        ),
        other => eprintln!("warning: {path}: {other}"),
    }
}
