//! Shapes as pixels, with soft edges.

use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};

use super::{Anchor, Area, Canvas, SHARP, Scaling, Shape, Text};
use crate::viz::font::{self, Line};

/// Draws all shapes of a canvas.
pub(super) fn draw(canvas: &Canvas) -> RgbImage {
    let mut sheet = RgbImage::from_pixel(canvas.width * SHARP, canvas.height * SHARP, Rgb([255; 3]));
    for shape in &canvas.shapes {
        match shape {
            Shape::Rect { area, colour, opacity } => rect(&mut sheet, sharp(*area), *colour, *opacity),
            Shape::Line { points, width, colour, opacity } => {
                let points: Vec<_> = points.iter().map(|point| sharp_point(*point)).collect();
                line(&mut sheet, &points, width * SHARP as f32 / 2.0, *colour, *opacity);
            }
            Shape::Circle { centre, radius, colour, opacity } => {
                line(&mut sheet, &[sharp_point(*centre)], radius * SHARP as f32, *colour, *opacity);
            }
            Shape::Text { text, at, style } => write(&mut sheet, text, sharp_point(*at), style),
            Shape::Picture { image, area, scaling } => picture(&mut sheet, image, sharp(*area), *scaling),
        }
    }
    sheet
}

fn sharp(area: Area) -> Area {
    let by = SHARP as f32;
    Area::new(area.x * by, area.y * by, area.width * by, area.height * by)
}

fn sharp_point((x, y): (f32, f32)) -> (f32, f32) {
    (x * SHARP as f32, y * SHARP as f32)
}

/// How much of pixel `place` lies between two ends.
fn overlap(place: i32, low: f32, high: f32) -> f32 {
    ((place as f32 + 1.0).min(high) - (place as f32).max(low)).clamp(0.0, 1.0)
}

/// The whole pixels that a stretch touches, as far as they are in the picture.
fn touched(low: f32, high: f32, size: u32) -> std::ops::Range<i32> {
    let end = (high.ceil().min(size as f32)) as i32;
    (low.floor().max(0.0) as i32).min(end)..end
}

fn rect(sheet: &mut RgbImage, area: Area, colour: Rgb<u8>, opacity: f32) {
    let (width, height) = sheet.dimensions();
    for y in touched(area.y, area.bottom(), height) {
        let down = overlap(y, area.y, area.bottom());
        for x in touched(area.x, area.right(), width) {
            font::blend(sheet, x, y, colour, opacity * down * overlap(x, area.x, area.right()));
        }
    }
}

/// Fills what lies nearer than `reach` to the line, with a rim one pixel soft. The cover is gathered
/// before anything is coloured, so that a see-through line is even where its stretches meet.
fn line(sheet: &mut RgbImage, points: &[(f32, f32)], reach: f32, colour: Rgb<u8>, opacity: f32) {
    let finite = |point: &&(f32, f32)| point.0.is_finite() && point.1.is_finite();
    let points: Vec<_> = points.iter().filter(finite).copied().collect();
    let Some(&first) = points.first() else { return };
    let pad = reach + 1.0;
    let bounds = points.iter().fold((first, first), |(low, high), point| {
        ((low.0.min(point.0), low.1.min(point.1)), (high.0.max(point.0), high.1.max(point.1)))
    });
    let columns = touched(bounds.0.0 - pad, bounds.1.0 + pad, sheet.width());
    let rows = touched(bounds.0.1 - pad, bounds.1.1 + pad, sheet.height());
    let wide = columns.len();
    let mut cover = vec![0f32; wide * rows.len()];
    let lone = [first, first];
    let stretches = if points.len() == 1 { &lone[..] } else { &points };
    for stretch in stretches.windows(2) {
        let (from, to) = (stretch[0], stretch[1]);
        let along = (to.0 - from.0, to.1 - from.1);
        let length2 = (along.0 * along.0 + along.1 * along.1).max(1e-9);
        for y in touched(from.1.min(to.1) - pad, from.1.max(to.1) + pad, sheet.height()) {
            for x in touched(from.0.min(to.0) - pad, from.0.max(to.0) + pad, sheet.width()) {
                let point = (x as f32 + 0.5 - from.0, y as f32 + 0.5 - from.1);
                let t = ((point.0 * along.0 + point.1 * along.1) / length2).clamp(0.0, 1.0);
                let distance = (point.0 - along.0 * t).hypot(point.1 - along.1 * t);
                let place = (y - rows.start) as usize * wide + (x - columns.start) as usize;
                cover[place] = cover[place].max((reach - distance + 0.5).clamp(0.0, 1.0));
            }
        }
    }
    for (place, cover) in cover.into_iter().enumerate().filter(|(_, cover)| *cover > 0.0) {
        let (x, y) = (columns.start + (place % wide) as i32, rows.start + (place / wide) as i32);
        font::blend(sheet, x, y, colour, opacity * cover);
    }
}

