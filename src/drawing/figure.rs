//! A finished picture with its description.

use std::cell::Cell;
use std::error::Error as StdError;
use std::fmt;
use std::io::Cursor;
use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine};
use image::{ImageFormat, RgbImage};

use ::plotters::coord::Shift;
use ::plotters::drawing::{DrawingArea, IntoDrawingArea};

use super::canvas::{self, Canvas, CanvasBackend};
use super::encoded;
use crate::files::write_atomically;
use crate::fonts;
use crate::notebook::{MimeBundle, Rich, Show, result};
use crate::{Error, Result};

/// A picture as it is shown in a cell: its pixels, the size to show it at, and the same in words.
///
/// Notebooks get it small: with photographs in it as a JPEG of quality 88, where that is much smaller, and a drawing as a
/// PNG with a palette, in which no channel of a colour is off by more than 12 of 255. [`png`](Figure::png) and
/// [`save`](Figure::save) are always exact.
///
/// As the last expression of a cell it shows itself, also inside a `Result`: drawing functions need
/// no `?` there. Printed, it describes itself in words.
#[derive(Clone)]
pub struct Figure {
    /// The picture, of which a notebook's file is made.
    pixels: Arc<RgbImage>,
    png: Vec<u8>,
    width: u32,
    height: u32,
    alt: String,
    /// What it was drawn on, for an SVG; a figure made of pixels has none.
    canvas: Option<Arc<Canvas>>,
    /// Makes the type `!Sync`, by which the prelude's traits know that `Result<Figure>` is to be
    /// shown as a picture (see [`crate::notebook::EvcxrDisplay`]).
    rich: PhantomData<Cell<()>>,
}

impl Figure {
    /// Encodes a picture that is shown `width` by `height` CSS pixels large; `alt` says in words
    /// what it shows.
    ///
    /// # Errors
    /// [`Error::Argument`] if the picture has no pixels.
    pub fn new(image: &RgbImage, width: u32, height: u32, alt: impl Into<String>) -> Result<Self> {
        Self::of_pixels(image.clone(), width, height, alt.into())
    }

    /// [`Figure::new`] without a copy.
    pub(super) fn of_pixels(pixels: RgbImage, width: u32, height: u32, alt: String) -> Result<Self> {
        let mut png = Cursor::new(Vec::new());
        pixels
            .write_to(&mut png, ImageFormat::Png)
            .map_err(|error| Error::Argument(format!("a picture cannot be encoded: {error}")))?;
        let (pixels, png) = (Arc::new(pixels), png.into_inner());
        Ok(Self { pixels, png, width, height, alt, canvas: None, rich: PhantomData })
    }

    /// The figure that was drawn on a canvas.
    pub(super) fn drawn(canvas: Canvas, alt: String) -> Result<Self> {
        let figure = Self::of_pixels(canvas.pixels(), canvas.width(), canvas.height(), alt)?;
        Ok(Self { canvas: Some(Arc::new(canvas)), ..figure })
    }

    /// Draws with [plotters](crate::plotters) on a canvas of `size` = (width, height) CSS pixels. Unlike a figure on
    /// plotters' own backends, it can be saved as PNG and as SVG, is sharp on sharp screens, has letters of any script,
    /// and can stand beside photographs in a [`picture_grid`](crate::viz::picture_grid).
    ///
    /// ```
    /// use herbarium::plotters::prelude::*;
    /// use herbarium::prelude::*;
    ///
    /// let losses = [2.1, 1.2, 0.9, 0.8];
    /// let figure = Figure::draw((320, 240), |area| {
    ///     let mut chart = ChartBuilder::on(&area)
    ///         .caption("Loss", ("sans-serif", 16))
    ///         .margin(8)
    ///         .x_label_area_size(24)
    ///         .y_label_area_size(32)
    ///         .build_cartesian_2d(0..3, 0.0..2.5)?;
    ///     chart.configure_mesh().draw()?;
    ///     chart.draw_series(LineSeries::new((0..).zip(losses), &BLUE))?;
    ///     Ok(())
    /// })?;
    /// assert_eq!((figure.width(), figure.height()), (320, 240));
    /// # Ok::<(), herbarium::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Argument`] with the reason if the closure fails, and if the canvas would be too large.
    pub fn draw<Draw>(size: (u32, u32), draw: Draw) -> Result<Self>
    where
        Draw: FnOnce(DrawingArea<CanvasBackend<'_>, Shift>) -> std::result::Result<(), Box<dyn StdError>>,
    {
        fonts::register_fonts();
        let (width, height) = size;
        let mut canvas = Canvas::new(width, height)?;
        draw(CanvasBackend::new(&mut canvas).into_drawing_area()).map_err(|reason| {
            Error::Argument(format!("the figure cannot be drawn: {}", fonts::explained(&reason)))
        })?;
        canvas.figure(format!("a drawing of {width} x {height} pixels"))
    }

    /// The same figure with another description of what it shows: for screen readers, and what is printed.
    pub fn with_alt(self, alt: impl Into<String>) -> Self {
        Self { alt: alt.into(), ..self }
    }

    /// The pixels of the PNG.
    pub(crate) fn pixels(&self) -> &RgbImage {
        &self.pixels
    }

    /// What it was drawn on, if it is more than pixels.
    pub(crate) fn canvas(&self) -> Option<&Arc<Canvas>> {
        self.canvas.as_ref()
    }

    /// What notebooks get.
    fn shown(&self) -> Shown {
        let has_photographs = self.canvas.as_ref().is_some_and(|canvas| canvas.has_photographs());
        let jpeg = || encoded::jpeg(&self.pixels).filter(|jpeg| 3 * jpeg.len() < 2 * self.png.len());
        if let Some(jpeg) = has_photographs.then(jpeg).flatten() {
            return Shown::Jpeg(jpeg);
        }
        let indexed = encoded::png(&self.pixels).filter(|png| png.len() < self.png.len());
        Shown::Png(indexed.unwrap_or_else(|| self.png.clone()))
    }

    /// The picture for a page's `<img src=…>`, in the form that notebooks get.
    pub(crate) fn data_url(&self) -> String {
        match self.shown() {
            Shown::Jpeg(jpeg) => format!("data:image/jpeg;base64,{}", BASE64_STANDARD.encode(&jpeg)),
            Shown::Png(png) => format!("data:image/png;base64,{}", BASE64_STANDARD.encode(&png)),
        }
    }

    /// The picture as a PNG file's bytes.
    pub fn png(&self) -> &[u8] {
        &self.png
    }

    /// The picture as an SVG document, sharp at any size, with the description as its title. A figure
    /// made of pixels alone (`im_convert`) is a document around these pixels.
    pub fn svg(&self) -> String {
        match &self.canvas {
            Some(canvas) => canvas.svg(&self.alt),
            None => canvas::svg_around(&self.png, self.width, self.height, &self.alt),
        }
    }

    /// Width at which it is shown, in CSS pixels; the PNG may have more, for sharp screens.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height at which it is shown, in CSS pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// What it shows, in words.
    pub fn alt(&self) -> &str {
        &self.alt
    }

    /// Writes the picture to a file, whole or not at all, as PNG or SVG as its name says; folders on
    /// the way are made.
    ///
    /// # Errors
    /// [`Error::Io`] with the file that could not be written, and [`Error::Argument`] if its name
    /// ends neither in `.png` nor in `.svg`.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let ends_in = |ending: &str| path.extension().is_some_and(|own| own.eq_ignore_ascii_case(ending));
        let svg;
        let bytes = if ends_in("png") {
            &self.png
        } else if ends_in("svg") {
            svg = self.svg();
            svg.as_bytes()
        } else {
            let told = format!(
                "{}: a figure is saved as PNG or SVG, give a name that ends in .png or .svg",
                path.display()
            );
            return Err(Error::Argument(told));
        };
        write_atomically(path, |file| file.write_all(bytes).map_err(Error::io("writing", path)))
    }

