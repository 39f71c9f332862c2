//! What a model gets wrong: confusion, worst losses, accuracy of each class.

use herbarium::prelude::*;
use herbarium::viz::{Answers, Cells, ConfusionOptions, PairOptions, most_confused};
use tch::Tensor;

use crate::support::*;

/// Nine answers about three classes: a is always right, b is taken for c twice, c for a once.
fn nine() -> (Answers, Vec<String>, CategoryNames) {
    let labels = vec![0, 0, 0, 1, 1, 1, 2, 2, 2];
    let predicted = vec![0, 0, 0, 2, 2, 1, 2, 0, 2];
    let red = photograph("nine-red.png", [200, 30, 40]);
    let blue = photograph("nine-blue.png", [20, 30, 220]);
    let paths = labels.iter().map(|label| if *label == 1 { red.clone() } else { blue.clone() }).collect();
    let losses = vec![0.1, 0.2, 0.3, 4.5, 2.0, 0.4, 0.5, 3.0, 0.6];
    let answers = Answers { labels, predicted, confidences: vec![0.9; 9], losses, paths };
    let class_names = ["1", "2", "3"].map(String::from).to_vec();
    (answers, class_names, names("nine.json", &[("1", "aster"), ("2", "begonia"), ("3", "camellia")]))
}

/// A hundred and two classes with names, and as many answers as asked for, a third of them wrong.
fn many(count: usize) -> (Answers, Vec<String>, CategoryNames) {
    let class_names: Vec<String> = (0..102).map(|class| format!("{class:03}")).collect();
    let flowers =
        ["bishop of llandaff", "colt's foot", "lotus lotus", "great masterwort", "rose", "fire lily"];
    let named: Vec<(String, String)> = class_names
        .iter()
        .enumerate()
        .map(|(i, label)| (label.clone(), format!("{} {i}", flowers[i % 6])))
        .collect();
    let named: Vec<(&str, &str)> =
        named.iter().map(|(label, name)| (label.as_str(), name.as_str())).collect();
    let cat_to_name = names("hundred.json", &named);
    let labels: Vec<usize> = (0..count).map(|i| (i * i + i / 7) % 102).collect();
    let wrong = |i: usize, label: usize| match i % 9 {
        0 => (label + 1 + i % 5) % 102,
        3 if label < 20 => (label + 40) % 102,
        6 if label.is_multiple_of(7) => 11,
        _ => label,
    };
    let predicted: Vec<usize> = labels.iter().enumerate().map(|(i, label)| wrong(i, *label)).collect();
    let losses =
        (0..count).map(|i| if predicted[i] == labels[i] { 0.2 } else { 3.0 + (i % 50) as f64 / 25.0 });
    let answers = Answers {
        losses: losses.collect(),
        confidences: vec![0.8; count],
        paths: vec![Default::default(); count],
        labels,
        predicted,
    };
    (answers, class_names, cat_to_name)
}

#[test]
fn cells_of_the_confusion_matrix_have_their_colours() {
    let (answers, class_names, cat_to_name) = nine();
    let figure =
        plot_confusion_matrix(&answers, &class_names, &cat_to_name, ConfusionOptions::default()).unwrap();
    look(&figure, "confusion3.png");
    // All of a class right: the darkest blue. Two of three as another: oranges at √(2/3).
    let cell = |colour| count(&figure, colour);
    assert!(cell([8, 48, 107]) > 80 * 80, "aster");
    let svg = figure.svg();
    let place = |fill: &str, side: &str| -> Vec<(f64, f64)> {
        let value = |line: &str, name: &str| -> f64 {
            line.split(&format!(" {name}=\"")).nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
        };
        let is = |line: &&str| {
            line.starts_with("<rect") && line.contains(fill) && line.contains(&format!("width=\"{side}\""))
        };
        svg.lines().filter(is).map(|line| (value(line, "x"), value(line, "y"))).collect()
    };
    let diagonal = place("#08306b", "44");
    assert_eq!(diagonal.len(), 1);
    let (x, y) = diagonal[0];
    // oranges(0.8165): between steps 6 and 7, [217, 72, 1] and [166, 54, 3], at 0.532.
    assert_eq!(place("#be3e02", "44"), [(x + 88.0, y + 44.0)], "begonia, a row below, taken for camellia");
    let alt = figure.alt();
    assert!(alt.starts_with("confusion matrix of 3 classes, 6 of 9 right, 66.7 %"), "{alt}");
    assert!(alt.contains("\nbegonia → camellia: 2 of 3\ncamellia → aster: 1 of 3"), "{alt}");
    let shares = ConfusionOptions { cells: Cells::Shares, most_confused: 0 };
    let figure = plot_confusion_matrix(&answers, &class_names, &cat_to_name, shares).unwrap();
    look(&figure, "confusion3-shares.png");
    assert!(figure.svg().contains(">67</text>") && !figure.svg().contains("Most confused"));
}

