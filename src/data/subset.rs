//! `Subset`: some samples of a data set.

use std::fmt;
use std::path::Path;

use fastrand::Rng;
use tch::Tensor;

use super::{Dataset, TwoSteps};
use crate::{Error, Result};

/// The samples of another data set with certain numbers, in their order: `torch.utils.data.Subset`.
///
/// The classes are the other data set's, whether or not a sample of each is among them. For data sets of
/// pictures there is `subset` on themselves, which keeps their type.
#[derive(Clone)]
pub struct Subset<D> {
    dataset: D,
    indices: Vec<usize>,
}

impl<D: Dataset> Subset<D> {
    /// The samples `indices` of `dataset`; a number may come more than once.
    ///
    /// # Errors
    /// When `dataset` has no such sample.
    pub fn new(dataset: D, indices: impl Into<Vec<usize>>) -> Result<Self> {
        let indices = indices.into();
        match indices.iter().find(|&&index| index >= dataset.len()) {
            Some(index) => {
                let count = dataset.len();
                Err(Error::Argument(format!("there is no sample {index}: the data set has {count}, from 0")))
            }
            None => Ok(Subset { dataset, indices }),
        }
    }

    /// The data set that the samples are of.
    pub fn dataset(&self) -> &D {
        &self.dataset
    }

    /// The samples' numbers there.
    pub fn indices(&self) -> &[usize] {
        &self.indices
    }

    fn place(&self, index: usize) -> Result<usize> {
        self.indices.get(index).copied().ok_or_else(|| {
            Error::Argument(format!("there is no sample {index}: the subset has {}", self.indices.len()))
        })
    }
}

impl<D: Dataset> Dataset for Subset<D> {
    fn len(&self) -> usize {
        self.indices.len()
    }

    fn get(&self, index: usize, rng: &mut Rng) -> Result<(Tensor, i64)> {
        self.dataset.get(self.place(index)?, rng)
    }

    fn get_into(&self, index: usize, rng: &mut Rng, values: &mut Vec<f32>) -> Result<([i64; 3], i64)> {
        self.dataset.get_into(self.place(index)?, rng, values)
    }

    fn in_two_steps(&self, index: usize) -> Option<TwoSteps<'_>> {
        self.dataset.in_two_steps(*self.indices.get(index)?)
    }

    fn label(&self, index: usize) -> Option<i64> {
        self.dataset.label(*self.indices.get(index)?)
    }

    fn path(&self, index: usize) -> Option<&Path> {
        self.dataset.path(*self.indices.get(index)?)
    }

    fn classes(&self) -> Vec<String> {
        self.dataset.classes()
    }
}

impl<D: Dataset> fmt::Display for Subset<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Subset({} of {} samples)\n{:?}", self.indices.len(), self.dataset.len(), self.dataset)
    }
}

impl<D: Dataset> fmt::Debug for Subset<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
