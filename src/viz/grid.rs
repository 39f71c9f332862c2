//! Pictures in rows and columns, each with a title.

use std::sync::Arc;

use image::{DynamicImage, GrayImage, Rgb, RgbImage};

use super::Figure;
use crate::drawing::canvas::{Area, Canvas, Scaling, Text};
use crate::drawing::palette::{GREY, INK};
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

/// One picture of a [`picture_grid`], with its title: made of an [`RgbImage`], a [`GrayImage`], a [`DynamicImage`] or a
/// [`Figure`]. Built by chaining: `Panel::from(picture).title("rose").note("97 % sure")`.
#[derive(Clone)]
pub struct Panel {
    content: Content,
    /// The title's parts; on one line if they fit, else one below the other.
    title: [String; 2],
    colour: Rgb<u8>,
    /// Small and grey, below the title; may be empty.
    note: String,
}

#[derive(Clone)]
enum Content {
    Picture(RgbImage, Scaling),
    Drawing(Arc<Canvas>),
}

impl Panel {
    fn of(content: Content) -> Self {
        Self { content, title: Default::default(), colour: INK, note: String::new() }
    }

    pub(super) fn new(image: RgbImage) -> Self {
        Self::of(Content::Picture(image, Scaling::Smooth))
    }

    /// The title above it.
    pub fn title(self, title: impl Into<String>) -> Self {
        Self { title: [title.into(), String::new()], ..self }
    }

    /// A title in two parts, of which the second goes below the first if there is no room beside it.
    pub(super) fn titles(self, first: impl Into<String>, second: impl Into<String>) -> Self {
        Self { title: [first.into(), second.into()], ..self }
    }

    pub(super) fn colour(self, colour: Rgb<u8>) -> Self {
        Self { colour, ..self }
    }

    /// A line in small grey letters below the title.
    pub fn note(self, note: impl Into<String>) -> Self {
        Self { note: note.into(), ..self }
    }

    /// Enlarged without smoothing, for pictures whose single pixels matter.
    pub fn pixels(mut self) -> Self {
        if let Content::Picture(_, scaling) = &mut self.content {
            *scaling = Scaling::Pixels;
        }
        self
    }

    /// Height divided by width.
    fn proportion(&self) -> f64 {
        let (width, height) = match &self.content {
            Content::Picture(image, _) => image.dimensions(),
            Content::Drawing(canvas) => (canvas.width(), canvas.height()),
        };
        f64::from(height) / f64::from(width.max(1))
    }

    /// Width in CSS pixels beyond which it is not enlarged.
    fn most_width(&self) -> u32 {
        match &self.content {
            Content::Picture(..) => LARGEST,
            Content::Drawing(canvas) => canvas.width(),
        }
    }

    /// What it shows, in words.
    fn in_words(&self) -> String {
        let words = [&self.title[0], &self.title[1], &self.note];
        words.into_iter().filter(|word| !word.trim().is_empty()).cloned().collect::<Vec<_>>().join(", ")
    }
}

impl From<RgbImage> for Panel {
    fn from(image: RgbImage) -> Self {
        Panel::new(image)
    }
}

impl From<GrayImage> for Panel {
    fn from(image: GrayImage) -> Self {
        DynamicImage::from(image).into()
    }
}

impl From<DynamicImage> for Panel {
    fn from(image: DynamicImage) -> Self {
        Panel::new(image.into_rgb8())
    }
}

impl From<Figure> for Panel {
    fn from(figure: Figure) -> Self {
        match figure.canvas() {
            Some(canvas) => Panel::of(Content::Drawing(canvas.clone())),
            None => Panel::new(figure.pixels().clone()),
        }
    }
}

impl std::fmt::Debug for Panel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = match &self.content {
            Content::Picture(image, _) => format!("{} x {} pixels", image.width(), image.height()),
            Content::Drawing(canvas) => format!("a figure of {} x {}", canvas.width(), canvas.height()),
        };
        write!(f, "Panel({what}: {})", self.in_words())
    }
}

/// Pictures and figures in rows: photographs beside charts, results beside each other. Each is as wide as its column,
/// photographs at most 216 CSS pixels and figures as wide as they are.
///
/// ```
/// use herbarium::prelude::*;
/// use herbarium::viz::{Panel, picture_grid};
///
/// let photograph = image::RgbImage::new(64, 48);
/// let chart = Figure::draw((320, 240), |area| Ok(area.fill(&herbarium::plotters::style::WHITE)?))?;
/// let both = vec![Panel::from(photograph).title("a rose"), Panel::from(chart).title("its scores")];
/// let figure = picture_grid(both, Grid { rows: 1, columns: 2 })?;
/// # Ok::<(), herbarium::Error>(())
/// ```
///
/// # Errors
/// [`Error::Argument`] if the grid has no room, or the figure would be too large.
pub fn picture_grid(panels: Vec<Panel>, grid: Grid) -> Result<Figure> {
    let room = grid.room_for(panels.len())?;
    let mut panels = panels;
    panels.truncate(room);
    let words: Vec<String> = panels.iter().map(Panel::in_words).filter(|words| !words.is_empty()).collect();
    let count = panels.len();
    let alt = std::iter::once(format!("{count} picture{}", if count == 1 { "" } else { "s" }));
    draw(panels, grid, alt.chain(words).collect::<Vec<_>>().join("\n"))
}

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
/// A title laid out: its lines, and the size of the letters in CSS pixels.
struct Title {
    lines: Vec<String>,
    size: f32,
}

