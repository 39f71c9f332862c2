//! How well real flowers are learned, beside PyTorch. Most of it takes minutes and is ignored by default.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use herbarium::data::{CacheOptions, Decoding};
use herbarium::models::Strictness;
use herbarium::prelude::*;
use herbarium::train::Precision;
use tch::Device;

use crate::support::colours::*;
use crate::support::tutorial_transforms::tutorial_transforms;
use crate::support::{Outcome, TempDir};

/// The flower photographs and the pretrained weights.
fn shared() -> Result<(PathBuf, PathBuf), String> {
    let folder = match std::env::var_os("HERBARIUM_PARITY") {
        Some(parity) => PathBuf::from(parity).join(".."),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"),
    };
    let (data, weights) =
        (folder.join("data/flowers12"), folder.join("weights/resnet18_partial.safetensors"));
    match data.is_dir() && weights.is_file() {
        true => Ok((data, weights)),
        false => Err(format!("needs {} and {}", data.display(), weights.display())),
    }
}

/// The tutorial's data, with its own validation pictures or with those that have the scale of training.
fn flowers(
    data: &Path,
    same_scale: bool,
    decoding: Decoding,
    seed: u64,
) -> herbarium::Result<Splits<DataLoader>> {
    let mut transforms = tutorial_transforms();
    if same_scale {
        transforms.valid = Compose::new(vec![
            resize([96, 96]),
            center_crop(64),
            to_tensor(),
            normalize(IMAGENET_MEAN, IMAGENET_STD),
        ]);
    }
    let options = LoaderOptions {
        batch_size: 128,
        shuffle: true,
        seed: Some(seed),
        decoding,
        cache: CacheOptions::memory_only(1 << 28),
        ..Default::default()
    };
    Ok(ImageFolder::splits(data, &transforms)?.loaders(options))
}

/// A ResNet18 with the weights there are; what they lack starts random, as with PyTorch's `strict=False`.
fn pretrained(weights: Option<&Path>, seed: u64) -> herbarium::Result<Model> {
    pretrained_as("resnet18", weights, seed)
}

fn pretrained_as(name: &str, weights: Option<&Path>, seed: u64) -> herbarium::Result<Model> {
    herbarium::seed(seed);
    let mut model = initialize_model(name, 12, Pretrained::No, Device::Cpu)?;
    if let Some(weights) = weights {
        let mut weights = herbarium::weights::load(weights)?;
        weights.remove("fc.weight");
        weights.remove("fc.bias");
        model.load_state_dict(&weights, Strictness::Partial)?;
    }
    model.freeze_all_but_head();
    Ok(model)
}

#[test]
#[cfg_attr(
    not(photographs_and_weights),
    ignore = "needs photographs and weights: ../shared, or beside HERBARIUM_PARITY"
)]
fn an_epoch_of_real_flowers() -> Outcome {
    let (data, weights) = shared()?;
    let data = flowers(&data, true, Decoding::Exact, 0)?;
    let mut model = pretrained(Some(&weights), 0)?;
    let mut optimizer = Adam::new(model.trainable_parameters(), 1e-2);
    let history = train(&mut model, &mut optimizer, &data, quick(1))?;
    println!("{history}");
    // 12 classes: guessing gives 0.08, and a loss of 2.5.
    assert!(history.best_acc > 0.4, "{history}");
    Ok(())
}

/// `cargo test --release --test training -- --ignored --nocapture the_tutorials_way`: minutes. With
/// `HERBARIUM_PEER_PYTHON` PyTorch trains with the same seeds and must not be the better one. A seed gives
/// different random numbers there, so means are compared, and the more seeds, the closer.
#[test]
#[ignore = "takes minutes; for release builds"]
fn the_tutorials_way_learns_as_in_pytorch() -> Outcome {
    let (data, weights) = shared()?;
    let seeds = seeds("0")?;
    let ours = mean(&each_seed(&seeds, MOVING, &data, Some(&weights))?);
    assert!(ours[0] > 0.55 && ours[1] > 0.58, "{ours:?}");
    let theirs = match std::env::var_os("HERBARIUM_PEER_PYTHON") {
        Some(python) => mean(&pytorchs(&python, MOVING, &data, &weights, &seeds)?),
        // Of seeds 100 to 119.
        None => [0.622, 0.657],
    };
    println!("means: {ours:.3?}, PyTorch {theirs:.3?}");
    // The spread between seeds in each phase: large with moving batch norms.
    for (phase, spread) in [0.03, 0.05].into_iter().enumerate() {
        let error = spread * (2.0 / seeds.len() as f64).sqrt();
        assert!(ours[phase] > theirs[phase] - 3.0 * error, "phase {phase}: {ours:?} and {theirs:?}");
    }
    Ok(())
}

