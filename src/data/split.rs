//! Splits a set of pictures into two parts.

use fastrand::Rng;

use super::Splits;
use crate::seed::splitmix;
use crate::{Error, Result};

/// How pictures are split into training and validation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SplitOptions {
    /// The share of every class that is for validation, between 0 and 1. Default 0.2. A class keeps at least
    /// one picture in each part.
    pub valid: f64,
    /// The random seed: the same seed gives the same split of the same pictures. Default 0.
    pub seed: u64,
}

impl Default for SplitOptions {
    fn default() -> Self {
        SplitOptions { valid: 0.2, seed: 0 }
    }
}

impl SplitOptions {
    /// The seed of one class's draw.
    pub(super) fn seed_of(&self, class: &str) -> u64 {
        class.bytes().fold(splitmix(self.seed), |state, byte| splitmix(state ^ u64::from(byte)))
    }

    /// The numbers of the samples of both parts, each in the data set's order. The draw of a class depends
    /// only on the seed, the class's name and its number of samples: adding classes changes nothing.
    ///
    /// # Errors
    /// When the share is not between 0 and 1, or a class has fewer than two samples.
    pub(super) fn indices(&self, classes: &[String], labels: &[i64]) -> Result<Splits<Vec<usize>>> {
        if !(self.valid > 0.0 && self.valid < 1.0) {
            let valid = self.valid;
            return Err(Error::Argument(format!(
                "valid is {valid}: a share must be between 0 and 1, like 0.2"
            )));
        }
        let mut members = vec![Vec::new(); classes.len()];
        for (index, &label) in labels.iter().enumerate() {
            if let Some(members) = usize::try_from(label).ok().and_then(|label| members.get_mut(label)) {
                members.push(index);
            }
        }
        let single: Vec<&str> = classes
            .iter()
            .zip(&members)
            .filter(|(_, all)| all.len() == 1)
            .map(|(class, _)| class.as_str())
            .collect();
        if !single.is_empty() {
            return Err(Error::Argument(format!(
                "there is only one picture of {}: a class needs two to be in both parts. Add pictures, or \
                 delete the class",
                single.join(", ")
            )));
        }
        let mut parts = Splits { train: Vec::new(), valid: Vec::new() };
        for (class, mut all) in classes.iter().zip(members).filter(|(_, all)| !all.is_empty()) {
            let count = ((all.len() as f64 * self.valid).round() as usize).clamp(1, all.len() - 1);
            let seed = self.seed_of(class);
            Rng::with_seed(seed).shuffle(&mut all);
            parts.valid.extend(all.drain(..count));
            parts.train.extend(all);
        }
        parts.train.sort_unstable();
        parts.valid.sort_unstable();
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_parted_alike() {
        let classes = ["a", "b"].map(String::from);
        let labels: Vec<i64> = (0..110).map(|i| i64::from(i % 11 == 0)).collect();
        let options = SplitOptions { valid: 0.3, seed: 7 };
        let parts = options.indices(&classes, &labels).unwrap();
        let of = |part: &[usize], class| part.iter().filter(|&&index| labels[index] == class).count();
        assert_eq!((of(&parts.train, 0), of(&parts.valid, 0)), (70, 30));
        assert_eq!((of(&parts.train, 1), of(&parts.valid, 1)), (7, 3));
        let mut all = [parts.train.clone(), parts.valid.clone()].concat();
        all.sort_unstable();
        assert_eq!(all, (0..110).collect::<Vec<_>>());
        assert_eq!(options.indices(&classes, &labels).unwrap(), parts);
        assert_ne!(SplitOptions { seed: 8, ..options }.indices(&classes, &labels).unwrap(), parts);
        for valid in [0.0, 1.0, -0.1, f64::NAN] {
            assert!(SplitOptions { valid, ..options }.indices(&classes, &labels).is_err());
        }
        let few = SplitOptions { valid: 0.01, seed: 0 }.indices(&classes, &[0, 0, 1, 1, 1]).unwrap();
        assert_eq!((few.train.len(), few.valid.len()), (3, 2));
        assert!(options.indices(&classes, &[0, 0, 1]).unwrap_err().to_string().contains("one picture of b"));
    }
}
