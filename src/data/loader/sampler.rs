//! `WeightedRandomSampler`: rare classes as often as common ones.

use std::fmt;

use fastrand::Rng;

use crate::data::{ClassCounts, Dataset};
use crate::transforms::repr::py_bool;
use crate::{Error, Result};

/// Draws the samples of an epoch by weight: `torch.utils.data.WeightedRandomSampler`.
///
/// It goes into [`LoaderOptions::sampler`](super::LoaderOptions) and replaces `shuffle`. Each epoch has a new
/// draw from the loader's seed.
#[derive(Clone, PartialEq)]
pub struct WeightedRandomSampler {
    /// The weight of each sample, not necessarily summing to one; `None` balances the classes: a sample's
    /// weight is 1 / the number of samples of its class.
    pub weights: Option<Vec<f64>>,
    /// How many samples an epoch has; `None` for as many as the data set.
    pub num_samples: Option<usize>,
    /// Whether a sample can be drawn again within an epoch.
    pub replacement: bool,
}

impl WeightedRandomSampler {
    /// A sampler with a weight for each sample, with PyTorch's arguments. Invalid arguments are reported by
    /// the loader's first batch.
    pub fn new(weights: impl Into<Vec<f64>>, num_samples: usize, replacement: bool) -> Self {
        WeightedRandomSampler { weights: Some(weights.into()), num_samples: Some(num_samples), replacement }
    }

    /// A sampler that draws every class equally often, however many pictures it has: an epoch has as many
    /// samples as the data set, drawn with replacement.
    pub fn balanced() -> Self {
        WeightedRandomSampler { weights: None, num_samples: None, replacement: true }
    }

    /// How many samples an epoch of a data set of `count` has.
    pub(super) fn epoch_len(&self, count: usize) -> usize {
        self.num_samples.unwrap_or(count)
    }

    /// The samples of one epoch.
    ///
    /// # Errors
    /// When the weights do not fit the data set, or not enough of them are above 0.
    pub(super) fn draw(&self, dataset: &dyn Dataset, rng: &mut Rng) -> Result<Vec<usize>> {
        let count = self.epoch_len(dataset.len());
        if count == 0 {
            return Ok(Vec::new());
        }
        let weights = self.weights_for(dataset)?;
        if self.replacement { with_replacement(&weights, count, rng) } else { without(&weights, count, rng) }
    }

    fn weights_for(&self, dataset: &dyn Dataset) -> Result<Vec<f64>> {
        let Some(weights) = &self.weights else {
            return ClassCounts::of(dataset)?.sample_weights(dataset);
        };
        if weights.len() != dataset.len() {
            let (given, needed) = (weights.len(), dataset.len());
            return refuse(format!("{given} weights for {needed} samples: give one for each sample"));
        }
        match weights.iter().find(|weight| !(weight.is_finite() && **weight >= 0.0)) {
            Some(bad) => refuse(format!("a weight is {bad}: weights are finite and not below 0")),
            None => Ok(weights.clone()),
        }
    }
}

fn refuse<T>(problem: String) -> Result<T> {
    Err(Error::Argument(format!("WeightedRandomSampler: {problem}")))
}

/// By inversion of the cumulative weights.
fn with_replacement(weights: &[f64], count: usize, rng: &mut Rng) -> Result<Vec<usize>> {
    let mut total = 0.0;
    let sums: Vec<f64> = weights
        .iter()
        .map(|weight| {
            total += weight;
            total
        })
        .collect();
    if !(total.is_finite() && total > 0.0) {
        return refuse(format!("the weights sum up to {total}: at least one must be above 0"));
    }
    // Rounding must not lead past the last sample with a positive weight.
    let last = weights.iter().rposition(|&weight| weight > 0.0).unwrap_or(0);
    let one = |rng: &mut Rng| {
        let place = rng.f64() * total;
        sums.partition_point(|&sum| sum <= place).min(last)
    };
    Ok((0..count).map(|_| one(rng)).collect())
}

/// Takes the greatest u^(1/w), which is equivalent to drawing one after another without replacement
/// (Efraimidis and Spirakis 2006).
fn without(weights: &[f64], count: usize, rng: &mut Rng) -> Result<Vec<usize>> {
    let keys = weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0);
    let mut keys: Vec<(f64, usize)> =
        keys.map(|(index, weight)| ((1.0 - rng.f64()).ln() / weight, index)).collect();
    if keys.len() < count {
        let drawn = keys.len();
        return refuse(format!(
            "num_samples is {count}, but without replacement {drawn} samples can be drawn (those with a weight \
             above 0): lower num_samples or set replacement"
        ));
    }
    keys.sort_by(|a, b| b.0.total_cmp(&a.0));
    Ok(keys.into_iter().take(count).map(|(_, index)| index).collect())
}

impl fmt::Display for WeightedRandomSampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeightedRandomSampler(")?;
        match &self.weights {
            None => f.write_str("balanced")?,
            Some(weights) => write!(f, "{} weights", weights.len())?,
        }
        if let Some(count) = self.num_samples {
            write!(f, ", num_samples={count}")?;
        }
        write!(f, ", replacement={})", py_bool(self.replacement))
    }
}

impl fmt::Debug for WeightedRandomSampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected shares: the weights', within five standard deviations.
    #[test]
    fn draws_by_weight() {
        let weights = [1.0, 0.0, 3.0, 6.0];
        let mut rng = Rng::with_seed(3);
        let drawn = with_replacement(&weights, 20_000, &mut rng).unwrap();
        for (index, weight) in weights.iter().enumerate() {
            let share = drawn.iter().filter(|&&i| i == index).count() as f64 / 20_000.0;
            let p = weight / 10.0;
            assert!((share - p).abs() <= 5.0 * (p * (1.0 - p) / 20_000.0).sqrt(), "{index}: {share}");
        }
    }

    /// Expected: the first is drawn by weight, the second by the weights that are left: of the weights 1, 2
    /// and 3, `p(3, 1)` is 3/6 · 1/3.
    #[test]
    fn draws_without_putting_back() {
        let mut rng = Rng::with_seed(4);
        let runs = 20_000;
        let mut hits = 0;
        for _ in 0..runs {
            let drawn = without(&[1.0, 2.0, 3.0, 0.0], 3, &mut rng).unwrap();
            let mut sorted = drawn.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2]);
            hits += usize::from(drawn[..2] == [2, 0]);
        }
        let p: f64 = 0.5 / 3.0;
        let share = hits as f64 / runs as f64;
        assert!((share - p).abs() < 5.0 * (p * (1.0 - p) / runs as f64).sqrt(), "{share}");
        assert!(
            without(&[1.0, 0.0], 2, &mut rng).unwrap_err().to_string().contains("1 samples can be drawn")
        );
        assert!(with_replacement(&[0.0], 1, &mut rng).is_err());
    }
}
