//! From a file to a picture.

use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, RgbImage};

use crate::transforms::MAX_IMAGE_PIXELS;
use crate::{Error, Result};

const READABLE: [ImageFormat; 3] = [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP];

/// What a decoder may allocate besides the picture itself, in bytes.
const DECODER_MEMORY: u64 = 512 << 20;

/// Reads a JPEG, PNG or WebP picture as RGB, as torchvision's loader does with PIL:
/// `Image.open(path).convert("RGB")`.
///
/// Grey becomes three equal channels, transparency is dropped, 16-bit colour keeps its upper byte (16-bit
/// grey is clipped at 255, as PIL does), an orientation note is not applied. The format is told by the
/// content, not by the name. JPEG's lossy arithmetic is left to each decoder: pixels may be a step or two
/// away from PIL's.
///
/// # Errors
/// [`Error::Io`] when the file cannot be read; [`Error::Picture`] when it is empty, not a picture, of
/// another format, truncated or damaged, or larger than
/// [`MAX_IMAGE_PIXELS`] (told by its header, before memory is taken).
pub fn read_image(path: impl AsRef<Path>) -> Result<RgbImage> {
    let path = path.as_ref();
    let bytes = std::fs::read(path).map_err(Error::io("reading", path))?;
    decode(&bytes).map_err(|problem| Error::Picture { path: path.to_path_buf(), problem })
}