/// As above, with the mistakes corrected; PyTorch reached 0.825 and 0.875.
#[test]
#[ignore = "takes minutes; for release builds"]
fn still_batch_norms_learn_as_in_pytorch() -> Outcome {
    let (data, weights) = shared()?;
    for reached in each_seed(&seeds("0")?, STILL, &data, Some(&weights))? {
        assert!(reached[0] > 0.79 && reached[1] > 0.84, "{reached:?}");
    }
    Ok(())
}

/// What the notebook shows where there are no other weights and no photographs: the tutorial's way, the same with its
/// mistakes corrected, and for comparison random weights. `cargo test --release --test training -- --ignored --nocapture
/// the_default_run`: minutes. With `HERBARIUM_PEER_PYTHON` PyTorch does the same with the same weights and seeds.
#[test]
#[ignore = "takes minutes; for release builds"]
fn the_default_run_shows_what_pretraining_and_the_mended_mistakes_are_worth() -> Outcome {
    let folder = TempDir::new();
    let data = folder.file("flowers");
    herbarium::data::draw_flowers(&data)?;
    let weights = Path::new(env!("CARGO_MANIFEST_DIR")).join("weights/resnet18-painted.safetensors");
    let [tutorial, mended] = [MOVING, STILL].map(|way| Way { epochs: [20, 10], ..way });
    let seeds = seeds("0,1,2,3,4")?;
    let ours = [tutorial, mended].map(|way| each_seed(&seeds, way, &data, Some(&weights)));
    let [ours_tutorial, ours_mended] = ours;
    let (ours_tutorial, ours_mended) = (ours_tutorial?, ours_mended?);
    for (seed, (before, after)) in seeds.iter().zip(ours_tutorial.iter().zip(&ours_mended)) {
        assert!(after[0] > before[0] && after[1] > before[1], "seed {seed}: {before:?} {after:?}");
        assert!(after[0] >= 0.85 && after[1] >= 0.95, "seed {seed}: {after:?}");
    }
    let random = each_seed(&seeds[..1], mended, &data, None)?;
    assert!(random[0][1] < mean(&ours_tutorial)[0], "random weights: {random:?}");
    let Some(python) = std::env::var_os("HERBARIUM_PEER_PYTHON") else {
        println!("not compared with PyTorch: HERBARIUM_PEER_PYTHON is not set");
        return Ok(());
    };
    for (way, ours) in [(tutorial, ours_tutorial), (mended, ours_mended)] {
        let theirs = pytorchs(&python, way, &data, &weights, &seeds)?;
        println!("means: {:.3?}, PyTorch {:.3?}", mean(&ours), mean(&theirs));
        for phase in [0, 1] {
            // Of two means over the seeds; a validation picture is a 120th.
            let error = (variance(&ours, phase) + variance(&theirs, phase)) / seeds.len() as f64;
            let apart = (mean(&ours)[phase] - mean(&theirs)[phase]).abs();
            assert!(apart <= 3.0 * error.sqrt() + 1.0 / 120.0, "phase {phase}: {ours:?} and {theirs:?}");
        }
    }
    Ok(())
}

/// How to train, in the head's epochs and in those of all layers.
#[derive(Clone, Copy)]
struct Way {
    batch_norm: BatchNormMode,
    fine_lr: f64,
    epochs: [usize; 2],
}

/// The tutorial's way, with as many epochs as the photographs need.
const MOVING: Way = Way { batch_norm: BatchNormMode::Moving, fine_lr: 1e-3, epochs: [6, 4] };

/// The same with its mistakes corrected.
const STILL: Way = Way { batch_norm: BatchNormMode::Still, fine_lr: 1e-4, epochs: [6, 4] };

/// The best accuracies of each seed, in either phase.
fn each_seed(
    seeds: &[u64],
    way: Way,
    data: &Path,
    weights: Option<&Path>,
) -> Result<Vec<[f64; 2]>, Box<dyn std::error::Error>> {
    let mut all = Vec::new();
    for &seed in seeds {
        let reached = both_phases(data, weights, seed, way, Decoding::Exact, Precision::Auto)?;
        println!("seed {seed}, batch norms {:?}: {reached:.3?}", way.batch_norm);
        all.push(reached);
    }
    Ok(all)
}

