//! Text on a picture, in a font that travels with the crate: DejaVu Sans, cut down to Latin, Greek,
//! Cyrillic, arrows and marks (`src/fonts/LICENSE`). Letters of other scripts come from the computer's fonts.

mod script;
mod shaping;
mod system;

use std::sync::OnceLock;

use ab_glyph::{Font, FontRef, GlyphId, PxScale, ScaleFont, point};
use image::{Rgb, RgbImage};

use system::Face;

use crate::fonts;

/// Weight of the letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    Regular,
    Bold,
}

/// The crate's own font, or `None` should its file not parse, in which case no text is drawn.
fn own_face(weight: Weight) -> Option<&'static Face> {
    static REGULAR: OnceLock<Option<Face>> = OnceLock::new();
    static BOLD: OnceLock<Option<Face>> = OnceLock::new();
    match weight {
        Weight::Regular => REGULAR.get_or_init(|| Face::new(fonts::REGULAR, 0)),
        Weight::Bold => BOLD.get_or_init(|| Face::new(fonts::BOLD, 0)),
    }
    .as_ref()
}

/// `size` is in pixels per em, as in CSS; ab_glyph's scale is the height from ascent to descent.
fn scale(font: &FontRef<'_>, size: f32) -> PxScale {
    PxScale::from(size * font.height_unscaled() / font.units_per_em().unwrap_or(2048.0))
}

/// Whether every letter of a text has a font, the crate's own or one of the computer's.
pub(crate) fn covers(text: &str) -> bool {
    is_own(text, Weight::Bold) || shaping::covers(text)
}

/// Whether a text needs neither other fonts nor shaping.
fn is_own(text: &str, weight: Weight) -> bool {
    let has = |font: &FontRef<'_>| text.chars().all(|letter| font.glyph_id(letter) != GlyphId(0));
    script::is_plain(text) && own_face(weight).is_some_and(|face| has(&face.outlines))
}

/// Width of a line of text in pixels.
pub(crate) fn width(text: &str, size: f32, weight: Weight) -> f32 {
    lay_out(text, size, weight, |_, _| {})
}

/// One shape on a line: where it is from its left end and up from its baseline.
#[derive(Clone, Copy)]
struct Shape {
    glyph: GlyphId,
    x: f32,
    up: f32,
    /// Whether the font is the computer's and has no bold letters.
    to_be_bold: bool,
}

/// Walks along a line, giving each shape with its font; returns the line's width.
fn lay_out(text: &str, size: f32, weight: Weight, mut each: impl FnMut(&FontRef<'static>, Shape)) -> f32 {
    if !is_own(text, weight) {
        let (placed, width) = shaping::shape(text, size, weight);
        for shape in placed {
            let to_be_bold = shape.borrowed && weight == Weight::Bold;
            let shown = Shape { glyph: shape.glyph, x: shape.x, up: shape.up, to_be_bold };
            each(&shape.face.outlines, shown);
        }
        return width;
    }
    let Some(face) = own_face(weight) else { return 0.0 };
    let scaled = face.outlines.as_scaled(scale(&face.outlines, size));
    let (mut x, mut last) = (0.0, None);
    for letter in text.chars() {
        let glyph = scaled.glyph_id(letter);
        if let Some(last) = last {
            x += scaled.kern(last, glyph);
        }
        each(&face.outlines, Shape { glyph, x, up: 0.0, to_be_bold: false });
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
    // A vertical line is drawn horizontally from the origin, and its pixels are rotated.
    let (x0, y0) = if line.upright { (line.y.fract(), line.x.fract()) } else { (line.x, line.y) };
    let (left, bottom) = (line.x.floor() as i32, line.y.floor() as i32);
    lay_out(text, line.size, line.weight, |font, shape| {
        let scale = scale(font, line.size);
        // Drawing a glyph twice, slightly apart, makes it bold.
        let steps = if shape.to_be_bold { &[0.0, 0.035][..] } else { &[0.0] };
        for step in steps {
            let at = point(x0 + shape.x + step * line.size, y0 - shape.up);
            let Some(outline) = font.outline_glyph(shape.glyph.with_scale_and_position(scale, at)) else {
                continue;
            };
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

/// The text if it is not wider than `room`, or its beginning and an ellipsis.
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
        assert!(!is_own("菊花", Weight::Bold) && !is_own("🌸", Weight::Bold));
        assert!(!covers("\u{10ffff}"));
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
        let line = |x, y, upright| Line {
            x,
            y,
            size: 30.0,
            weight: Weight::Regular,
            colour: Rgb([255; 3]),
            upright,
        };
        let drawn = |side: u32, line| {
            let mut image = RgbImage::new(side, side);
            draw(&mut image, "Wide", line);
            image
        };
        // What is inside is the same as in a picture that has room for all of it.
        for (x, y, upright) in [(-9.0, 15.0, false), (15.0, 17.0, true)] {
            let whole = drawn(200, line(x + 100.0, y + 100.0, upright));
            let cut = drawn(8, line(x, y, upright));
            let inside = image::imageops::crop_imm(&whole, 100, 100, 8, 8).to_image();
            assert_eq!(cut, inside, "upright: {upright}");
            assert!(cut.pixels().any(|pixel| pixel.0 != [0; 3]), "upright: {upright}");
        }
        for nowhere in [(-900.0, 2.0), (900.0, 2.0), (0.0, -900.0), (0.0, 900.0), (f32::NAN, 2.0)] {
            let image = drawn(4, line(nowhere.0, nowhere.1, false));
            assert!(image.pixels().all(|pixel| pixel.0 == [0; 3]), "{nowhere:?}");
        }
    }
}
