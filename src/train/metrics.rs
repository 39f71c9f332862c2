//! Metrics of a model.

use crate::notebook::html::escape;
use std::fmt;

use super::Evaluation;
use crate::Result;
use crate::notebook::{MimeBundle, Show, result};

/// How many classes `top5` looks at.
const TOP: i64 = 5;

/// Accuracies over all pictures, and precision, recall and F1 of every class, as scikit-learn's
/// `classification_report` has them. Shows as a table.
#[derive(Clone, PartialEq)]
pub struct Metrics {
    /// Share of the pictures whose likeliest class is the true one, 0 to 1.
    pub top1: f64,
    /// Share of the pictures whose true class is among the five likeliest (of all, if there are fewer).
    pub top5: f64,
    /// Mean of the classes' F1: rare classes count as much as others.
    pub macro_f1: f64,
    /// Mean of the classes' precision.
    pub macro_precision: f64,
    /// Mean of the classes' recall: the balanced accuracy.
    pub macro_recall: f64,
    /// Mean cross entropy of a picture.
    pub loss: f64,
    /// How many pictures there were.
    pub images: usize,
    /// The classes that have a picture or were predicted for one, in the order of the labels.
    pub classes: Vec<ClassMetrics>,
}

/// How good a model is on one class.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassMetrics {
    /// The class's name.
    pub name: String,
    /// How many pictures are of it.
    pub support: usize,
    /// How many pictures were taken for it.
    pub predicted: usize,
    /// How many pictures of it were taken for it.
    pub correct: usize,
    /// `correct / predicted`, 0 where nothing was predicted.
    pub precision: f64,
    /// `correct / support`, 0 where there is none: the class's accuracy.
    pub recall: f64,
    /// Their harmonic mean.
    pub f1: f64,
}

impl Metrics {
    pub(super) fn of(evaluation: &Evaluation) -> Result<Metrics> {
        let confusion = evaluation.confusion();
        let class = |class: usize| {
            let support: usize = confusion[class].iter().sum();
            let predicted: usize = confusion.iter().map(|row| row[class]).sum();
            let correct = confusion[class][class];
            ClassMetrics {
                name: evaluation.class_name(class),
                support,
                predicted,
                correct,
                precision: share(correct, predicted),
                recall: share(correct, support),
                f1: share(2 * correct, support + predicted),
            }
        };
        let classes: Vec<_> =
            (0..confusion.len()).map(class).filter(|class| class.support + class.predicted > 0).collect();
        let mean =
            |of: fn(&ClassMetrics) -> f64| classes.iter().map(of).sum::<f64>() / classes.len().max(1) as f64;
        Ok(Metrics {
            top1: evaluation.accuracy,
            top5: top(evaluation, TOP)?,
            macro_f1: mean(|class| class.f1),
            macro_precision: mean(|class| class.precision),
            macro_recall: mean(|class| class.recall),
            loss: evaluation.losses.iter().sum::<f64>() / evaluation.images as f64,
            images: evaluation.images,
            classes,
        })
    }

