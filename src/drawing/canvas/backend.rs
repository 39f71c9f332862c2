//! plotters' backend for the canvas: what a chart draws becomes shapes.
//!
//! plotters counts in whole pixels. The crate's own charts use [`FINE`] of them per CSS pixel, so that lines and
//! letters are placed precisely enough for a high-resolution screen; a learner's drawing uses one, because font
//! sizes and margins are given in pixels.

use image::{Rgb, RgbImage};
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind, FontStyle,
    FontTransform,
};

use super::{Anchor, Area, Canvas, Scaling, Text};

/// plotters' pixels to a CSS pixel.
pub(crate) const FINE: f32 = 8.0;

/// Putting shapes on a list cannot fail.
type Drawn = std::result::Result<(), DrawingErrorKind<std::convert::Infallible>>;

/// What [`Figure::draw`](crate::drawing::Figure::draw) draws on: a backend of plotters whose shapes become PNG or SVG.
///
/// A pixel is a CSS pixel, and text is in the crate's own font whatever the family. In your own function, the closure's
/// area has the type `DrawingArea<CanvasBackend<'_>, plotters::coord::Shift>`.
pub struct CanvasBackend<'a> {
    canvas: &'a mut Canvas,
    /// plotters' pixels to a CSS pixel.
    fine: f32,
}

impl<'a> CanvasBackend<'a> {
    /// With CSS pixels.
    pub(crate) fn new(canvas: &'a mut Canvas) -> Self {
        Self { canvas, fine: 1.0 }
    }

    /// With [`FINE`] pixels to each CSS pixel.
    pub(crate) fn fine(canvas: &'a mut Canvas) -> Self {
        Self { canvas, fine: FINE }
    }

    fn place(&self, (x, y): BackendCoord) -> (f32, f32) {
        (x as f32 / self.fine, y as f32 / self.fine)
    }

    /// From one corner to the other, however they lie.
    fn between(&self, a: BackendCoord, b: BackendCoord) -> Area {
        let (left, top) = self.place((a.0.min(b.0), a.1.min(b.1)));
        let (right, bottom) = self.place((a.0.max(b.0), a.1.max(b.1)));
        Area::new(left, top, right - left, bottom - top)
    }

    fn text_style<S: BackendTextStyle>(&self, style: &S) -> Text {
        let text = Text::new(style.size() as f32 / self.fine).colour(rgb(style.color()));
        let text = if matches!(style.style(), FontStyle::Bold) { text.bold() } else { text };
        let anchor = match style.anchor().h_pos {
            HPos::Left => Anchor::Start,
            HPos::Center => Anchor::Middle,
            HPos::Right => Anchor::End,
        };
        match style.transform() {
            FontTransform::Rotate270 => Text { anchor, upright: true, ..text },
            // Read upwards in the same box: it ends where the other direction would begin.
            FontTransform::Rotate90 => Text { anchor: anchor.opposite(), upright: true, ..text },
            FontTransform::None | FontTransform::Rotate180 => Text { anchor, ..text },
        }
    }
}

/// How far a text's baseline is below its place, in ems. Capitals are 0.73 em high in the crate's font: centred is the
/// middle of a digit.
fn baseline<S: BackendTextStyle>(style: &S) -> f32 {
    let turned = matches!(style.transform(), FontTransform::Rotate90);
    match (style.anchor().v_pos, turned) {
        (VPos::Center, _) => 0.365,
        (VPos::Top, false) | (VPos::Bottom, true) => 0.93,
        (VPos::Bottom, false) | (VPos::Top, true) => -0.23,
    }
}

fn rgb(colour: BackendColor) -> Rgb<u8> {
    Rgb([colour.rgb.0, colour.rgb.1, colour.rgb.2])
}

