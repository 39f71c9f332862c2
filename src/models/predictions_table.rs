//! The display of predictions in a cell.

use super::Predictions;
use crate::notebook::html::{PALE, bar, table};
use crate::notebook::numbers::thousands;
use crate::notebook::{MimeBundle, Show};

/// Rows of the table shown on a page.
const MOST_ROWS: usize = 12;

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

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Tensor;

    #[test]
    fn predictions_are_a_short_table() -> crate::Result<()> {
        let logits = Tensor::from_slice2(&[[0f32, 9.0], [0.0, 0.0]]).repeat([20, 1]);
        let shown = Predictions::from_logits(&logits)?.bundle().get("text/html").unwrap_or_default();
        assert_eq!(shown.matches("<tr>").count(), 1 + MOST_ROWS);
        assert!(shown.contains("100.0 %") && shown.contains("and 28 more"), "{shown}");
        let none = Predictions::from_logits(&logits.narrow(0, 0, 0))?.bundle();
        assert_eq!(none.mime_types(), ["text/plain"]);
        Ok(())
    }
}
