//! The default set on disk.

use std::path::Path;

use super::painted_set::PaintedSet;
use super::picture::picture;
use super::species::SPECIES;
use crate::Result;

/// Pictures of each species in the two parts of the set.
const PARTS: [(&str, usize); 2] = [("train", 40), ("valid", 10)];

fn set() -> PaintedSet<'static> {
    PaintedSet {
        // Changes when the pictures do.
        version: "herbarium drawn flowers 1".into(),
        parts: PARTS,
        names: SPECIES.iter().map(|species| species.name.to_owned()).collect(),
        seed: 0,
        paint: &|species, seed| picture(&SPECIES[species], seed),
    }
}

/// Draws the flowers into a folder: `train/<label>/image_00001.jpg` and so on, `valid/…`, and
/// `cat_to_name.json`, with the labels "1" to "12".
///
/// A folder that holds the whole set is left as it is; missing or damaged files are drawn again,
/// and other files stay. Two processes may do this at once: a new set is drawn beside the folder
/// and renamed into place when it is whole. Returns whether anything had to be drawn.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io) with the file that could not be written.
pub fn draw_flowers(folder: impl AsRef<Path>) -> Result<bool> {
    set().draw(folder.as_ref())
}

/// Whether a folder holds the whole set, undamaged.
pub(crate) fn is_whole(folder: &Path) -> bool {
    set().is_whole(folder)
}

/// How many pictures the set has.
pub(crate) fn picture_count() -> usize {
    set().picture_count()
}
