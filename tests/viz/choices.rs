//! What gives how much, and what it costs.

use herbarium::prelude::*;
use herbarium::viz::{Marks, MeansOptions, TradeOff, plot_trade_off};

use crate::plots::history;
use crate::support::*;

/// Accuracies of two settings at three sizes, three seeds each.
fn measurements() -> Vec<Measurement> {
    let mut all = Vec::new();
    for (size, base) in [("64 px", 0.30), ("128 px", 0.48), ("224 px", 0.62)] {
        for (name, more) in [("batch norms move", 0.0), ("batch norms stand still, scales matched", 0.11)] {
            let values = [0.0, 0.02, -0.015].map(|seed: f64| base + more + seed);
            all.push(Measurement::new(size, name, &values));
        }
    }
    all
}

#[test]
fn means_have_their_errors() {
    let options = |marks| MeansOptions {
        title: "The head alone, by size and batch norms".into(),
        value: "validation accuracy".into(),
        marks,
    };
    let bars = plot_means(&measurements(), options(Marks::Bars)).unwrap();
    look(&bars, "means-bars.png");
    // Twice the mean's length is twice the bar's.
    let two = [Measurement::new("", "one", &[0.2]), Measurement::new("", "two", &[0.4])];
    let figure = plot_means(&two, MeansOptions::default()).unwrap();
    look(&figure, "means-two.png");
    let sheet = pixels(&figure);
    let blue = |row: u32| (0..sheet.width()).filter(|x| sheet.get_pixel(*x, row).0 == [31, 119, 180]).count();
    let (first, second) = (blue(2 * 46), blue(2 * 70));
    assert!(first > 200 && second.abs_diff(2 * first) <= 2, "{first} {second}");
    let dots = plot_means(&measurements(), options(Marks::Dots)).unwrap();
    look(&dots, "means-dots.png");
    assert_eq!(dots.alt().lines().count(), 7);
    assert!(dots.alt().contains("\n64 px, batch norms move: 0.302 ± 0.010 (3 values)"), "{dots}");
    assert_eq!(bars.svg().matches(">128 px</text>").count(), 1, "a heading for each group");
    let odd = [Measurement::new("", &*"long ".repeat(60), &[]), Measurement::new("g", "", &[f64::NAN, -1.0])];
    look(&plot_means(&odd, MeansOptions::default()).unwrap(), "means-odd.png");
    assert!(plot_means(&[], MeansOptions::default()).unwrap_err().to_string().contains("1 to 500"));
}

#[test]
fn networks_are_chosen_by_cost_and_gain() {
    let networks = [
        ("resnet18", 11.0, 0.91),
        ("resnet50", 35.0, 0.93),
        ("mobilenet_v2", 9.0, 0.90),
        ("mobilenet_v3_small", 4.0, 0.84),
        ("squeezenet1_1", 5.0, 0.80),
        ("efficientnet_b0", 16.0, 0.92),
        ("densenet121", 31.0, 0.92),
        ("vgg11_bn", 60.0, 0.90),
        ("alexnet", 6.0, 0.70),
    ];
    let points: Vec<TradeOff> =
        networks.iter().map(|(name, cost, gain)| TradeOff::new(*name, *cost, *gain).error(0.008)).collect();
    let figure = plot_trade_off(&points, "seconds an epoch", "validation accuracy").unwrap();
    look(&figure, "trade_off.png");
    let best: Vec<&str> = figure.alt().lines().skip(1).filter(|line| line.ends_with('*')).collect();
    let names: Vec<&str> = best.iter().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(names, ["resnet18", "resnet50", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0"]);
    let (fast, slow) = (
        History { seconds: 3.0, best_acc: 0.5, ..history(3) },
        History { seconds: 9.0, best_acc: 0.7, ..history(3) },
    );
    let figure = compare(&[("fast", &fast), ("slow", &slow)]).plot_trade_off().unwrap();
    look(&figure, "trade_off-two.png");
    assert!(
        figure.alt().contains("slow: seconds of training 9.000, best validation accuracy 0.700 *"),
        "{figure}"
    );
    plot_trade_off(&[TradeOff::new("alone", 0.0, 0.0)], "s", "acc").unwrap();
}
