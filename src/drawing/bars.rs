//! Horizontal bars, each with a name on the left and its value at the end.

use image::Rgb;

use super::Figure;
use super::canvas::{Area, Canvas, Text};
use super::palette::{BLUE, FAINT, GREY};
use crate::Result;

/// Width of a figure of bars in one column, and in several.
const NARROW: u32 = 640;
const WIDE: u32 = 960;
const MARGIN: f32 = 14.0;
/// Room above the bars for the title, and for a line below it.
const HEAD: f32 = 34.0;
const SUBTITLE: f32 = 16.0;
/// Height of a bar with its gap where there are few bars, and where there are many.
const ROOMY: f32 = 24.0;
const DENSE: f32 = 15.0;
/// With more bars than this the rows are dense; in one column there are at most so many.
const FEW: usize = 12;
const ONE_COLUMN: usize = 34;
const MOST_COLUMNS: usize = 3;
/// Bars shown at all; the ones in the middle are left out beyond.
const MOST: usize = 600;

/// One bar.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    pub(crate) name: String,
    /// Its length, not below 0.
    pub(crate) value: f64,
    /// What stands at its end.
    pub(crate) text: String,
    pub(crate) colour: Rgb<u8>,
}

impl Bar {
    pub(crate) fn new(name: impl Into<String>, value: f64, text: impl Into<String>) -> Self {
        Self { name: name.into(), value, text: text.into(), colour: BLUE }
    }

    pub(crate) fn colour(self, colour: Rgb<u8>) -> Self {
        Self { colour, ..self }
    }
}

/// A figure of bars from top to bottom, in up to three columns; a bar of `full` fills its column.
/// `subtitle` may be empty; `alt` says the whole in words.
pub(crate) fn figure(title: &str, subtitle: &str, bars: &[Bar], full: f64, alt: String) -> Result<Figure> {
    let bars = without_middle(bars);
    let columns = bars.len().div_ceil(ONE_COLUMN).clamp(1, MOST_COLUMNS);
    let rows = bars.len().div_ceil(columns).max(1);
    let row = if bars.len() <= FEW { ROOMY } else { DENSE };
    let width = if columns == 1 { NARROW } else { WIDE };
    let head = if subtitle.is_empty() { HEAD } else { HEAD + SUBTITLE };
    let mut canvas = Canvas::new(width, (head + rows as f32 * row + MARGIN) as u32)?;
    canvas.text(title, (MARGIN, 22.0), Text::new(14.0).bold());
    canvas.text(subtitle, (MARGIN, 22.0 + SUBTITLE), Text::new(11.0).colour(GREY));
    if bars.is_empty() {
        canvas.text("nothing to show", (MARGIN, head + 12.0), Text::new(11.0).colour(GREY));
    }
    let room = (width as f32 - MARGIN) / columns as f32;
    for (column, bars) in bars.chunks(rows).enumerate() {
        let area = Area::new(MARGIN + column as f32 * room, head, room - MARGIN, rows as f32 * row);
        draw(&mut canvas, area, row, bars, full);
    }
    canvas.figure(alt)
}

/// Bars on a part of a canvas, `row` high each with its gap.
pub(crate) fn draw(canvas: &mut Canvas, area: Area, row: f32, bars: &[Bar], full: f64) {
    let name = Text::new((0.72 * row).clamp(9.0, 12.0)).end();
    let value = Text::new(name.size - 0.5).colour(GREY);
    let widest = |texts: &mut dyn Iterator<Item = f32>| texts.fold(0.0f32, f32::max).ceil();
    let names = widest(&mut bars.iter().map(|bar| name.width(&bar.name))).min(0.45 * area.width);
    let values = widest(&mut bars.iter().map(|bar| value.width(&bar.text)));
    let left = area.x + names + 8.0;
    let room = (area.width - names - 8.0 - values - 6.0).max(1.0);
    for (index, bar) in bars.iter().enumerate() {
        let top = area.y + index as f32 * row;
        let base = top + row / 2.0 + 0.36 * name.size;
        canvas.text(&name.shortened(&bar.name, names), (left - 8.0, base), name);
        let share = if full > 0.0 && bar.value > 0.0 { (bar.value / full).min(1.0) as f32 } else { 0.0 };
        let gap = (0.14 * row).round().max(1.0);
        canvas.rect(Area::new(left, top + gap, room * share, row - 2.0 * gap), bar.colour);
        canvas.text(&bar.text, (left + room * share + 6.0, base), value);
    }
    canvas.rect(Area::new(left - 1.0, area.y, 1.0, bars.len() as f32 * row), FAINT);
}

/// The first and last of very many bars, with one between them that says how many are missing.
fn without_middle(bars: &[Bar]) -> Vec<Bar> {
    if bars.len() <= MOST {
        return bars.to_vec();
    }
    let (half, mut kept) = (MOST / 2, Vec::with_capacity(MOST + 1));
    kept.extend_from_slice(&bars[..half]);
    kept.push(Bar::new(format!("… {} more", bars.len() - 2 * half), 0.0, ""));
    kept.extend_from_slice(&bars[bars.len() - half..]);
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bars(count: usize) -> Vec<Bar> {
        (0..count).map(|i| Bar::new(format!("class {i}"), i as f64, i.to_string())).collect()
    }

    /// The longest bar ends where its text begins; one of half its value is half as long.
    #[test]
    fn lengths_are_the_values() {
        let mut canvas = Canvas::new(300, 100).unwrap();
        let bars = [Bar::new("a", 1.0, "1"), Bar::new("b", 0.5, "0.5"), Bar::new("c", 0.0, "0")];
        draw(&mut canvas, Area::new(0.0, 0.0, 300.0, 72.0), 24.0, &bars, 1.0);
        let sheet = canvas.pixels();
        let long = |row: u32| (0..600).filter(|x| sheet.get_pixel(*x, row * 48 + 24).0 == BLUE.0).count();
        assert!(long(0) > 400 && long(2) == 0, "{} {}", long(0), long(2));
        assert!(long(0).abs_diff(2 * long(1)) <= 2, "{} {}", long(0), long(1));
    }

    #[test]
    fn any_number_of_bars_fits_a_page() {
        for (count, width) in [(0, 640), (1, 640), (12, 640), (34, 640), (102, 960), (5000, 960)] {
            let figure = figure("Bars", "", &bars(count), 100.0, String::new()).unwrap();
            assert_eq!(figure.width(), width, "{count} bars");
            assert!(figure.height() < 3200, "{count} bars are {} high", figure.height());
        }
    }
}
