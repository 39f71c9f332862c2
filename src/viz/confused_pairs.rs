//! The most confused pairs of classes, with photographs of both.

use super::Figure;
use super::answers::{Answered, Answers};
use super::confusion::{ConfusedPair, Confusion};
use super::labels::Names;
use super::photograph::square;
use crate::data::CategoryNames;
use crate::drawing::canvas::{Area, Canvas, Scaling, Text};
use crate::drawing::palette::{FAINT, GREEN, GREY, RED};
use crate::{Error, Result};

/// How many pairs and photographs are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PairOptions {
    /// Pairs of classes, the most confused first.
    pub pairs: usize,
    /// Photographs of each kind beside each other, at least 1.
    pub examples: usize,
}

impl Default for PairOptions {
    /// Four pairs, three photographs of each kind.
    fn default() -> Self {
        Self { pairs: 4, examples: 3 }
    }
}

const MARGIN: f32 = 14.0;
const WIDTH: f32 = 960.0;
const GAP: f32 = 6.0;
const MIDDLE: f32 = 34.0;
const LARGEST: f32 = 140.0;
const HEAD: f32 = 44.0;
const BETWEEN: f32 = 16.0;
/// Height of the whole figure's title.
const TOP: f32 = 34.0;

/// The pairs of classes that are confused most, a row each: at the left photographs that were taken
/// for the other class, at the right correctly classified photographs of that class (or, if there are
/// none, any of it), to compare.
///
/// # Errors
/// [`Error::Argument`] if there is no room for an example, or if answers and `class_names` do not go
/// together; the error of [`CategoryNames::name`] for a label without name. A file that cannot be read
/// is a grey square.
pub fn plot_most_confused(
    evaluation: &impl Answered,
    class_names: &[String],
    cat_to_name: &CategoryNames,
    options: PairOptions,
) -> Result<Figure> {
    let answers = evaluation.answers()?;
    answers.check(class_names.len())?;
    if options.examples == 0 || options.examples > 20 {
        let told = format!("{} examples of a pair cannot be shown, give 1 to 20", options.examples);
        return Err(Error::Argument(told));
    }
    let names = Names::of(class_names, cat_to_name)?;
    let confusion = Confusion::of(&answers.labels, &answers.predicted, class_names.len());
    let pairs: Vec<_> = confusion.pairs(&names).into_iter().take(options.pairs).collect();
    draw(&answers, &names, &pairs, options.examples)
}

fn draw(answers: &Answers, names: &Names, pairs: &[ConfusedPair], examples: usize) -> Result<Figure> {
    let half = (WIDTH - 2.0 * MARGIN - MIDDLE) / 2.0;
    let side = ((half + GAP) / examples as f32 - GAP).min(LARGEST).floor();
    let group = examples as f32 * (side + GAP) - GAP;
    let row = HEAD + side + BETWEEN;
    let width = (2.0 * (MARGIN + group) + MIDDLE).max(420.0);
    let mut canvas = Canvas::new(width as u32, (TOP + row * pairs.len().max(1) as f32) as u32)?;
    canvas.text("Most confused", (MARGIN, 22.0), Text::new(14.0).bold());
    if pairs.is_empty() {
        canvas.text("no class was taken for another", (MARGIN, 48.0), Text::new(11.0).colour(GREY));
    }
    for (index, pair) in pairs.iter().enumerate() {
        let top = TOP + row * index as f32;
        let right = MARGIN + group + MIDDLE;
        let title = Text::new(13.0).bold();
        let mistaken = title.shortened(&format!("✗ {}", names.drawn[pair.actual]), group);
        let other = title.shortened(&format!("✓ {}", names.drawn[pair.predicted]), group);
        canvas.text(&mistaken, (MARGIN, top + 20.0), title.colour(RED));
        canvas.text(&other, (right, top + 20.0), title.colour(GREEN));
        let note = Text::new(11.0).colour(GREY);
        let told = format!("{} of {} were taken for the other", pair.count, pair.of);
        canvas.text(&note.shortened(&told, group), (MARGIN, top + 36.0), note);
        let (compare, told) = of_class(answers, pair.predicted);
        canvas.text(&note.shortened(told, group), (right, top + 36.0), note);
        let mistaken = chosen(answers, |label, class| label == pair.actual && class == pair.predicted);
        for (left, photographs) in [(MARGIN, mistaken), (right, compare)] {
            for (place, photograph) in photographs.iter().take(examples).enumerate() {
                let area = Area::new(left + place as f32 * (side + GAP), top + HEAD, side, side);
                canvas.picture(square(&answers.paths[*photograph], 2 * side as u32), area, Scaling::Smooth);
            }
        }
        let arrow = Text::new(20.0).colour(GREY).middle();
        canvas.text("→", (MARGIN + group + MIDDLE / 2.0, top + HEAD + side / 2.0 + 7.0), arrow);
        if index > 0 {
            canvas.rect(Area::new(MARGIN, top - 1.0, width - 2.0 * MARGIN, 1.0), FAINT);
        }
    }
    let lines: String = pairs.iter().map(|pair| format!("\n{pair}")).collect();
    canvas.figure(format!("the {} most confused pairs, true → predicted:{lines}", pairs.len()))
}

/// The surest answers first, among those whose label and predicted class are as asked for.
fn chosen(answers: &Answers, fits: impl Fn(usize, usize) -> bool) -> Vec<usize> {
    let fits = |index: &usize| fits(answers.labels[*index], answers.predicted[*index]);
    let mut chosen: Vec<usize> = (0..answers.len()).filter(fits).collect();
    chosen.sort_by(|a, b| answers.confidences[*b].total_cmp(&answers.confidences[*a]).then(a.cmp(b)));
    chosen
}

/// Correctly classified photographs of a class, or else any of it, and which of the two they are.
fn of_class(answers: &Answers, class: usize) -> (Vec<usize>, &'static str) {
    let right = chosen(answers, |label, predicted| label == class && predicted == class);
    if right.is_empty() {
        (chosen(answers, |label, _| label == class), "none of these was classified correctly")
    } else {
        (right, "these were classified correctly")
    }
}
