//! From a file to a picture.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage};

use super::jpeg::{Jpeg, Scale};
use super::oddity::{Oddity, is_clipped, warn};
use super::other_formats::{not_read, what_else};
use crate::scratch::Scratch;
use crate::transforms::{MAX_IMAGE_PIXELS, Transform};
use crate::{Error, Result};

const READABLE: [ImageFormat; 7] = [
    ImageFormat::Jpeg,
    ImageFormat::Png,
    ImageFormat::WebP,
    ImageFormat::Bmp,
    ImageFormat::Gif,
    ImageFormat::Tiff,
    ImageFormat::Pnm,
];

/// The most pixels of a picture that is read, where Pillow refuses it too; it warns from half of them on.
pub(super) const MOST_PIXELS: u64 = 2 * MAX_IMAGE_PIXELS;

/// What a decoder may allocate besides the picture itself, in bytes.
const DECODER_MEMORY: u64 = 512 << 20;

/// Reads a JPEG, PNG, WebP, BMP, GIF, TIFF or PNM (PPM, PGM, PBM) picture as RGB, as torchvision's loader does with PIL:
/// `Image.open(path).convert("RGB")`.
///
/// Grey becomes three equal channels, transparency is dropped, 16-bit colour keeps its upper byte (16-bit
/// grey is clipped at 255, as PIL does, and a warning says so), CMYK is converted as PIL does, of an animation the first picture is
/// read, an orientation note is not applied. The format is told by the content, not by the name. The pixels
/// are PIL's, JPEG's too; only of lossy WebP they may be a step away. Of more than [`MAX_IMAGE_PIXELS`] pixels a
/// warning is printed, as PIL does. Each kind of warning comes once for a folder, on standard error.
///
/// # Errors
/// [`Error::Io`] when the file cannot be read; [`Error::Picture`] when it is empty, not a picture, of
/// another format (HEIC, AVIF, JPEG 2000 and others are named, with how to convert them), truncated or damaged,
/// or larger than twice [`MAX_IMAGE_PIXELS`] (as its header says, before memory is taken).
pub fn read_image(path: impl AsRef<Path>) -> Result<RgbImage> {
    read_image_with(path, ReadOptions::default())
}

/// How [`read_image_with`] reads. The defaults are torchvision's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadOptions {
    /// Whether a picture is turned upright where its EXIF data say how the camera was held: PIL's
    /// `ImageOps.exif_transpose`. Default no.
    pub exif_orientation: bool,
    /// The least [height, width] that is needed, in pixels of the picture as it is stored: a JPEG is then
    /// decoded at a half, a quarter or an eighth of its size where that is no smaller, with the pixels that
    /// PIL's `draft("RGB", (width, height))` gives, in a fraction of the time. Default: the whole size.
    pub at_least: Option<[u32; 2]>,
}

/// [`read_image`] with options.
///
/// # Errors
/// As [`read_image`].
pub fn read_image_with(path: impl AsRef<Path>, options: ReadOptions) -> Result<RgbImage> {
    let path = path.as_ref();
    let (picture, oddity) = read_noting(path, options)?;
    warn(oddity, None, path);
    Ok(picture)
}

/// [`read_image_with`] that says nothing, but returns what is odd about the picture.
pub(super) fn read_noting(path: &Path, options: ReadOptions) -> Result<(RgbImage, Option<Oddity>)> {
    let bytes = read_file(path)?;
    decode(&bytes, options).map_err(|problem| Error::Picture { path: path.to_path_buf(), problem })
}

/// [`read_image_with`] of a file's content that is in memory already.
///
/// # Errors
/// [`Error::Picture`] as [`read_image`].
pub fn decode_image(bytes: &[u8], options: ReadOptions) -> Result<RgbImage> {
    let decoded = decode(bytes, options).map(|(picture, _)| picture);
    decoded.map_err(|problem| Error::Picture { path: "a picture in memory".into(), problem })
}

