//! Which samples are loaded, in which pieces, and how a piece is loaded.

use std::any::Any;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tch::Tensor;

use super::batch_tensor::BatchTensor;
use super::{Shared, Unreadable, seed};
use crate::data::Batch;
use crate::{Error, Result};

/// The most samples that are loaded as one piece: few enough to share a batch among threads evenly and
/// to stop soon, many enough that handing them over costs nothing.
const LARGEST_PIECE: usize = 16;

/// Some batches of one epoch, cut into pieces.
pub(super) struct Plan {
    shared: Arc<Shared>,
    seed: u64,
    epoch: u64,
    order: Vec<usize>,
    /// The number of the first batch, and room for each.
    first_batch: usize,
    tensors: Vec<BatchTensor>,
    pub(super) pieces: Vec<Piece>,
}

/// Neighbouring samples of one batch.
pub(super) struct Piece {
    pub(super) batch: usize,
    /// Places in the epoch's order.
    places: Range<usize>,
}

/// What could be read of a piece; the values are in the batch's tensor.
#[derive(Default)]
pub(super) struct Loaded {
    /// The samples' rows in the batch.
    rows: Vec<usize>,
    labels: Vec<i64>,
    paths: Vec<PathBuf>,
    pub(super) skipped: Vec<(PathBuf, String)>,
}

impl Plan {
    /// The plan of `batches` (numbers) of epoch `epoch`.
    ///
    /// # Errors
    /// When the sampler cannot draw from this data set.
    pub(super) fn new(shared: Arc<Shared>, epoch: u64, batches: Range<usize>) -> Result<Self> {
        let options = &shared.options;
        let seed = shared.seed();
        let order = match &options.sampler {
            None => seed::order(shared.dataset.len(), options.shuffle, seed, epoch),
            Some(sampler) => sampler.draw(shared.dataset.as_ref(), &mut seed::drawing(seed, epoch))?,
        };
        let size = (options.batch_size / (4 * options.num_workers.max(1))).clamp(1, LARGEST_PIECE);
        let (mut tensors, mut pieces) = (Vec::new(), Vec::new());
        for batch in batches.clone() {
            let start = batch * options.batch_size;
            let end = (start + options.batch_size).min(order.len());
            tensors.push(BatchTensor::new(end - start));
            let firsts = (start..end).step_by(size);
            pieces.extend(firsts.map(|first| Piece { batch, places: first..(first + size).min(end) }));
        }
        Ok(Plan { shared, seed, epoch, order, first_batch: batches.start, tensors, pieces })
    }

    /// Loads one piece into its batch's tensor; `values` is room to work in. A panic on the way (in a data
    /// set or transform of the user's) becomes an error, so that nobody waits for a piece that never comes.
    ///
    /// # Errors
    /// When a sample cannot be read (unless such are skipped) or transformed, samples differ in shape, or
    /// `stop` was set.
    pub(super) fn load(&self, piece: &Piece, values: &mut Vec<f32>, stop: &AtomicBool) -> Result<Loaded> {
        let mut loaded = Loaded::default();
        for place in piece.places.clone() {
            if stop.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            let index = self.order[place];
            let row = place - piece.batch * self.shared.options.batch_size;
            let tensor = &self.tensors[piece.batch - self.first_batch];
            values.clear();
            catch_unwind(AssertUnwindSafe(|| self.load_sample(index, row, tensor, values, &mut loaded)))
                .unwrap_or_else(|panic| Err(self.panicked(index, panic.as_ref())))?;
        }
        Ok(loaded)
    }

    fn load_sample(
        &self,
        index: usize,
        row: usize,
        tensor: &BatchTensor,
        values: &mut Vec<f32>,
        loaded: &mut Loaded,
    ) -> Result<()> {
        let Shared { dataset, options, .. } = self.shared.as_ref();
        let path = dataset.path(index).unwrap_or_else(|| "".as_ref());
        match self.read(index, values) {
            Ok((shape, label)) => {
                tensor.put(row, shape, values, path)?;
                loaded.rows.push(row);
                loaded.labels.push(label);
                loaded.paths.push(path.to_path_buf());
                Ok(())
            }
            Err(error @ (Error::Picture { .. } | Error::Io { .. }))
                if options.unreadable == Unreadable::Skip =>
            {
                loaded.skipped.push((path.to_path_buf(), error.to_string()));
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Appends sample `index` to `values`; gives its shape (C, H, W) and class. Where the data set can be
    /// read in two steps, the first comes from what is kept.
    fn read(&self, index: usize, values: &mut Vec<f32>) -> Result<([i64; 3], i64)> {
        let shared = self.shared.as_ref();
        let mut rng = seed::sample(self.seed, self.epoch, index);
        let Some(steps) = shared.dataset.in_two_steps(index) else {
            return shared.dataset.get_into(index, &mut rng, values);
        };
        let picture = match shared.cache() {
            Some(cache) if cache.is_of(steps.fixed) => cache.get(steps.path)?,
            _ => steps.fixed.read(steps.path, shared.options.decoding)?,
        };
        let shape = steps
            .varying
            .apply_into(picture, &mut rng, values)
            .map_err(|error| Error::Sample { path: steps.path.to_path_buf(), source: Box::new(error) })?;
        Ok((shape, steps.label))
    }

    /// Batch number `batch`, of all its pieces in order; nothing where none of them holds a sample.
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
        let Some(images) = self.tensors[batch - self.first_batch].take(&all.rows)? else { return Ok(None) };
        Ok(Some(Batch { images, labels: Tensor::f_from_slice(&all.labels)?, paths: all.paths }))
    }

    fn panicked(&self, index: usize, panic: &(dyn Any + Send)) -> Error {
        let message = panic
            .downcast_ref::<&str>()
            .map(|text| text.to_string())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".into());
        let name = match self.shared.dataset.path(index) {
            Some(path) => path.display().to_string(),
            None => format!("sample {index}"),
        };
        Error::Loader(format!("loading {name} panicked: {message}"))
    }
}
