//! plotters' way onto a picture: smooth lines of any width, and text in the crate's own font.
//!
//! plotters' bitmap backend draws wide lines with jagged edges and sets letters on whole pixels;
//! at a chart's size both show. This backend draws on the same picture without either.

use image::{Rgb, RgbImage};
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind, FontStyle,
};

use super::font::{self, Line, Weight};

/// Drawing on a picture cannot fail.
type Drawn = std::result::Result<(), DrawingErrorKind<std::convert::Infallible>>;

/// A picture being drawn on.
pub(super) struct Pen<'a>(pub(super) &'a mut RgbImage);

fn rgb(colour: BackendColor) -> Rgb<u8> {
    Rgb([colour.rgb.0, colour.rgb.1, colour.rgb.2])
}

fn weight(style: FontStyle) -> Weight {
    if matches!(style, FontStyle::Bold) { Weight::Bold } else { Weight::Regular }
}

impl Pen<'_> {
    /// Fills what lies nearer than `reach` to a stretch, with a rim one pixel soft.
    fn capsule(&mut self, from: (f32, f32), to: (f32, f32), reach: f32, colour: BackendColor) {
        let along = (to.0 - from.0, to.1 - from.1);
        let length2 = (along.0 * along.0 + along.1 * along.1).max(1e-9);
        let pad = reach + 1.0;
        let columns = (from.0.min(to.0) - pad).floor() as i32..=(from.0.max(to.0) + pad).ceil() as i32;
        for y in (from.1.min(to.1) - pad).floor() as i32..=(from.1.max(to.1) + pad).ceil() as i32 {
            for x in columns.clone() {
                let point = (x as f32 - from.0, y as f32 - from.1);
                let t = ((point.0 * along.0 + point.1 * along.1) / length2).clamp(0.0, 1.0);
                let distance = (point.0 - along.0 * t).hypot(point.1 - along.1 * t);
                let cover = (reach - distance + 0.5).clamp(0.0, 1.0) * colour.alpha as f32;
                if cover > 0.0 {
                    font::blend(self.0, x, y, rgb(colour), cover);
                }
            }
        }
    }
}

impl DrawingBackend for Pen<'_> {
    type ErrorType = std::convert::Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.0.dimensions()
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, colour: BackendColor) -> Drawn {
        font::blend(self.0, x, y, rgb(colour), colour.alpha as f32);
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        let reach = style.stroke_width() as f32 / 2.0;
        let mut last: Option<(f32, f32)> = None;
        for (x, y) in path {
            let point = (x as f32, y as f32);
            if let Some(from) = last {
                self.capsule(from, point, reach, style.color());
            }
            last = Some(point);
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
        let centre = (at.0 as f32, at.1 as f32);
        if fill {
            self.capsule(centre, centre, radius as f32, style.color());
            return Ok(());
        }
        let corner = |i: u32| {
            let angle = i as f32 * std::f32::consts::TAU / 48.0;
            (centre.0 + radius as f32 * angle.cos(), centre.1 + radius as f32 * angle.sin())
        };
        for i in 0..48 {
            self.capsule(corner(i), corner(i + 1), style.stroke_width() as f32 / 2.0, style.color());
        }
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, at: BackendCoord) -> Drawn {
        let (size, weight) = (style.size() as f32, weight(style.style()));
        let wide = font::width(text, size, weight);
        let x = match style.anchor().h_pos {
            HPos::Left => 0.0,
            HPos::Center => -wide / 2.0,
            HPos::Right => -wide,
        };
        // Capitals are 0.73 em high in this font: centred is the middle of a digit.
        let y = match style.anchor().v_pos {
            VPos::Top => 0.93 * size,
            VPos::Center => 0.365 * size,
            VPos::Bottom => -0.23 * size,
        };
        let (x, y) = (at.0 as f32 + x, at.1 as f32 + y);
        font::draw(self.0, text, Line { x, y, size, weight, colour: rgb(style.color()) });
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> std::result::Result<(u32, u32), DrawingErrorKind<Self::ErrorType>> {
        let size = style.size() as f32;
        let wide = font::width(text, size, weight(style.style()));
        Ok((wide.ceil() as u32, (1.17 * size).ceil() as u32))
    }
}
