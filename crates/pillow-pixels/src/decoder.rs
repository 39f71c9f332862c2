//! From a file to a picture.

use std::fs::File;
use std::io::{Cursor, Read};
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage};

use crate::jpeg::{Jpeg, Scale};
use crate::resample::RowResizer;
use crate::scratch::Scratch;
use crate::size::{MAX_FILE_PIXELS, MAX_IMAGE_PIXELS, check_size};
use crate::unread_formats::{unread_kind, what_else};
use crate::{Error, Resampling, Result, Warning, resize};

/// The formats that are read.
const READABLE: [ImageFormat; 7] = [
    ImageFormat::Jpeg,
    ImageFormat::Png,
    ImageFormat::WebP,
    ImageFormat::Bmp,
    ImageFormat::Gif,
    ImageFormat::Tiff,
    ImageFormat::Pnm,
];

/// What a decoder may allocate besides the picture itself, in bytes.
const DECODER_MEMORY: u64 = 512 << 20;

/// A picture file whose header has been read.
///
/// JPEG, PNG, WebP, BMP, GIF, TIFF and PNM (PPM, PGM, PBM), recognised by content, not by name. The result is
/// RGB with the pixels of Pillow's `Image.open(path).convert("RGB")`: grey becomes three equal channels, transparency is
/// dropped, 16-bit colour keeps its upper byte, 16-bit grey is clipped at 255, CMYK is converted, of an animation
/// the first picture is read. Only pixels of lossy WebP may be a step away.
///
/// ```
/// use pillow_pixels::{DecodeOptions, Decoder, Resampling};
///
/// # fn main() -> pillow_pixels::Result<()> {
/// # let mut file = Vec::new();
/// # let gradient = image::RgbImage::from_fn(96, 64, |x, y| image::Rgb([x as u8 * 2, y as u8 * 3, 90]));
/// # gradient.write_with_encoder(image::codecs::jpeg::JpegEncoder::new(&mut file)).unwrap();
/// let decoder = Decoder::new(&file)?; // or Decoder::open(path)?
/// assert_eq!(decoder.dimensions(), (96, 64));
/// let whole = decoder.decode(DecodeOptions::default())?;
/// assert_eq!(whole.picture.dimensions(), (96, 64));
/// // The same pixels as a resize of the whole, which is never in memory.
/// let small = Decoder::new(&file)?.decode_resized((24, 16), Resampling::Bilinear, DecodeOptions::default())?;
/// assert_eq!(small.picture, pillow_pixels::resize(&whole.picture, (24, 16), Resampling::Bilinear)?);
/// # Ok(())
/// # }
/// ```
pub struct Decoder<'a> {
    format: Format<'a>,
    dimensions: (u32, u32),
}

enum Format<'a> {
    Jpeg(Box<Jpeg<'a>>),
    Other(Box<dyn ImageDecoder + 'a>),
}

/// How a picture is decoded. The defaults are those of Pillow's `Image.open`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DecodeOptions {
    /// Whether the picture is turned upright where its EXIF data say how the camera was held: Pillow's
    /// `ImageOps.exif_transpose`. Default no.
    pub exif_orientation: bool,
    /// The minimum (width, height) needed, in pixels of the picture as stored: a JPEG is then decoded at a half, a
    /// quarter or an eighth of its size where that is not smaller, with the pixels of Pillow's `draft("RGB", (width,
    /// height))`, in a fraction of the time. Default: the whole size.
    pub at_least: Option<(u32, u32)>,
}

/// The result of reading a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The picture.
    pub picture: RgbImage,
    /// A warning about how the file was read, if any.
    pub warning: Option<Warning>,
}

/// Reads the picture at `path`: Pillow's `Image.open(path).convert("RGB")`.
///
/// # Errors
/// As [`Decoder::open`] and [`Decoder::decode`].
pub fn open(path: impl AsRef<Path>) -> Result<Decoded> {
    Decoder::open(path)?.decode(DecodeOptions::default())
}

/// Reads the picture in a file's content: Pillow's `Image.open(io.BytesIO(file)).convert("RGB")`.
///
/// # Errors
/// As [`Decoder::new`] and [`Decoder::decode`].
pub fn decode(file: &[u8]) -> Result<Decoded> {
    Decoder::new(file)?.decode(DecodeOptions::default())
}

