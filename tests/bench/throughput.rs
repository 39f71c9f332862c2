//! Pictures per second of the loader and of both phases of training, one JSON line a measurement.
//!
//! On the folder that `HERBARIUM_DATA` names, else on the painted flowers; with the tutorial's
//! transforms, ResNet18 at 64 px and batches of 128. `HERBARIUM_BENCH_RUNS` repetitions, 5 by default.

use std::time::Instant;

use herbarium::prelude::*;
use serde_json::json;

fn main() -> Result<()> {
    // cargo passes `--bench`; there is nothing to choose.
    let runs = std::env::var("HERBARIUM_BENCH_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(5);
    let data_dir = data::flowers()?;
    let transforms = tutorial_transforms();
    let image_datasets = ImageFolder::splits(&data_dir, &transforms)?;
    let options = LoaderOptions { batch_size: 128, shuffle: true, ..Default::default() };
    let loaders = image_datasets.loaders(options);
    let classes = image_datasets.train.classes().len();
    report("loader, train transforms", runs, || read(&loaders.train))?;
    report("loader, valid transforms", runs, || read(&loaders.valid))?;
    for (name, batch_norm) in [
        ("frozen epoch, batch norms moving", BatchNormMode::Moving),
        ("frozen epoch, batch norms still", BatchNormMode::Still),
    ] {
        let mut model = initialize_model("resnet18", classes, Pretrained::No, Device::Cpu)?;
        model.freeze_all_but_head();
        report(name, runs, || train(&mut model, &loaders, 1e-2, batch_norm))?;
    }
    let mut model = initialize_model("resnet18", classes, Pretrained::No, Device::Cpu)?;
    report("fine-tuning epoch", runs, || train(&mut model, &loaders, 1e-3, BatchNormMode::Moving))?;
    Ok(())
}

fn tutorial_transforms() -> Splits<Compose> {
    let train = vec![
        resize(96, 96),
        random_rotation(45.0),
        center_crop(64, 64),
        random_horizontal_flip(0.5),
        random_vertical_flip(0.5),
        color_jitter(0.2, 0.1, 0.1, 0.1),
        random_grayscale(0.025),
        to_tensor(),
        normalize(IMAGENET_MEAN, IMAGENET_STD),
    ];
    let valid = vec![resize(64, 64), to_tensor(), normalize(IMAGENET_MEAN, IMAGENET_STD)];
    Splits { train: Compose::new(train), valid: Compose::new(valid) }
}

/// One pass over a loader: images per second.
fn read(loader: &DataLoader) -> Result<f64> {
    let start = Instant::now();
    let mut images = 0;
    for batch in loader.iter() {
        images += batch?.paths.len();
    }
    Ok(images as f64 / start.elapsed().as_secs_f64())
}

/// The training half of one epoch: images per second.
fn train(model: &mut Model, loaders: &Splits<DataLoader>, lr: f64, batch_norm: BatchNormMode) -> Result<f64> {
    let mut optimizer = Adam::new(model.trainable_parameters(), lr);
    let mut scheduler = StepLr::new(&optimizer, 10, 0.1);
    let options = TrainOptions { num_epochs: 1, batch_norm, verbose: false, ..Default::default() };
    let history =
        train_model(model, loaders, &CrossEntropyLoss::new(), &mut optimizer, &mut scheduler, options)?;
    Ok(history.train_images_per_second.first().copied().unwrap_or(f64::NAN))
}

/// One run to warm up, then `runs` measured ones.
fn report(name: &str, runs: usize, mut measure: impl FnMut() -> Result<f64>) -> Result<()> {
    measure()?;
    let mut values = (0..runs).map(|_| measure()).collect::<Result<Vec<f64>>>()?;
    values.sort_by(f64::total_cmp);
    let line = json!({
        "what": name,
        "unit": "images/s",
        "median": round(values[values.len() / 2]),
        "minimum": round(values[0]),
        "maximum": round(values[values.len() - 1]),
        "runs": runs,
    });
    println!("{line}");
    Ok(())
}

fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
