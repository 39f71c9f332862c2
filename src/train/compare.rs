//! Compares several trainings.

use crate::notebook::html::escape;
use std::fmt;

use super::History;
use crate::notebook::{MimeBundle, Show, result};

/// Trainings by name, from [`compare`]; shows as a table, and [`plot`](Comparison::plot) draws their curves into one
/// picture.
#[derive(Clone, PartialEq)]
pub struct Comparison {
    /// The runs in the order in which they were given.
    pub runs: Vec<(String, History)>,
}

/// Puts trainings side by side: `compare(&[("moving", &history_1), ("still", &history_2)])`.
pub fn compare(runs: &[(&str, &History)]) -> Comparison {
    Comparison { runs: runs.iter().map(|(name, history)| ((*name).to_owned(), (*history).clone())).collect() }
}

const HEAD: [&str; 8] =
    ["run", "epochs", "best acc", "in epoch", "valid loss", "train loss", "seconds", "images/s"];

impl Comparison {
    fn rows(&self) -> Vec<[String; 8]> {
        let number = |value: Option<f64>, digits: usize| {
            value.map_or("-".to_owned(), |value| format!("{value:.digits$}"))
        };
        let row = |(name, history): &(String, History)| {
            let at = |list: &[f64]| history.best_epoch.and_then(|epoch| list.get(epoch).copied());
            let speeds = &history.train_images_per_second;
            let speed = (!speeds.is_empty()).then(|| speeds.iter().sum::<f64>() / speeds.len() as f64);
            [
                name.clone(),
                history.epochs().to_string(),
                number(Some(history.best_acc), 4),
                history.best_epoch.map_or("-".into(), |epoch| epoch.to_string()),
                number(at(&history.valid_losses), 4),
                number(at(&history.train_losses), 4),
                number(Some(history.seconds), 1),
                number(speed, 0),
            ]
        };
        self.runs.iter().map(row).collect()
    }

    /// The run with the highest validation accuracy; on a tie, the first.
    pub fn best(&self) -> Option<&(String, History)> {
        self.runs.iter().rev().max_by(|a, b| a.1.best_acc.total_cmp(&b.1.best_acc))
    }

    /// Shows the table as the value of a cell's last expression.
    pub fn evcxr_display(&self) {
        result(self);
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.rows();
        let all = || std::iter::once(HEAD.map(String::from)).chain(rows.iter().cloned());
        let width = |column: usize| all().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
        for (number, row) in all().enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            write!(f, "{:<1$}", row[0], widths[0])?;
            row[1..].iter().zip(&widths[1..]).try_for_each(|(cell, width)| write!(f, "  {cell:>width$}"))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Show for Comparison {
    fn bundle(&self) -> MimeBundle {
        let row = |cells: &[String], tag: &str| {
            let cell = |(number, text): (usize, &String)| {
                let side = if number == 0 { "left" } else { "right" };
                format!("<{tag} style=\"text-align:{side}\">{}</{tag}>", escape(text))
            };
            format!("<tr>{}</tr>", cells.iter().enumerate().map(cell).collect::<String>())
        };
        let body: String = self.rows().iter().map(|cells| row(cells, "td")).collect();
        let head = row(&HEAD.map(String::from), "th");
        let html = format!("<table><thead>{head}</thead><tbody>{body}</tbody></table>");
        MimeBundle::text(self.to_string()).with_html(html)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_stand_under_each_other() {
        let run = |best_acc: f64| History {
            train_losses: vec![2.0, 1.0],
            valid_losses: vec![2.5, 1.5],
            best_epoch: Some(1),
            best_acc,
            seconds: 12.34,
            ..Default::default()
        };
        let (first, second) = (run(0.5), run(0.75));
        let comparison = compare(&[("moving", &first), ("still <1>", &second)]);
        let text = comparison.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|line| line.chars().count() == lines[0].chars().count()), "{text}");
        let words: Vec<&str> = lines[1].split_whitespace().collect();
        assert_eq!(words, ["moving", "2", "0.5000", "1", "1.5000", "1.0000", "12.3", "-"]);
        assert_eq!(comparison.best().unwrap().0, "still <1>");
        assert!(comparison.bundle().get("text/html").unwrap().contains("still &lt;1&gt;"));
        assert_eq!(comparison.plot().unwrap().alt(), text);
    }
}