/// The same of PyTorch.
fn pytorchs(
    python: &std::ffi::OsStr,
    way: Way,
    data: &Path,
    weights: &Path,
    seeds: &[u64],
) -> Result<Vec<[f64; 2]>, Box<dyn std::error::Error>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/tutorial_seeds.py");
    let mut command = Command::new(python);
    command.arg(script).arg(format!("--epochs={},{}", way.epochs[0], way.epochs[1]));
    if way.batch_norm == BatchNormMode::Still {
        command.arg("--mended");
    }
    let output = command.args([data, weights]).args(seeds.iter().map(u64::to_string)).output()?;
    let text = String::from_utf8(output.stdout)?;
    print!("PyTorch:\n{text}");
    assert!(output.status.success(), "{}", String::from_utf8(output.stderr)?);
    let mut all = Vec::new();
    for line in text.lines() {
        let [_, head, layers] = line.split(' ').collect::<Vec<_>>()[..] else {
            return Err(format!("not a seed and two accuracies: {line}").into());
        };
        all.push([head.parse()?, layers.parse()?]);
    }
    Ok(all)
}

fn variance(all: &[[f64; 2]], phase: usize) -> f64 {
    let mean = mean(all)[phase];
    all.iter().map(|reached| (reached[phase] - mean).powi(2)).sum::<f64>() / (all.len() - 1).max(1) as f64
}

fn mean(all: &[[f64; 2]]) -> [f64; 2] {
    [0, 1].map(|phase| all.iter().map(|reached| reached[phase]).sum::<f64>() / all.len() as f64)
}

/// The seeds of `HERBARIUM_TEST_SEEDS=0,1,2`, or `usual`.
fn seeds(usual: &str) -> Result<Vec<u64>, std::num::ParseIntError> {
    let seeds = std::env::var("HERBARIUM_TEST_SEEDS").unwrap_or_else(|_| usual.into());
    seeds.split(',').map(str::parse).collect()
}

/// Photographs of 667 x 500 pixels, of which a quarter of the size is decoded: both ways of decoding, seed by
/// seed, and how far the pictures are apart. `cargo test --release --test training -- --ignored --nocapture
/// reduced_decoding`: minutes.
#[test]
#[ignore = "takes minutes; for release builds"]
fn reduced_decoding_learns_as_exact() -> Outcome {
    let (data, weights) = shared()?;
    let folder = TempDir::new();
    let large = folder.file("large");
    enlarge(&data, &large)?;
    println!("mean difference of pixels after resize([96, 96]): {:.2} of 255", mean_difference(&large)?);
    let mut means = [0.0; 2];
    let seeds = seeds("0,1,2")?;
    for &seed in &seeds {
        for (mean, decoding) in means.iter_mut().zip([Decoding::Exact, Decoding::Reduced]) {
            let reached = both_phases(&large, Some(&weights), seed, STILL, decoding, Precision::Auto)?;
            println!("seed {seed}, {decoding:?}: {reached:.3?}");
            *mean += reached[1] / seeds.len() as f64;
        }
    }
    println!("means of all layers: exact {:.3}, reduced {:.3}", means[0], means[1]);
    // 240 photographs: one standard error of a difference is about 0.02.
    assert!(means[1] > means[0] - 0.04, "{means:?}");
    Ok(())
}

/// Fine-tuning in both precisions, seed by seed. `cargo test --release --test training -- --ignored --nocapture
/// bfloat16_learns`: minutes.
#[test]
#[ignore = "takes minutes; for release builds"]
fn bfloat16_learns_as_float32() -> Outcome {
    let (data, weights) = shared()?;
    let mut means = [0.0; 2];
    let seeds = seeds("0,1,2")?;
    for &seed in &seeds {
        for (mean, precision) in means.iter_mut().zip([Precision::Float32, Precision::BFloat16]) {
            let reached = both_phases(&data, Some(&weights), seed, STILL, Decoding::Exact, precision)?;
            println!("seed {seed}, {precision:?}: {reached:.3?}");
            *mean += reached[1] / seeds.len() as f64;
        }
    }
    println!("means of all layers: float32 {:.3}, bfloat16 {:.3}", means[0], means[1]);
    // 240 photographs: one standard error of a difference is about 0.02.
    assert!(means[1] > means[0] - 0.04, "{means:?}");
    Ok(())
}