fn write(sheet: &mut RgbImage, text: &str, (x, y): (f32, f32), style: &Text) {
    let size = style.size * SHARP as f32;
    let wide = match style.anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => font::width(text, size, style.weight) / 2.0,
        Anchor::End => font::width(text, size, style.weight),
    };
    let (x, y) = if style.upright { (x, y + wide) } else { (x - wide, y) };
    let line = Line { x, y, size, weight: style.weight, colour: style.colour, upright: style.upright };
    font::draw(sheet, text, line);
}

fn picture(sheet: &mut RgbImage, image: &RgbImage, area: Area, scaling: Scaling) {
    let side = |length: f32| length.round().max(1.0) as u32;
    let (width, height) = (side(area.width), side(area.height));
    if image.width() == 0 || image.height() == 0 {
        return;
    }
    let filter = match scaling {
        Scaling::Smooth if image.width() > width => FilterType::Triangle,
        Scaling::Smooth => FilterType::CatmullRom,
        Scaling::Pixels => FilterType::Nearest,
    };
    let scaled = imageops::resize(image, width, height, filter);
    imageops::replace(sheet, &scaled, area.x.round() as i64, area.y.round() as i64);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::viz::canvas::Canvas;

    #[test]
    fn edges_are_where_they_were_asked_for() {
        let mut canvas = Canvas::new(10, 10).unwrap();
        canvas.rect(Area::new(1.0, 2.0, 3.25, 1.0), Rgb([0; 3]));
        let sheet = canvas.pixels();
        assert_eq!(sheet.dimensions(), (20, 20));
        let dark: Vec<_> = sheet.enumerate_pixels().filter(|(.., pixel)| pixel.0 == [0; 3]).collect();
        assert_eq!(dark.len(), 6 * 2, "columns 2 to 7 of rows 4 and 5");
        assert_eq!(sheet.get_pixel(8, 4).0, [128; 3], "a pixel half covered is grey");
    }

    #[test]
    fn what_lies_outside_or_nowhere_is_left_out() {
        let mut canvas = Canvas::new(4, 4).unwrap();
        canvas.rect(Area::new(-9.0, 50.0, 3.0, 3.0), Rgb([0; 3]));
        canvas.rect(Area::new(f32::NAN, 0.0, f32::INFINITY, 3.0), Rgb([0; 3]));
        canvas.line_over(&[(f32::NAN, 1.0), (-5.0, -5.0)], 1.0, Rgb([0; 3]), 1.0);
        canvas.line_over(&[], 1.0, Rgb([0; 3]), 1.0);
        canvas.picture(RgbImage::new(0, 0), Area::new(0.0, 0.0, 2.0, 2.0), Scaling::Smooth);
        let _ = canvas.pixels();
    }

    #[test]
    fn a_see_through_line_is_even_at_its_corners() {
        let mut canvas = Canvas::new(20, 20).unwrap();
        canvas.line_over(&[(3.0, 3.0), (15.0, 3.0), (15.0, 15.0)], 4.0, Rgb([0; 3]), 0.5);
        let sheet = canvas.pixels();
        assert_eq!(sheet.get_pixel(30, 6), sheet.get_pixel(14, 6));
        assert_eq!(sheet.get_pixel(30, 6).0, [128; 3]);
    }
}
