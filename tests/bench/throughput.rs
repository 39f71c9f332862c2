//! Pictures per second of the loader and of both phases of training, one JSON line a measurement.
//!
//! On the folder that `HERBARIUM_DATA` names, else on the painted flowers; with the tutorial's
//! transforms, ResNet18 at 64 px and batches of 128; on pretrained weights where there are any.
//!
//! - `HERBARIUM_BENCH_RUNS`: repetitions, 5 by default.
//! - `HERBARIUM_BENCH_SIZE=667x500`: on copies of the pictures of that size, made in a temporary folder.
//! - `HERBARIUM_PEER_PYTHON`: a Python with torch, torchvision and safetensors; the tutorial in PyTorch is then
//!   measured between two rounds of Herbarium's, and ratios are printed. `HERBARIUM_PEER_SCRIPT` is the tutorial,
//!   by default `../shared/bench/torch_tutorial.py`.
//! - `HERBARIUM_EPOCHS=6,4`: the epochs of the whole tutorial, both here and there.

mod tutorial;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use herbarium::prelude::*;
use herbarium::train::{NumEpochs, Precision};
use serde_json::{Value, json};
use tempfile::TempDir;
use tutorial::{read, tutorial_transforms};

/// Multiplications and additions of ResNet18 for one picture of 64 × 64 px, forward: torchvision's 1.814
/// billion multiply-adds at 224 px are 0.1485 billion at 64 px.
const FORWARD_GFLOP: f64 = 0.297;

type Outcome<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    // cargo passes `--bench`; there is nothing to choose.
    let runs = variable("HERBARIUM_BENCH_RUNS").and_then(|runs| runs.parse().ok()).unwrap_or(5);
    let resized = Resized::of(data::flowers()?)?;
    let (float, bfloat16) = (matrix_rate(Kind::Float)?, matrix_rate(Kind::BFloat16)?);
    println!(
        "{}",
        json!({ "what": "matrix product", "unit": "GFLOP/s", "float32": round(float), "bfloat16": round(bfloat16) })
    );
    let first = measure(&resized.data, runs, (float, bfloat16))?;
    let Some(python) = variable("HERBARIUM_PEER_PYTHON") else { return Ok(()) };
    let Some(peer) = peer(&python, &resized.data)? else { return Ok(()) };
    let second = measure(&resized.data, runs, (float, bfloat16))?;
    compare(&first, &second, &peer);
    Ok(())
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// One round of all measurements: medians by name.
fn measure(data_dir: &Path, runs: usize, (float, bfloat16): (f64, f64)) -> Outcome<Vec<(&'static str, f64)>> {
    let transforms = tutorial_transforms();
    let image_datasets = ImageFolder::splits(data_dir, &transforms)?;
    let options = LoaderOptions { batch_size: 128, shuffle: true, ..Default::default() };
    let loaders = image_datasets.loaders(options.clone());
    let classes = image_datasets.train.classes().len();
    let mut medians = Vec::new();
    let mut report = |name: &'static str, floor: Option<f64>, run: &mut dyn FnMut() -> Result<f64>| {
        report(name, floor, runs, run).map(|median| medians.push((name, median)))
    };
    report("loader, train transforms", None, &mut || read(&loaders.train))?;
    report("loader, valid transforms", None, &mut || read(&loaders.valid))?;
    for (name, batch_norm, precision, floor) in [
        ("frozen epoch, batch norms moving", BatchNormMode::Moving, Precision::Auto, float),
        ("frozen epoch, batch norms moving, bfloat16", BatchNormMode::Moving, Precision::BFloat16, bfloat16),
        ("frozen epoch, batch norms still", BatchNormMode::Still, Precision::Auto, bfloat16),
        ("frozen epoch, batch norms still, float32", BatchNormMode::Still, Precision::Float32, float),
    ] {
        let mut model = model(classes)?;
        model.freeze_all_but_head();
        let options = TrainOptions { batch_norm, precision, ..Default::default() };
        let floor = Some(floor / FORWARD_GFLOP);
        report(name, floor, &mut || train(&mut model, &loaders, 1e-2, options.clone()))?;
    }
    for (name, precision, floor) in [
        ("fine-tuning epoch", Precision::Float32, float),
        ("fine-tuning epoch, bfloat16", Precision::BFloat16, bfloat16),
    ] {
        let mut model = model(classes)?;
        model.unfreeze_all();
        let options = TrainOptions { precision, ..Default::default() };
        // Backward takes two products for each one forward.
        let floor = Some(floor / (3.0 * FORWARD_GFLOP));
        report(name, floor, &mut || train(&mut model, &loaders, 1e-3, options.clone()))?;
    }
    for (name, batch_norm, precision) in [
        ("whole tutorial, batch norms moving", BatchNormMode::Moving, Precision::Auto),
        ("whole tutorial, batch norms still", BatchNormMode::Still, Precision::Auto),
    ] {
        // As a learner has it: loaders that have read nothing yet.
        let loaders = image_datasets.loaders(options.clone());
        let start = Instant::now();
        let reached = tutorial(&loaders, classes, batch_norm, precision)?;
        let seconds = start.elapsed().as_secs_f64();
        println!("{}", json!({ "what": name, "unit": "s", "seconds": round(seconds), "best_acc": reached }));
        medians.push((name, seconds));
    }
    Ok(medians)
}

