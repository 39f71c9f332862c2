//! Pairs of a training and a validation value.

use std::fmt::{self, Debug, Display};

use super::{DataLoader, Dataset, ImageFolder, LoaderOptions};
use crate::notebook::Here;
use crate::notebook::vars::{Known, Of, counted};
use crate::transforms::repr::py_dict;

/// The tutorial's dicts with the keys `'train'` and `'valid'`: of transforms, data sets, loaders, sizes.
///
/// Prints as Jupyter prints such a dict.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Splits<T> {
    /// What training uses.
    pub train: T,
    /// What validation uses.
    pub valid: T,
}

impl<T> Splits<T> {
    /// Both parts, with their names.
    pub fn iter(&self) -> std::array::IntoIter<(&'static str, &T), 2> {
        [("train", &self.train), ("valid", &self.valid)].into_iter()
    }
}

impl<'a, T> IntoIterator for &'a Splits<T> {
    type Item = (&'static str, &'a T);
    type IntoIter = std::array::IntoIter<Self::Item, 2>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<D: Dataset> Splits<D> {
    /// How many pictures each part has: the tutorial's `dataset_sizes`.
    pub fn sizes(&self) -> Splits<usize> {
        Splits { train: self.train.len(), valid: self.valid.len() }
    }
}

impl<D: Dataset + Clone + 'static> Splits<D> {
    /// A loader for each part, both with the same options, except that a sampler applies only to
    /// training.
    ///
    /// Wrong options are reported by the first batch.
    pub fn loaders(&self, options: LoaderOptions) -> Splits<DataLoader> {
        Splits {
            train: DataLoader::new(self.train.clone(), options.clone()),
            valid: DataLoader::new(self.valid.clone(), LoaderOptions { sampler: None, ..options }),
        }
    }
}

impl<T: Display> Display for Splits<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&py_dict(&[("train", self.train.to_string()), ("valid", self.valid.to_string())]))
    }
}

impl<T: Debug> Debug for Splits<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (train, valid) = (format!("{:?}", self.train), format!("{:?}", self.valid));
        f.write_str(&py_dict(&[("train", train), ("valid", valid)]))
    }
}

impl Known<Here> for Of<'_, Splits<ImageFolder>> {
    fn size(&self) -> String {
        format!("{} and {}", counted(self.0.train.len(), "picture"), self.0.valid.len())
    }
}

impl Known<Here> for Of<'_, Splits<DataLoader>> {
    fn size(&self) -> String {
        format!("{} and {}", counted(self.0.train.len(), "batch"), self.0.valid.len())
    }
}
