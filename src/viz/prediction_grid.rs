//! What the model says about pictures, and what is true.

use super::batch_pictures::{image, labels};
use super::grid::{self, Cell};
use super::labels::name_of;
use super::palette::{GREEN, RED};
use super::{Figure, Grid};
use crate::data::{Batch, CategoryNames};
use crate::models::Predictions;
use crate::{Error, Result};

/// The first pictures of a batch, each titled `predicted (true)`: green with ✓ where the two are
/// the same class, red with ✗ where not; below it how sure the model is.
///
/// Both names are found as they should be: the class index in `class_names`, which gives the folder
/// label, and that label in `cat_to_name`. (The tutorial looks the index itself up in
/// `cat_to_name`, and so shows names of other flowers.) Long titles are made smaller, set on two
/// lines, and at last shortened. A name with letters that the font lacks, such as Chinese ones, is
/// drawn as its label; the text form has it in full.
///
/// # Errors
/// [`Error::Argument`] if the grid has no room, or if images, labels, predictions and `class_names`
/// do not go together; the error of [`CategoryNames::name`] for a label without name.
pub fn prediction_grid(
    batch: &Batch,
    preds: &Predictions,
    class_names: &[String],
    cat_to_name: &CategoryNames,
    grid: Grid,
) -> Result<Figure> {
    let labels = labels(batch)?;
    if labels.len() != preds.len() {
        return Err(Error::Argument(format!(
            "there are {} pictures and {} predictions: predict the images of this same batch",
            labels.len(),
            preds.len()
        )));
    }
    let shown = grid.room_for(labels.len())?;
    let (mut cells, mut told, mut right) = (Vec::new(), Vec::new(), 0);
    for (index, &label) in labels.iter().enumerate().take(shown) {
        let class = preds.class(index)?;
        let predicted =
            name_of(class, class_names, cat_to_name, &format!("the prediction for picture {index}"))?;
        let actual = name_of(label, class_names, cat_to_name, &format!("the label of picture {index}"))?;
        let (mark, colour) = if class == label { ('✓', GREEN) } else { ('✗', RED) };
        right += usize::from(class == label);
        let sure = format!("{:.0} % sure", 100.0 * preds.confidence(index)?);
        told.push(format!("{mark} {} ({}), {sure}", predicted.name, actual.name));
        let cell = Cell::new(image(batch, index)?).colour(colour).note(sure);
        cells.push(cell.titles(format!("{mark} {}", predicted.drawn), format!("({})", actual.drawn)));
    }
    let alt = std::iter::once(format!("{right} of {shown} predictions are right: predicted (true)"));
    grid::draw(cells, grid, alt.chain(told).collect::<Vec<_>>().join("\n"))
}
