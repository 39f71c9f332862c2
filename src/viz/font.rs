//! Text on a picture, in a font that travels with the crate: DejaVu Sans, cut down to Latin, Greek,
//! Cyrillic, arrows and marks (`fonts/LICENSE`).

use std::sync::OnceLock;

use ab_glyph::{Font, FontRef, GlyphId, PxScale, ScaleFont, point};
use image::{Rgb, RgbImage};

/// Weight of the letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    Regular,
    Bold,
}

/// A font, or `None` should its file not parse, in which case no text is drawn.
fn face(weight: Weight) -> Option<&'static FontRef<'static>> {
    static REGULAR: OnceLock<Option<FontRef<'static>>> = OnceLock::new();
    static BOLD: OnceLock<Option<FontRef<'static>>> = OnceLock::new();
    match weight {
        Weight::Regular => {
            REGULAR.get_or_init(|| FontRef::try_from_slice(include_bytes!("fonts/DejaVuSans.ttf")).ok())
        }
        Weight::Bold => {
            BOLD.get_or_init(|| FontRef::try_from_slice(include_bytes!("fonts/DejaVuSans-Bold.ttf")).ok())
        }
    }
    .as_ref()
}

/// `size` pixels to the em, as CSS counts; ab_glyph counts from the highest to the lowest point.
fn scale(font: &FontRef<'_>, size: f32) -> PxScale {
    PxScale::from(size * font.height_unscaled() / font.units_per_em().unwrap_or(2048.0))
}

/// Whether the font has every letter of a text.
pub(crate) fn covers(text: &str) -> bool {
    let has = |font: &FontRef<'_>, letter| font.glyph_id(letter) != GlyphId(0);
    face(Weight::Bold).is_some_and(|font| text.chars().all(|letter| has(font, letter)))
}

/// Width of a line of text in pixels.
pub(crate) fn width(text: &str, size: f32, weight: Weight) -> f32 {
    lay_out(text, size, weight, |_, _| {})
}

/// Walks along a line, giving each glyph and where it starts; returns the line's width.
fn lay_out(text: &str, size: f32, weight: Weight, mut each: impl FnMut(GlyphId, f32)) -> f32 {
    let Some(font) = face(weight) else { return 0.0 };
    let scaled = font.as_scaled(scale(font, size));
    let (mut x, mut last) = (0.0, None);
    for letter in text.chars() {
        let glyph = scaled.glyph_id(letter);
        if let Some(last) = last {
            x += scaled.kern(last, glyph);
        }
        each(glyph, x);
        x += scaled.h_advance(glyph);
        last = Some(glyph);
    }
    x
}

/// Where a line of text goes.
#[derive(Clone, Copy)]
pub(crate) struct Line {
    /// Its left end.
    pub(crate) x: f32,
    /// Its baseline.
    pub(crate) y: f32,
    /// Pixels to the em.
    pub(crate) size: f32,
    pub(crate) weight: Weight,
    pub(crate) colour: Rgb<u8>,
    /// Turned by a quarter, read from below: `x` is then the baseline and `y` where it starts, below.
    pub(crate) upright: bool,
}

/// Draws a line of text; what falls outside the picture is cut.
pub(crate) fn draw(image: &mut RgbImage, text: &str, line: Line) {
    let Some(font) = face(line.weight) else { return };
    let scale = scale(font, line.size);
    // An upright line is drawn lying, from the origin, and each of its pixels is turned.
    let (x0, y0) = if line.upright { (line.y.fract(), line.x.fract()) } else { (line.x, line.y) };
    let (left, bottom) = (line.x.floor() as i32, line.y.floor() as i32);
    lay_out(text, line.size, line.weight, |glyph, x| {
        let glyph = glyph.with_scale_and_position(scale, point(x0 + x, y0));
        if let Some(outline) = font.outline_glyph(glyph) {
            let bounds = outline.px_bounds();
            outline.draw(|x, y, cover| {
                let (x, y) = (bounds.min.x as i32 + x as i32, bounds.min.y as i32 + y as i32);
                let (x, y) = if line.upright { (left + y, bottom - x - 1) } else { (x, y) };
                blend(image, x, y, line.colour, cover);
            });
        }
    });
}

/// Lays a colour over a pixel, if it is in the picture; `alpha = 1` hides what was there.
pub(crate) fn blend(image: &mut RgbImage, x: i32, y: i32, colour: Rgb<u8>, alpha: f32) {
    let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else { return };
    if let Some(pixel) = image.get_pixel_mut_checked(x, y) {
        for (under, over) in pixel.0.iter_mut().zip(colour.0) {
            let mixed = f32::from(*under) + (f32::from(over) - f32::from(*under)) * alpha.clamp(0.0, 1.0);
            *under = mixed.round() as u8;
        }
    }
}

/// The text if it is no wider than `room`, or its beginning and an ellipsis.
pub(crate) fn shortened(text: &str, room: f32, size: f32, weight: Weight) -> String {
    if width(text, size, weight) <= room {
        return text.to_string();
    }
    let mut kept: Vec<char> = text.chars().collect();
    while kept.pop().is_some() {
        let short = format!("{}…", kept.iter().collect::<String>().trim_end());
        if width(&short, size, weight) <= room {
            return short;
        }
    }
    "…".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_which_letters_it_has() {
        assert!(covers("Ångström, Ἀθῆναι, Ромашка ✓ ✗ → …"));
        assert!(!covers("菊花"));
        assert!(!covers("🌸"));
    }

    /// The advance of "M" in DejaVu Sans is 1767 of 2048 units.
    #[test]
    fn width_is_that_of_the_font() {
        assert!((width("M", 2048.0, Weight::Regular) - 1767.0).abs() < 0.5);
        assert_eq!(width("", 12.0, Weight::Bold), 0.0);
    }

    #[test]
    fn shortens_to_the_room_there_is() {
        let long = "prince of wales feathers";
        let short = shortened(long, 100.0, 13.0, Weight::Bold);
        assert!(short.ends_with('…') && long.starts_with(short.trim_end_matches('…')), "{short}");
        assert!(width(&short, 13.0, Weight::Bold) <= 100.0);
        assert_eq!(shortened("rose", 100.0, 13.0, Weight::Bold), "rose");
        assert_eq!(shortened("rose", 1.0, 13.0, Weight::Bold), "…");
    }

    #[test]
    fn text_outside_the_picture_is_cut() {
        let mut image = RgbImage::new(4, 4);
        let line = Line {
            x: -9.0,
            y: 2.0,
            size: 30.0,
            weight: Weight::Regular,
            colour: Rgb([255; 3]),
            upright: false,
        };
        draw(&mut image, "Wide", line);
    }
}
