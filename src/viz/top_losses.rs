//! The pictures a model was most wrong about.

use super::answers::Answered;
use super::grid::{self, Panel};
use super::labels::Names;
use super::photograph::square;
use super::{Figure, Grid};
use crate::Result;
use crate::data::CategoryNames;
use crate::drawing::palette::{GREEN, RED};

/// Pixels of a photograph: twice what the largest cell of a grid shows.
const SIDE: u32 = 432;

/// The pictures with the greatest losses, the worst first, read from their files and titled
/// `predicted (true)`: fastai's `plot_top_losses`. Wrong labels, bad photographs and classes that look
/// alike are found here.
///
/// # Errors
/// [`Error::Argument`](crate::Error::Argument) if the grid has no room, or if answers and `class_names`
/// do not match; the error of [`CategoryNames::name`] for a label without name. A file that
/// cannot be read is a grey square.
pub fn plot_top_losses(
    evaluation: &impl Answered,
    class_names: &[String],
    cat_to_name: &CategoryNames,
    grid: Grid,
) -> Result<Figure> {
    let answers = evaluation.answers()?;
    answers.check(class_names.len())?;
    let names = Names::of(class_names, cat_to_name)?;
    let shown = grid.room_for(answers.len())?;
    let mut worst: Vec<usize> = (0..answers.len()).collect();
    // NaN is worse than anything.
    worst.sort_by(|a, b| answers.losses[*b].total_cmp(&answers.losses[*a]).then(a.cmp(b)));
    let (mut cells, mut told) = (Vec::new(), String::new());
    for &index in worst.iter().take(shown) {
        let (label, predicted) = (answers.labels[index], answers.predicted[index]);
        let (mark, colour) = if label == predicted { ('✓', GREEN) } else { ('✗', RED) };
        let note =
            format!("loss {:.2}, {:.0} % sure", answers.losses[index], 100.0 * answers.confidences[index]);
        told += &format!("\n{mark} {} ({}), {note}", names.full[predicted], names.full[label]);
        let path = &answers.paths[index];
        if !path.as_os_str().is_empty() {
            told += &format!(", {}", path.display());
        }
        let cell = Panel::new(square(path, SIDE)).colour(colour).note(note);
        cells.push(
            cell.titles(format!("{mark} {}", names.drawn[predicted]), format!("({})", names.drawn[label])),
        );
    }
    let alt = format!("the {shown} greatest losses of {} pictures, predicted (true):{told}", answers.len());
    grid::draw(cells, grid, alt)
}