/// Copies of the photographs below `from`, of 667 x 500 pixels.
fn enlarge(from: &Path, to: &Path) -> Outcome {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let (path, target) = {
            let entry = entry?;
            (entry.path(), to.join(entry.file_name()))
        };
        if path.is_dir() {
            enlarge(&path, &target)?;
        } else if path.extension().is_some_and(|ending| ending == "jpg") {
            let filter = image::imageops::FilterType::CatmullRom;
            let large = image::imageops::resize(&data::read_image(&path)?, 667, 500, filter);
            let file = std::io::BufWriter::new(fs::File::create(target)?);
            image::codecs::jpeg::JpegEncoder::new_with_quality(file, 90).encode_image(&large)?;
        }
    }
    Ok(())
}

/// Between both ways of decoding, over the validation pictures of `data`.
fn mean_difference(data: &Path) -> Result<f64, Box<dyn std::error::Error>> {
    let set = ImageFolder::new(data.join("valid"), Compose::new(vec![]))?;
    let (mut sum, mut count) = (0u64, 0);
    for (path, _) in set.samples() {
        let small = |at_least| -> herbarium::Result<_> {
            let options = data::ReadOptions { at_least, ..Default::default() };
            transforms::functional::resize(&options.read(path)?, [96, 96], Default::default())
        };
        let (exact, reduced) = (small(None)?, small(Some([96, 96]))?);
        sum += exact.iter().zip(reduced.iter()).map(|(&a, &b)| u64::from(a.abs_diff(b))).sum::<u64>();
        count += exact.len();
    }
    Ok(sum as f64 / count as f64)
}

/// The head alone, then fine-tuning from the best checkpoint: the best accuracy of each.
fn both_phases(
    data: &Path,
    weights: Option<&Path>,
    seed: u64,
    way: Way,
    decoding: Decoding,
    precision: Precision,
) -> Result<[f64; 2], Box<dyn std::error::Error>> {
    let folder = TempDir::new();
    let path = folder.file("best.safetensors");
    let data = flowers(data, way.batch_norm == BatchNormMode::Still, decoding, seed)?;
    let criterion = CrossEntropyLoss::default();
    let mut model = pretrained(weights, seed)?;
    let options = TrainOptions {
        num_epochs: way.epochs[0],
        checkpoint: (&path).into(),
        batch_norm: way.batch_norm,
        precision,
        verbose: false,
        ..Default::default()
    };

    let mut optimizer_ft = Adam::new(model.trainable_parameters(), 1e-2);
    let mut scheduler = StepLr::new(&optimizer_ft, 10, 0.1);
    let frozen =
        train_model(&mut model, &data, &criterion, &mut optimizer_ft, &mut scheduler, options.clone())?;
    println!("{frozen}");

    model.unfreeze_all();
    let mut optimizer = Adam::new(model.trainable_parameters(), way.fine_lr);
    let mut scheduler = StepLr::new(&optimizer, 7, 0.1);
    let checkpoint = Checkpoint::load(&path)?;
    model.load_state_dict(&checkpoint.state_dict, Strictness::Strict)?;
    let options = TrainOptions { num_epochs: way.epochs[1], best_acc: checkpoint.best_acc, ..options };
    let fine = train_model(&mut model, &data, &criterion, &mut optimizer, &mut scheduler, options)?;
    println!("{fine}");
    Ok([frozen.best_acc, fine.best_acc])
}

/// Four epochs of what is new, then six of all layers, in one call; the mean of the seeds of
/// `HERBARIUM_TEST_SEEDS`, by default 0, 1, 2. PyTorch with plain Adam: 0.875 and 0.887.
#[test]
#[ignore = "takes minutes; for release builds"]
fn fine_tune_reaches_nine_of_ten() -> Outcome {
    let (data, weights) = shared()?;
    let seeds = std::env::var("HERBARIUM_TEST_SEEDS").unwrap_or_else(|_| "0,1,2".into());
    let seeds = seeds.split(',').map(str::parse).collect::<Result<Vec<u64>, _>>()?;
    for (name, file) in [("resnet18", "resnet18_partial"), ("mobilenet_v2", "mobilenet_v2_trunk")] {
        let mut reached = Vec::new();
        for seed in &seeds {
            let data = flowers(&data, true, Decoding::Exact, *seed)?;
            let weights = weights.with_file_name(format!("{file}.safetensors"));
            let mut model = pretrained_as(name, Some(&weights), *seed)?;
            let options = FineTuneOptions { verbose: false, ..Default::default() };
            let history = fine_tune(&mut model, &data, options)?;
            println!("{history}");
            reached.push(history.best_acc);
        }
        let mean = reached.iter().sum::<f64>() / reached.len() as f64;
        println!("{name}: {reached:.3?}, mean {mean:.3}");
        assert!(mean >= 0.9, "{name}: {reached:?}");
    }
    Ok(())
}
