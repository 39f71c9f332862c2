//! Reading every file once.

use std::io::Cursor;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use image::{ExtendedColorType, ImageDecoder, ImageReader, Limits};
use pillow_pixels::Decoded;
use sha2::{Digest, Sha256};

use super::CheckedFile;
use crate::data::ReadOptions;
use crate::data::read_image::read_without_warning;
use crate::notebook::{Progress, interrupted};
use crate::{Error, Result};

/// What one file is.
#[derive(Default, Clone)]
pub(super) struct Finding {
    pub(super) bytes: u64,
    /// Digest of the file's bytes, and of its pixels with their size.
    pub(super) file_digest: Option<Digested>,
    pub(super) pixel_digest: Option<Digested>,
    pub(super) size: Option<(u32, u32)>,
    pub(super) mode: Option<String>,
    /// Why it cannot be read, if it cannot.
    pub(super) unreadable: Option<String>,
}

/// The first half of a SHA-256.
pub(super) type Digested = [u8; 16];

/// Reads all files, on all cores.
///
/// # Errors
/// [`Error::Interrupted`].
pub(super) fn examine(places: &[CheckedFile]) -> Result<Vec<Finding>> {
    let next = AtomicUsize::new(0);
    let done = AtomicUsize::new(0);
    let findings: Mutex<Vec<Finding>> = Mutex::new(vec![Finding::default(); places.len()]);
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(place) = places.get(index) else { return };
            let finding = look(&place.path);
            findings.lock().unwrap_or_else(PoisonError::into_inner)[index] = finding;
            done.fetch_add(1, Ordering::Relaxed);
            if interrupted() {
                next.store(places.len(), Ordering::Relaxed);
            }
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(places.len());
    let mut bar = Progress::new("Checking", places.len() as u64).unit("file");
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        while threads.iter().any(|thread| !thread.is_finished()) {
            bar.set_position(done.load(Ordering::Relaxed) as u64);
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    if interrupted() {
        return Err(Error::Interrupted);
    }
    bar.set_position(places.len() as u64);
    bar.close();
    Ok(findings.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Reads one file.
fn look(path: &Path) -> Finding {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => return Finding { unreadable: Some(error.to_string()), ..Finding::default() },
    };
    let mut finding = Finding {
        bytes: bytes.len() as u64,
        file_digest: Some(digest(&[&bytes])),
        mode: mode(&bytes).map(String::from),
        ..Finding::default()
    };
    // The report includes what a warning would say.
    match read_without_warning(path, ReadOptions::default()) {
        Ok(Decoded { picture, .. }) => {
            let (width, height) = picture.dimensions();
            let size = [width.to_le_bytes(), height.to_le_bytes()].concat();
            finding.pixel_digest = Some(digest(&[&size, picture.as_raw()]));
            finding.size = Some((width, height));
        }
        Err(error) => {
            let text = error.to_string();
            let name = format!("{}: ", path.display());
            finding.unreadable = Some(text.strip_prefix(&name).unwrap_or(&text).to_string());
            finding.mode = None;
        }
    }
    finding
}

fn digest(parts: &[&[u8]]) -> Digested {
    let mut digest = Sha256::new();
    parts.iter().for_each(|part| digest.update(part));
    let whole = digest.finalize();
    std::array::from_fn(|i| whole[i])
}

/// PIL's name of the colour mode that a file has before it becomes RGB.
fn mode(bytes: &[u8]) -> Option<&'static str> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(64 << 20);
    reader.limits(limits);
    Some(match reader.into_decoder().ok()?.original_color_type() {
        ExtendedColorType::L1 => "1",
        ExtendedColorType::L2 | ExtendedColorType::L4 | ExtendedColorType::L8 => "L",
        ExtendedColorType::La8 => "LA",
        ExtendedColorType::Rgb8 => "RGB",
        ExtendedColorType::Rgba8 => "RGBA",
        ExtendedColorType::L16 => "I;16",
        ExtendedColorType::La16 => "LA;16",
        ExtendedColorType::Rgb16 => "RGB;16",
        ExtendedColorType::Rgba16 => "RGBA;16",
        ExtendedColorType::Cmyk8 => "CMYK",
        _ => "other",
    })
}