    /// Shows the table as the value of a cell's last expression.
    pub fn evcxr_display(&self) {
        result(self);
    }
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Share of the pictures whose true class is among the `k` likeliest.
fn top(evaluation: &Evaluation, k: i64) -> Result<f64> {
    let k = k.min(evaluation.logits.size()[1]);
    let (_, classes) = evaluation.logits.f_topk(k, 1, true, true)?;
    let rows = Vec::<Vec<i64>>::try_from(classes)?;
    let hits = rows.iter().zip(&evaluation.labels).filter(|(row, label)| row.contains(&(**label as i64)));
    Ok(share(hits.count(), evaluation.images))
}

impl fmt::Display for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.classes.iter().map(|class| class.name.chars().count()).max().unwrap_or(0).max(9);
        writeln!(f, "{:width$}  precision  recall      f1  pictures", "")?;
        for ClassMetrics { name, precision, recall, f1, support, .. } in &self.classes {
            writeln!(f, "{name:>width$}  {precision:>9.3}  {recall:>6.3}  {f1:>6.3}  {support:>8}")?;
        }
        let Metrics { macro_precision, macro_recall, macro_f1, images, .. } = self;
        writeln!(
            f,
            "{:>width$}  {macro_precision:>9.3}  {macro_recall:>6.3}  {macro_f1:>6.3}  {images:>8}",
            "macro avg"
        )?;
        write!(f, "top-1 {:.4}, top-5 {:.4}, loss {:.4}", self.top1, self.top5, self.loss)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Show for Metrics {
    fn bundle(&self) -> MimeBundle {
        MimeBundle::text(self.to_string()).with_html(self.html())
    }
}

impl Metrics {
    fn html(&self) -> String {
        let row = |cells: [String; 5], tag: &str| {
            let cells = cells.map(|cell| format!("<{tag} style=\"text-align:right\">{cell}</{tag}>"));
            format!("<tr>{}</tr>", cells.concat())
        };
        let numbers = |name: &str, precision: f64, recall: f64, f1: f64, count: usize| {
            let three = |value: f64| format!("{value:.3}");
            [escape(name), three(precision), three(recall), three(f1), count.to_string()]
        };
        let head = row(["", "precision", "recall", "F1", "pictures"].map(String::from), "th");
        let body: String = self
            .classes
            .iter()
            .map(|c| row(numbers(&c.name, c.precision, c.recall, c.f1, c.support), "td"))
            .collect();
        let mean = numbers("macro avg", self.macro_precision, self.macro_recall, self.macro_f1, self.images);
        format!(
            "<table><thead>{head}</thead><tbody>{body}</tbody><tfoot>{}</tfoot></table>\
             <div>top-1 <b>{:.4}</b>, top-5 {:.4}, loss {:.4}</div>",
            row(mean, "th"),
            self.top1,
            self.top5,
            self.loss
        )
    }
}

#[cfg(test)]
mod tests {
    use tch::Tensor;

    use super::*;

    /// Six pictures of three classes, taken for 0 0 1 | 1 | 0 1.
    fn evaluation() -> Evaluation {
        let rows = [
            [3f32, 1., 0., 0., 0., 0.],
            [3., 0., 1., 0., 0., 0.],
            [1., 3., 0., 0., 0., 0.],
            [0., 3., 1., 0., 0., 0.],
            [5., 4., -9., 3., 2., 1.],
            [1., 3., 2., 0., 0., 0.],
        ];
        let names = ["a", "b", "c", "d", "e", "f"].map(String::from).to_vec();
        let paths = (0..6).map(|number| format!("{number}.jpg").into()).collect();
        Evaluation::new(Tensor::from_slice2(&rows), vec![0, 0, 0, 1, 2, 2], paths, names, 0.0, 1.0).unwrap()
    }

    /// scikit-learn's `classification_report` of the same labels, but for its rows of classes that are
    /// nowhere; by hand: a 2/3, 2/3; b 1/3, 1; c 0, 0.
    #[test]
    fn counts_as_scikit_learn() {
        let metrics = evaluation().metrics().unwrap();
        let near = |value: f64, expected: f64| assert!((value - expected).abs() < 1e-12, "{metrics}");
        near(metrics.top1, 0.5);
        // The fifth picture's class is its least likely.
        near(metrics.top5, 5.0 / 6.0);
        assert_eq!(metrics.classes.len(), 3);
        let [a, b, c] = [&metrics.classes[0], &metrics.classes[1], &metrics.classes[2]];
        assert_eq!((a.support, a.predicted, a.correct), (3, 3, 2));
        near(b.precision, 1.0 / 3.0);
        near(b.f1, 0.5);
        assert_eq!((c.precision, c.recall, c.f1), (0.0, 0.0, 0.0));
        near(metrics.macro_f1, (2.0 / 3.0 + 0.5) / 3.0);
        near(metrics.macro_recall, (2.0 / 3.0 + 1.0) / 3.0);
        let text = metrics.to_string();
        assert!(text.contains("macro avg") && text.ends_with("loss 3.1847"), "{text}");
        assert!(metrics.bundle().get("text/html").unwrap().contains("<table>"));
    }

    #[test]
    fn losses_and_the_worst_are_told() {
        let evaluation = evaluation();
        // -ln softmax of the first row's class 0
        let expected = (3f64.exp() + 1f64.exp() + 4.0).ln() - 3.0;
        assert!((evaluation.losses[0] - expected).abs() < 1e-6);
        assert_eq!(evaluation.worst(1), [4]);
        assert_eq!(evaluation.confusion()[2], [1, 1, 0, 0, 0, 0]);
        assert_eq!(evaluation.corrects, 3);
    }
}
