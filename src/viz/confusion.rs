//! Which classes a model takes for which.

use super::answers::Answered;
use super::labels::Names;
use crate::Result;
use crate::data::CategoryNames;

/// How often each class was taken for each: scikit-learn's `confusion_matrix`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Confusion {
    /// By true class, then by predicted class.
    pub(super) counts: Vec<Vec<usize>>,
}

/// Pictures of one class that were taken for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfusedPair {
    /// The true class, an index into `class_names`.
    pub actual: usize,
    /// The class it was taken for.
    pub predicted: usize,
    /// How many pictures.
    pub count: usize,
    /// How many pictures the true class has.
    pub of: usize,
    /// The true class's name.
    pub actual_name: String,
    /// The other's name.
    pub predicted_name: String,
}

impl Confusion {
    pub(super) fn of(labels: &[usize], predicted: &[usize], classes: usize) -> Self {
        let mut counts = vec![vec![0; classes]; classes];
        for (label, class) in labels.iter().zip(predicted) {
            counts[*label][*class] += 1;
        }
        Self { counts }
    }

    /// Pictures of a true class.
    pub(super) fn total(&self, actual: usize) -> usize {
        self.counts[actual].iter().sum()
    }

    /// The pairs that were confused, the most frequent first, then the larger share of the class, then
    /// in the order of the classes.
    pub(super) fn pairs(&self, names: &Names) -> Vec<ConfusedPair> {
        let mut pairs = Vec::new();
        for (actual, row) in self.counts.iter().enumerate() {
            let of = row.iter().sum();
            for (predicted, &count) in row.iter().enumerate().filter(|(other, _)| *other != actual) {
                if count > 0 {
                    pairs.push(ConfusedPair {
                        actual,
                        predicted,
                        count,
                        of,
                        actual_name: names.full[actual].clone(),
                        predicted_name: names.full[predicted].clone(),
                    });
                }
            }
        }
        pairs.sort_by_key(|pair| (std::cmp::Reverse(pair.count), pair.of, pair.actual, pair.predicted));
        pairs
    }
}

impl std::fmt::Display for ConfusedPair {
    /// `camellia → gerbera: 5 of 9`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ConfusedPair { count, of, actual_name, predicted_name, .. } = self;
        write!(f, "{actual_name} → {predicted_name}: {count} of {of}")
    }
}

/// The pairs of classes that a model confuses at least `min_count` times, the most frequent first: as
/// fastai's `most_confused`.
///
/// # Errors
/// [`Error::Argument`](crate::Error::Argument) if answers and `class_names` do not go together; the
/// error of [`CategoryNames::name`] for a label without name.
pub fn most_confused(
    evaluation: &impl Answered,
    class_names: &[String],
    cat_to_name: &CategoryNames,
    min_count: usize,
) -> Result<Vec<ConfusedPair>> {
    let answers = evaluation.answers()?;
    answers.check(class_names.len())?;
    let names = Names::of(class_names, cat_to_name)?;
    let confusion = Confusion::of(&answers.labels, &answers.predicted, class_names.len());
    Ok(confusion.pairs(&names).into_iter().filter(|pair| pair.count >= min_count).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// scikit-learn's own example: `confusion_matrix([2, 0, 2, 2, 0, 1], [0, 0, 2, 2, 0, 2])`.
    #[test]
    fn counts_as_scikit_learn() {
        let confusion = Confusion::of(&[2, 0, 2, 2, 0, 1], &[0, 0, 2, 2, 0, 2], 3);
        assert_eq!(confusion.counts, [[2, 0, 0], [0, 0, 1], [1, 0, 2]]);
        let names = Names { full: ["a", "b", "c"].map(String::from).to_vec(), drawn: Vec::new() };
        let pairs: Vec<String> = confusion.pairs(&names).iter().map(ToString::to_string).collect();
        assert_eq!(pairs, ["b → c: 1 of 1", "c → a: 1 of 3"]);
    }
}
