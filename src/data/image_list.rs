//! `ImageList`: paths and labels that a program has at hand.

use std::fmt;
use std::path::{Path, PathBuf};

use super::picture_set::{PictureSet, check_same_classes, picture_data_set};
use super::{SplitOptions, Splits};
use crate::transforms::Compose;
use crate::{Error, Result};

/// Pictures given as a list of paths and labels.
///
/// The classes are the labels **sorted as text**, as [`ImageFolder`](super::ImageFolder) sorts its folders.
/// Cloning is cheap, and prints as torchvision prints.
#[derive(Clone)]
pub struct ImageList {
    /// The folder that all of the files lie in.
    root: PathBuf,
    set: PictureSet,
}

impl ImageList {
    /// The pictures at these paths, with a label each: `[("a.jpg", "rose"), ("b.jpg", "lily")]`.
    ///
    /// # Errors
    /// When the list is empty, names a file that does not exist or has an empty label (with its place in the
    /// list), or a transform was made with wrong arguments.
    pub fn new<P: AsRef<Path>, L: ToString>(
        samples: impl IntoIterator<Item = (P, L)>,
        transform: Compose,
    ) -> Result<Self> {
        let mut lines: Vec<(PathBuf, String)> = Vec::new();
        for (path, label) in samples {
            let (path, label) = (path.as_ref().to_path_buf(), label.to_string());
            let problem = if label.trim().is_empty() {
                "has no label".to_string()
            } else if !path.is_file() {
                "does not exist: correct the path".to_string()
            } else {
                lines.push((path, label));
                continue;
            };
            let (place, path) = (lines.len(), path.display());
            return Err(Error::Argument(format!("sample {place} of the list, {path}, {problem}")));
        }
        if lines.is_empty() {
            return Err(Error::Argument(
                "the list of pictures is empty: give pairs of path and label".into(),
            ));
        }
        let root = common_folder(&lines);
        Ok(ImageList { set: PictureSet::labelled(&root, lines, transform)?, root })
    }

    /// One list for training and one for validation.
    ///
    /// # Errors
    /// As [`ImageList::new`] for each, and when the two do not have the same classes.
    pub fn splits<P: AsRef<Path>, L: ToString>(
        samples: Splits<Vec<(P, L)>>,
        transforms: &Splits<Compose>,
    ) -> Result<Splits<Self>> {
        let train = Self::new(samples.train, transforms.train.clone())?;
        let valid = Self::new(samples.valid, transforms.valid.clone())?;
        check_same_classes(&train.set, &valid.set)?;
        Ok(Splits { train, valid })
    }

    /// Splits the list into two disjoint parts, each with its own transforms. The same share of every
    /// class goes to validation.
    ///
    /// # Errors
    /// When the share is not between 0 and 1, a class has a single picture, or a transform was made with
    /// wrong arguments.
    pub fn train_valid_split(
        &self,
        options: SplitOptions,
        transforms: &Splits<Compose>,
    ) -> Result<Splits<Self>> {
        let Splits { train, valid } = self.set.split(options, transforms)?;
        let part = |set| ImageList { set, ..self.clone() };
        Ok(Splits { train: part(train), valid: part(valid) })
    }
}

picture_data_set!(ImageList);

/// The deepest folder that all files lie in.
fn common_folder(lines: &[(PathBuf, String)]) -> PathBuf {
    let mut folders = lines.iter().map(|(path, _)| path.parent().unwrap_or("".as_ref()));
    let mut common = folders.next().unwrap_or("".as_ref());
    for folder in folders {
        while !folder.starts_with(common) {
            let Some(parent) = common.parent() else { break };
            common = parent;
        }
    }
    if common.as_os_str().is_empty() { ".".into() } else { common.to_path_buf() }
}

impl fmt::Display for ImageList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.set.describe(f, "ImageList", &self.root, &[])
    }
}
