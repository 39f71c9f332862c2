//! Pictures in rows and columns, each with a title.

use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};

use super::Figure;
use super::font::{self, Line, Weight};
use crate::{Error, Result};

/// How many pictures a grid has room for; pictures beyond it are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Pictures below each other, at least 1.
    pub rows: usize,
    /// Pictures beside each other, at least 1.
    pub columns: usize,
}

impl Default for Grid {
    /// The tutorial's grid: 2 rows of 4.
    fn default() -> Self {
        Self { rows: 2, columns: 4 }
    }
}

impl Grid {
    /// How many of `count` pictures there is room for.
    ///
    /// # Errors
    /// [`Error::Argument`] if there is room for none.
    pub(super) fn room_for(self, count: usize) -> Result<usize> {
        match self.rows.saturating_mul(self.columns) {
            0 => {
                let Grid { rows, columns } = self;
                let told = format!(
                    "a grid of {rows} rows and {columns} columns has no room, give at least 1 of each"
                );
                Err(Error::Argument(told))
            }
            room => Ok(count.min(room)),
        }
    }
}

/// One picture of a grid.
pub(super) struct Cell {
    pub(super) image: RgbImage,
    /// The title's parts; on one line if they fit, else one below the other.
    pub(super) title: [String; 2],
    pub(super) colour: Rgb<u8>,
    /// Small and grey, below the title; may be empty.
    pub(super) note: String,
}

/// Pixels per CSS pixel, for sharp screens.
const SHARP: u32 = 2;
/// Widths in CSS pixels: of a whole grid at most, and of one picture at most and at least.
const WIDEST: u32 = 960;
const LARGEST: u32 = 216;
const SMALLEST: u32 = 72;
/// Spaces in CSS pixels: around the grid and between pictures, and below a note.
const GAP: u32 = 14;
const BELOW: u32 = 6;
/// Letters in CSS pixels: of a title at most and at least, and of a note.
const TITLE: f32 = 14.0;
const TITLE_LEAST: f32 = 10.0;
const NOTE: f32 = 11.0;
/// CSS pixels of a whole figure: a hundred screens full.
const MOST_PIXELS: u64 = 40_000_000;
const GREY: Rgb<u8> = Rgb([110, 110, 110]);

/// A title laid out: its lines, and the size of the letters in CSS pixels.
struct Title {
    lines: Vec<String>,
    size: f32,
}

/// Draws the cells in rows; `alt` describes the whole.
pub(super) fn draw(cells: &[Cell], grid: Grid, alt: String) -> Result<Figure> {
    let columns = (grid.columns.min(cells.len()).max(1)) as u32;
    let rows = (cells.len() as u32).div_ceil(columns).max(1);
    let width = ((WIDEST - GAP) / columns).saturating_sub(GAP).clamp(SMALLEST, LARGEST);
    let titles: Vec<Title> = cells.iter().map(|cell| lay_out(&cell.title, width as f32)).collect();
    let lines = titles.iter().map(|title| title.lines.len()).max().unwrap_or(1) as u32;
    let noted = cells.iter().any(|cell| !cell.note.is_empty());
    let head = lines * (TITLE as u32 + 4) + if noted { NOTE as u32 + 4 } else { 0 } + BELOW;
    let height = cells.iter().map(|cell| shown_height(&cell.image, width)).max().unwrap_or(48);
    let total = (
        GAP.saturating_add(columns.saturating_mul(width + GAP)),
        GAP.saturating_add(rows.saturating_mul(head + height + GAP)),
    );
    if u64::from(total.0) * u64::from(total.1) > MOST_PIXELS {
        let told = format!("{} pictures are too many for one figure, give a grid of fewer", cells.len());
        return Err(Error::Argument(told));
    }
    let mut sheet = RgbImage::from_pixel(total.0 * SHARP, total.1 * SHARP, Rgb([255; 3]));
    if cells.is_empty() {
        write(&mut sheet, "no pictures", GAP as f32, (GAP + head) as f32, NOTE, Weight::Regular, GREY);
    }
    for (index, (cell, title)) in cells.iter().zip(&titles).enumerate() {
        let (row, column) = (index as u32 / columns, index as u32 % columns);
        let (left, top) = (GAP + column * (width + GAP), GAP + row * (head + height + GAP));
        let middle = left as f32 + width as f32 / 2.0;
        let blank = lines as usize - title.lines.len();
        for (line, text) in title.lines.iter().enumerate() {
            let y = top as f32 + (line + blank + 1) as f32 * (TITLE + 4.0) - 5.0;
            centred(&mut sheet, text, middle, y, title.size, Weight::Bold, cell.colour);
        }
        let y = (top + head - BELOW) as f32 - 3.0;
        centred(&mut sheet, &cell.note, middle, y, NOTE, Weight::Regular, GREY);
        let shown = (width * SHARP, shown_height(&cell.image, width) * SHARP);
        let picture = imageops::resize(&cell.image, shown.0, shown.1, FilterType::CatmullRom);
        imageops::replace(&mut sheet, &picture, i64::from(left * SHARP), i64::from((top + head) * SHARP));
    }
    Figure::new(&sheet, total.0, total.1, alt)
}

