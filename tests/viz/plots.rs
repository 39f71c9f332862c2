//! Curves.

use herbarium::prelude::*;
use herbarium::train::LrFind;

use crate::support::*;

/// A training of so many epochs.
pub fn history(epochs: usize) -> History {
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
    let figure = odd.plot().unwrap();
    look(&figure, "history-odd.png");
    // Of the five lines' points the one that is not a number is missing, all infinite ones, and every rate.
    let svg = figure.svg();
    assert_eq!(history(6).plot().unwrap().svg().matches("<circle").count(), 5 * 6);
    assert_eq!(svg.matches("<circle").count(), 5 + 6 + 6);
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "no coordinate that is no number");
}

/// Two phases are one course: twice the epochs, both names, and a line between the two that hides no point.
#[test]
fn phases_follow_each_other() {
    let (first, second) = (history(12), history(8));
    let figure = plot_phases(&[("head alone", &first), ("all layers", &second)]).unwrap();
    look(&figure, "phases.png");
    assert!(figure.alt().starts_with("head alone: 12 epochs\nall layers: 8 epochs\n"), "{figure}");
    let svg = figure.svg();
    for name in ["head alone", "all layers"] {
        assert_eq!(svg.matches(&format!(">{name}</text>")).count(), 3, "once above each panel");
    }
    let whole = first.clone().then(second.clone());
    assert_eq!((whole.epochs(), whole.phases.as_slice()), (20, &[12][..]));
    assert_eq!(whole.clone().then(second).phases, [12, 20]);
    // A point is a circle of 2.75; those of three series of 20 and two lines' are all there, with 2 rings around.
    let plain = whole.plot().unwrap();
    assert_eq!(plain.svg().matches("r=\"2.75\"").count(), 5 * 20);
    assert!(plot_phases(&[]).unwrap_err().to_string().contains("at least one phase"));
    plot_phases(&[("none", &history(0))]).unwrap();
}

#[test]
fn comparisons_have_room_for_every_name() {
    let runs: Vec<(String, History)> =
        ["resnet18", "densenet121", "mobilenet_v2", "squeezenet1_1", "efficientnet_b0", "vgg11_bn"]
            .iter()
            .enumerate()
            .map(|(i, name)| (format!("{name} from ImageNet's weights"), history(6 + i)))
            .collect();
    let runs: Vec<(&str, &History)> = runs.iter().map(|(name, history)| (name.as_str(), history)).collect();
    for count in [1, 2, 6] {
        let figure = compare(&runs[..count]).plot().unwrap();
        look(&figure, &format!("comparison{count}.png"));
        for (name, _) in &runs[..count] {
            assert!(figure.svg().contains(name), "{name}");
        }
    }
}

#[test]
fn the_suggested_learning_rate_is_marked() {
    let lrs: Vec<f64> = (0..100).map(|step| 1e-6 * 10f64.powf(step as f64 * 7.0 / 99.0)).collect();
    let loss = |lr: &f64| 4.6 - 3.0 / (1.0 + (1e-3 / lr).powf(1.5)) + (lr / 0.4).powi(3);
    let losses: Vec<f64> = lrs.iter().map(loss).collect();
    let found = |lrs: &[f64], losses: &[f64]| LrFind {
        lrs: lrs.to_vec(),
        losses: losses.iter().enumerate().map(|(i, loss)| loss + 0.2 * (i as f64 * 1.7).sin()).collect(),
        smoothed: losses.to_vec(),
        suggestion: lrs[lrs.len() / 3],
        minimum_over_10: 0.003,
    };
    let figure = found(&lrs, &losses).plot().unwrap();
    look(&figure, "lr_find.png");
    assert!(
        figure.alt().starts_with("lr_find over 100 batches, 1.0e-6 to 1.0e1: suggestion 2.15e-4"),
        "{figure}"
    );
    assert!(count(&figure, [0, 128, 0]) > 40 && count(&figure, [31, 119, 180]) > 500);
    for (lrs, losses) in [(vec![0.1], vec![1.0]), (vec![0.1, 0.2], vec![f64::NAN; 2])] {
        found(&lrs, &losses).plot().unwrap();
    }
}
