//! A look at what a loader gives.

use super::batch_pictures::{image, labels};
use super::grid::{self, Panel};
use super::labels::name_of;
use super::{Figure, Grid};
use crate::Result;
use crate::data::{Batch, CategoryNames};

/// The first pictures of a batch as the network sees them, normalisation undone, titled with their
/// names.
///
/// # Errors
/// [`Error::Argument`](crate::Error::Argument) if the grid has no room, or if images, labels and
/// `class_names` do not match; the error of [`CategoryNames::name`] for a label without name.
pub fn show_batch(
    batch: &Batch,
    class_names: &[String],
    cat_to_name: &CategoryNames,
    grid: Grid,
) -> Result<Figure> {
    let labels = labels(batch)?;
    let shown = grid.room_for(labels.len())?;
    let (mut cells, mut names) = (Vec::new(), Vec::new());
    for (index, &label) in labels.iter().enumerate().take(shown) {
        let named = name_of(label, class_names, cat_to_name, &format!("the label of picture {index}"))?;
        cells.push(Panel::new(image(batch, index)?).title(named.drawn));
        names.push(named.name);
    }
    let alt = format!("{shown} of {} pictures: {}", labels.len(), names.join(", "));
    grid::draw(cells, grid, alt)
}
