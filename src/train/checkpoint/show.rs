//! The display of a checkpoint in a cell.

use super::Checkpoint;
use crate::notebook::html::{bar, escape, table};
use crate::notebook::numbers::thousands;
use crate::notebook::{MimeBundle, Show};

impl Show for Checkpoint {
    /// Its model, accuracy and contents, in two columns.
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

crate::notebook::rich_by_show!(Checkpoint);
