//! Shapes as pixels, with soft edges.

use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};

use super::{Anchor, Area, Canvas, SHARP, Scaling, Shape, Text};
use crate::drawing::font::{self, Line};

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
            Shape::Polygon { corners, colour, opacity } => {
                let corners: Vec<_> = corners.iter().map(|corner| sharp_point(*corner)).collect();
                polygon(&mut sheet, &corners, *colour, *opacity);
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

/// The whole pixels that a stretch touches, as far as they are in the picture; none where an end is not a number.
fn touched(low: f32, high: f32, size: u32) -> std::ops::Range<i32> {
    if low.is_nan() || high.is_nan() {
        return 0..0;
    }
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

/// Fills what lies nearer than `reach` to the line, with a rim one pixel soft. The coverage is
/// computed before anything is coloured, so that a translucent line is uniform where its segments
/// meet.
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

/// Scan lines per row of pixels for a polygon's coverage.
const SCAN_LINES: i32 = 4;

/// Fills a polygon: along each line, between its first and second edge, its third and fourth, and so on.
fn polygon(sheet: &mut RgbImage, corners: &[(f32, f32)], colour: Rgb<u8>, opacity: f32) {
    if !corners.iter().all(|(x, y)| x.is_finite() && y.is_finite()) {
        return;
    }
    let rows = corners.iter().map(|corner| corner.1);
    let (low, high) =
        rows.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), y| (low.min(y), high.max(y)));
    let (width, height) = sheet.dimensions();
    let edges = || corners.iter().zip(corners.iter().cycle().skip(1));
    for y in touched(low, high, height) {
        let mut cover = vec![0f32; width as usize];
        for line in 0..SCAN_LINES {
            let at = y as f32 + (line as f32 + 0.5) / SCAN_LINES as f32;
            let crossing = |((x0, y0), (x1, y1)): (&(f32, f32), &(f32, f32))| {
                ((*y0 <= at) != (*y1 <= at)).then(|| x0 + (x1 - x0) * (at - y0) / (y1 - y0))
            };
            let mut crossings: Vec<f32> = edges().filter_map(crossing).collect();
            crossings.sort_by(f32::total_cmp);
            for pair in crossings.chunks_exact(2) {
                for x in touched(pair[0], pair[1], width) {
                    cover[x as usize] += overlap(x, pair[0], pair[1]) / SCAN_LINES as f32;
                }
            }
        }
        for (x, cover) in cover.into_iter().enumerate().filter(|(_, cover)| *cover > 0.0) {
            font::blend(sheet, x as i32, y, colour, opacity * cover);
        }
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
    use crate::drawing::canvas::Canvas;

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
        assert!(canvas.pixels().pixels().all(|pixel| pixel.0 == [255; 3]), "the ground alone");
        // A shape that is partly outside is clipped.
        canvas.rect(Area::new(-9.0, 3.0, 10.0, 50.0), Rgb([0; 3]));
        let sheet = canvas.pixels();
        let dark: Vec<_> = sheet
            .enumerate_pixels()
            .filter(|(.., pixel)| pixel.0 == [0; 3])
            .map(|(x, y, _)| (x, y))
            .collect();
        assert_eq!(dark, [(0, 6), (1, 6), (0, 7), (1, 7)]);
    }

    /// A triangle of half a square's area, and a square in a square that is a hole.
    #[test]
    fn polygons_cover_their_area() {
        let dark = |canvas: &Canvas| -> f32 {
            canvas.pixels().pixels().map(|pixel| (255.0 - f32::from(pixel.0[0])) / 255.0).sum()
        };
        let mut canvas = Canvas::new(20, 20).unwrap();
        canvas.polygon_over(&[(2.0, 2.0), (12.0, 2.0), (2.0, 12.0)], Rgb([0; 3]), 1.0);
        assert!((dark(&canvas) - 200.0).abs() < 2.0, "{}", dark(&canvas));
        let mut canvas = Canvas::new(20, 20).unwrap();
        let hole = [(1.0, 1.0), (9.0, 1.0), (9.0, 9.0), (1.0, 9.0), (1.0, 1.0)];
        let inner = hole.map(|(x, y)| ((x - 5.0) / 2.0 + 5.0, (y - 5.0) / 2.0 + 5.0));
        canvas.polygon_over(&[hole, inner].concat(), Rgb([0; 3]), 1.0);
        assert!((dark(&canvas) - 4.0 * 48.0).abs() < 2.0, "{}", dark(&canvas));
        canvas.polygon_over(&[(f32::NAN, 0.0), (1.0, 1.0), (2.0, 3.0)], Rgb([0; 3]), 1.0);
        canvas.polygon_over(&[], Rgb([0; 3]), 1.0);
    }

    #[test]
    fn a_placed_canvas_is_the_same_elsewhere() {
        let mut small = Canvas::new(10, 10).unwrap();
        small.rect(Area::new(2.0, 2.0, 4.0, 4.0), Rgb([9; 3]));
        small.circle_over((8.0, 8.0), 1.0, Rgb([7; 3]), 1.0);
        let mut large = Canvas::new(60, 40).unwrap();
        large.rect(Area::new(0.0, 0.0, 60.0, 40.0), Rgb([0; 3]));
        large.place(&small, Area::new(30.0, 10.0, 20.0, 20.0));
        let sheet = large.pixels();
        let count = |value: u8| sheet.pixels().filter(|pixel| pixel.0 == [value; 3]).count();
        assert_eq!(count(9), 16 * 16);
        assert_eq!(sheet.get_pixel(2 * 34, 2 * 14).0, [9; 3]);
        assert_eq!(sheet.get_pixel(2 * 31, 2 * 11).0, [255; 3], "the ground of the placed one is white");
        assert_eq!(sheet.get_pixel(2 * 46, 2 * 26).0, [7; 3]);
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