impl DrawingBackend for CanvasBackend<'_> {
    type ErrorType = std::convert::Infallible;

    fn get_size(&self) -> (u32, u32) {
        let side = |side: u32| (side as f32 * self.fine) as u32;
        (side(self.canvas.width()), side(self.canvas.height()))
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, at: BackendCoord, colour: BackendColor) -> Drawn {
        let area = self.between(at, (at.0 + 1, at.1 + 1));
        self.canvas.rect_over(area, rgb(colour), colour.alpha as f32);
        Ok(())
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        let points: Vec<_> = path.into_iter().map(|at| self.place(at)).collect();
        let width = style.stroke_width() as f32 / self.fine;
        let (colour, opacity) = (rgb(style.color()), style.color().alpha as f32);
        if opacity == 0.0 || width == 0.0 {
            return Ok(());
        }
        // A horizontal or vertical line is a rectangle: it has square ends and sharp edges.
        match points.as_slice() {
            &[(x, y), (to, end)] if x == to || y == end => {
                let half = width / 2.0;
                let area = if x == to {
                    Area::new(x - half, y.min(end), width, (end - y).abs())
                } else {
                    Area::new(x.min(to), y - half, (to - x).abs(), width)
                };
                self.canvas.rect_over(area, colour, opacity);
            }
            points => self.canvas.line_over(points, width, colour, opacity),
        }
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let (area, colour) = (self.between(from, to), rgb(style.color()));
        if fill {
            self.canvas.rect_over(area, colour, style.color().alpha as f32);
        } else {
            self.canvas.frame(area, style.stroke_width() as f32 / self.fine, colour);
        }
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        at: BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Drawn {
        let (centre, radius, colour) = (self.place(at), radius as f32 / self.fine, rgb(style.color()));
        let opacity = style.color().alpha as f32;
        if fill {
            self.canvas.circle_over(centre, radius, colour, opacity);
            return Ok(());
        }
        let corner = |i: u8| {
            let angle = f32::from(i) * std::f32::consts::TAU / 48.0;
            (centre.0 + radius * angle.cos(), centre.1 + radius * angle.sin())
        };
        let ring: Vec<_> = (0..=48).map(corner).collect();
        self.canvas.line_over(&ring, style.stroke_width() as f32 / self.fine, colour, opacity);
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        corners: I,
        style: &S,
    ) -> Drawn {
        let corners: Vec<_> = corners.into_iter().map(|at| self.place(at)).collect();
        self.canvas.polygon_over(&corners, rgb(style.color()), style.color().alpha as f32);
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, at: BackendCoord) -> Drawn {
        let (own, (x, y)) = (self.text_style(style), self.place(at));
        let down = own.size * baseline(style);
        self.canvas.text(text, if own.upright { (x + down, y) } else { (x, y + down) }, own);
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> std::result::Result<(u32, u32), DrawingErrorKind<Self::ErrorType>> {
        let own = self.text_style(style);
        let size = ((own.width(text) * self.fine).ceil() as u32, (1.17 * own.size * self.fine).ceil() as u32);
        Ok(if own.upright { (size.1, size.0) } else { size })
    }

    fn blit_bitmap(&mut self, at: BackendCoord, (width, height): (u32, u32), rgb: &[u8]) -> Drawn {
        if let Some(image) = RgbImage::from_raw(width, height, rgb.to_vec()) {
            let (x, y) = self.place(at);
            self.canvas.picture(
                image,
                Area::new(x, y, width as f32 / self.fine, height as f32 / self.fine),
                Scaling::Smooth,
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use plotters::prelude::{BLACK, BLUE, Circle, Color, IntoDrawingArea, IntoFont, RED, Rectangle};

    use super::*;

    /// A plotters square covers exactly its pixels, and a centred letter is centred on them.
    #[test]
    fn what_plotters_draws_is_where_it_says() {
        let mut canvas = Canvas::new(40, 20).unwrap();
        {
            let area = CanvasBackend::fine(&mut canvas).into_drawing_area();
            let fine = |x: i32, y: i32| (x * FINE as i32, y * FINE as i32);
            area.draw(&Rectangle::new([fine(2, 3), fine(10, 8)], RED.filled())).unwrap();
            area.draw(&Circle::new(fine(30, 10), 4 * FINE as i32, BLUE.filled())).unwrap();
        }
        let sheet = canvas.pixels();
        let coloured = |colour: [u8; 3]| sheet.pixels().filter(|pixel| pixel.0 == colour).count();
        assert_eq!(coloured([255, 0, 0]), 16 * 10);
        assert_eq!(sheet.get_pixel(4, 6).0, [255, 0, 0]);
        assert_eq!(sheet.get_pixel(3, 6).0, [255, 255, 255]);
        let disc = std::f32::consts::PI * 64.0;
        assert!((coloured([0, 0, 255]) as f32 - disc).abs() < 0.2 * disc);
    }

    #[test]
    fn letters_are_measured_as_they_are_drawn() {
        let mut canvas = Canvas::new(40, 20).unwrap();
        let style = ("sans-serif", 10.0 * f64::from(FINE)).into_font().color(&BLACK);
        let (width, _) = CanvasBackend::fine(&mut canvas).estimate_text_size("rose", &style).unwrap();
        assert!((width as f32 / FINE - Text::new(10.0).width("rose")).abs() < 1.0 / FINE + 0.001);
    }
}
