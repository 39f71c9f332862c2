//! `DataLoader`: batches of a data set, read ahead on threads.

mod batch_tensor;
mod batches;
mod load_sample;
mod options;
mod plan;
mod sampler;
mod seed;
mod share;
mod workers;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

pub use batches::Batches;
pub use options::{LoaderOptions, Skipped, Unreadable};
pub use sampler::WeightedRandomSampler;
use share::{Kind, Share};

use super::cache::PictureCache;
use super::{Batch, CacheUsage, Dataset, Decoding};
use crate::transforms::repr::py_bool;
use crate::{Error, Result};

/// Gives a data set in batches: `torch.utils.data.DataLoader`.
///
/// The order within an epoch depends only on the seed and the epoch's number, the random transforms of a
/// sample only on these and the sample's index: the number of threads changes the speed, but not one bit of
/// a batch.
///
/// Each [`iter`](DataLoader::iter) is the next epoch, counted from 0; clones of a loader count together.
#[derive(Clone)]
pub struct DataLoader {
    shared: Arc<Shared>,
    /// Of each epoch, where it is not all.
    share: Option<Share>,
}

struct Shared {
    dataset: Arc<dyn Dataset>,
    options: LoaderOptions,
    count: Mutex<EpochCount>,
    /// Why each unreadable file was skipped.
    skipped: Mutex<BTreeMap<PathBuf, String>>,
    /// What is kept, opened with the first sample.
    cache: OnceLock<Option<Arc<PictureCache>>>,
}

/// A loader's position.
struct EpochCount {
    /// The number of the epoch that the next `iter` gives.
    next: u64,
    /// Under which call of [`seed`](crate::seed) it was counted.
    generation: u64,
}

impl Shared {
    /// The seed of all randomness.
    fn seed(&self) -> u64 {
        self.options.seed.unwrap_or_else(|| crate::seed::global().seed)
    }

    /// What is kept of the data set's pictures, if it has such and the options want it.
    fn cache(&self) -> Option<&Arc<PictureCache>> {
        let open = || {
            let steps = self.dataset.in_two_steps(0).filter(|_| !self.options.cache.is_off())?;
            Some(PictureCache::open(
                steps.fixed,
                self.options.decoding,
                self.dataset.len(),
                &self.options.cache,
            ))
        };
        self.cache.get_or_init(open).as_ref()
    }

    /// How many samples an epoch has.
    fn epoch_len(&self) -> usize {
        let samples = self.dataset.len();
        self.options.sampler.as_ref().map_or(samples, |sampler| sampler.epoch_len(samples))
    }

    /// The count of epochs, from 0 again after a call of [`seed`](crate::seed) that concerns this loader.
    fn count(&self) -> MutexGuard<'_, EpochCount> {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let generation = crate::seed::global().generation;
        if self.options.seed.is_none() && count.generation != generation {
            *count = EpochCount { next: 0, generation };
        }
        count
    }
}

impl DataLoader {
    /// A loader over `dataset`. Options that cannot work (a batch size of 0) are reported by the first batch.
    pub fn new(dataset: impl Dataset + 'static, options: LoaderOptions) -> Self {
        Self::over(Arc::new(dataset), options)
    }

    fn over(dataset: Arc<dyn Dataset>, options: LoaderOptions) -> Self {
        let count = EpochCount { next: 0, generation: crate::seed::global().generation };
        let shared = Shared {
            dataset,
            options,
            count: Mutex::new(count),
            skipped: Mutex::default(),
            cache: OnceLock::new(),
        };
        DataLoader { shared: Arc::new(shared), share: None }
    }

    /// How many samples this loader gives in an epoch.
    fn epoch_len(&self) -> usize {
        let all = self.shared.epoch_len();
        self.share.map_or(all, |share| share.len(all))
    }

    /// What process `rank` of `world` loads: `torch.utils.data.DistributedSampler`. All processes draw one order, so
    /// they need the same seed, and each takes every `world`-th sample of it. All parts are equally long: as many samples
    /// from the epoch's start as are missing for that come again at its end. A part's batch `n` and the others' batches
    /// `n` are together the batch `n` of a loader whose batches are `world` times as large.
    ///
    /// Epochs are counted together with this loader's, and what is kept of pictures is shared with it.
    /// [`train_model`](crate::train::train_model) and [`evaluate`](crate::train::evaluate) do this by themselves.
    ///
    /// # Errors
    /// [`Error::Argument`] when `rank` is not below `world`, or the loader is a part already.
    pub fn shared_by(&self, rank: usize, world: usize) -> Result<DataLoader> {
        self.part(Share { rank, world, kind: Kind::EquallyLong })
    }

    /// What process `rank` of `world` loads where every sample must come once, as in validation: the `rank`-th of `world`
    /// neighbouring parts of the epoch. It may have no batch.
    ///
    /// # Errors
    /// As [`shared_by`](DataLoader::shared_by).
    pub fn divided_by(&self, rank: usize, world: usize) -> Result<DataLoader> {
        self.part(Share { rank, world, kind: Kind::EachOnce })
    }

