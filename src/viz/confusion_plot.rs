//! The confusion matrix as a picture.

use image::{Rgb, RgbImage};

use super::Figure;
use super::answers::Answered;
use super::confusion::Confusion;
use super::labels::Names;
use crate::Result;
use crate::data::CategoryNames;
use crate::drawing::canvas::{Area, Canvas, Scaling, Text};
use crate::drawing::palette::{FAINT, GREY, blues, ink_on, oranges};

/// What stands in the cells of a confusion matrix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cells {
    /// How many pictures.
    #[default]
    Counts,
    /// The share of the true class's pictures in per cent: scikit-learn's `normalize='true'`.
    Shares,
}

/// How a confusion matrix is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfusionOptions {
    /// What stands in the cells; with more than 30 classes there is no room, and only colours show.
    pub cells: Cells,
    /// How many of the most confused pairs are listed beside it.
    pub most_confused: usize,
}

impl Default for ConfusionOptions {
    /// Counts, and the ten most confused pairs.
    fn default() -> Self {
        Self { cells: Cells::Counts, most_confused: 10 }
    }
}

const MARGIN: f32 = 14.0;
const TITLE: f32 = 50.0;
/// Side of the matrix at most, and of a cell at most.
const SIDE: f32 = 540.0;
const CELL: f32 = 44.0;
/// Longest names at the sides, and the room for the list.
const LONGEST: f32 = 130.0;
const LIST: f32 = 230.0;
/// With more classes than this the cells have no numbers, and with more than that they are pixels.
const NUMBERED: usize = 30;
const SHAPED: usize = 60;
/// Names are left out so that they are not nearer than this.
const PITCH: f32 = 11.5;

/// The confusion matrix: a row for each true class, a column for each class it was taken for. What is
/// right is blue and lies on the diagonal, what is wrong is orange; the colour shows the share of the
/// true class's pictures. Beside it are the pairs that were confused most.
///
/// Readable with a hundred classes and more: then only some of the names stand at the sides.
///
/// # Errors
/// [`Error::Argument`](crate::Error::Argument) if answers and `class_names` do not match; the
/// error of [`CategoryNames::name`] for a label without name.
pub fn plot_confusion_matrix(
    evaluation: &impl Answered,
    class_names: &[String],
    cat_to_name: &CategoryNames,
    options: ConfusionOptions,
) -> Result<Figure> {
    let answers = evaluation.answers()?;
    answers.check(class_names.len())?;
    let names = Names::of(class_names, cat_to_name)?;
    let confusion = Confusion::of(&answers.labels, &answers.predicted, class_names.len());
    let right = (answers.corrects(), answers.len());
    draw(&confusion, &names, right, options)
}

fn draw(
    confusion: &Confusion,
    names: &Names,
    right: (usize, usize),
    options: ConfusionOptions,
) -> Result<Figure> {
    let classes = confusion.counts.len();
    // Half a CSS pixel is a whole one of the picture's: cells are equally wide.
    let cell = (2.0 * SIDE / classes.max(1) as f32).floor().clamp(1.0, 2.0 * CELL) / 2.0;
    let side = (cell * classes as f32).max(1.0);
    let label = Text::new((0.85 * cell).clamp(9.0, 11.0));
    let room = names.drawn.iter().map(|name| label.width(name)).fold(0.0, f32::max).min(LONGEST).ceil();
    let (left, top) = (MARGIN + 16.0 + room + 6.0, TITLE);
    let pairs: Vec<_> = confusion.pairs(names).into_iter().take(options.most_confused).collect();
    let list = if pairs.is_empty() { 0.0 } else { LIST + 24.0 };
    let height = top + side + 6.0 + room + 22.0 + MARGIN;
    let listed = TITLE + 40.0 + 34.0 * pairs.len() as f32;
    let mut canvas = Canvas::new((left + side + list + MARGIN) as u32, height.max(listed).max(200.0) as u32)?;

    let share = if right.1 == 0 { 0.0 } else { 100.0 * right.0 as f64 / right.1 as f64 };
    let told = format!("{} of {} right, {share:.1} %", right.0, right.1);
    canvas.text("Confusion matrix", (MARGIN, 22.0), Text::new(14.0).bold());
    canvas.text(&told, (MARGIN, 38.0), Text::new(11.0).colour(GREY));
    let matrix = Area::new(left, top, side, side);
    cells(&mut canvas, confusion, matrix, cell, options.cells);
    sides(&mut canvas, names, matrix, cell, room, label);
    beside(&mut canvas, confusion, names, matrix.right() + 24.0, options.most_confused);
    canvas.figure(in_words(confusion, names, &told, options))
}

/// The colour of a cell: blue on the diagonal, orange elsewhere, darker with the share. The square
/// root makes the few that were confused seen.
fn colour(confusion: &Confusion, actual: usize, predicted: usize) -> Rgb<u8> {
    let (count, total) = (confusion.counts[actual][predicted], confusion.total(actual));
    let t = if total == 0 { 0.0 } else { (count as f64 / total as f64).sqrt() };
    if actual == predicted { blues(t) } else { oranges(t) }
}

