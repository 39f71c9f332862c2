//! The default set on disk.

use std::path::{Path, PathBuf};

use super::painted_set::PaintedSet;
use super::picture::picture;
use super::species::SPECIES;
use crate::files::user_cache;
use crate::{Error, Result};

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
/// A folder that holds the whole set is left as it is; missing or damaged files of the set are drawn
/// again, and other files in it stay. A folder with other contents is refused. Two processes may do this at once: a new set is drawn beside the folder
/// and renamed into place when it is whole. Returns whether anything had to be drawn.
///
/// # Errors
/// [`Error::Argument`] for a folder with other contents; [`Error::Io`] with the file that could not be written.
pub fn draw_flowers(folder: impl AsRef<Path>) -> Result<bool> {
    set().draw(folder.as_ref())
}

/// The set in the user's cache folder, drawn on first use.
pub(in crate::data) fn cached_flowers() -> Result<PathBuf> {
    let cache = user_cache()
        .map_err(|error| Error::Argument(format!("{error}, or HERBARIUM_DATA to your own data set")))?;
    let folder = cache.join("herbarium/drawn-flowers-v1");
    let set = set();
    if !set.is_whole(&folder) {
        println!("Drawing {} flowers into {} (once) …", set.picture_count(), folder.display());
        set.draw(&folder)?;
    }
    Ok(folder)
}