/// A picture that is on its way through a data set's transforms.
pub(super) struct Begun {
    pub(super) picture: RgbImage,
    /// Whether the first transform has been applied to it.
    pub(super) transformed: bool,
    pub(super) oddity: Option<Oddity>,
}

/// The picture at `path`, after `first` has been applied to it where a JPEG's rows can go through it as they
/// are decoded. At `reduced` scale, of a JPEG no more is decoded than `first` needs.
///
/// # Errors
/// As [`read_image`].
pub(super) fn read_image_through(path: &Path, first: &Transform, reduced: bool) -> Result<Begun> {
    let bytes = read_file(path)?;
    let decoded = match is_jpeg(&bytes) {
        true => decode_through(&bytes, first, reduced),
        false => decode(&bytes, ReadOptions::default()).map(|(picture, oddity)| Begun {
            picture,
            transformed: false,
            oddity,
        }),
    };
    decoded.map_err(|problem| Error::Picture { path: path.to_path_buf(), problem })
}

fn decode_through(bytes: &[u8], first: &Transform, reduced: bool) -> Result<Begun, String> {
    let jpeg = Jpeg::new(bytes).map_err(broken)?;
    let (width, height) = jpeg.dimensions();
    let oddity = check_size(width as u64, height as u64)?;
    jpeg.check_length().map_err(broken)?;
    let scale = match first.resized_size((width as u32, height as u32)) {
        Some((least_width, least_height)) if reduced => {
            Scale::for_size((width, height), (least_width as usize, least_height as usize))
        }
        _ => Scale::Whole,
    };
    let (width, height) = jpeg.dimensions_at(scale);
    let Some(mut resampling) = first.resampling((width as u32, height as u32)) else {
        return Ok(Begun { picture: jpeg.decode(scale).map_err(broken)?, transformed: false, oddity });
    };
    jpeg.decode_rows(scale, &mut |row| resampling.row(row)).map_err(broken)?;
    Ok(Begun { picture: resampling.finish(), transformed: true, oddity })
}

/// The content of the file at `path`.
fn read_file(path: &Path) -> Result<Scratch> {
    let wrong = Error::io("reading", path);
    let read = || {
        let mut file = File::open(path)?;
        let length = file.metadata().map_or(0, |data| data.len() as usize);
        let mut bytes = Scratch::empty(length);
        file.read_to_end(bytes.as_vec())?;
        Ok(bytes)
    };
    read().map_err(wrong)
}

fn is_jpeg(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xFF, 0xD8, 0xFF])
}

