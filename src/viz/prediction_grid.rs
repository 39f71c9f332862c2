//! What the model says about pictures, and what is true.

use fastrand::Rng;

use super::batch_pictures::{image, labels};
use super::grid::{self, Panel};
use super::labels::name_of;
use super::{Figure, Grid};
use crate::data::{Batch, CategoryNames};
use crate::drawing::palette::{GREEN, RED};
use crate::models::Predictions;
use crate::{Error, Result};

/// Which predictions a grid shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Only {
    /// All of them.
    #[default]
    All,
    /// Those that are right.
    Right,
    /// Those that are wrong.
    Wrong,
}

/// How a grid of predictions is chosen and drawn; a [`Grid`] alone stands for the first pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GridOptions {
    /// Rows and columns.
    pub grid: Grid,
    /// Which predictions.
    pub only: Only,
    /// A random choice of pictures, the same for a seed; `None` takes the first ones.
    pub seed: Option<u64>,
    /// Whether it says how sure the model is.
    pub confidence: bool,
}

impl Default for GridOptions {
    /// The first eight pictures, with the model's confidence.
    fn default() -> Self {
        Self { grid: Grid::default(), only: Only::All, seed: None, confidence: true }
    }
}

impl From<Grid> for GridOptions {
    fn from(grid: Grid) -> Self {
        Self { grid, ..Self::default() }
    }
}

/// Pictures of a batch, each titled `predicted (true)`: green with ✓ where the two are the same class,
/// red with ✗ where not; below it how sure the model is.
///
/// `options` is a [`Grid`] for the first pictures, or [`GridOptions`] for a random choice or only the
/// wrong ones.
///
/// Both names are found as they should be: the class index in `class_names`, which gives the folder
/// label, and that label in `cat_to_name`. (The tutorial looks the index itself up in
/// `cat_to_name`, and so shows names of other flowers.) Long titles are made smaller, set on two
/// lines, and at last shortened. A name with letters that no font has is drawn as its label; the
/// text form has it in full.
///
/// # Errors
/// [`Error::Argument`] if the grid has no room, or if images, labels, predictions and `class_names`
/// do not match; the error of [`CategoryNames::name`] for a label without name.
pub fn prediction_grid(
    batch: &Batch,
    preds: &Predictions,
    class_names: &[String],
    cat_to_name: &CategoryNames,
    options: impl Into<GridOptions>,
) -> Result<Figure> {
    fn prediction_grid(
        batch: &Batch,
        preds: &Predictions,
        class_names: &[String],
        cat_to_name: &CategoryNames,
        options: GridOptions,
    ) -> Result<Figure> {
        let labels = labels(batch)?;
        if labels.len() != preds.len() {
            return Err(Error::Argument(format!(
                "there are {} pictures and {} predictions: predict the images of this same batch",
                labels.len(),
                preds.len()
            )));
        }
        let chosen = choose(&labels, &preds.indices(), options)?;
        let (mut cells, mut told, mut right) = (Vec::new(), Vec::new(), 0);
        for &index in &chosen {
            let (class, label) = (preds.class(index)?, labels[index]);
            let predicted =
                name_of(class, class_names, cat_to_name, &format!("the prediction for picture {index}"))?;
            let actual = name_of(label, class_names, cat_to_name, &format!("the label of picture {index}"))?;
            let (mark, colour) = if class == label { ('✓', GREEN) } else { ('✗', RED) };
            right += usize::from(class == label);
            let sure = format!("{:.0} % sure", 100.0 * preds.confidence(index)?);
            told.push(format!("{mark} {} ({}), {sure}", predicted.name, actual.name));
            let cell = Panel::new(image(batch, index)?).colour(colour);
            let cell = if options.confidence { cell.note(sure) } else { cell };
            cells.push(cell.titles(format!("{mark} {}", predicted.drawn), format!("({})", actual.drawn)));
        }
        let shown = chosen.len();
        let alt = std::iter::once(format!("{right} of {shown} predictions are right: predicted (true)"));
        grid::draw(cells, options.grid, alt.chain(told).collect::<Vec<_>>().join("\n"))
    }
    prediction_grid(batch, preds, class_names, cat_to_name, options.into())
}

/// The pictures to show, in the order of the batch.
fn choose(labels: &[usize], classes: &[usize], options: GridOptions) -> Result<Vec<usize>> {
    let fits = |index: &usize| match options.only {
        Only::All => true,
        Only::Right => labels[*index] == classes[*index],
        Only::Wrong => labels[*index] != classes[*index],
    };
    let mut chosen: Vec<usize> = (0..labels.len()).filter(fits).collect();
    let room = options.grid.room_for(chosen.len())?;
    if let Some(seed) = options.seed {
        Rng::with_seed(seed).shuffle(&mut chosen);
    }
    chosen.truncate(room);
    chosen.sort_unstable();
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chooses_as_asked() -> Result<()> {
        let (labels, classes) = ([0, 1, 2, 3, 4, 5], [0, 9, 2, 9, 9, 5]);
        let options = GridOptions { grid: Grid { rows: 1, columns: 3 }, ..Default::default() };
        assert_eq!(choose(&labels, &classes, options)?, [0, 1, 2]);
        let wrong = GridOptions { only: Only::Wrong, ..options };
        assert_eq!(choose(&labels, &classes, wrong)?, [1, 3, 4]);
        let right = GridOptions { only: Only::Right, ..options };
        assert_eq!(choose(&labels, &classes, right)?, [0, 2, 5]);
        let chance = |seed| choose(&labels, &classes, GridOptions { seed: Some(seed), ..options });
        assert_eq!(chance(7)?, chance(7)?);
        assert!((0..20).map(chance).any(|chosen| chosen.is_ok_and(|chosen| chosen != [0, 1, 2])));
        Ok(())
    }
}
