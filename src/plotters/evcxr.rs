//! plotters' functions for notebooks, with the same names and arguments: a closure draws on an area, and the figure is
//! shown as the last expression of a cell.

use std::error::Error as StdError;
use std::fmt;
use std::io::Cursor;

use ::plotters::backend::{BitMapBackend, SVGBackend};
use ::plotters::coord::Shift;
use ::plotters::drawing::{DrawingArea, IntoDrawingArea};
use base64::prelude::{BASE64_STANDARD, Engine};
use image::{ImageFormat, RgbImage};

use crate::files::write_atomically;
use crate::fonts::{explained, register_fonts};
use crate::notebook::{MimeBundle, Show, result, show_error};
use crate::{Error, Result};

/// The result of a drawing closure.
type Drawn = std::result::Result<(), Box<dyn StdError>>;

/// Bytes of a pixel.
const RGB: usize = 3;
/// The most pixels of a bitmap figure: a hundred screens.
const MOST_PIXELS: u64 = 160_000_000;

/// A figure as an SVG document, or why it could not be drawn. Shown in a cell, it is the picture, or the cell's failure.
#[derive(Clone)]
pub struct SVGWrapper {
    size: (u32, u32),
    style: String,
    svg: std::result::Result<String, String>,
    /// Why the file that was asked for could not be written.
    unsaved: Option<String>,
}

/// Draws on an SVG of `size` = (width, height) pixels.
///
/// ```
/// use herbarium::plotters::prelude::*;
///
/// let figure = evcxr_figure((300, 40), |root| {
///     root.fill(&WHITE)?;
///     root.draw(&Text::new("a rose", (15, 10), ("Arial", 20).into_font()))?;
///     Ok(())
/// });
/// assert!(figure.svg()?.contains("a rose"));
/// # Ok::<(), herbarium::Error>(())
/// ```
pub fn evcxr_figure<Draw>(size: (u32, u32), draw: Draw) -> SVGWrapper
where
    Draw: FnOnce(DrawingArea<SVGBackend<'_>, Shift>) -> Drawn,
{
    register_fonts();
    let mut svg = String::new();
    let drawn = draw(SVGBackend::with_string(&mut svg, size).into_drawing_area());
    SVGWrapper::new(size, drawn.map(|()| svg))
}

/// [`evcxr_figure`], which also writes the SVG to a file, whole or not at all. If the file cannot be written, the cell
/// that shows the figure still shows it, and then fails.
pub fn evcxr_figure_with_saving<Draw>(filename: &str, size: (u32, u32), draw: Draw) -> SVGWrapper
where
    Draw: FnOnce(DrawingArea<SVGBackend<'_>, Shift>) -> Drawn,
{
    let figure = evcxr_figure(size, draw);
    if figure.svg.is_err() {
        return figure;
    }
    let unsaved = figure.save(filename).err().map(|error| error.to_string());
    SVGWrapper { unsaved, ..figure }
}

/// Draws on a bitmap of `size` = (width, height) pixels, as a PNG inside an SVG: for drawings with very many points.
pub fn evcxr_bitmap_figure<Draw>(size: (u32, u32), draw: Draw) -> SVGWrapper
where
    Draw: FnOnce(DrawingArea<BitMapBackend<'_>, Shift>) -> Drawn,
{
    register_fonts();
    let (width, height) = size;
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        let reason = format!("a bitmap of {width} x {height} pixels is too large");
        return SVGWrapper { size, style: String::new(), svg: Err(reason), unsaved: None };
    }
    let mut pixels = vec![0; width as usize * height as usize * RGB];
    let drawn = draw(BitMapBackend::with_buffer(&mut pixels, size).into_drawing_area());
    SVGWrapper::new(size, drawn.and_then(|()| around(size, pixels)))
}

/// An SVG document that shows a bitmap.
fn around((width, height): (u32, u32), pixels: Vec<u8>) -> std::result::Result<String, Box<dyn StdError>> {
    let image = RgbImage::from_raw(width, height, pixels).ok_or("the bitmap has too few pixels")?;
    let mut png = Cursor::new(Vec::new());
    image.write_to(&mut png, ImageFormat::Png)?;
    Ok(format!(
        "<svg width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         xmlns=\"http://www.w3.org/2000/svg\">\n<image width=\"{width}\" height=\"{height}\" \
         href=\"data:image/png;base64,{}\"/>\n</svg>\n",
        BASE64_STANDARD.encode(png.get_ref())
    ))
}

impl SVGWrapper {
    fn new(size: (u32, u32), drawn: std::result::Result<String, Box<dyn StdError>>) -> Self {
        let svg = drawn.map_err(|reason| explained(&reason));
        Self { size, style: String::new(), svg, unsaved: None }
    }

    /// The same with CSS for the element around it: `figure.style("width: 60%")`.
    pub fn style<S: Into<String>>(self, style: S) -> Self {
        Self { style: style.into(), ..self }
    }

    /// The SVG document.
    ///
    /// # Errors
    /// [`Error::Argument`] with plotters' reason if it could not be drawn.
    pub fn svg(&self) -> Result<&str> {
        self.svg.as_deref().map_err(|reason| Error::Argument(self.failure(reason)))
    }

    /// Writes the SVG document to a file, whole or not at all.
    ///
    /// # Errors
    /// As [`svg`](SVGWrapper::svg); [`Error::Io`] with the file that could not be written.
    pub fn save(&self, path: impl AsRef<std::path::Path>) -> Result<()> {
        let (path, svg) = (path.as_ref(), self.svg()?);
        write_atomically(path, |file| file.write_all(svg.as_bytes()).map_err(Error::io("writing", path)))
    }

    /// Shows the figure as the value of a cell's last expression. Fails the cell if there is no figure, or if its file
    /// could not be written.
    pub fn evcxr_display(&self) {
        match &self.svg {
            Ok(_) => result(self),
            Err(reason) => show_error(&self.failure(reason)),
        }
        if let Some(reason) = &self.unsaved {
            show_error(reason);
        }
    }

    fn failure(&self, reason: &str) -> String {
        format!("the figure cannot be drawn: {reason}")
    }
}

impl Show for SVGWrapper {
    fn bundle(&self) -> MimeBundle {
        let text = MimeBundle::text(self.to_string());
        match &self.svg {
            Ok(svg) => {
                let style = self.style.replace('&', "&amp;").replace('"', "&quot;");
                text.with_html(format!("<div style=\"{style}\">{svg}</div>"))
            }
            Err(_) => text,
        }
    }
}

impl fmt::Display for SVGWrapper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (width, height) = self.size;
        match &self.svg {
            Ok(_) => write!(f, "a figure of {width} x {height} pixels"),
            Err(reason) => f.write_str(&self.failure(reason)),
        }
    }
}

