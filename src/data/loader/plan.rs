//! Which samples are loaded, in which pieces, and how a piece is loaded.

use std::any::Any;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Shared, Unreadable, seed};
use crate::{Error, Result};
use std::sync::Arc;

/// The most samples that are loaded as one piece: few enough to share a batch among threads evenly and
/// to stop soon, many enough that handing them over costs nothing.
const LARGEST_PIECE: usize = 16;

/// Some batches of one epoch, cut into pieces.
pub(super) struct Plan {
    shared: Arc<Shared>,
    seed: u64,
    epoch: u64,
    order: Vec<usize>,
    pub(super) pieces: Vec<Piece>,
}

/// Neighbouring samples of one batch.
pub(super) struct Piece {
    pub(super) batch: usize,
    /// Places in the epoch's order.
    places: Range<usize>,
}

/// A piece in memory: what is readable of it.
#[derive(Default)]
pub(super) struct Loaded {
    /// The samples' values, one sample after another.
    pub(super) values: Vec<f32>,
    /// (C, H, W) of each, and its file.
    pub(super) shape: Option<([i64; 3], PathBuf)>,
    pub(super) labels: Vec<i64>,
    pub(super) paths: Vec<PathBuf>,
    pub(super) skipped: Vec<(PathBuf, String)>,
}

impl Plan {
    /// The plan of `batches` (numbers) of epoch `epoch`.
    pub(super) fn new(shared: Arc<Shared>, epoch: u64, batches: Range<usize>) -> Self {
        let options = &shared.options;
        let samples = shared.dataset.len();
        let seed = shared.seed();
        let order = seed::order(samples, options.shuffle, seed, epoch);
        let size = (options.batch_size / (4 * options.num_workers.max(1))).clamp(1, LARGEST_PIECE);
        let pieces = batches
            .flat_map(|batch| {
                let start = batch * options.batch_size;
                let end = (start + options.batch_size).min(samples);
                (start..end)
                    .step_by(size)
                    .map(move |first| Piece { batch, places: first..(first + size).min(end) })
            })
            .collect();
        Plan { shared, seed, epoch, order, pieces }
    }

    /// Loads one piece. A panic on the way (in a data set or transform of the user's) becomes an error, so
    /// that nobody waits for a piece that never comes.
    ///
    /// # Errors
    /// When a sample cannot be read (unless such are skipped) or transformed, samples differ in shape, or
    /// `stop` was set.
    pub(super) fn load(&self, piece: &Piece, stop: &AtomicBool) -> Result<Loaded> {
        let mut loaded = Loaded::default();
        for place in piece.places.clone() {
            if stop.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            let index = self.order[place];
            catch_unwind(AssertUnwindSafe(|| self.load_sample(index, piece.places.len(), &mut loaded)))
                .unwrap_or_else(|panic| Err(self.panicked(index, panic.as_ref())))?;
        }
        Ok(loaded)
    }

    fn load_sample(&self, index: usize, expected: usize, loaded: &mut Loaded) -> Result<()> {
        let Shared { dataset, options, .. } = self.shared.as_ref();
        let mut rng = seed::sample(self.seed, self.epoch, index);
        let path = dataset.path(index).unwrap_or_else(|| "".as_ref());
        let start = loaded.values.len();
        match dataset.get_into(index, &mut rng, &mut loaded.values) {
            Ok((shape, label)) => {
                match &loaded.shape {
                    Some((first, first_path)) => same_shape(*first, first_path, shape, path)?,
                    None => {
                        // The others are as large: one allocation for all.
                        let size = loaded.values.len() - start;
                        loaded.values.reserve_exact(size.saturating_mul(expected.saturating_sub(1)));
                        loaded.shape = Some((shape, path.to_path_buf()));
                    }
                }
                loaded.labels.push(label);
                loaded.paths.push(path.to_path_buf());
                Ok(())
            }
            Err(error @ (Error::Picture { .. } | Error::Io { .. }))
                if options.unreadable == Unreadable::Skip =>
            {
                loaded.values.truncate(start);
                loaded.skipped.push((path.to_path_buf(), error.to_string()));
                Ok(())
            }
            Err(error) => Err(error),
        }
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

/// # Errors
/// When two samples of a batch differ in shape.
pub(super) fn same_shape(
    first: [i64; 3],
    first_path: &std::path::Path,
    shape: [i64; 3],
    path: &std::path::Path,
) -> Result<()> {
    if first == shape {
        return Ok(());
    }
    Err(Error::Loader(format!(
        "the samples of a batch must have one size: {} is {first:?} (C, H, W) and {} is {shape:?}; \
         put resize(height, width) or a crop into the transforms",
        first_path.display(),
        path.display()
    )))
}
