//! Grids of pictures: pixels, titles, and what is wrong with bad input.

use herbarium::prelude::*;
use tch::{Kind, Tensor};

use crate::support::*;

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

#[test]
fn im_convert_brings_back_every_byte() {
    let bytes: Vec<u8> = (0..3 * 16 * 16).map(|i| (i % 256) as u8).collect();
    let plane = Tensor::from_slice(&bytes).to_kind(Kind::Float).view([3, 16, 16]) / 255.0;
    let mean = Tensor::from_slice(&IMAGENET_MEAN).to_kind(Kind::Float).view([3, 1, 1]);
    let std = Tensor::from_slice(&IMAGENET_STD).to_kind(Kind::Float).view([3, 1, 1]);
    let normalised = (plane - mean) / std;
    let picture = pixels(&im_convert(&normalised).unwrap());
    // 16 pixels are enlarged to 320: each is a square of 20.
    assert_eq!(picture.dimensions(), (320, 320));
    for (x, y, pixel) in picture.enumerate_pixels() {
        let expected = [0, 1, 2].map(|c| bytes[(c * 256 + y / 20 * 16 + x / 20) as usize]);
        assert_eq!(pixel.0, expected, "({x}, {y})");
    }
    assert_eq!(pixels(&im_convert(&normalised.unsqueeze(0)).unwrap()), picture, "(1, 3, H, W) is the same");
}

/// `(x · std + mean).clip(0, 1) · 255`, rounded half up: 0.5 · 255 = 127.5 becomes 128.
#[test]
fn im_convert_clips_and_rounds() {
    let values = [-0.5f32, 0.5, 1.5, f32::NAN, 0.001, 0.999];
    let tensor = Tensor::from_slice(&values).view([1, 1, 6]).repeat([3, 1, 1]);
    let picture = pixels(&Figure::from_tensor(&tensor, [0.0; 3], [1.0; 3]).unwrap());
    let row: Vec<u8> = (0..6).map(|x| picture.get_pixel(54 * x, 0).0[0]).collect();
    assert_eq!(row, [0, 128, 255, 0, 0, 255]);
}

/// Small pictures are enlarged, large ones fit a page, and a notebook keeps no more of them than a screen shows.
#[test]
fn a_single_picture_is_neither_a_stamp_nor_larger_than_a_page() {
    for (side, shown, kept) in [(64, 320, 320), (224, 448, 448), (400, 400, 400), (3000, 960, 1920)] {
        let figure = im_convert(&solid([0.5; 3], side)).unwrap();
        assert_eq!((figure.width(), figure.height()), (shown, shown), "{side}");
        assert_eq!(pixels(&figure).dimensions(), (kept, kept), "{side}");
    }
    let strip = im_convert(&Tensor::zeros([3, 3000, 2], tch::kind::FLOAT_CPU)).unwrap();
    assert!(pixels(&strip).height() <= 1920);
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

/// Where this computer has fonts for them, names are drawn in their own script and order; where not,
/// the label is, and nothing fails.
#[test]
fn scripts_that_the_own_font_lacks() {
    let scripts = [
        ("1", "菊花"),
        ("2", "桜の花"),
        ("3", "장미"),
        ("4", "وردة حمراء"),
        ("5", "פרח (rose)"),
        ("6", "गुलाब का फूल"),
        ("7", "ดอกไม้"),
        ("8", "rosé e\u{301}te\u{301} → Ñandú"),
    ];
    let cat_to_name = names("scripts.json", &scripts);
    let class_names: Vec<String> = scripts.iter().map(|(label, _)| label.to_string()).collect();
    let all = [0, 1, 2, 3, 4, 5, 6, 7];
    let grid = Grid { rows: 2, columns: 4 };
    let start = std::time::Instant::now();
    let figure = show_batch(&batch(&all), &class_names, &cat_to_name, grid).unwrap();
    println!("first use of other fonts: {:?}", start.elapsed());
    look(&figure, "scripts.png");
    let svg = figure.svg();
    for (label, name) in scripts {
        assert!(figure.alt().contains(name));
        if !svg.contains(&format!(">{name}<")) {
            assert!(svg.contains(&format!(">{label}<")), "{name}: neither the name nor the label is drawn");
            println!("this computer has no font for {name}: its label {label} is drawn");
        }
    }
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
            .contains("-1 is not a label")
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
    assert_eq!(format!("{figure:?}"), "Figure(320 x 320): a picture of 8 x 8 pixels");
    assert_eq!(figure.to_string(), "a picture of 8 x 8 pixels");
    let bundle = figure.bundle();
    assert_eq!(bundle.mime_types(), ["text/plain", "image/png"]);
}