fn cells(canvas: &mut Canvas, confusion: &Confusion, matrix: Area, cell: f32, content: Cells) {
    let classes = confusion.counts.len();
    if classes > SHAPED {
        let at = |x: u32, y: u32| colour(confusion, y as usize, x as usize);
        let image = RgbImage::from_fn(classes as u32, classes as u32, at);
        canvas.picture(image, matrix, Scaling::Pixels);
    }
    let every = if classes > SHAPED { 10 } else { 1 };
    for line in (every..classes).step_by(every) {
        let place = line as f32 * cell;
        canvas.rect_over(Area::new(matrix.x + place - 0.25, matrix.y, 0.5, matrix.height), FAINT, 0.8);
        canvas.rect_over(Area::new(matrix.x, matrix.y + place - 0.25, matrix.width, 0.5), FAINT, 0.8);
    }
    for (actual, row) in confusion.counts.iter().enumerate().filter(|_| classes <= SHAPED) {
        let total = confusion.total(actual);
        for (predicted, &count) in row.iter().enumerate().filter(|(_, count)| **count > 0) {
            let (x, y) = (matrix.x + predicted as f32 * cell, matrix.y + actual as f32 * cell);
            let ground = colour(confusion, actual, predicted);
            canvas.rect(Area::new(x, y, cell, cell), ground);
            let text = match content {
                Cells::Counts => count.to_string(),
                Cells::Shares => format!("{:.0}", 100.0 * count as f64 / total as f64),
            };
            let number = Text::new((0.42 * cell).clamp(8.0, 13.0)).colour(ink_on(ground)).middle();
            if classes <= NUMBERED && number.width(&text) < cell {
                canvas.text(&text, (x + cell / 2.0, y + cell / 2.0 + 0.365 * number.size), number);
            }
        }
    }
    canvas.frame(
        Area::new(matrix.x - 1.0, matrix.y - 1.0, matrix.width + 2.0, matrix.height + 2.0),
        1.0,
        GREY,
    );
}

/// Names and what they name, at the left and below.
fn sides(canvas: &mut Canvas, names: &Names, matrix: Area, cell: f32, room: f32, label: Text) {
    let every = (PITCH / cell).ceil().max(1.0) as usize;
    for (index, name) in names.drawn.iter().enumerate().step_by(every) {
        let name = label.shortened(name, room);
        let middle = (index as f32 + 0.5) * cell;
        let base = 0.36 * label.size;
        canvas.text(&name, (matrix.x - 6.0, matrix.y + middle + base), label.end());
        canvas.text(&name, (matrix.x + middle + base, matrix.bottom() + 6.0), label.end().upright());
    }
    let axis = Text::new(11.0).colour(GREY).middle();
    canvas.text("true", (matrix.x - room - 14.0, matrix.y + matrix.height / 2.0), axis.upright());
    canvas.text("predicted", (matrix.x + matrix.width / 2.0, matrix.bottom() + room + 22.0), axis);
}

/// The most confused pairs: how often, and under it which.
fn beside(canvas: &mut Canvas, confusion: &Confusion, names: &Names, left: f32, most: usize) {
    let pairs = confusion.pairs(names);
    if pairs.is_empty() || most == 0 {
        return;
    }
    canvas.text("Most confused", (left, TITLE + 9.0), Text::new(12.0).bold());
    canvas.text("true → predicted", (left, TITLE + 24.0), Text::new(10.0).colour(GREY));
    for (index, pair) in pairs.iter().take(most).enumerate() {
        let y = TITLE + 40.0 + 34.0 * index as f32;
        let swatch = colour(confusion, pair.actual, pair.predicted);
        canvas.rect(Area::new(left, y, 26.0, 26.0), swatch);
        let number = Text::new(11.0).bold().middle().colour(ink_on(swatch));
        canvas.text(&pair.count.to_string(), (left + 13.0, y + 17.0), number);
        let style = Text::new(11.0);
        let name = |text: &str| style.shortened(text, LIST - 34.0);
        canvas.text(&name(&names.drawn[pair.actual]), (left + 34.0, y + 11.0), style);
        let other = name(&format!("→ {}", names.drawn[pair.predicted]));
        canvas.text(&other, (left + 34.0, y + 25.0), style.colour(GREY));
    }
}

fn in_words(confusion: &Confusion, names: &Names, told: &str, options: ConfusionOptions) -> String {
    let pairs = confusion.pairs(names);
    let mut text = format!("confusion matrix of {} classes, {told}", confusion.counts.len());
    if pairs.is_empty() {
        return text + "; no class was taken for another";
    }
    text += "; most confused, true → predicted:";
    for pair in pairs.iter().take(options.most_confused.max(1)) {
        text += &format!("\n{pair}");
    }
    text
}