impl fmt::Debug for SVGWrapper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::super::prelude::*;
    use super::*;

    #[test]
    fn a_figure_is_html_with_its_style() {
        let figure = evcxr_figure((30, 10), |root| Ok(root.fill(&BLUE)?)).style("width: 60%");
        let html = figure.bundle().get("text/html").unwrap();
        assert!(html.starts_with("<div style=\"width: 60%\"><svg ") && html.contains("#0000FF"), "{html}");
        assert_eq!(format!("{figure:?}"), "a figure of 30 x 10 pixels");
    }

    #[test]
    fn what_went_wrong_is_kept() {
        let refused = evcxr_figure((30, 10), |_| Err("out of paint".into()));
        assert_eq!(refused.to_string(), "the figure cannot be drawn: out of paint");
        assert!(refused.svg().unwrap_err().to_string().contains("out of paint"));
        let unknown = evcxr_figure((300, 100), |root| {
            root.titled("roses", ("Fraktur", 20))?;
            Ok(())
        });
        assert!(unknown.to_string().contains("register_font"), "{unknown}");
        let huge = evcxr_bitmap_figure((1 << 20, 1 << 20), |_| Ok(()));
        assert!(huge.svg().unwrap_err().to_string().contains("too large"));
    }

    #[test]
    fn a_figure_outlives_a_file_that_cannot_be_written() {
        let nowhere =
            evcxr_figure_with_saving("/proc/none/figure.svg", (30, 10), |root| Ok(root.fill(&BLUE)?));
        assert!(nowhere.svg().unwrap().contains("#0000FF"));
        assert!(nowhere.bundle().get("text/html").is_some());
        let reason = nowhere.unsaved.unwrap();
        assert!(reason.contains("/proc/none") && !reason.contains("cannot be drawn"), "{reason}");
        let refused =
            evcxr_figure_with_saving("/proc/none/figure.svg", (30, 10), |_| Err("out of paint".into()));
        assert_eq!(refused.svg.unwrap_err(), "out of paint");
        assert!(refused.unsaved.is_none());
    }

    #[test]
    fn a_bitmap_has_the_colours_that_were_drawn() {
        let figure = evcxr_bitmap_figure((2, 1), |root| Ok(root.fill(&RED)?));
        let mut png = Cursor::new(Vec::new());
        RgbImage::from_pixel(2, 1, image::Rgb([255, 0, 0])).write_to(&mut png, ImageFormat::Png).unwrap();
        assert!(figure.svg().unwrap().contains(&BASE64_STANDARD.encode(png.get_ref())));
    }
}