#[test]
fn a_hundred_and_two_classes_and_ten_thousand_answers() {
    let (answers, class_names, cat_to_name) = many(10_000);
    let start = std::time::Instant::now();
    let figure =
        plot_confusion_matrix(&answers, &class_names, &cat_to_name, ConfusionOptions::default()).unwrap();
    println!("confusion matrix: {:?}", start.elapsed());
    look(&figure, "confusion102.png");
    assert!(figure.width() <= 1000, "{} wide", figure.width());
    let sheet = pixels(&figure);
    assert_eq!((sheet.width(), sheet.height()), (2 * figure.width(), 2 * figure.height()));
    let start = std::time::Instant::now();
    let figure = plot_accuracy_per_class(&answers, &class_names, &cat_to_name).unwrap();
    println!("accuracy per class: {:?}", start.elapsed());
    look(&figure, "accuracy102.png");
    for classes in [12, 30, 60] {
        let keep = |list: &[usize]| -> Vec<usize> { list.iter().map(|class| class % classes).collect() };
        let answers =
            Answers { labels: keep(&answers.labels), predicted: keep(&answers.predicted), ..answers.clone() };
        let figure = plot_confusion_matrix(
            &answers,
            &class_names[..classes],
            &cat_to_name,
            ConfusionOptions::default(),
        );
        look(&figure.unwrap(), &format!("confusion{classes}.png"));
    }
}

#[test]
fn the_worst_come_first() {
    let (answers, class_names, cat_to_name) = nine();
    let grid = Grid { rows: 1, columns: 3 };
    let figure = plot_top_losses(&answers, &class_names, &cat_to_name, grid).unwrap();
    look(&figure, "top_losses.png");
    let lines: Vec<&str> = figure.alt().lines().collect();
    assert_eq!(lines[0], "the 3 greatest losses of 9 pictures, predicted (true):");
    assert!(lines[1].starts_with("✗ camellia (begonia), loss 4.50, 90 % sure, "), "{}", lines[1]);
    assert!(lines[2].starts_with("✗ aster (camellia), loss 3.00"), "{}", lines[2]);
    // Two red photographs and, between them, a blue one.
    let sheet = pixels(&figure);
    let at = |column: u32| sheet.get_pixel(sheet.width() / 6 * (1 + 2 * column), sheet.height() - 60).0;
    assert_eq!([at(0), at(1), at(2)], [[200, 30, 40], [20, 30, 220], [200, 30, 40]]);
    assert!(count(&figure, [208, 0, 0]) > 50, "titles of wrong ones are red");
}

#[test]
fn confused_pairs_show_both_classes() {
    let (answers, class_names, cat_to_name) = nine();
    let pairs = most_confused(&answers, &class_names, &cat_to_name, 2).unwrap();
    assert_eq!(pairs.to_string(), "begonia → camellia: 2 of 3");
    assert!(pairs.bundle().get("text/html").unwrap().contains("<td>begonia</td><td>camellia</td>"));
    let figure = plot_most_confused(&answers, &class_names, &cat_to_name, PairOptions::default()).unwrap();
    look(&figure, "most_confused.png");
    assert!(
        figure.alt().starts_with("the 2 most confused pairs, true → predicted:\nbegonia → camellia: 2 of 3")
    );
    let (red, blue) = (count(&figure, [200, 30, 40]), count(&figure, [20, 30, 220]));
    // Two begonias; two camellias that were right, one camellia that was not, three asters.
    assert_eq!((red / 2, blue / 6), (280 * 280, 280 * 280));
    for examples in [0, 21] {
        let options = PairOptions { examples, ..Default::default() };
        let told = plot_most_confused(&answers, &class_names, &cat_to_name, options).unwrap_err().to_string();
        assert!(told.contains("give 1 to 20"), "{told}");
    }
}

#[test]
fn classes_below_half_are_orange() {
    let (answers, class_names, cat_to_name) = nine();
    let figure = plot_accuracy_per_class(&answers, &class_names, &cat_to_name).unwrap();
    look(&figure, "accuracy3.png");
    let told = figure.alt();
    assert!(told.contains("all pictures 66.7 %, mean of the classes 66.7 %"), "{told}");
    assert!(told.ends_with("\nbegonia: 1 of 3\ncamellia: 2 of 3\naster: 3 of 3"), "{told}");
    let (orange, blue) = (count(&figure, [225, 92, 20]), count(&figure, [31, 119, 180]));
    // Bars of a third, of two thirds and of a whole.
    assert!(orange > 1000 && (blue as f64 / orange as f64 - 5.0).abs() < 0.1, "{orange} and {blue}");
}

#[test]
fn no_answers_at_all_and_answers_of_others() {
    let (answers, class_names, cat_to_name) = nine();
    let none = Answers::default();
    let grid = Grid::default();
    for figure in [
        plot_confusion_matrix(&none, &class_names, &cat_to_name, Default::default()),
        plot_top_losses(&none, &class_names, &cat_to_name, grid),
        plot_most_confused(&none, &class_names, &cat_to_name, PairOptions::default()),
        plot_accuracy_per_class(&none, &class_names, &cat_to_name),
        plot_confusion_matrix(&none, &[], &cat_to_name, Default::default()),
    ] {
        figure.unwrap();
    }
    let told = plot_top_losses(&answers, &class_names[..2], &cat_to_name, grid).unwrap_err().to_string();
    assert!(told.contains("class 2 is in the answers, but class_names has 2"), "{told}");
    let told = plot_top_losses(&answers, &class_names, &cat_to_name, Grid { rows: 0, columns: 2 });
    assert!(told.unwrap_err().to_string().contains("has no room"));
    let preds = predictions(&[0, 2], 3);
    let answers = Answers::of(&preds, &batch(&[0, 1])).unwrap();
    assert_eq!((answers.corrects(), answers.predicted), (1, vec![0, 2]));
    let odd = Answers::new(&Tensor::from_slice(&[1f32]), &Tensor::from_slice(&[0i64]), vec![]);
    assert!(odd.unwrap_err().to_string().contains("(N, C)"));
}
