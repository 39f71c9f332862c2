//! Which samples an epoch loads, in which order and pieces.

use std::ops::Range;
use std::sync::Arc;

use tch::Tensor;

use super::batch_tensor::BatchTensor;
use super::load_sample::Loaded;
use super::share::Share;
use super::{Shared, seed};
use crate::Result;
use crate::data::Batch;

/// The most samples that are loaded as one piece: few enough to balance a batch over threads and to
/// stop quickly, many enough that the overhead is negligible.
const LARGEST_PIECE: usize = 16;

/// Some batches of one epoch, cut into pieces.
pub(super) struct Plan {
    pub(super) shared: Arc<Shared>,
    pub(super) seed: u64,
    pub(super) epoch: u64,
    pub(super) order: Vec<usize>,
    /// The number of the first batch, and room for each.
    first_batch: usize,
    tensors: Vec<BatchTensor>,
    pub(super) pieces: Vec<Piece>,
}

/// Neighbouring samples of one batch.
pub(super) struct Piece {
    pub(super) batch: usize,
    /// Places in the epoch's order.
    pub(super) places: Range<usize>,
}

impl Plan {
    /// The plan of `batches` (numbers) of epoch `epoch`, or of a process's share of it.
    ///
    /// # Errors
    /// When the sampler cannot draw from this data set.
    pub(super) fn new(
        shared: Arc<Shared>,
        share: Option<Share>,
        epoch: u64,
        batches: Range<usize>,
    ) -> Result<Self> {
        let options = &shared.options;
        let seed = shared.seed();
        let order = match &options.sampler {
            None => seed::order(shared.dataset.len(), options.shuffle, seed, epoch),
            Some(sampler) => sampler.draw(shared.dataset.as_ref(), &mut seed::drawing(seed, epoch))?,
        };
        let order = match share {
            Some(share) => share.of(&order),
            None => order,
        };
        let size = (options.batch_size / (4 * options.num_workers.max(1))).clamp(1, LARGEST_PIECE);
        let pin = options.pin_memory && tch::Cuda::is_available();
        let (mut tensors, mut pieces) = (Vec::new(), Vec::new());
        for batch in batches.clone() {
            let start = batch * options.batch_size;
            let end = (start + options.batch_size).min(order.len());
            tensors.push(BatchTensor::new(end - start, pin));
            let firsts = (start..end).step_by(size);
            pieces.extend(firsts.map(|first| Piece { batch, places: first..(first + size).min(end) }));
        }
        Ok(Plan { shared, seed, epoch, order, first_batch: batches.start, tensors, pieces })
    }

    /// The tensor of batch number `batch`.
    pub(super) fn tensor(&self, batch: usize) -> &BatchTensor {
        &self.tensors[batch - self.first_batch]
    }

    /// Batch number `batch`, from all its pieces in order; `None` if none of them holds a sample.
    ///
    /// # Errors
    /// When memory is short.
    pub(super) fn assemble(&self, batch: usize, pieces: Vec<Loaded>) -> Result<Option<Batch>> {
        let mut all = Loaded::default();
        for mut piece in pieces {
            all.rows.append(&mut piece.rows);
            all.labels.append(&mut piece.labels);
            all.paths.append(&mut piece.paths);
        }
        let Some(images) = self.tensor(batch).take(&all.rows)? else { return Ok(None) };
        Ok(Some(Batch { images, labels: Tensor::f_from_slice(&all.labels)?, paths: all.paths }))
    }
}
