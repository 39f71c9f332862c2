//! Curves.

use herbarium::prelude::*;

use crate::support::*;

/// A training of so many epochs.
fn history(epochs: usize) -> History {
    let falling = |from: f64, to: f64| -> Vec<f64> {
        (0..epochs)
            .map(|e| to + (from - to) * (-(e as f64) / 5.0).exp() + 0.02 * (e as f64 * 2.1).sin())
            .collect()
    };
    History {
        train_losses: falling(2.6, 0.7),
        valid_losses: falling(2.4, 1.1),
        train_acc_history: falling(0.12, 0.78),
        val_acc_history: falling(0.15, 0.62),
        lrs: (0..=epochs).map(|e| if e <= 10 { 0.01 } else { 0.001 }).collect(),
        best_epoch: epochs.checked_sub(2),
        num_epochs: epochs,
        ..Default::default()
    }
}

#[test]
fn a_training_is_plotted_whatever_its_length() {
    for epochs in [0, 1, 2, 3, 20, 300] {
        let history = history(epochs);
        let figure = history.plot().unwrap();
        look(&figure, &format!("history{epochs}.png"));
        assert_eq!((figure.width(), figure.height()), (960, 300));
        assert_eq!(figure.alt(), history.to_string());
        let blue = pixels(&figure).pixels().filter(|pixel| pixel.0 == [31, 119, 180]).count();
        assert!(blue > 100, "{epochs} epochs: {blue} pixels of the training line and its legend");
    }
    let mut odd = history(6);
    odd.train_losses[2] = f64::NAN;
    odd.valid_losses = vec![f64::INFINITY; 6];
    odd.lrs = vec![];
    odd.best_epoch = Some(99);
    look(&odd.plot().unwrap(), "history-odd.png");
}
