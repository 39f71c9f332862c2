//! Whether cached pictures are still what would be computed now.

use image::codecs::jpeg::JpegEncoder;
use image::{Rgb, RgbImage};

use super::id::Fnv;
use super::segment::crc;
use crate::data::{Decoding, FixedSteps, ReadOptions, decode_image};

/// Increase it when a decoder's pixels change, to invalidate the cache. A change in exact JPEG decoding is
/// detected automatically.
const DECODERS: u32 = 2;

/// Everything that a cached picture depends on besides its file: equal keys mean equal pictures.
///
/// The transforms enter by their description and, with the decoder, by their result on a small
/// photograph, which reveals changes in their arithmetic.
pub(super) fn key(fixed: &FixedSteps, decoding: Decoding) -> u128 {
    let root = fixed.root();
    let root = root.canonicalize().or_else(|_| std::path::absolute(root)).unwrap_or_else(|_| root.into());
    let sample = RgbImage::from_fn(61, 47, |x, y| Rgb([(x * 4) as u8, (y * 5) as u8, (x * y) as u8]));
    let mut file = Vec::new();
    let encoded = JpegEncoder::new_with_quality(&mut file, 90).encode_image(&sample);
    let decoded = encoded.ok().and_then(|()| decode_image(&file, ReadOptions::default()).ok());
    let made = match fixed.apply(decoded.unwrap_or(sample)) {
        Ok(picture) => format!("{}x{} {:08x}", picture.width(), picture.height(), crc(picture.as_raw())),
        Err(error) => error.to_string(),
    };
    let parts = [
        root.as_os_str().as_encoded_bytes(),
        fixed.description().as_bytes(),
        format!("{decoding:?} {DECODERS} {}", env!("CARGO_PKG_VERSION")).as_bytes(),
        made.as_bytes(),
    ]
    .map(|part| part.to_vec());
    // Each with its length, so that no two lists of parts run together into one.
    parts.iter().fold(Fnv::new(), |hash, part| hash.with(&part.len().to_le_bytes()).with(part)).finish()
}
