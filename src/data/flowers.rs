//! The data set of the tutorial.

use std::env;
use std::path::PathBuf;

use super::drawn;
use super::split_folders::split_folders;
use crate::{Error, Result};

/// The folder of the flowers data set, in the tutorial's layout (`train`, `valid`,
/// `cat_to_name.json`).
///
/// It is the folder that the environment variable `HERBARIUM_DATA` names, or else the drawn set
/// (see [`draw_flowers`](super::draw_flowers)) in the user's cache folder, drawn on first use.
///
/// # Errors
/// [`Error::DataFolder`] if `HERBARIUM_DATA` is not a folder with `train` and `valid` (or `val`),
/// [`Error::Argument`] if there is no cache folder to draw into, and [`Error::Io`] with the
/// file that could not be written.
pub fn flowers() -> Result<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
    if let Some(folder) = set("HERBARIUM_DATA") {
        return checked(PathBuf::from(folder));
    }
    drawn::cached_flowers()
}

fn checked(folder: PathBuf) -> Result<PathBuf> {
    match split_folders(&folder) {
        Ok(_) => Ok(folder),
        Err(Error::DataFolder { path, problem, layout }) => {
            const HERE: &str = "(HERBARIUM_DATA points to it)";
            let problem = match (path.strip_prefix(&folder), problem.strip_prefix("does not exist")) {
                (Ok(part), Some(instead)) if part.file_name().is_some() => {
                    format!("has no folder {} {HERE}{instead}", part.display())
                }
                _ => format!("{problem} {HERE}"),
            };
            Err(Error::DataFolder { path: folder, problem, layout })
        }
        Err(other) => Err(other),
    }
}