fn model(classes: usize) -> Result<Model> {
    let mut model = initialize_model("resnet18", classes, Pretrained::No, Device::Cpu)?;
    if let Some(path) = weights::find("resnet18") {
        let (mut state, _) = weights::load_safetensors(path)?;
        state.remove("fc.weight");
        state.remove("fc.bias");
        model.load_state_dict(&state, Strictness::Partial)?;
    }
    Ok(model)
}

/// Both phases: the best accuracy of each.
fn tutorial(
    loaders: &Splits<DataLoader>,
    classes: usize,
    batch_norm: BatchNormMode,
    precision: Precision,
) -> Outcome<[f64; 2]> {
    let NumEpochs { frozen, fine_tuning } = num_epochs(6, 4)?;
    let mut model = model(classes)?;
    let mut reached = [0.0; 2];
    model.freeze_all_but_head();
    let fine_lr = if batch_norm == BatchNormMode::Still { 1e-4 } else { 1e-3 };
    for (phase, (epochs, lr)) in [(frozen, 1e-2), (fine_tuning, fine_lr)].into_iter().enumerate() {
        let mut optimizer = Adam::new(model.trainable_parameters(), lr);
        let mut scheduler = StepLr::new(&optimizer, 7, 0.1);
        let options = TrainOptions {
            num_epochs: epochs,
            batch_norm,
            precision,
            best_acc: reached[0],
            verbose: false,
            ..Default::default()
        };
        let criterion = CrossEntropyLoss::new();
        let history = train_model(&mut model, loaders, &criterion, &mut optimizer, &mut scheduler, options)?;
        reached[phase] = history.best_acc;
        model.unfreeze_all();
    }
    Ok(reached)
}