/// Draws the cells in rows; `alt` describes the whole.
pub(super) fn draw(cells: Vec<Panel>, grid: Grid, alt: String) -> Result<Figure> {
    lay(cells, grid)?.figure(alt)
}

/// The cells in rows, on a canvas as large as they need.
pub(super) fn lay(cells: Vec<Panel>, grid: Grid) -> Result<Canvas> {
    let columns = (grid.columns.min(cells.len()).max(1)) as u32;
    let most = cells.iter().map(Panel::most_width).max().unwrap_or(LARGEST).max(SMALLEST);
    let width = ((WIDEST - GAP) / columns).saturating_sub(GAP).clamp(SMALLEST, most);
    let titles: Vec<Title> = cells.iter().map(|cell| lay_out(&cell.title, width as f32)).collect();
    let rooms: Vec<Row> = cells
        .chunks(columns as usize)
        .zip(titles.chunks(columns as usize))
        .map(|(cells, titles)| Row::of(cells, titles, width))
        .collect();
    let total = (
        GAP.saturating_add(columns.saturating_mul(width + GAP)),
        rooms.iter().fold(GAP, |sum, row| sum.saturating_add(row.head + row.height + GAP)),
    );
    let mut canvas = Canvas::new(total.0, total.1.max(48))?;
    if cells.is_empty() {
        canvas.text("no pictures", (GAP as f32, 28.0), Text::new(NOTE).colour(GREY));
    }
    let (mut top, mut cells) = (GAP, cells.into_iter().zip(&titles));
    for row in &rooms {
        for column in 0..columns {
            let Some((cell, title)) = cells.next() else { break };
            let left = (GAP + column * (width + GAP)) as f32;
            let middle = left + width as f32 / 2.0;
            let blank = row.lines as usize - title.lines.len().min(row.lines as usize);
            let style = Text::new(title.size).bold().middle().colour(cell.colour);
            for (line, text) in title.lines.iter().enumerate() {
                let y = top as f32 + (line + blank + 1) as f32 * (TITLE + 4.0) - 5.0;
                canvas.text(text, (middle, y), style);
            }
            let y = (top + row.head - BELOW) as f32 - 3.0;
            let style = Text::new(NOTE).colour(GREY).middle();
            canvas.text(&style.shortened(&cell.note, width as f32), (middle, y), style);
            let own = width.min(cell.most_width());
            let shown = shown_height(cell.proportion(), own) as f32;
            let left = left + (width - own) as f32 / 2.0;
            let area = Area::new(left, (top + row.head) as f32, own as f32, shown);
            match cell.content {
                Content::Picture(image, scaling) => canvas.picture(image, area, scaling),
                Content::Drawing(drawing) => canvas.place(&drawing, area),
            }
        }
        top += row.head + row.height + GAP;
    }
    Ok(canvas)
}

/// How high one row is: its titles and notes, and its pictures.
struct Row {
    lines: u32,
    head: u32,
    height: u32,
}

impl Row {
    fn of(cells: &[Panel], titles: &[Title], width: u32) -> Row {
        let lines = titles.iter().map(|title| title.lines.len()).max().unwrap_or(1) as u32;
        let noted = cells.iter().any(|cell| !cell.note.is_empty());
        let head = lines * (TITLE as u32 + 4) + if noted { NOTE as u32 + 4 } else { 0 } + BELOW;
        let heights = cells.iter().map(|cell| shown_height(cell.proportion(), width.min(cell.most_width())));
        let height = heights.max().unwrap_or(48);
        Row { lines, head, height }
    }
}

/// Height that keeps a picture's proportions, within reason.
fn shown_height(proportion: f64, width: u32) -> u32 {
    ((f64::from(width) * proportion).round() as u32).clamp(1, 3 * width)
}

/// One line of large letters, or smaller ones, or two lines, or two shortened ones.
fn lay_out(parts: &[String; 2], room: f32) -> Title {
    let whole = parts.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>();
    let one = whole.join(" ");
    for (lines, least) in [(vec![one], 12.0), (whole.clone(), TITLE_LEAST)] {
        let mut size = TITLE;
        while size >= least {
            if lines.iter().all(|line| Text::new(size).bold().width(line) <= room) {
                return Title { lines, size };
            }
            size -= 0.5;
        }
    }
    let cut = |line: &String| Text::new(TITLE_LEAST).bold().shortened(line, room);
    Title { lines: whole.iter().map(cut).collect(), size: TITLE_LEAST }
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
