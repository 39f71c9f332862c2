//! One number from which all chance in this process follows.

use std::sync::{Mutex, PoisonError};

/// The number given to [`seed`] last, and how often one was given.
static GLOBAL: Mutex<Chance> = Mutex::new(Chance { seed: 0, generation: 0 });

/// What a loader without a seed of its own follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chance {
    pub seed: u64,
    /// Grows with every call of [`seed`], by which loaders know that they are to begin anew.
    pub generation: u64,
}

/// Fixes all chance from here on, as `torch.manual_seed`: the random weights of new models, dropout,
/// mixup, and order and augmentation in every loader whose
/// [`LoaderOptions::seed`](crate::data::LoaderOptions::seed) is not given, however many threads it
/// has; such loaders, also those that exist, count their epochs from 0 again.
///
/// The same program run again gives the same on the same machine. Call it at the beginning, or
/// before each training that is to repeat another one.
pub fn seed(seed: u64) {
    let mut global = GLOBAL.lock().unwrap_or_else(PoisonError::into_inner);
    *global = Chance { seed, generation: global.generation + 1 };
    // libtorch takes a signed number; all bits of it count.
    tch::manual_seed(seed as i64);
}

/// What [`seed`] was last given, 0 if nothing.
pub(crate) fn global() -> Chance {
    *GLOBAL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One step of SplitMix64 (Steele, Lea, Flood 2014): neighbouring numbers become unrelated ones.
pub(crate) fn splitmix(state: u64) -> u64 {
    let z = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