    fn part(&self, share: Share) -> Result<DataLoader> {
        let Share { rank, world, .. } = share;
        if rank >= world {
            return Err(Error::Argument(format!(
                "there is no rank {rank} of {world}: ranks are below the world's size"
            )));
        }
        if let Some(Share { rank, world, .. }) = self.share {
            return Err(Error::Argument(format!("the loader is already the part of rank {rank} of {world}")));
        }
        Ok(DataLoader { shared: self.shared.clone(), share: Some(share) })
    }

    /// How many batches an epoch has.
    pub fn len(&self) -> usize {
        let (samples, size) = (self.epoch_len(), self.shared.options.batch_size);
        match (size, self.shared.options.drop_last) {
            (0, _) => 0,
            (_, true) => samples / size,
            (_, false) => samples.div_ceil(size),
        }
    }

    /// How many samples the last batch of an epoch has.
    pub(crate) fn last_batch_len(&self) -> usize {
        let size = self.shared.options.batch_size;
        match self.len() {
            0 => 0,
            _ if self.shared.options.drop_last => size,
            batches => self.epoch_len() - (batches - 1) * size,
        }
    }

    /// Whether an epoch has no batch.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many samples the data set has.
    pub fn dataset_len(&self) -> usize {
        self.shared.dataset.len()
    }

    /// The data set.
    pub fn dataset(&self) -> &dyn Dataset {
        self.shared.dataset.as_ref()
    }

    /// The options that the loader was made with.
    pub fn options(&self) -> &LoaderOptions {
        &self.shared.options
    }

    /// The batches of the next epoch.
    pub fn iter(&self) -> Batches {
        let epoch = {
            let mut count = self.shared.count();
            count.next += 1;
            count.next - 1
        };
        self.iter_epoch(epoch)
    }

    /// The number of the epoch that the next [`iter`](DataLoader::iter) gives.
    pub fn next_epoch(&self) -> u64 {
        self.shared.count().next
    }

    /// Makes the next [`iter`](DataLoader::iter) give epoch `epoch`, to resume a training.
    pub fn set_next_epoch(&self, epoch: u64) {
        self.shared.count().next = epoch;
    }

    /// The seed of the order and of random transforms: the one in the options, else the one given to
    /// [`seed`](crate::seed).
    pub fn seed(&self) -> u64 {
        self.shared.seed()
    }

    /// The batches of epoch `epoch`, counted from 0: the same whenever it is asked for.
    pub fn iter_epoch(&self, epoch: u64) -> Batches {
        Batches::new(self.shared.clone(), self.share, epoch, 0..self.len())
    }

    /// Batch `index` of epoch 0, counted from 0: the same whenever it is asked for.
    ///
    /// # Errors
    /// When there is no such batch, or a sample of it cannot be read or transformed.
    pub fn batch(&self, index: usize) -> Result<Batch> {
        if self.shared.options.batch_size > 0 && index >= self.len() {
            let count = self.len();
            return Err(Error::Argument(format!(
                "there is no batch {index}: the loader has {count}, from 0"
            )));
        }
        let only = Batches::new(self.shared.clone(), self.share, 0, index..index + 1).next();
        only.unwrap_or_else(|| Err(Error::Loader(format!("batch {index} is empty"))))
    }

    /// The cached pictures and where pictures came from so far; `None` without a cache (because of the
    /// options, or because the data set's samples are not read in two steps, see
    /// [Dataset::in_two_steps]).
    pub fn cache(&self) -> Option<CacheUsage> {
        self.shared.cache().map(|cache| cache.usage())
    }

    /// The files that have been skipped so far because they could not be read
    /// ([`Unreadable::Skip`]), by path.
    pub fn skipped(&self) -> Vec<Skipped> {
        let skipped = self.shared.skipped.lock().unwrap_or_else(PoisonError::into_inner);
        skipped.iter().map(|(path, reason)| Skipped { path: path.clone(), reason: reason.clone() }).collect()
    }
}

impl IntoIterator for &DataLoader {
    type Item = Result<Batch>;
    type IntoIter = Batches;

    fn into_iter(self) -> Batches {
        self.iter()
    }
}

impl fmt::Display for DataLoader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = &self.shared.options;
        write!(
            f,
            "DataLoader({} samples, {} batches of {}, shuffle={}, num_workers={}, seed={}",
            self.dataset_len(),
            self.len(),
            options.batch_size,
            py_bool(options.shuffle),
            options.num_workers,
            self.seed()
        )?;
        if options.drop_last {
            f.write_str(", drop_last=True")?;
        }
        if let Some(sampler) = &options.sampler {
            write!(f, ", sampler={sampler}")?;
        }
        if let Some(Share { rank, world, .. }) = self.share {
            write!(f, ", part of rank {rank} of {world}")?;
        }
        if options.decoding == Decoding::Reduced {
            f.write_str(", decoding=Reduced")?;
        }
        match self.skipped().len() {
            0 => f.write_str(")"),
            count => write!(f, ", {count} unreadable files skipped)"),
        }
    }
}

impl fmt::Debug for DataLoader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
