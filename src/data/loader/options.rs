//! How a loader works.

use std::fmt;
use std::path::PathBuf;

use super::WeightedRandomSampler;
use crate::data::{CacheOptions, Decoding};
use crate::{Error, Result};

/// The most threads that read ahead by default.
const MOST_WORKERS: usize = 16;

/// The options of a [`DataLoader`](super::DataLoader), with PyTorch's names and defaults where it has them.
#[derive(Debug, Clone)]
pub struct LoaderOptions {
    /// How many samples a batch has, at least 1. Default 1.
    pub batch_size: usize,
    /// Whether each epoch has its own random order. Default no: the data set's order.
    pub shuffle: bool,
    /// The seed of the order and of random transforms. Default: the last argument of
    /// [`seed`](crate::seed), or 0.
    pub seed: Option<u64>,
    /// Whether a last batch that is not full is left out. Default no.
    pub drop_last: bool,
    /// How many threads read ahead; 0 reads in the calling thread. Default: as many as the machine has
    /// cores, at most 16; where several processes train together on it, this one's share of them. They rest while enough batches are read ahead, so that training has the cores to
    /// itself but for the time that its pictures take. PyTorch's default is 0: its workers are processes,
    /// which cost more.
    pub num_workers: usize,
    /// How many batches are read ahead of the current one: together with the batch size, this bounds the
    /// memory for reading ahead. Default 2.
    pub prefetch_batches: usize,
    /// Whether batches are made in pinned memory, from which a GPU copies by itself: [`train_model`](crate::train::train_model)
    /// and its like put them there in any case, but the loader's threads do it beside the training. Without a GPU it does
    /// nothing. Default no.
    pub pin_memory: bool,
    /// What to do with a file that cannot be read. Default: fail.
    pub unreadable: Unreadable,
    /// A sampler that draws the samples of an epoch; it replaces `shuffle`. Default: none.
    pub sampler: Option<WeightedRandomSampler>,
    /// Whether pictures that are then made smaller are decoded in full. Default: yes, exactly.
    pub decoding: Decoding,
    /// What is kept of decoded pictures, for the next epochs and the next kernels. Default: see there.
    pub cache: CacheOptions,
}

impl LoaderOptions {
    /// # Errors
    /// When no batch can be made with these options.
    pub(super) fn check(&self) -> Result<()> {
        let problem = if self.batch_size == 0 {
            "batch_size is 0: a batch has at least 1 sample"
        } else if self.shuffle && self.sampler.is_some() {
            "sampler option is mutually exclusive with shuffle: a sampler draws in random order by itself"
        } else {
            return Ok(());
        };
        Err(Error::Argument(problem.into()))
    }
}

/// How many processes of a training run on this machine, as torchrun, `herbarium run` and Open MPI say it.
fn processes_of_this_machine() -> usize {
    let names = ["LOCAL_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_SIZE"];
    let said = names.iter().find_map(|name| std::env::var(name).ok()?.parse().ok());
    said.filter(|&processes| processes > 0).unwrap_or(1)
}

impl Default for LoaderOptions {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let cores = (cores / processes_of_this_machine()).max(1);
        LoaderOptions {
            batch_size: 1,
            shuffle: false,
            seed: None,
            drop_last: false,
            num_workers: cores.min(MOST_WORKERS),
            prefetch_batches: 2,
            pin_memory: false,
            unreadable: Unreadable::Fail,
            sampler: None,
            decoding: Decoding::Exact,
            cache: CacheOptions::default(),
        }
    }
}

/// What a loader does with a file that cannot be read or decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unreadable {
    /// The batch is an error that names the file.
    #[default]
    Fail,
    /// The batch is made without the file, which [`DataLoader::skipped`](super::DataLoader::skipped) then
    /// lists.
    Skip,
}

/// A file that was skipped.
#[derive(Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The file.
    pub path: PathBuf,
    /// Why it could not be read.
    pub reason: String,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl fmt::Debug for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