impl<'a> Decoder<'a> {
    /// Reads the file at `path`, and its header.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read, else as [`Decoder::new`].
    pub fn open(path: impl AsRef<Path>) -> Result<Decoder<'static>> {
        Decoder::of(read_file(path.as_ref())?)
    }

    /// Reads the header of a file that is in memory.
    ///
    /// # Errors
    /// When it is [empty](Error::Empty), [another format](Error::Format) (HEIC, AVIF, JPEG 2000 and others are named,
    /// with how to convert them), [damaged](Error::Damaged), or claims more than [`MAX_FILE_PIXELS`].
    pub fn new(file: &'a [u8]) -> Result<Self> {
        Decoder::of(Bytes::Borrowed(file))
    }

    fn of(file: Bytes<'a>) -> Result<Self> {
        if file.is_empty() {
            return Err(Error::Empty);
        }
        let decoder = if file.starts_with(&[0xFF, 0xD8, 0xFF]) {
            let jpeg = Jpeg::new(file).map_err(Error::Damaged)?;
            let (width, height) = jpeg.dimensions();
            Decoder { dimensions: (width as u32, height as u32), format: Format::Jpeg(Box::new(jpeg)) }
        } else {
            let format = image::guess_format(&file).ok().filter(|format| READABLE.contains(format));
            let format = format.ok_or_else(|| Error::Format(what_else(&file)))?;
            let mut reader = ImageReader::with_format(Cursor::new(file), format);
            let mut limits = Limits::no_limits();
            limits.max_alloc = Some(DECODER_MEMORY);
            reader.limits(limits);
            let decoder = reader.into_decoder().map_err(refused)?;
            Decoder { dimensions: decoder.dimensions(), format: Format::Other(Box::new(decoder)) }
        };
        let (width, height) = (u64::from(decoder.dimensions.0), u64::from(decoder.dimensions.1));
        if width * height > MAX_FILE_PIXELS {
            return Err(Error::TooLarge { width, height });
        }
        Ok(decoder)
    }

    /// (width, height) of the picture as it is stored, in pixels.
    pub fn dimensions(&self) -> (u32, u32) {
        self.dimensions
    }

    /// Decodes the picture.
    ///
    /// # Errors
    /// [`Error::Damaged`], and [`Error::Format`] for a kind of picture within the format that is not read.
    pub fn decode(self, options: DecodeOptions) -> Result<Decoded> {
        let warning = self.warning();
        let dimensions = self.dimensions;
        match self.format {
            Format::Jpeg(jpeg) => {
                let exif =
                    options.exif_orientation.then(|| Orientation::from_exif(jpeg.orientation())).flatten();
                let picture = jpeg.decode(scale(dimensions, options)).map_err(Error::Damaged)?;
                Ok(Decoded { picture: upright(picture, exif), warning })
            }
            Format::Other(mut decoder) => {
                let exif = options.exif_orientation.then(|| decoder.orientation().ok()).flatten();
                // A decoder may panic at damaged data: png 0.18.1 does where a palette ends within a colour.
                let decoded = catch_unwind(AssertUnwindSafe(|| DynamicImage::from_decoder(decoder)));
                let panicked = |_| Error::Damaged("its decoder gave up".to_owned());
                let picture = decoded.map_err(panicked)?.map_err(refused)?;
                let clipped = is_clipped(&picture).then_some(Warning::Grey16);
                Ok(Decoded { picture: upright(to_rgb(picture), exif), warning: clipped.or(warning) })
            }
        }
    }

    /// Decodes the picture and resizes it to `size` = (width, height), with the pixels of [`Decoder::decode`]
    /// and then [`resize`]. The rows of a JPEG are resized as they are decoded: the whole picture is never in memory.
    ///
    /// # Errors
    /// As [`Decoder::decode`] and [`resize`].
    pub fn decode_resized(
        self,
        size: (u32, u32),
        resampling: Resampling,
        options: DecodeOptions,
    ) -> Result<Decoded> {
        let warning = self.warning();
        let dimensions = self.dimensions;
        let one_by_one = |decoder: Self| {
            let Decoded { picture, warning } = decoder.decode(options)?;
            Ok(Decoded { picture: resize(&picture, size, resampling)?, warning })
        };
        let (Some(filter), false) = (resampling.filter(), options.exif_orientation) else {
            return one_by_one(self);
        };
        match self.format {
            Format::Jpeg(jpeg) => {
                check_size(size.0.into(), size.1.into())?;
                let scale = scale(dimensions, options);
                let decoded = jpeg.dimensions_at(scale);
                let decoded = (decoded.0 as u32, decoded.1 as u32);
                if decoded == size {
                    let picture = jpeg.decode(scale).map_err(Error::Damaged)?;
                    return Ok(Decoded { picture, warning });
                }
                let mut resizer = RowResizer::new(decoded, size, filter)?;
                jpeg.decode_rows(scale, &mut |row| resizer.row(row)).map_err(Error::Damaged)?;
                Ok(Decoded { picture: resizer.finish(), warning })
            }
            format => one_by_one(Decoder { format, dimensions }),
        }
    }

    fn warning(&self) -> Option<Warning> {
        let (width, height) = self.dimensions;
        let many = u64::from(width) * u64::from(height) > MAX_IMAGE_PIXELS;
        many.then_some(Warning::ManyPixels { width, height })
    }
}

