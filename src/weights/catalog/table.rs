//! The table of weights, as text and as HTML.

use std::fmt::{self, Write};

use super::PretrainedWeights;
use crate::download::bytes;
use crate::notebook::{MimeBundle, Show, result};

/// Weights that can be fetched, a line each.
#[derive(Clone, PartialEq)]
pub struct WeightsTable(Vec<PretrainedWeights>);

const HEAD: [&str; 9] =
    ["model", "version", "acc@1", "acc@5", "parameters", "size", "input", "licence", "here"];
/// Columns of numbers, which stand right.
const NUMBERS: std::ops::Range<usize> = 2..7;

impl WeightsTable {
    pub(super) fn of(rows: Vec<PretrainedWeights>) -> Self {
        WeightsTable(rows)
    }

    /// The weights, in torchvision's order.
    pub fn weights(&self) -> &[PretrainedWeights] {
        &self.0
    }

    /// Only those of networks whose name begins so: `resnet`.
    pub fn starting_with(&self, prefix: &str) -> WeightsTable {
        WeightsTable(self.0.iter().filter(|weights| weights.model().starts_with(prefix)).copied().collect())
    }

    /// Shows the table as the value of a cell's last expression.
    pub fn evcxr_display(&self) {
        result(self);
    }

    fn cells(&self) -> Vec<[String; 9]> {
        let row = |weights: &PretrainedWeights| {
            [
                weights.model().to_owned(),
                format!("{}{}", weights.version(), if weights.is_default() { " *" } else { "" }),
                format!("{:.3}", weights.acc1()),
                format!("{:.3}", weights.acc5()),
                format!("{:.1} M", weights.parameters() as f64 / 1e6),
                bytes(weights.bytes()),
                format!("{} px", weights.input_size()),
                weights.licence().to_owned(),
                if weights.local().is_some() { "yes".to_owned() } else { String::new() },
            ]
        };
        self.0.iter().map(row).collect()
    }
}

const NOTE: &str = "* what weights::download(\"MODEL\") fetches; \"MODEL/VERSION\" for another. acc: ImageNet's validation \
                    pictures, in percent.";

impl fmt::Display for WeightsTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cells = self.cells();
        let width = |column: usize| {
            cells.iter().map(|row| row[column].len()).chain([HEAD[column].len()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
        let line = |row: &[String; 9]| {
            let cell = |column: usize| match NUMBERS.contains(&column) {
                true => format!("{:>width$}", row[column], width = widths[column]),
                false => format!("{:width$}", row[column], width = widths[column]),
            };
            (0..HEAD.len()).map(cell).collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        writeln!(f, "{}", line(&HEAD.map(str::to_owned)))?;
        cells.iter().try_for_each(|row| writeln!(f, "{}", line(row)))?;
        f.write_str(NOTE)
    }
}

impl fmt::Debug for WeightsTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Show for WeightsTable {
    fn bundle(&self) -> MimeBundle {
        let mut html = String::from("<table><thead><tr>");
        let style =
            |column: usize| if NUMBERS.contains(&column) { " style=\"text-align:right\"" } else { "" };
        for (column, name) in HEAD.iter().enumerate() {
            let _ = write!(html, "<th{}>{name}</th>", style(column));
        }
        html.push_str("</tr></thead><tbody>");
        for row in self.cells() {
            html.push_str("<tr>");
            for (column, cell) in row.iter().enumerate() {
                let _ = write!(html, "<td{}>{cell}</td>", style(column));
            }
            html.push_str("</tr>");
        }
        let _ = write!(html, "</tbody></table><p>{}</p>", NOTE.replace('"', "&quot;"));
        MimeBundle::text(self.to_string()).with_html(html)
    }
}

#[cfg(test)]
mod tests {
    use super::super::list;
    use crate::notebook::Show;

    #[test]
    fn a_line_tells_all_of_one_file() {
        let text = list().starting_with("resnet18").to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("model     version           acc@1"), "{text}");
        assert!(
            lines[1].starts_with(
                "resnet18  IMAGENET1K_V1 *  69.758  89.078      11.7 M  46.8 MB  224 px  BSD-3-Clause"
            ),
            "{text}"
        );
        assert_eq!(
            list().bundle().get("text/html").unwrap().matches("<tr>").count(),
            list().weights().len() + 1
        );
    }
}
