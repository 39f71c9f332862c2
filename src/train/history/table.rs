//! A training as a table on a page.

use super::History;
use crate::notebook::html::{PALE, escape, table};

/// Rows at each end of a long training.
const KEPT_AT_ENDS: usize = 15;

const COLUMNS: [&str; 8] =
    ["epoch", "train loss", "train acc", "valid loss", "valid acc", "lr", "seconds", "images/s"];

/// The cells of an epoch, the learning rate as `rate` writes it. The lists of a history are public, and where one is too
/// short there is a dash.
fn cells(history: &History, epoch: usize, rate: impl Fn(&f64) -> String) -> [String; 8] {
    let dash = || "–".to_string();
    let number = |list: &[f64], decimals: usize| {
        list.get(epoch).map_or_else(dash, |value| format!("{value:.decimals$}"))
    };
    let seconds = history.train_seconds.get(epoch).zip(history.valid_seconds.get(epoch));
    [
        epoch.to_string(),
        number(&history.train_losses, 4),
        number(&history.train_acc_history, 4),
        number(&history.valid_losses, 4),
        number(&history.val_acc_history, 4),
        history.lrs.get(epoch + 1).map_or_else(dash, rate),
        seconds.map_or_else(dash, |(train, valid)| format!("{:.1}", train + valid)),
        number(&history.train_images_per_second, 0),
    ]
}

/// The table of a training that runs: its last `most` epochs, and the best one with its accuracy marked.
pub(in crate::train) fn running_html(history: &History, most: usize) -> String {
    let row = |cells: &[String], tag: &str, style: &str| {
        let cells = cells.iter().map(|cell| format!("<{tag} style=\"text-align:right\">{cell}</{tag}>"));
        format!("<tr{style}>{}</tr>", cells.collect::<String>())
    };
    let rows = history.rows();
    let is_best = |epoch: usize| history.best_epoch == Some(epoch);
    let shown = (0..rows).filter(|&epoch| rows - epoch <= most || is_best(epoch));
    let body: String = shown
        .map(|epoch| {
            let mut cells = cells(history, epoch, |rate| format!("{rate:.3e}"));
            if is_best(epoch) {
                cells[4] += " ★";
            }
            row(&cells, "td", if is_best(epoch) { " style=\"font-weight:bold\"" } else { "" })
        })
        .collect();
    let head = row(&COLUMNS.map(String::from), "th", "");
    format!("<table><thead>{head}</thead><tbody>{body}</tbody></table>")
}

/// The table of a history: one row an epoch, the best one bold and marked; below it the sum.
pub(super) fn html(history: &History) -> String {
    let lists =
        [&history.train_losses, &history.train_acc_history, &history.valid_losses, &history.val_acc_history];
    let epochs = lists.iter().map(|list| list.len()).max().unwrap_or(0);
    let row = |epoch: usize| -> Vec<String> {
        let mut cells = cells(history, epoch, f64::to_string);
        if history.best_epoch == Some(epoch) {
            cells[0] += " ★";
            cells = cells.map(|cell| format!("<b>{cell}</b>"));
        }
        cells.into()
    };
    let mut rows: Vec<Vec<String>> = Vec::new();
    for epoch in 0..epochs {
        if epoch < KEPT_AT_ENDS || epoch + KEPT_AT_ENDS >= epochs || history.best_epoch == Some(epoch) {
            rows.push(row(epoch));
        } else if epoch == KEPT_AT_ENDS {
            rows.push(vec!["…".into(); 8]);
        }
    }
    let table = if rows.is_empty() { String::new() } else { table(&COLUMNS, &rows) };
    // The text form ends in the same words, below its own table.
    let told = history.to_string();
    let told: Vec<String> = told
        .lines()
        .skip_while(|line| !line.contains("best valid") && !line.contains("no epoch"))
        .map(escape)
        .collect();
    format!("{table}<div style=\"{PALE}\">{}</div>", told.join("<br>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_an_epoch_and_the_best_marked() {
        let history = History {
            train_losses: vec![2.0, 1.0],
            valid_losses: vec![2.5, 1.5],
            train_acc_history: vec![0.1, 0.5],
            val_acc_history: vec![0.2, 0.4],
            lrs: vec![0.01, 0.01, 0.001],
            best_epoch: Some(1),
            best_acc: 0.4,
            ..Default::default()
        };
        let shown = html(&history);
        assert_eq!(shown.matches("<tr>").count(), 3);
        assert!(shown.contains("<td><b>1 ★</b></td><td><b>1.0000</b></td>"), "{shown}");
        assert!(shown.contains("best valid acc 0.4000 in epoch 1"), "{shown}");
        let long = History { train_losses: vec![1.0; 300], ..Default::default() };
        assert_eq!(html(&long).matches("<tr>").count(), 1 + 2 * KEPT_AT_ENDS + 1);
        assert!(html(&History::default()).contains("no epoch was better"));
    }
}