/// The scale at which Pillow's draft mode decodes.
fn scale((width, height): (u32, u32), options: DecodeOptions) -> Scale {
    let wanted = options.at_least.map(|(width, height)| (width as usize, height as usize));
    wanted.map_or(Scale::Whole, |wanted| Scale::for_size((width as usize, height as usize), wanted))
}

/// A file's content.
pub(crate) enum Bytes<'a> {
    /// The caller's.
    Borrowed(&'a [u8]),
    /// Read here.
    Read(Scratch),
}

impl Deref for Bytes<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Bytes::Borrowed(bytes) => bytes,
            Bytes::Read(bytes) => bytes,
        }
    }
}

impl AsRef<[u8]> for Bytes<'_> {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

fn read_file(path: &Path) -> Result<Bytes<'static>> {
    let mut file = File::open(path)?;
    let length = file.metadata().map_or(0, |data| data.len() as usize);
    let mut bytes = Scratch::empty(length);
    file.read_to_end(bytes.as_vec())?;
    Ok(Bytes::Read(bytes))
}

fn refused(problem: ImageError) -> Error {
    match problem {
        ImageError::Unsupported(problem) => Error::Format(unread_kind(&problem)),
        other => Error::Damaged(other.to_string()),
    }
}

/// Turned as `orientation` says.
fn upright(picture: RgbImage, orientation: Option<Orientation>) -> RgbImage {
    let Some(orientation) = orientation.filter(|&orientation| orientation != Orientation::NoTransforms)
    else {
        return picture;
    };
    let mut picture = DynamicImage::from(picture);
    picture.apply_orientation(orientation);
    picture.into_rgb8()
}

/// Whether a 16-bit grey picture has values above 255, which become white although they are not.
fn is_clipped(picture: &DynamicImage) -> bool {
    let DynamicImage::ImageLuma16(grey) = picture else { return false };
    grey.as_raw().iter().any(|&value| value > 255)
}

/// Pillow's `convert("RGB")`.
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

    fn encode(picture: DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    /// Expected: Pillow's `Image.open(file).convert("RGB")` of the same pixels.
    #[test]
    fn rgb_as_pillow_converts() {
        use image::{ImageBuffer, Luma, LumaA, Rgb, Rgba};
        let png =
            |picture: DynamicImage| decode(&encode(picture, ImageFormat::Png)).unwrap().picture.into_raw();
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
            let read = decode(&bytes).unwrap().picture;
            assert_eq!(read.dimensions(), (40, 30), "{format:?}");
            for length in (0..bytes.len() - 12).step_by(7) {
                assert!(decode(&bytes[..length]).is_err(), "{format:?} cut to {length} of {}", bytes.len());
            }
        }
    }

    /// A JPEG that is resized while it is decoded has the pixels of one that is resized afterwards.
    #[test]
    fn resized_while_decoded() {
        let sizes = [(24, 24), (40, 130), (97, 61), (33, 20), (16, 8), (1, 1)];
        let resamplings = [Resampling::Nearest, Resampling::Bilinear, Resampling::Bicubic];
        for (width, height) in [(97, 61), (16, 8), (200, 131), (5, 3)] {
            let picture =
                RgbImage::from_fn(width, height, |x, y| image::Rgb([x * y, x + y, x * 3].map(|v| v as u8)));
            for format in [ImageFormat::Jpeg, ImageFormat::Png] {
                let file = encode(picture.clone().into(), format);
                for (size, resampling) in sizes.iter().flat_map(|&size| resamplings.map(|how| (size, how))) {
                    for at_least in [None, Some(size)] {
                        let options = DecodeOptions { at_least, ..Default::default() };
                        let whole = Decoder::new(&file).unwrap().decode(options).unwrap().picture;
                        let expected = resize(&whole, size, resampling).unwrap();
                        let decoder = Decoder::new(&file).unwrap();
                        let made = decoder.decode_resized(size, resampling, options).unwrap().picture;
                        assert!(
                            made == expected,
                            "{width}x{height} {format:?} to {size:?}, {resampling:?}, {at_least:?}"
                        );
                    }
                }
                let wrong = Decoder::new(&file).unwrap();
                let wrong = wrong.decode_resized((0, 4), Resampling::Bilinear, DecodeOptions::default());
                assert!(matches!(wrong, Err(Error::Size { .. })));
            }
        }
    }

    #[test]
    fn only_grey_above_255_is_clipped() {
        let grey = |value: u16| -> DynamicImage {
            image::ImageBuffer::<image::Luma<u16>, _>::from_raw(2, 1, vec![0, value]).unwrap().into()
        };
        assert!(!is_clipped(&grey(255)));
        assert!(is_clipped(&grey(256)));
        assert!(!is_clipped(&DynamicImage::new_rgb16(1, 1)));
        let warning = |picture| decode(&encode(picture, ImageFormat::Png)).unwrap().warning;
        assert_eq!((warning(grey(256)), warning(grey(255))), (Some(Warning::Grey16), None));
    }
}
