//! The display of transforms in a cell.

use super::{Compose, Transform};
use crate::notebook::html::{PALE, escape};
use crate::notebook::{MimeBundle, Show, result};

impl Show for Compose {
    /// A numbered list: each step's name, and its arguments.
    fn bundle(&self) -> MimeBundle {
        let steps: String =
            self.transforms().iter().map(|step| format!("<li>{}</li>", step_html(step))).collect();
        let count = self.transforms().len();
        let front = self.deterministic_front();
        let note = match (front, count) {
            (_, 0) => "nothing is done to a picture".to_string(),
            (front, count) if front == count => "nothing random: the same in every epoch".to_string(),
            (0, _) => "random from the first step on".to_string(),
            (front, _) => format!("random from step {} on", front + 1),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transforms::{random_rotation, resize, to_tensor};

    fn html(value: &dyn Show) -> String {
        value.bundle().get("text/html").unwrap_or_default()
    }

    #[test]
    fn pipelines_are_numbered_lists() {
        let pipeline = Compose::new(vec![resize([96, 96]), random_rotation(45.0), to_tensor()]);
        let shown = html(&pipeline);
        assert_eq!(shown.matches("<li>").count(), 3);
        assert!(shown.contains("<b>Resize</b></code> <code") && shown.contains("size=[96, 96]"), "{shown}");
        assert!(shown.contains("random from step 2 on"), "{shown}");
        assert!(html(&Compose::new(vec![])).contains("nothing is done"));
        assert!(html(&Compose::new(vec![resize([0, 96])])).contains('⚠'), "a fault is shown");
        assert!(html(&resize([8, 8])).contains("<b>Resize</b>"));
    }
}