/// What the tutorial in PyTorch says of itself; `None` where there is no script.
fn peer(python: &str, data_dir: &Path) -> Outcome<Option<Vec<(&'static str, f64)>>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/bench/torch_tutorial.py");
    let script = variable("HERBARIUM_PEER_SCRIPT").map_or(beside, PathBuf::from);
    if !script.is_file() {
        eprintln!("no peer: {} is not there", script.display());
        return Ok(None);
    }
    let NumEpochs { frozen, fine_tuning } = num_epochs(6, 4)?;
    let mut command = Command::new(python);
    command.arg(&script).arg(data_dir).arg(frozen.to_string()).arg(fine_tuning.to_string());
    command.args(weights::find("resnet18"));
    // Python has its own libtorch.
    command.env_remove("LD_LIBRARY_PATH");
    let output = command.output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        return Err(format!("the peer failed: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let found = told_by_peer(&text, frozen);
    for (name, value) in &found {
        println!("{}", json!({ "what": format!("PyTorch: {name}"), "median": round(*value) }));
    }
    Ok(Some(found))
}

/// Medians of the peer's lines, `train e0 loss 2.1 acc 0.3 3.2s 224 img/s (data 2.1s)`, and its times.
fn told_by_peer(text: &str, frozen: usize) -> Vec<(&'static str, f64)> {
    let before = |line: &str, unit: &str| -> Option<f64> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let at = words.iter().position(|word| *word == unit)?;
        words.get(at.checked_sub(1)?)?.parse().ok()
    };
    let speeds = |start: &str| -> Vec<f64> {
        text.lines().filter(|line| line.starts_with(start)).filter_map(|line| before(line, "img/s")).collect()
    };
    let train = speeds("train e");
    let (of_frozen, of_fine) = train.split_at(frozen.min(train.len()));
    let seconds: f64 = text
        .lines()
        .filter(|line| line.starts_with("phase"))
        .filter_map(|line| line.split_whitespace().nth(1)?.strip_suffix('s')?.parse::<f64>().ok())
        .sum();
    let lists = [
        ("loader, train transforms", speeds("loader train")),
        ("loader, valid transforms", speeds("loader valid")),
        ("frozen epoch", of_frozen.to_vec()),
        ("fine-tuning epoch", of_fine.to_vec()),
        ("whole tutorial", vec![seconds]),
    ];
    lists.into_iter().filter(|(_, list)| !list.is_empty()).map(|(name, list)| (name, median(list))).collect()
}

/// How many times as fast Herbarium is, by the slower and the faster of its rounds.
fn compare(first: &[(&str, f64)], second: &[(&str, f64)], peer: &[(&'static str, f64)]) {
    for (name, theirs) in peer {
        for ((own, one), (_, other)) in first.iter().zip(second).filter(|((own, _), _)| own.starts_with(name))
        {
            let ratio = |own: f64| if *name == "whole tutorial" { theirs / own } else { own / theirs };
            let (low, high) = (ratio(*one).min(ratio(*other)), ratio(*one).max(ratio(*other)));
            let line = json!({
                "what": format!("{own}: times PyTorch"),
                "minimum": (low * 100.0).round() / 100.0,
                "maximum": (high * 100.0).round() / 100.0,
            });
            println!("{line}");
        }
    }
}

/// The training half of one epoch: images per second.
fn train(model: &mut Model, loaders: &Splits<DataLoader>, lr: f64, options: TrainOptions) -> Result<f64> {
    let mut optimizer = Adam::new(model.trainable_parameters(), lr);
    let mut scheduler = StepLr::new(&optimizer, 10, 0.1);
    let options = TrainOptions { num_epochs: 1, verbose: false, ..options };
    let history =
        train_model(model, loaders, &CrossEntropyLoss::new(), &mut optimizer, &mut scheduler, options)?;
    Ok(history.train_images_per_second.first().copied().unwrap_or(f64::NAN))
}

/// Billions of multiplications and additions a second in products of matrices.
fn matrix_rate(kind: Kind) -> Result<f64> {
    const SIDE: i64 = 2048;
    let matrix = || Tensor::f_rand([SIDE, SIDE], (Kind::Float, Device::Cpu))?.f_to_kind(kind);
    let (a, b) = (matrix()?, matrix()?);
    let once = || -> Result<f64> {
        let start = Instant::now();
        let _ = a.f_matmul(&b)?;
        Ok(2.0 * (SIDE as f64).powi(3) / start.elapsed().as_secs_f64() / 1e9)
    };
    (0..6).map(|_| once()).collect::<Result<Vec<_>>>().map(|rates| rates.into_iter().fold(0.0, f64::max))
}

/// One run to warm up, then `runs` measured ones; gives the median. `floor` is what the arithmetic alone
/// allows.
fn report(
    name: &str,
    floor: Option<f64>,
    runs: usize,
    measure: &mut dyn FnMut() -> Result<f64>,
) -> Result<f64> {
    measure()?;
    let mut values = (0..runs.max(1)).map(|_| measure()).collect::<Result<Vec<f64>>>()?;
    values.sort_by(f64::total_cmp);
    let mut line = json!({
        "what": name,
        "unit": "images/s",
        "median": round(values[values.len() / 2]),
        "minimum": round(values[0]),
        "maximum": round(values[values.len() - 1]),
        "runs": runs,
    });
    if let (Some(floor), Value::Object(fields)) = (floor, &mut line) {
        fields.insert("arithmetic_allows".into(), round(floor).into());
    }
    println!("{line}");
    Ok(values[values.len() / 2])
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// A data set, perhaps a copy with pictures of another size, which is removed with it.
struct Resized {
    data: PathBuf,
    _copy: Option<TempDir>,
}

impl Resized {
    fn of(data: PathBuf) -> Outcome<Resized> {
        let Some(size) = variable("HERBARIUM_BENCH_SIZE") else { return Ok(Resized { data, _copy: None }) };
        let (width, height) = size.split_once('x').ok_or("HERBARIUM_BENCH_SIZE is WIDTHxHEIGHT")?;
        let (width, height) = (width.parse()?, height.parse()?);
        let copy = tempfile::tempdir()?;
        copy_resized(&data, copy.path(), width, height)?;
        Ok(Resized { data: copy.path().to_owned(), _copy: Some(copy) })
    }
}

fn copy_resized(from: &Path, to: &Path, width: u32, height: u32) -> Outcome<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let (path, target) = {
            let entry = entry?;
            (entry.path(), to.join(entry.file_name()))
        };
        if path.is_dir() {
            copy_resized(&path, &target, width, height)?;
        } else if path.extension().is_some_and(|ending| ending == "json") {
            fs::copy(&path, &target)?;
        } else {
            let picture = image::open(&path)?.to_rgb8();
            let filter = image::imageops::FilterType::CatmullRom;
            let large = image::imageops::resize(&picture, width, height, filter);
            let file = std::io::BufWriter::new(fs::File::create(target.with_extension("jpg"))?);
            image::codecs::jpeg::JpegEncoder::new_with_quality(file, 90).encode_image(&large)?;
        }
    }
    Ok(())
}