/// Height that keeps a picture's proportions, within reason.
fn shown_height(image: &RgbImage, width: u32) -> u32 {
    let height = f64::from(width) * f64::from(image.height()) / f64::from(image.width().max(1));
    (height.round() as u32).clamp(1, 3 * width)
}

/// One line of large letters, or smaller ones, or two lines, or two shortened ones.
fn lay_out(parts: &[String; 2], room: f32) -> Title {
    let whole = parts.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>();
    let one = whole.join(" ");
    for (lines, least) in [(vec![one], 12.0), (whole.clone(), TITLE_LEAST)] {
        let mut size = TITLE;
        while size >= least {
            if lines.iter().all(|line| font::width(line, size, Weight::Bold) <= room) {
                return Title { lines, size };
            }
            size -= 0.5;
        }
    }
    let cut = |line: &String| font::shortened(line, room, TITLE_LEAST, Weight::Bold);
    Title { lines: whole.iter().map(cut).collect(), size: TITLE_LEAST }
}

fn centred(
    sheet: &mut RgbImage,
    text: &str,
    middle: f32,
    y: f32,
    size: f32,
    weight: Weight,
    colour: Rgb<u8>,
) {
    write(sheet, text, middle - font::width(text, size, weight) / 2.0, y, size, weight, colour);
}

/// Writes at a place given in CSS pixels.
fn write(sheet: &mut RgbImage, text: &str, x: f32, y: f32, size: f32, weight: Weight, colour: Rgb<u8>) {
    let sharp = SHARP as f32;
    font::draw(sheet, text, Line { x: x * sharp, y: y * sharp, size: size * sharp, weight, colour });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(a: &str, b: &str) -> [String; 2] {
        [a.into(), b.into()]
    }

    #[test]
    fn titles_fit() {
        let short = lay_out(&parts("✓ rose", "(rose)"), 216.0);
        assert_eq!((short.lines, short.size), (vec!["✓ rose (rose)".to_string()], TITLE));
        let two = lay_out(&parts("✗ prince of wales feathers", "(pink primrose)"), 216.0);
        assert_eq!(two.lines, ["✗ prince of wales feathers", "(pink primrose)"]);
        let endless = lay_out(&parts(&"endless ".repeat(50), "(x)"), 72.0);
        assert!(endless.lines[0].ends_with('…'), "{:?}", endless.lines);
        for title in [two.size, endless.size] {
            assert!(title >= TITLE_LEAST);
        }
    }

    #[test]
    fn a_grid_without_room_is_an_error() {
        for grid in [Grid { rows: 0, columns: 4 }, Grid { rows: 2, columns: 0 }] {
            assert!(grid.room_for(8).unwrap_err().to_string().contains("has no room"));
        }
        assert_eq!(Grid { rows: 1000, columns: usize::MAX }.room_for(3).unwrap(), 3);
        assert_eq!(Grid::default().room_for(128).unwrap(), 8);
    }
}
