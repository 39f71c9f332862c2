//! The interface between a data set and a loader.

use std::fmt::Debug;
use std::path::Path;

use fastrand::Rng;
use tch::Tensor;

use super::TwoSteps;
use crate::Result;
use crate::transforms::append_tensor;

/// Numbered samples with labels: `torch.utils.data.Dataset`. Implement it for a custom data set.
pub trait Dataset: Debug + Send + Sync {
    /// How many samples there are.
    fn len(&self) -> usize;

    /// Whether there is no sample.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sample `index`: a tensor (C, H, W) of floats and the number of its class. All randomness comes from
    /// `rng`.
    ///
    /// # Errors
    /// When there is no such sample, it cannot be read, or it cannot be transformed.
    fn get(&self, index: usize, rng: &mut Rng) -> Result<(Tensor, i64)>;

    /// Sample `index` with its values appended to `values`, channel by channel; returns its shape (C, H, W)
    /// and class. A loader calls this: override it if the values can be written without an intermediate
    /// tensor.
    ///
    /// # Errors
    /// As [`Dataset::get`]; `values` may then hold part of the sample.
    fn get_into(&self, index: usize, rng: &mut Rng, values: &mut Vec<f32>) -> Result<([i64; 3], i64)> {
        let (tensor, label) = self.get(index, rng)?;
        let (c, h, w) = tensor.size3()?;
        append_tensor(&tensor, values)?;
        Ok(([c, h, w], label))
    }

    /// How sample `index` is read in two steps, of which the first gives the same picture in every epoch. A
    /// loader caches that picture (see [`CacheOptions`](super::CacheOptions)), and then reads with
    /// [`TwoSteps`] instead of [`Dataset::get_into`]: the result must be the same. By default nothing is kept.
    fn in_two_steps(&self, index: usize) -> Option<TwoSteps<'_>> {
        let _ = index;
        None
    }

    /// The class of sample `index`, where it is known without reading the sample: what a balanced
    /// [`WeightedRandomSampler`](super::WeightedRandomSampler) needs.
    fn label(&self, index: usize) -> Option<i64> {
        self.in_two_steps(index).map(|steps| steps.label)
    }

    /// The file of sample `index`, where it has one.
    fn path(&self, index: usize) -> Option<&Path>;

    /// The names of the classes; a label is an index into them.
    fn classes(&self) -> Vec<String>;
}
