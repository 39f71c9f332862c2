//! The display of a data set's health.

use std::fmt;

use super::{Health, SetHealth};
use crate::data::table::{Table, bytes_text, counted};
use crate::notebook::html::escape;
use crate::notebook::numbers::thousands;
use crate::notebook::{MimeBundle, Rich, Show, result};

/// Problems shown one by one; the field has all.
const SHOWN: usize = 20;

/// `960 pictures in 12 classes, 1 problem`.
pub(super) fn summary(health: &Health) -> String {
    let pictures = health.parts.iter().map(|part| part.counts.total()).sum();
    let classes = health.parts.iter().map(|part| part.counts.classes.len()).max().unwrap_or(0);
    let problems = match health.problems.len() {
        0 => "no problem found".to_string(),
        count => counted(count, "problem", "problems"),
    };
    let (pictures, classes) = (counted(pictures, "file", "files"), counted(classes, "class", "classes"));
    format!("{pictures} in {classes}, {problems} (read in {:.1} s)", health.took.as_secs_f64())
}

/// One column for each part.
fn table(health: &Health) -> Table {
    let mut head = vec![""];
    head.extend(
        health.parts.iter().map(|part| if part.name.is_empty() { "all" } else { part.name.as_str() }),
    );
    let mut table = Table::new(&head);
    let mut line = |name: &str, value: &dyn Fn(&SetHealth) -> String| {
        let mut row = vec![name.to_string()];
        row.extend(health.parts.iter().map(value));
        table.row(row);
    };
    let size = |part: &SetHealth, which: usize| {
        part.sizes.map_or("-".into(), |sizes| format!("{}x{}", sizes[which].0, sizes[which].1))
    };
    line("files", &|part| thousands(part.counts.total()));
    line("classes", &|part| thousands(part.counts.classes.len()));
    line("fewest in a class", &|part| thousands(part.counts.counts.iter().copied().min().unwrap_or(0)));
    line("most in a class", &|part| thousands(part.counts.counts.iter().copied().max().unwrap_or(0)));
    line("on disk", &|part| bytes_text(part.bytes));
    line("smallest picture", &|part| size(part, 0));
    line("middle picture", &|part| size(part, 1));
    line("largest picture", &|part| size(part, 2));
    line("different sizes", &|part| thousands(part.distinct_sizes));
    line("modes", &|part| {
        let modes = part.modes.iter().map(|(mode, count)| format!("{mode} {}", thousands(*count)));
        modes.collect::<Vec<_>>().join(", ")
    });
    line("unreadable", &|part| thousands(part.unreadable.len()));
    table
}

impl Health {
    /// The problems as lines, at most a readable number.
    fn problem_lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.problems.iter().take(SHOWN).map(ToString::to_string).collect();
        if self.problems.len() > SHOWN {
            lines.push(format!("… and {} more: see the field `problems`", self.problems.len() - SHOWN));
        }
        lines
    }

    /// Shows the table and the picture as the value of a cell's last expression.
    pub fn evcxr_display(&self) {
        result(self);
    }
}

impl Show for Health {
    fn bundle(&self) -> MimeBundle {
        let mut html = format!("<div>{}</div>{}", escape(&summary(self)), table(self).html());
        if !self.problems.is_empty() {
            let lines = self.problem_lines();
            let items: String = lines.iter().map(|line| format!("<li>{}</li>", escape(line))).collect();
            html += &format!("<ul>{items}</ul>");
        }
        // A page shows one form of a value, so the picture must be part of the HTML.
        if let Ok(figure) = self.plot() {
            let (width, height, alt) = (figure.width(), figure.height(), escape(figure.alt()));
            let source = figure.data_url();
            html += &format!("<img src=\"{source}\" width=\"{width}\" height=\"{height}\" alt=\"{alt}\">");
        }
        MimeBundle::text(self.to_string()).with_html(html)
    }
}

impl Rich for Health {
    fn text(&self) -> String {
        self.to_string()
    }

    fn show(&self) {
        result(self);
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", summary(self), table(self).text())?;
        self.problem_lines().iter().try_for_each(|line| write!(f, "\n- {line}"))
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
