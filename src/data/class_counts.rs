//! How many samples each class has, and weights that balance them.

use std::fmt;

use super::Dataset;
use super::table::{Table, counted};
use crate::notebook::html::escape;
use crate::notebook::numbers::thousands;
use crate::notebook::{MimeBundle, Show, result};
use crate::{Error, Result};

/// How many samples of a data set each class has. Prints as a table; in a notebook with bars.
#[derive(Clone, PartialEq, Eq)]
pub struct ClassCounts {
    /// The classes, in the data set's order.
    pub classes: Vec<String>,
    /// How many samples each has.
    pub counts: Vec<usize>,
}

impl ClassCounts {
    /// The counts of `dataset`, without reading a sample.
    ///
    /// # Errors
    /// When the data set does not know its samples' classes ([`Dataset::label`]), or gives one that it does
    /// not have.
    pub fn of(dataset: &dyn Dataset) -> Result<Self> {
        let classes = dataset.classes();
        let mut counts = vec![0; classes.len()];
        for index in 0..dataset.len() {
            let label = dataset.label(index).ok_or_else(|| {
                Error::Argument(
                    "the data set does not say which classes its samples have: implement Dataset::label"
                        .into(),
                )
            })?;
            let count =
                usize::try_from(label).ok().and_then(|label| counts.get_mut(label)).ok_or_else(|| {
                    let known = classes.len();
                    Error::Argument(format!(
                        "sample {index} has the class {label}, but there are {known} classes"
                    ))
                })?;
            *count += 1;
        }
        Ok(ClassCounts { classes, counts })
    }

    /// How many samples there are.
    pub fn total(&self) -> usize {
        self.counts.iter().sum()
    }

    /// A weight for each class, inversely proportional to its number of samples, total / (classes · count):
    /// the "balanced" weights of scikit-learn, for `CrossEntropyLoss`'s `weight`. A class without samples
    /// has 0.
    pub fn weights(&self) -> Vec<f32> {
        let filled = self.counts.iter().filter(|&&count| count > 0).count();
        let share = self.total() as f64 / filled.max(1) as f64;
        self.counts
            .iter()
            .map(|&count| if count == 0 { 0.0 } else { (share / count as f64) as f32 })
            .collect()
    }

    /// For each sample, 1 / the number of samples of its class.
    pub(super) fn sample_weights(&self, dataset: &dyn Dataset) -> Result<Vec<f64>> {
        let weight = |index| {
            let label = usize::try_from(dataset.label(index).unwrap_or(-1)).ok();
            1.0 / label.and_then(|label| self.counts.get(label)).map_or(f64::INFINITY, |&count| count as f64)
        };
        Ok((0..dataset.len()).map(weight).collect())
    }

    /// The share of each class.
    fn share(&self, count: usize) -> f64 {
        100.0 * count as f64 / self.total().max(1) as f64
    }

    /// `720 pictures in 12 classes, 60 each`, or `40 to 258 each`.
    pub(super) fn summary(&self) -> String {
        let (least, most) = (self.counts.iter().min().unwrap_or(&0), self.counts.iter().max().unwrap_or(&0));
        let each = if least == most {
            thousands(*least)
        } else {
            format!("{} to {}", thousands(*least), thousands(*most))
        };
        let (pictures, classes) =
            (counted(self.total(), "sample", "samples"), counted(self.classes.len(), "class", "classes"));
        format!("{pictures} in {classes}, {each} each")
    }

    /// A table with a bar for each class.
    pub(super) fn html(&self) -> String {
        let most = self.counts.iter().max().copied().unwrap_or(0).max(1);
        let mut html = String::from("<table>");
        for (class, &count) in self.classes.iter().zip(&self.counts) {
            let width = 200.0 * count as f64 / most as f64;
            html += &format!(
                "<tr><td style=\"text-align:left\">{}</td><td style=\"text-align:right\">{}</td>\
                 <td style=\"text-align:left\"><div style=\"background:#1f77b4;height:0.8em;width:{width:.0}px\"></div></td></tr>",
                escape(class),
                thousands(count)
            );
        }
        html + "</table>"
    }

    /// Shows the table as the value of a cell's last expression.
    pub fn evcxr_display(&self) {
        result(self);
    }
}

impl Show for ClassCounts {
    fn bundle(&self) -> MimeBundle {
        MimeBundle::text(self.to_string()).with_html(format!("<div>{}</div>{}", self.summary(), self.html()))
    }
}

impl fmt::Display for ClassCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(&["class", "samples", "share"]);
        for (class, &count) in self.classes.iter().zip(&self.counts) {
            table.row(vec![class.clone(), thousands(count), format!("{:.1} %", self.share(count))]);
        }
        write!(f, "{}\n{}", self.summary(), table.text())
    }
}

impl fmt::Debug for ClassCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
