//! Known data to draw, and ways to look at what was drawn.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use herbarium::data::{Batch, CategoryNames};
use herbarium::models::Predictions;
use herbarium::prelude::*;
use image::{Rgb, RgbImage};
use tch::Tensor;

/// A file that only the caller has: tests run beside each other, and a file that one rewrites is
/// empty for a moment, whatever another reads.
pub fn scratch(name: &str) -> PathBuf {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let run = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("viz-{}", std::process::id()));
    let folder = run.join(CALLS.fetch_add(1, Ordering::Relaxed).to_string());
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

/// Where pictures go that are worth looking at: the folder in `HERBARIUM_LOOK`, if it is set.
pub fn look(figure: &Figure, name: &str) {
    if let Some(folder) = std::env::var_os("HERBARIUM_LOOK") {
        figure.save(Path::new(&folder).join(name)).unwrap();
    }
}

pub fn names(file: &str, entries: &[(&str, &str)]) -> CategoryNames {
    let object: serde_json::Map<String, serde_json::Value> =
        entries.iter().map(|(label, name)| (label.to_string(), (*name).into())).collect();
    let path = scratch(file);
    std::fs::write(&path, serde_json::Value::Object(object).to_string()).unwrap();
    CategoryNames::from_json(path).unwrap()
}

/// Plain pictures of one colour, normalised as the tutorial does, 32 pixels square.
pub fn batch(labels: &[i64]) -> Batch {
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

pub fn solid(colour: [f64; 3], side: i64) -> Tensor {
    let planes: Vec<Tensor> = (0..3)
        .map(|c| {
            let value = (colour[c] - IMAGENET_MEAN[c]) / IMAGENET_STD[c];
            Tensor::full([side, side], value, tch::kind::FLOAT_CPU)
        })
        .collect();
    Tensor::stack(&planes, 0)
}

/// Predictions that say these classes, of so many.
pub fn predictions(classes: &[i64], count: i64) -> Predictions {
    let logits = Tensor::zeros([classes.len() as i64, count], tch::kind::FLOAT_CPU);
    for (row, class) in classes.iter().enumerate() {
        let _ = logits.get(row as i64).get(*class).fill_(5.0);
    }
    Predictions::from_logits(&logits).unwrap()
}

pub fn pixels(figure: &Figure) -> RgbImage {
    image::load_from_memory(figure.png()).unwrap().to_rgb8()
}

/// Class names as text sorts them, and names for them.
pub fn twelve() -> (Vec<String>, CategoryNames) {
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

/// How many pixels have a colour.
pub fn count(figure: &Figure, colour: [u8; 3]) -> usize {
    pixels(figure).pixels().filter(|pixel| pixel.0 == colour).count()
}

/// A picture file of one colour.
pub fn photograph(name: &str, colour: [u8; 3]) -> PathBuf {
    let path = scratch(name);
    RgbImage::from_pixel(48, 32, Rgb(colour)).save(&path).unwrap();
    path
}
