//! From a file to a picture.

use std::path::Path;

use image::RgbImage;
use pillow_pixels::{DecodeOptions, Decoded, Decoder};

use super::picture_warning::warn;
use crate::{Error, Result};

/// Reads a JPEG, PNG, WebP, BMP, GIF, TIFF or PNM (PPM, PGM, PBM) picture as RGB, as torchvision's loader does with PIL:
/// `Image.open(path).convert("RGB")`.
///
/// Grey becomes three equal channels, transparency is dropped, 16-bit colour keeps its upper byte (16-bit
/// grey is clipped at 255, as PIL does, and a warning says so), CMYK is converted as PIL does, the first frame of an
/// animation is read, the EXIF orientation is not applied. The format is recognised by the content, not by the name.
/// The pixels are PIL's, JPEG's too; only of lossy WebP they may be a step away (see [`pillow_pixels`]). Of more than
/// [`MAX_IMAGE_PIXELS`](crate::transforms::MAX_IMAGE_PIXELS) pixels a warning is printed, as PIL does. Each kind of
/// warning is printed once per folder, on standard error.
///
/// # Errors
/// [`Error::Io`] when the file cannot be read; [`Error::Picture`] when it is empty, not a picture, of
/// another format (HEIC, AVIF, JPEG 2000 and others are named, with how to convert them), truncated or damaged,
/// or larger than twice [`MAX_IMAGE_PIXELS`](crate::transforms::MAX_IMAGE_PIXELS) (as its header says, before memory
/// is taken).
pub fn read_image(path: impl AsRef<Path>) -> Result<RgbImage> {
    ReadOptions::default().read(path)
}

/// How a picture is read, by [`read`](ReadOptions::read) and [`decode_image`]. The defaults are torchvision's.
///
/// ```no_run
/// # use herbarium::data::ReadOptions;
/// let upright = ReadOptions { exif_orientation: true, ..Default::default() }.read("camera.jpg")?;
/// # Ok::<(), herbarium::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadOptions {
    /// Whether a picture is turned upright where its EXIF data say how the camera was held: PIL's
    /// `ImageOps.exif_transpose`. Default no.
    pub exif_orientation: bool,
    /// The least [height, width] that is needed, in pixels of the picture as it is stored: a JPEG is then
    /// decoded at a half, a quarter or an eighth of its size where that is not smaller, with the pixels that
    /// PIL's `draft("RGB", (width, height))` gives, in a fraction of the time. Default: the whole size.
    pub at_least: Option<[u32; 2]>,
}

impl From<ReadOptions> for DecodeOptions {
    fn from(options: ReadOptions) -> Self {
        let at_least = options.at_least.map(|[height, width]| (width, height));
        DecodeOptions { exif_orientation: options.exif_orientation, at_least }
    }
}

impl ReadOptions {
    /// [`read_image`] with these options.
    ///
    /// # Errors
    /// As [`read_image`].
    pub fn read(self, path: impl AsRef<Path>) -> Result<RgbImage> {
        self.read_from(path.as_ref())
    }

    fn read_from(self, path: &Path) -> Result<RgbImage> {
        let Decoded { picture, warning } = read_without_warning(path, self)?;
        warn(warning, None, path);
        Ok(picture)
    }
}

/// [`ReadOptions::read`] that prints no warning, but returns it.
pub(super) fn read_without_warning(path: &Path, options: ReadOptions) -> Result<Decoded> {
    let decoded = Decoder::open(path).and_then(|decoder| decoder.decode(options.into()));
    decoded.map_err(|error| unreadable(path, error))
}

/// [`ReadOptions::read`] of a file's content that is in memory already.
///
/// # Errors
/// [`Error::Picture`] as [`read_image`].
pub fn decode_image(bytes: &[u8], options: ReadOptions) -> Result<RgbImage> {
    let decoded = Decoder::new(bytes).and_then(|decoder| decoder.decode(options.into()));
    Ok(decoded.map_err(|error| unreadable(Path::new("a picture in memory"), error))?.picture)
}

/// The crate's error for a file that cannot be read as a picture.
pub(super) fn unreadable(path: &Path, error: pillow_pixels::Error) -> Error {
    match error {
        pillow_pixels::Error::Io(source) => Error::io("reading", path)(source),
        problem => Error::Picture { path: path.into(), problem: problem.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use image::codecs::jpeg::JpegEncoder;

    use super::*;

    fn jpeg(width: u32, height: u32) -> Vec<u8> {
        let picture =
            RgbImage::from_fn(width, height, |x, y| image::Rgb([x * y, x + y, x * 3].map(|v| v as u8)));
        let mut file = Vec::new();
        picture.write_with_encoder(JpegEncoder::new(&mut file)).unwrap();
        file
    }

    /// The least size is [height, width] here.
    #[test]
    fn at_least_so_high_and_wide() {
        let options = ReadOptions { at_least: Some([5, 40]), ..Default::default() };
        assert_eq!(decode_image(&jpeg(80, 20), options).unwrap().dimensions(), (40, 10));
    }
}