/// The picture in `bytes`, or what is wrong with them.
fn decode(bytes: &[u8]) -> Result<RgbImage, String> {
    if bytes.is_empty() {
        return Err("the file is empty (0 bytes): copy it again or delete it".into());
    }
    let format = image::guess_format(bytes)
        .map_err(|_| "not a picture, whatever its name says: delete it or move it elsewhere".to_string())?;
    if !READABLE.contains(&format) {
        return Err(format!("{format:?} pictures cannot be read: convert it to JPEG, PNG or WebP"));
    }
    if format == ImageFormat::Jpeg && !jpeg_is_complete(bytes) {
        return Err("the picture is truncated (its end is missing): copy it again or delete it".into());
    }
    let damaged = |error: image::ImageError| {
        format!("the picture is damaged or truncated ({error}): copy it again or delete it")
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(DECODER_MEMORY);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_IMAGE_PIXELS {
        return Err(format!(
            "the picture claims {width}x{height} pixels, but {MAX_IMAGE_PIXELS} is the most that is read: shrink it"
        ));
    }
    DynamicImage::from_decoder(decoder).map(to_rgb).map_err(damaged)
}

/// PIL's `convert("RGB")`.
fn to_rgb(picture: DynamicImage) -> RgbImage {
    let (width, height) = (picture.width(), picture.height());
    let upper = |value: &u16| (value >> 8) as u8;
    let pixels: Vec<u8> = match &picture {
        DynamicImage::ImageLuma16(grey) => {
            grey.as_raw().iter().flat_map(|&value| [value.min(255) as u8; 3]).collect()
        }
        DynamicImage::ImageLumaA16(grey) => {
            grey.as_raw().chunks_exact(2).flat_map(|pixel| [upper(&pixel[0]); 3]).collect()
        }
        DynamicImage::ImageRgb16(colour) => colour.as_raw().iter().map(upper).collect(),
        DynamicImage::ImageRgba16(colour) => {
            colour.as_raw().chunks_exact(4).flat_map(|pixel| [0, 1, 2].map(|i| upper(&pixel[i]))).collect()
        }
        _ => return picture.into_rgb8(),
    };
    RgbImage::from_raw(width, height, pixels).expect("three bytes for every pixel")
}

/// Whether the compressed data of a JPEG is followed by its end marker. The decoder fills what is missing
/// with grey without a word; PIL refuses such a file.
fn jpeg_is_complete(bytes: &[u8]) -> bool {
    const START_OF_SCAN: u8 = 0xDA;
    const END_OF_IMAGE: [u8; 2] = [0xFF, 0xD9];
    // From segment to segment up to the compressed data: a thumbnail in a header has an end marker too.
    let mut position = 2;
    while let Some(&[0xFF, marker, high, low]) = bytes.get(position..position + 4) {
        if marker == 0xFF {
            position += 1;
            continue;
        }
        if marker == START_OF_SCAN {
            return bytes[position..].windows(2).rev().any(|pair| pair == END_OF_IMAGE);
        }
        position += 2 + usize::from(u16::from_be_bytes([high, low]));
    }
    // Not the usual structure, or cut within the headers: the decoder has the word.
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(picture: DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    /// Expected: PIL's `Image.open(file).convert("RGB")` of the same pixels.
    #[test]
    fn rgb_as_pil_converts() {
        use image::{ImageBuffer, Luma, LumaA, Rgb, Rgba};
        let png = |picture: DynamicImage| decode(&encode(picture, ImageFormat::Png)).unwrap().into_raw();
        let grey16: ImageBuffer<Luma<u16>, _> =
            ImageBuffer::from_raw(4, 1, vec![0u16, 255, 256, 65535]).unwrap();
        assert_eq!(png(grey16.into()), [0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255]);
        let rgb16: ImageBuffer<Rgb<u16>, _> =
            ImageBuffer::from_raw(2, 1, vec![0x0080u16, 0x01FF, 0x8000, 0x7FFF, 0xFFFF, 0xFF7F]).unwrap();
        assert_eq!(png(rgb16.into()), [0, 1, 128, 127, 255, 255]);
        let alpha16: ImageBuffer<LumaA<u16>, _> =
            ImageBuffer::from_raw(2, 1, vec![0x80FFu16, 0xFFFF, 0x7FFF, 0x1000]).unwrap();
        assert_eq!(png(alpha16.into()), [128, 128, 128, 127, 127, 127]);
        let rgba16: ImageBuffer<Rgba<u16>, _> =
            ImageBuffer::from_raw(1, 1, vec![0x0080u16, 0x01FF, 0x8000, 1]).unwrap();
        assert_eq!(png(rgba16.into()), [0, 1, 128]);
        let rgba: ImageBuffer<Rgba<u8>, _> = ImageBuffer::from_raw(1, 1, vec![10u8, 20, 30, 0]).unwrap();
        assert_eq!(png(rgba.into()), [10, 20, 30]);
        let grey: ImageBuffer<Luma<u8>, _> = ImageBuffer::from_raw(1, 1, vec![77u8]).unwrap();
        assert_eq!(png(grey.into()), [77, 77, 77]);
    }

    #[test]
    fn every_cut_is_noticed() {
        let picture =
            RgbImage::from_fn(40, 30, |x, y| image::Rgb([(x * 6) as u8, (y * 8) as u8, (x * y) as u8]));
        for format in READABLE {
            let bytes = encode(picture.clone().into(), format);
            assert_eq!(decode(&bytes).unwrap().dimensions(), (40, 30), "{format:?}");
            for length in (0..bytes.len() - 12).step_by(7) {
                assert!(decode(&bytes[..length]).is_err(), "{format:?} cut to {length} of {}", bytes.len());
            }
        }
    }

    /// A thumbnail's end marker within a header is not the picture's.
    #[test]
    fn a_thumbnail_does_not_end_the_picture() {
        let whole = encode(RgbImage::new(8, 8).into(), ImageFormat::Jpeg);
        let mut bytes = whole[..2].to_vec();
        bytes.extend([0xFF, 0xE1, 0, 6, 0xFF, 0xD8, 0xFF, 0xD9]);
        bytes.extend(&whole[2..]);
        assert!(jpeg_is_complete(&bytes));
        bytes.truncate(bytes.len() - 2);
        assert!(!jpeg_is_complete(&bytes));
    }
}
