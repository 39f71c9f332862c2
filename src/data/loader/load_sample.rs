//! Loads one sample, from its file to its row of a batch: read, or taken from the cache; transformed; written to
//! the buffer.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use super::batch_tensor::BatchTensor;
use super::plan::{Piece, Plan};
use super::{Shared, Unreadable, seed};
use crate::{Error, Result};

/// What could be read of a piece; the values are in the batch's tensor.
#[derive(Default)]
pub(super) struct Loaded {
    /// The samples' rows in the batch.
    pub(super) rows: Vec<usize>,
    pub(super) labels: Vec<i64>,
    pub(super) paths: Vec<PathBuf>,
    pub(super) skipped: Vec<(PathBuf, String)>,
}

impl Plan {
    /// Loads one piece into its batch's tensor; `values` is a work buffer. A panic (in a user's data set or
    /// transform) becomes an error, so that nobody waits for a piece that never comes.
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
            let tensor = self.tensor(piece.batch);
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
