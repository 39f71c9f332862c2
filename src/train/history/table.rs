//! A training as a table on a page.

use super::History;
use crate::notebook::html::{PALE, escape, table};

/// Rows at each end of a long training.
const KEPT_AT_ENDS: usize = 15;

/// One row an epoch, the best one bold and marked; below it the sum.
pub(super) fn html(history: &History) -> String {
    let lists =
        [&history.train_losses, &history.train_acc_history, &history.valid_losses, &history.val_acc_history];
    let epochs = lists.iter().map(|list| list.len()).max().unwrap_or(0);
    let number = |list: &[f64], epoch: usize, decimals: usize| {
        list.get(epoch).map_or("–".to_string(), |value| format!("{value:.decimals$}"))
    };
    let row = |epoch: usize| -> Vec<String> {
        let seconds = history.train_seconds.get(epoch).zip(history.valid_seconds.get(epoch));
        let best = history.best_epoch == Some(epoch);
        let cells = [
            if best { format!("{epoch} ★") } else { epoch.to_string() },
            number(&history.train_losses, epoch, 4),
            number(&history.train_acc_history, epoch, 4),
            number(&history.valid_losses, epoch, 4),
            number(&history.val_acc_history, epoch, 4),
            history.lrs.get(epoch + 1).map_or("–".into(), |rate| format!("{rate}")),
            seconds.map_or("–".into(), |(train, valid)| format!("{:.1}", train + valid)),
            number(&history.train_images_per_second, epoch, 0),
        ];
        cells.into_iter().map(|cell| if best { format!("<b>{cell}</b>") } else { cell }).collect()
    };
    let mut rows: Vec<Vec<String>> = Vec::new();
    for epoch in 0..epochs {
        if epoch < KEPT_AT_ENDS || epoch + KEPT_AT_ENDS >= epochs || history.best_epoch == Some(epoch) {
            rows.push(row(epoch));
        } else if epoch == KEPT_AT_ENDS {
            rows.push(vec!["…".into(); 8]);
        }
    }
    let head = ["epoch", "train loss", "train acc", "valid loss", "valid acc", "lr", "seconds", "images/s"];
    let table = if rows.is_empty() { String::new() } else { table(&head, &rows) };
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
