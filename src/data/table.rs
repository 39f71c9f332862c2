//! Tables for a terminal and for a page.

use std::fmt::Write;

use crate::notebook::html::escape;
use crate::notebook::numbers::thousands;

/// Rows under a head. The first column is text, set left; the others are set right.
pub(super) struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
    /// Columns besides the first that are text.
    texts: Vec<usize>,
}

impl Table {
    pub(super) fn new(head: &[&str]) -> Self {
        Table { head: head.iter().map(|text| text.to_string()).collect(), rows: Vec::new(), texts: vec![0] }
    }

    /// These columns are text too.
    pub(super) fn with_texts(mut self, columns: &[usize]) -> Self {
        self.texts.extend(columns);
        self
    }

    pub(super) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Columns side by side, without a line feed at the end.
    pub(super) fn text(&self) -> String {
        let lines: Vec<&Vec<String>> = std::iter::once(&self.head).chain(&self.rows).collect();
        let width = |column: usize| {
            lines
                .iter()
                .filter_map(|line| line.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.head.len()).map(width).collect();
        let line = |cells: &Vec<String>| {
            let cells = cells.iter().enumerate().map(|(column, cell)| {
                let width = widths.get(column).copied().unwrap_or(0);
                if self.texts.contains(&column) {
                    format!("{cell:<width$}")
                } else {
                    format!("{cell:>width$}")
                }
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_string()
        };
        lines.into_iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// A `<table>` that follows the page's own style, light or dark.
    pub(super) fn html(&self) -> String {
        let mut html = String::from("<table>");
        for (tag, line) in std::iter::once(("th", &self.head)).chain(self.rows.iter().map(|row| ("td", row)))
        {
            html += "<tr>";
            for (column, cell) in line.iter().enumerate() {
                let side = if self.texts.contains(&column) { "left" } else { "right" };
                let _ = write!(html, "<{tag} style=\"text-align:{side}\">{}</{tag}>", escape(cell));
            }
            html += "</tr>";
        }
        html + "</table>"
    }
}

/// Bytes as people say them: `812 bytes`, `1.4 MB`, with decimal units as file managers have them.
pub(super) fn bytes_text(bytes: u64) -> String {
    let (unit, name) = match bytes {
        0..1_000 => return format!("{bytes} bytes"),
        1_000..1_000_000 => (1e3, "kB"),
        1_000_000..1_000_000_000 => (1e6, "MB"),
        _ => (1e9, "GB"),
    };
    let number = bytes as f64 / unit;
    if number < 10.0 { format!("{number:.1} {name}") } else { format!("{number:.0} {name}") }
}

/// `1 picture`, `12,345 pictures`.
pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{} {}", thousands(count), if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(
            [12, 1_500, 27_648_000, 5_500_000_000].map(bytes_text),
            ["12 bytes", "1.5 kB", "28 MB", "5.5 GB"]
        );
    }

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(&["class", "files"]);
        table.row(vec!["rose".into(), "5".into()]);
        table.row(vec!["<b>".into(), "12,000".into()]);
        assert_eq!(table.text(), "class   files\nrose        5\n<b>    12,000");
        assert!(table.html().contains("<td style=\"text-align:left\">&lt;b&gt;</td>"), "{}", table.html());
    }
}