    /// Shows the figure as the value of a cell's last expression.
    pub fn evcxr_display(&self) {
        result(self);
    }
}

/// A file that a notebook keeps.
enum Shown {
    Jpeg(Vec<u8>),
    Png(Vec<u8>),
}

impl Show for Figure {
    fn bundle(&self) -> MimeBundle {
        let text = MimeBundle::text(self.alt.as_str());
        let picture = match self.shown() {
            Shown::Jpeg(jpeg) => text.with_jpeg(jpeg, self.width, self.height),
            Shown::Png(png) => text.with_png(png, self.width, self.height),
        };
        picture.with_alt(self.alt.as_str())
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.alt)
    }
}

impl fmt::Debug for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Figure({} x {}): {}", self.width, self.height, self.alt)
    }
}

impl Rich for Figure {
    fn text(&self) -> String {
        self.alt.clone()
    }

    fn show(&self) {
        result(self);
    }
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::canvas::{Area, Scaling, Text};
    use super::*;

    /// A title above a photograph.
    fn with_photograph(photograph: RgbImage) -> Figure {
        let mut canvas = Canvas::new(120, 140).unwrap();
        canvas.text("tiger lily", (10.0, 16.0), Text::new(12.0));
        canvas.picture(photograph, Area::new(10.0, 30.0, 96.0, 96.0), Scaling::Smooth);
        canvas.figure("a tiger lily").unwrap()
    }

    #[test]
    fn photographs_show_as_jpeg_with_crisp_letters_and_are_saved_exactly() {
        let mut rng = fastrand::Rng::with_seed(7);
        let noise = RgbImage::from_fn(96, 96, |_, _| Rgb([rng.u8(..), rng.u8(90..120), rng.u8(..)]));
        let figure = with_photograph(noise);
        let bundle = figure.bundle();
        assert_eq!(bundle.mime_types(), ["text/plain", "image/jpeg"]);
        assert!(figure.data_url().starts_with("data:image/jpeg;base64,/9j/"));
        assert!(figure.png().starts_with(b"\x89PNG"));
        let Shown::Jpeg(jpeg) = figure.shown() else { panic!("a PNG") };
        assert!(3 * jpeg.len() < 2 * figure.png().len());
        let (shown, exact) = (image::load_from_memory(&jpeg).unwrap().into_rgb8(), figure.pixels());
        assert_eq!(shown.dimensions(), exact.dimensions());
        // The title keeps black and white apart.
        for (x, y, pixel) in exact.enumerate_pixels().filter(|(_, y, _)| *y < 48) {
            let there = shown.get_pixel(x, y);
            let far = pixel.0.iter().zip(there.0).map(|(a, b)| a.abs_diff(b)).max();
            assert!(far < Some(48), "{pixel:?} at {x}, {y} shows as {there:?}");
        }
    }

    #[test]
    fn what_gains_little_as_jpeg_shows_as_png() {
        let plain = with_photograph(RgbImage::from_pixel(96, 96, Rgb([9, 99, 9])));
        assert_eq!(plain.bundle().mime_types(), ["text/plain", "image/png"]);
        let drawing = Figure::draw((64, 48), |_| Ok(())).unwrap();
        assert_eq!(drawing.bundle().mime_types(), ["text/plain", "image/png"]);
        assert!(drawing.data_url().starts_with("data:image/png;base64,iVBOR"));
    }
}
