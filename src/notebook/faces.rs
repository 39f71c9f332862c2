//! The faces on a page of values whose own files know nothing of HTML.

use super::bundle::{MimeBundle, Show};
use super::html::{PALE, bar, escape, table};
use super::result;
use crate::models::{Predictions, thousands};
use crate::train::Checkpoint;
use crate::transforms::{Compose, Transform};

/// Rows of a table shown on a page.
const MOST_ROWS: usize = 12;

impl Show for Compose {
    /// A numbered list: each step's name, and its arguments.
    fn bundle(&self) -> MimeBundle {
        let steps: String =
            self.transforms().iter().map(|step| format!("<li>{}</li>", step_html(step))).collect();
        let count = self.transforms().len();
        let front = self.deterministic_front();
        let note = match (front, count) {
            (_, 0) => "nothing is done to a picture".to_string(),
            (front, count) if front == count => "without chance: the same in every epoch".to_string(),
            (0, _) => "with chance from the first step on".to_string(),
            (front, _) => format!("with chance from step {} on", front + 1),
        };
        let html = format!("<div><b>Compose</b> <span style=\"{PALE}\">{note}</span><ol>{steps}</ol></div>");
        MimeBundle::text(self.to_string()).with_html(html)
    }
}

impl Compose {
    /// Shows the steps as the value of a cell's last expression.
    pub fn evcxr_display(&self) {
        result(self);
    }
}

impl Show for Transform {
    /// The step's name, and its arguments.
    fn bundle(&self) -> MimeBundle {
        MimeBundle::text(self.to_string()).with_html(format!("<div>{}</div>", step_html(self)))
    }
}

impl Transform {
    /// Shows the step as the value of a cell's last expression.
    pub fn evcxr_display(&self) {
        result(self);
    }
}

/// `Resize(size=[96, 96])` with its name set apart; what is wrong with its arguments stands behind it.
fn step_html(step: &Transform) -> String {
    let text = step.to_string();
    let (name, arguments) = text
        .split_once('(')
        .map_or((text.as_str(), ""), |(name, rest)| (name, rest.strip_suffix(')').unwrap_or(rest)));
    let arguments = escape(arguments.trim()).replace('\n', "<br>");
    let fault =
        step.check().err().map(|error| format!(" ⚠ {}", escape(&error.to_string()))).unwrap_or_default();
    format!("<code><b>{}</b></code> <code style=\"{PALE}\">{arguments}</code>{fault}", escape(name))
}

impl Show for Predictions {
    /// The first pictures' likeliest classes with their probabilities.
    fn bundle(&self) -> MimeBundle {
        let text = MimeBundle::text(self.to_string());
        let row = |index: usize| -> crate::Result<Vec<String>> {
            let guesses = self.top_k(index, 3)?;
            let first = self.confidence(index)?;
            let others: Vec<String> = guesses
                .iter()
                .skip(1)
                .map(|guess| format!("{} ({:.1} %)", guess.class, 100.0 * guess.confidence))
                .collect();
            Ok(vec![
                index.to_string(),
                format!("<b>{}</b>", self.class(index)?),
                format!("{} {:.1} %", bar(first), 100.0 * first),
                others.join(", "),
            ])
        };
        match (0..self.len().min(MOST_ROWS)).map(row).collect::<crate::Result<Vec<_>>>() {
            Ok(rows) if !rows.is_empty() => {
                let more = match self.len().saturating_sub(MOST_ROWS) {
                    0 => String::new(),
                    more => format!("<div style=\"{PALE}\">and {} more</div>", thousands(more)),
                };
                text.with_html(table(&["picture", "class", "how sure", "next"], &rows) + &more)
            }
            _ => text,
        }
    }
}

impl Show for Checkpoint {
    /// What it is of, how good, and what it holds, in two columns.
    fn bundle(&self) -> MimeBundle {
        let values: usize = self.state_dict.iter().map(|(_, tensor)| tensor.numel()).sum();
        let mut rows = vec![
            ("model", format!("{} for {} classes", escape(&self.model), self.num_classes)),
            ("weights", format!("{} tensors, {} values", self.state_dict.len(), thousands(values))),
            (
                "best accuracy",
                format!("{} <b>{:.4}</b> in epoch {}", bar(self.best_acc), self.best_acc, self.epoch),
            ),
            ("optimizer", escape(&self.optimizer.to_string())),
            ("written by", escape(&self.written_by)),
        ];
        if let (Some(first), Some(last)) = (self.class_names.first(), self.class_names.last()) {
            rows.insert(1, ("classes", format!("{} … {}", escape(first), escape(last))));
        }
        let file = match &self.path {
            Some(path) => escape(&path.display().to_string()),
            None => "in memory".into(),
        };
        let rows: Vec<Vec<String>> =
            rows.into_iter().map(|(name, value)| vec![format!("<b>{name}</b>"), value]).collect();
        let html = format!("<div><b>Checkpoint</b> <code>{file}</code></div>{}", table(&[], &rows));
        MimeBundle::text(self.to_string()).with_html(html)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transforms::{random_rotation, resize, to_tensor};
    use tch::Tensor;

    fn html(value: &dyn Show) -> String {
        value.bundle().get("text/html").unwrap_or_default()
    }

    #[test]
    fn pipelines_are_numbered_lists() {
        let pipeline = Compose::new(vec![resize(96, 96), random_rotation(45.0), to_tensor()]);
        let shown = html(&pipeline);
        assert_eq!(shown.matches("<li>").count(), 3);
        assert!(shown.contains("<b>Resize</b></code> <code") && shown.contains("size=[96, 96]"), "{shown}");
        assert!(shown.contains("with chance from step 2 on"), "{shown}");
        assert!(html(&Compose::new(vec![])).contains("nothing is done"));
        assert!(html(&Compose::new(vec![resize(0, 96)])).contains('⚠'), "a fault is shown");
        assert!(html(&resize(8, 8)).contains("<b>Resize</b>"));
    }

    #[test]
    fn predictions_are_a_short_table() -> crate::Result<()> {
        let logits = Tensor::from_slice2(&[[0f32, 9.0], [0.0, 0.0]]).repeat([20, 1]);
        let shown = html(&Predictions::from_logits(&logits)?);
        assert_eq!(shown.matches("<tr>").count(), 1 + MOST_ROWS);
        assert!(shown.contains("100.0 %") && shown.contains("and 28 more"), "{shown}");
        let none = Predictions::from_logits(&logits.narrow(0, 0, 0))?.bundle();
        assert_eq!(none.mime_types(), ["text/plain"]);
        Ok(())
    }
}
