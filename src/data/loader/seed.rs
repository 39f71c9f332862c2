//! The random generators, one per seed, epoch and sample.

use fastrand::Rng;

use crate::seed::splitmix;

/// The order of `samples` samples in one epoch.
pub(super) fn order(samples: usize, shuffle: bool, seed: u64, epoch: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..samples).collect();
    if shuffle {
        drawing(seed, epoch).shuffle(&mut order);
    }
    order
}

/// The generator for the choice and order of an epoch's samples.
pub(super) fn drawing(seed: u64, epoch: u64) -> Rng {
    // No sample has this index, so that none shares its generator.
    generator(seed, epoch, u64::MAX)
}

/// The generator for one sample in one epoch.
pub(super) fn sample(seed: u64, epoch: u64, index: usize) -> Rng {
    generator(seed, epoch, index as u64)
}

fn generator(seed: u64, epoch: u64, index: u64) -> Rng {
    Rng::with_seed([seed, epoch, index].into_iter().fold(0, |state, part| splitmix(state ^ part)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected: the generator's published first output for the seed 0.
    #[test]
    fn splitmix_of_zero() {
        assert_eq!(splitmix(0), 0xE220_A839_7B1D_CDAF);
    }

    #[test]
    fn orders() {
        assert_eq!(order(5, false, 7, 3), [0, 1, 2, 3, 4]);
        let first = order(100, true, 7, 0);
        assert_eq!(first, order(100, true, 7, 0));
        assert_ne!(first, order(100, true, 7, 1));
        assert_ne!(first, order(100, true, 8, 0));
        let mut sorted = first;
        sorted.sort_unstable();
        assert_eq!(sorted, order(100, false, 0, 0));
    }

    #[test]
    fn samples_draw_differently() {
        let draws: std::collections::BTreeSet<u64> =
            (0..10).flat_map(|epoch| (0..10).map(move |index| sample(0, epoch, index).u64(..))).collect();
        assert_eq!(draws.len(), 100);
    }
}
