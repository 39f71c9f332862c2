//! The process-wide random seed.

use std::sync::{Mutex, PoisonError};

/// The last argument of [`seed`], and how often it has been called.
static GLOBAL: Mutex<GlobalSeed> = Mutex::new(GlobalSeed { seed: 0, generation: 0 });

/// The seed of a loader without its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GlobalSeed {
    pub seed: u64,
    /// Incremented by every call of [`seed`], which makes loaders start again at epoch 0.
    pub generation: u64,
}

/// Seeds all randomness from here on, as `torch.manual_seed`: the random weights of new models,
/// dropout, mixup, and order and augmentation in every loader whose
/// [`LoaderOptions::seed`](crate::data::LoaderOptions::seed) is not given, however many threads it
/// has; such loaders, including existing ones, count their epochs from 0 again.
///
/// The same program then gives the same results on the same machine. Call it at the start, or
/// before each training that should be repeatable.
pub fn seed(seed: u64) {
    let mut global = GLOBAL.lock().unwrap_or_else(PoisonError::into_inner);
    *global = GlobalSeed { seed, generation: global.generation + 1 };
    // libtorch takes a signed integer; all bits count.
    tch::manual_seed(seed as i64);
}

/// What [`seed`] was last given, 0 if nothing.
pub(crate) fn global() -> GlobalSeed {
    *GLOBAL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One step of SplitMix64 (Steele, Lea, Flood 2014): consecutive inputs give unrelated outputs.
pub(crate) fn splitmix(state: u64) -> u64 {
    let z = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