/// The picture in `bytes`, with what is odd about it, or what is wrong with them.
fn decode(bytes: &[u8], options: ReadOptions) -> Result<(RgbImage, Option<Oddity>), String> {
    if bytes.is_empty() {
        return Err("the file is empty (0 bytes): copy it again or delete it".into());
    }
    if is_jpeg(bytes) {
        return decode_jpeg(Jpeg::new(bytes).map_err(broken)?, options);
    }
    let format = image::guess_format(bytes).ok().filter(|format| READABLE.contains(format));
    let format = format.ok_or_else(|| what_else(bytes))?;
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(DECODER_MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(refused)?;
    let (width, height) = decoder.dimensions();
    let huge = check_size(width.into(), height.into())?;
    let orientation = match options.exif_orientation {
        true => decoder.orientation().unwrap_or(Orientation::NoTransforms),
        false => Orientation::NoTransforms,
    };
    let picture = DynamicImage::from_decoder(decoder).map_err(refused)?;
    let white = is_clipped(&picture).then_some(Oddity::Grey16);
    Ok((upright(to_rgb(picture), orientation), white.or(huge)))
}

fn decode_jpeg(jpeg: Jpeg, options: ReadOptions) -> Result<(RgbImage, Option<Oddity>), String> {
    let (width, height) = jpeg.dimensions();
    let huge = check_size(width as u64, height as u64)?;
    let orientation = options.exif_orientation.then(|| Orientation::from_exif(jpeg.orientation())).flatten();
    let scale = match options.at_least {
        Some([least_height, least_width]) => {
            Scale::for_size((width, height), (least_width as usize, least_height as usize))
        }
        None => Scale::Whole,
    };
    let picture = jpeg.decode(scale).map_err(broken)?;
    Ok((upright(picture, orientation.unwrap_or(Orientation::NoTransforms)), huge))
}

fn refused(problem: ImageError) -> String {
    match problem {
        ImageError::Unsupported(problem) => not_read(&problem),
        other => broken(other),
    }
}

fn broken(problem: impl std::fmt::Display) -> String {
    format!("the picture is damaged or truncated ({problem}): copy it again or delete it")
}

fn check_size(width: u64, height: u64) -> Result<Option<Oddity>, String> {
    let pixels = width * height;
    if pixels > MOST_PIXELS {
        return Err(format!(
            "the picture claims {width}x{height} pixels, but {MOST_PIXELS} is the most that is read: shrink it"
        ));
    }
    Ok((pixels > MAX_IMAGE_PIXELS).then_some(Oddity::Huge { width, height }))
}

/// Turned as `orientation` says.
fn upright(picture: RgbImage, orientation: Orientation) -> RgbImage {
    if orientation == Orientation::NoTransforms {
        return picture;
    }
    let mut picture = DynamicImage::from(picture);
    picture.apply_orientation(orientation);
    picture.into_rgb8()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transforms::Sample;

    fn encode(picture: DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    /// Expected: PIL's `Image.open(file).convert("RGB")` of the same pixels.
    #[test]
    fn rgb_as_pil_converts() {
        use image::{ImageBuffer, Luma, LumaA, Rgb, Rgba};
        let png = |picture: DynamicImage| {
            decode(&encode(picture, ImageFormat::Png), ReadOptions::default()).unwrap().0.into_raw()
        };
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
            let (read, _) = decode(&bytes, ReadOptions::default()).unwrap();
            assert_eq!(read.dimensions(), (40, 30), "{format:?}");
            for length in (0..bytes.len() - 12).step_by(7) {
                assert!(
                    decode(&bytes[..length], ReadOptions::default()).is_err(),
                    "{format:?} cut to {length} of {}",
                    bytes.len()
                );
            }
        }
    }

    /// Rows that go through a resize as they are decoded give the pixels of the whole picture's resize.
    #[test]
    fn through_a_resize() {
        use crate::transforms::{Interpolation, resize};
        let first_steps = [
            resize([24, 24]),
            resize([130, 40]).interpolation(Interpolation::Bicubic),
            resize([24, 24]).interpolation(Interpolation::Nearest),
            resize([61, 97]),
            resize(20).max_size(30),
        ];
        for (width, height) in [(97, 61), (16, 8), (200, 131), (5, 3)] {
            let picture =
                RgbImage::from_fn(width, height, |x, y| image::Rgb([x * y, x + y, x * 3].map(|v| v as u8)));
            let bytes = encode(picture.into(), ImageFormat::Jpeg);
            for (first, reduced) in first_steps.iter().flat_map(|first| [(first, false), (first, true)]) {
                let size = first.resized_size((width, height)).filter(|_| reduced);
                let options = ReadOptions {
                    at_least: size.map(|(width, height)| [height, width]),
                    ..Default::default()
                };
                let apply = |picture| {
                    let sample = first.apply(Sample::Picture(picture), &mut fastrand::Rng::new()).unwrap();
                    Transform::picture(sample, "Resize").unwrap()
                };
                let expected = apply(decode(&bytes, options).unwrap().0);
                let made = decode_through(&bytes, first, reduced).unwrap();
                let made = if made.transformed { made.picture } else { apply(made.picture) };
                assert!(made == expected, "{width}x{height}, {first}, reduced: {reduced}");
            }
        }
    }
}
