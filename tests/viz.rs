//! Pictures from outside: pixels, titles, and what is wrong with bad input.

use std::path::{Path, PathBuf};

use herbarium::data::{Batch, CategoryNames};
use herbarium::models::Predictions;
use herbarium::prelude::*;
use image::RgbImage;
use tch::{Kind, Tensor};

/// A file of this test run.
fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("viz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

/// Where pictures go that are worth looking at: the folder in `HERBARIUM_LOOK`, if it is set.
fn look(figure: &Figure, name: &str) {
    if let Some(folder) = std::env::var_os("HERBARIUM_LOOK") {
        figure.save(Path::new(&folder).join(name)).unwrap();
    }
}

fn names(file: &str, entries: &[(&str, &str)]) -> CategoryNames {
    let object: serde_json::Map<String, serde_json::Value> =
        entries.iter().map(|(label, name)| (label.to_string(), (*name).into())).collect();
    let path = scratch(file);
    std::fs::write(&path, serde_json::Value::Object(object).to_string()).unwrap();
    CategoryNames::from_json(path).unwrap()
}

/// Plain pictures of one colour, normalised as the tutorial does, 32 pixels square.
fn batch(labels: &[i64]) -> Batch {
    let images: Vec<Tensor> =
        labels.iter().map(|label| solid([0.2, 0.31 + 0.05 * *label as f64, 0.8], 32)).collect();
    let images = if images.is_empty() {
        Tensor::zeros([0, 3, 32, 32], tch::kind::FLOAT_CPU)
    } else {
        Tensor::stack(&images, 0)
    };
    let paths = labels.iter().map(|label| PathBuf::from(format!("{label}.jpg"))).collect();
    Batch { images, labels: Tensor::from_slice(labels), paths }
}

fn solid(colour: [f64; 3], side: i64) -> Tensor {
    let planes: Vec<Tensor> = (0..3)
        .map(|c| {
            let value = (colour[c] - IMAGENET_MEAN[c]) / IMAGENET_STD[c];
            Tensor::full([side, side], value, tch::kind::FLOAT_CPU)
        })
        .collect();
    Tensor::stack(&planes, 0)
}

/// Predictions that say these classes, of so many.
fn predictions(classes: &[i64], count: i64) -> Predictions {
    let logits = Tensor::zeros([classes.len() as i64, count], tch::kind::FLOAT_CPU);
    for (row, class) in classes.iter().enumerate() {
        let _ = logits.get(row as i64).get(*class).fill_(5.0);
    }
    Predictions::from_logits(&logits).unwrap()
}

fn pixels(figure: &Figure) -> RgbImage {
    image::load_from_memory(figure.png()).unwrap().to_rgb8()
}

/// How many pixels of the title above a picture of a grid of `columns` are green, and red.
fn title_colours(figure: &Figure, columns: u32, rows: u32, index: u32) -> (usize, usize) {
    let sheet = pixels(figure);
    let (width, height) = (sheet.width() / columns, sheet.height() / rows);
    let (left, top) = (index % columns * width, index / columns * height);
    let (mut green, mut red) = (0, 0);
    for y in top..top + height / 6 {
        for x in left..left + width {
            match sheet.get_pixel(x, y).0 {
                [0, 128, 0] => green += 1,
                [208, 0, 0] => red += 1,
                _ => {}
            }
        }
    }
    (green, red)
}

/// Class names as text sorts them, and names for them.
fn twelve() -> (Vec<String>, CategoryNames) {
    let labels = ["1", "10", "11", "12", "2", "3", "4", "5", "6", "7", "8", "9"];
    let flowers = [
        ("1", "primrose"),
        ("2", "hibiscus"),
        ("3", "periwinkle"),
        ("4", "windflower"),
        ("5", "garden cosmos"),
        ("6", "clematis"),
        ("7", "gerbera"),
        ("8", "prince of wales feathers"),
        ("9", "tiger lily"),
        ("10", "daffodil"),
        ("11", "moth orchid"),
        ("12", "camellia"),
    ];
    (labels.map(String::from).to_vec(), names("twelve.json", &flowers))
}

#[test]
fn im_convert_brings_back_every_byte() {
    let bytes: Vec<u8> = (0..3 * 16 * 16).map(|i| (i % 256) as u8).collect();
    let plane = Tensor::from_slice(&bytes).to_kind(Kind::Float).view([3, 16, 16]) / 255.0;
    let mean = Tensor::from_slice(&IMAGENET_MEAN).to_kind(Kind::Float).view([3, 1, 1]);
    let std = Tensor::from_slice(&IMAGENET_STD).to_kind(Kind::Float).view([3, 1, 1]);
    let normalised = (plane - mean) / std;
    let picture = pixels(&im_convert(&normalised).unwrap());
    for (x, y, pixel) in picture.enumerate_pixels() {
        let expected = [0, 1, 2].map(|c| bytes[(c * 256 + y * 16 + x) as usize]);
        assert_eq!(pixel.0, expected, "({x}, {y})");
    }
    assert_eq!(pixels(&im_convert(&normalised.unsqueeze(0)).unwrap()), picture, "(1, 3, H, W) is the same");
}

/// `(x · std + mean).clip(0, 1) · 255`, rounded half up: 0.5 · 255 = 127.5 becomes 128.
#[test]
fn im_convert_clips_and_rounds() {
    let values = [-0.5f32, 0.5, 1.5, f32::NAN, 0.001, 0.999];
    let tensor = Tensor::from_slice(&values).view([1, 1, 6]).repeat([3, 1, 1]);
    let picture = pixels(&im_convert_with(&tensor, [0.0; 3], [1.0; 3]).unwrap());
    let row: Vec<u8> = (0..6).map(|x| picture.get_pixel(x, 0).0[0]).collect();
    assert_eq!(row, [0, 128, 255, 0, 0, 255]);
}

#[test]
fn im_convert_says_what_it_needs() {
    for size in [vec![1, 8, 8], vec![2, 3, 8, 8], vec![8], vec![3, 0, 8]] {
        let told = im_convert(&Tensor::zeros(&size, tch::kind::FLOAT_CPU)).unwrap_err().to_string();
        assert!(told.contains("(3, H, W)") && told.contains(&format!("{size:?}")), "{told}");
    }
}

#[test]
fn titles_are_green_where_right_and_red_where_wrong() {
    let (class_names, cat_to_name) = twelve();
    let labels = [0, 1, 2, 3, 4, 5, 10, 7];
    let classes = [0, 1, 2, 9, 4, 6, 10, 10];
    let grid = Grid { rows: 2, columns: 4 };
    let figure =
        prediction_grid(&batch(&labels), &predictions(&classes, 12), &class_names, &cat_to_name, grid)
            .unwrap();
    look(&figure, "grid.png");
    for index in 0..8 {
        let (green, red) = title_colours(&figure, 4, 2, index as u32);
        let right = labels[index] == classes[index];
        assert_eq!((green > 20, red > 20), (right, !right), "picture {index}: {green} green, {red} red");
        assert!(green == 0 || red == 0);
    }
    let lines: Vec<&str> = figure.alt().lines().collect();
    assert_eq!(lines[0], "5 of 8 predictions are right: predicted (true)");
    // Index 1 is the second label as text, "10", and not the label "1".
    assert!(lines[2].starts_with("✓ daffodil (daffodil), "), "{}", lines[2]);
    assert!(lines[4].starts_with("✗ gerbera (camellia), "), "{}", lines[4]);
}

#[test]
fn the_pictures_are_in_their_cells() {
    let (class_names, cat_to_name) = twelve();
    let figure =
        show_batch(&batch(&[0, 5]), &class_names, &cat_to_name, Grid { rows: 1, columns: 2 }).unwrap();
    let sheet = pixels(&figure);
    for (column, label) in [(0, 0.0), (1, 5.0)] {
        let (x, y) = (sheet.width() / 4 * (1 + 2 * column), sheet.height() * 2 / 3);
        let expected = [0.2, 0.31 + 0.05 * label, 0.8].map(|value: f64| (value * 255.0 + 0.5) as u8);
        assert_eq!(sheet.get_pixel(x, y).0, expected);
    }
    assert_eq!(figure.alt(), "2 of 2 pictures: primrose, periwinkle");
    assert_eq!((sheet.width(), sheet.height()), (2 * figure.width(), 2 * figure.height()));
}

#[test]
fn fewer_pictures_than_cells_and_none_at_all() {
    let (class_names, cat_to_name) = twelve();
    let grid = Grid { rows: 3, columns: 5 };
    let few = prediction_grid(&batch(&[0, 1]), &predictions(&[0, 2], 12), &class_names, &cat_to_name, grid)
        .unwrap();
    assert!(few.alt().starts_with("1 of 2 predictions are right"));
    let none = prediction_grid(&batch(&[]), &predictions(&[], 12), &class_names, &cat_to_name, grid).unwrap();
    assert!(none.alt().starts_with("0 of 0"));
    let none = show_batch(&batch(&[]), &class_names, &cat_to_name, grid).unwrap();
    look(&none, "none.png");
    let huge = Grid { rows: usize::MAX, columns: usize::MAX };
    assert!(show_batch(&batch(&[1]), &class_names, &cat_to_name, huge).is_ok());
}

#[test]
fn one_class_and_a_hundred_and_two() {
    let one = names("one.json", &[("only", "the only flower")]);
    let grid = Grid { rows: 1, columns: 1 };
    let class_names = vec!["only".to_string()];
    let figure = prediction_grid(&batch(&[0]), &predictions(&[0], 1), &class_names, &one, grid).unwrap();
    assert!(figure.alt().contains("✓ the only flower (the only flower), 100 % sure"));

    let mut labels: Vec<String> = (1..=102).map(|label| label.to_string()).collect();
    labels.sort();
    let named: Vec<(&str, &str)> = labels.iter().map(|label| (label.as_str(), "colt's foot")).collect();
    let many = names("many.json", &named);
    let all: Vec<i64> = (0..102).collect();
    let grid = Grid { rows: 11, columns: 10 };
    let figure = prediction_grid(&batch(&all), &predictions(&all, 102), &labels, &many, grid).unwrap();
    look(&figure, "many.png");
    assert!(figure.alt().starts_with("102 of 102"));
}

#[test]
fn names_of_any_script_and_length() {
    let odd = [
        ("a", "菊花"),
        ("b", "Ромашка аптечная"),
        ("c", "ἄνθεμον"),
        ("d", ""),
        ("e", "🌸🌼"),
        ("f", "two\nlines\tand a tab"),
        ("g", &"very long name ".repeat(40)),
        ("h", "Löwenzahn"),
        ("睡蓮", "睡蓮"),
    ];
    let cat_to_name = names("odd.json", &odd);
    let class_names: Vec<String> = odd.iter().map(|(label, _)| label.to_string()).collect();
    let (labels, classes) = ([0, 1, 2, 3, 4, 5, 6, 7, 8], [8, 1, 2, 3, 0, 5, 6, 7, 6]);
    let grid = Grid { rows: 3, columns: 4 };
    let figure =
        prediction_grid(&batch(&labels), &predictions(&classes, 9), &class_names, &cat_to_name, grid)
            .unwrap();
    look(&figure, "odd.png");
    assert!(figure.alt().contains("✗ 睡蓮 (菊花), "), "the text form has names in full: {figure}");
    assert!(figure.alt().contains("two lines and a tab"));
}

#[test]
fn what_does_not_go_together_is_told() {
    let (class_names, cat_to_name) = twelve();
    let grid = Grid::default();
    let told = |labels: &[i64], classes: &[i64], class_names: &[String], grid: Grid| {
        prediction_grid(&batch(labels), &predictions(classes, 20), class_names, &cat_to_name, grid)
            .unwrap_err()
            .to_string()
    };
    let text = told(&[0], &[0], &class_names, Grid { rows: 0, columns: 4 });
    assert!(text.contains("0 rows and 4 columns"), "{text}");
    let text = told(&[0, 1], &[0], &class_names, grid);
    assert!(text.contains("2 pictures and 1 predictions"), "{text}");
    let text = told(&[0], &[15], &class_names, grid);
    assert!(text.contains("the prediction for picture 0 is class 15, but class_names has 12"), "{text}");
    let text = told(&[13], &[0], &class_names, grid);
    assert!(text.contains("the label of picture 0 is class 13"), "{text}");
    let text = told(&[0], &[0], &["unknown".to_string()], grid);
    assert!(text.contains("label 'unknown' is not in") && text.contains("twelve.json"), "{text}");
    let text = told(&[0], &[0], &[], grid);
    assert!(text.contains("class_names has 0"), "{text}");

    let mut odd = batch(&[0, 1]);
    odd.labels = Tensor::from_slice(&[0i64]);
    let text = show_batch(&odd, &class_names, &cat_to_name, grid).unwrap_err().to_string();
    assert!(text.contains("2 pictures and 1 labels"), "{text}");
    odd.labels = Tensor::from_slice(&[0i64, -1]);
    assert!(
        show_batch(&odd, &class_names, &cat_to_name, grid)
            .unwrap_err()
            .to_string()
            .contains("-1 is no label")
    );
    odd.images = Tensor::zeros([2, 1, 8, 8], tch::kind::FLOAT_CPU);
    let text = show_batch(&odd, &class_names, &cat_to_name, grid).unwrap_err().to_string();
    assert!(text.contains("(N, 3, H, W)"), "{text}");
}

#[test]
fn figures_are_saved_whole_or_not_at_all() {
    let figure = im_convert(&solid([0.5; 3], 8)).unwrap();
    let path = scratch("saved/figure.png");
    figure.save(&path).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), figure.png());
    let told = figure.save(scratch("figure.jpg")).unwrap_err().to_string();
    assert!(told.contains("figure.jpg") && told.contains(".png"), "{told}");
    let blocked = path.join("below a file.png");
    let told = figure.save(&blocked).unwrap_err().to_string();
    assert!(told.contains("figure.png"), "{told}");
    let left: Vec<_> = std::fs::read_dir(path.parent().unwrap()).unwrap().collect();
    assert_eq!(left.len(), 1, "no temporary file stays");
}

#[test]
fn figures_say_in_words_what_they_show() {
    let figure = im_convert(&solid([0.5; 3], 8)).unwrap();
    assert_eq!(format!("{figure:?}"), "Figure(256 x 256): a picture of 8 x 8 pixels");
    assert_eq!(figure.to_string(), "a picture of 8 x 8 pixels");
    let bundle = figure.bundle();
    assert_eq!(bundle.mime_types(), ["text/plain", "image/png"]);
}

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
