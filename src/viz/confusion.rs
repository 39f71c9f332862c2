//! The confusion matrix: which classes a model takes for which.

use super::answers::Answered;
use super::labels::Names;
use crate::Result;
use crate::data::CategoryNames;
use crate::notebook::html::{PALE, bar, escape, table};
use crate::notebook::{MimeBundle, Show, result};

/// Rows of the table on a page.
const MOST_ROWS: usize = 30;

/// How often each class was taken for each: scikit-learn's `confusion_matrix`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Confusion {
    /// By true class, then by predicted class.
    pub(super) counts: Vec<Vec<usize>>,
}

/// Pictures of one class that were taken for another.
#[derive(Clone, PartialEq, Eq)]
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

impl std::fmt::Debug for ConfusedPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// The pairs of classes that are confused most; prints one to a line, and shows itself as a table.
#[derive(Clone, PartialEq, Eq)]
pub struct MostConfused {
    /// The pairs, the most frequent first.
    pub pairs: Vec<ConfusedPair>,
}

impl std::fmt::Display for MostConfused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.pairs.is_empty() {
            return f.write_str("no class was taken for another");
        }
        let lines: Vec<String> = self.pairs.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::fmt::Debug for MostConfused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl Show for MostConfused {
    fn bundle(&self) -> MimeBundle {
        let text = MimeBundle::text(self.to_string());
        if self.pairs.is_empty() {
            return text;
        }
        let row = |pair: &ConfusedPair| {
            let share = pair.count as f64 / pair.of.max(1) as f64;
            let count = format!("{} {} of {}", bar(share), pair.count, pair.of);
            vec![escape(&pair.actual_name), escape(&pair.predicted_name), count]
        };
        let rows: Vec<Vec<String>> = self.pairs.iter().take(MOST_ROWS).map(row).collect();
        let more = match self.pairs.len().saturating_sub(MOST_ROWS) {
            0 => String::new(),
            more => format!("<div style=\"{PALE}\">and {more} more</div>"),
        };
        text.with_html(table(&["true", "taken for", "how often"], &rows) + &more)
    }
}

impl MostConfused {
    /// Shows the table as the value of a cell's last expression.
    pub fn evcxr_display(&self) {
        result(self);
    }
}

/// The pairs of classes that a model confuses at least `min_count` times, the most frequent first: as
/// fastai's `most_confused`.
///
/// # Errors
/// [`Error::Argument`](crate::Error::Argument) if answers and `class_names` do not match; the
/// error of [`CategoryNames::name`] for a label without name.
pub fn most_confused(
    evaluation: &impl Answered,
    class_names: &[String],
    cat_to_name: &CategoryNames,
    min_count: usize,
) -> Result<MostConfused> {
    let answers = evaluation.answers()?;
    answers.check(class_names.len())?;
    let names = Names::of(class_names, cat_to_name)?;
    let confusion = Confusion::of(&answers.labels, &answers.predicted, class_names.len());
    let pairs = confusion.pairs(&names).into_iter().filter(|pair| pair.count >= min_count).collect();
    Ok(MostConfused { pairs })
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
