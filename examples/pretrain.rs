//! Pretrains networks on painted plants, and writes the files in `weights/`, the crate's fallback when there are no
//! ImageNet weights: `make pretrain`, or `cargo run --release --example pretrain -- resnet18`.
//!
//! Painting and training resume after an interruption from `out/pretraining`; remove that folder to start over.
//! docs/pretraining.md states the time and the results.

use std::path::{Path, PathBuf};
use std::time::Instant;

use herbarium::data::CacheOptions;
use herbarium::data::PlantOptions;
use herbarium::models::Parameter;
use herbarium::models::Parameters;
use herbarium::prelude::*;
use herbarium::train::Precision;
use herbarium::weights::{Metadata, load, save_quantized};
use sha2::{Digest, Sha256};

/// Seeds the initial weights, the order of the pictures and their augmentation.
const SEED: u64 = 0;
const BATCH_SIZE: usize = 64;
const WEIGHT_DECAY: f64 = 0.05;

/// How long a network trains, and the highest learning rate of its cycle.
struct Recipe {
    epochs: usize,
    lr: f64,
}

/// Networks differ in what they stand: one without batch norms learns nothing at the rate of the others and takes three
/// times as long at its own, and depthwise convolutions learn little in the first epochs.
fn recipe(model: &Model) -> Recipe {
    let has_batch_norm = model.state_dict().iter().any(|(key, _)| key.ends_with("running_mean"));
    match model.name() {
        _ if !has_batch_norm => Recipe { epochs: 48, lr: 4e-4 },
        "mobilenet_v3_small" => Recipe { epochs: 24, lr: 2e-3 },
        _ => Recipe { epochs: 16, lr: 2e-3 },
    }
}

/// The description stored in the files, shown wherever they are loaded.
const ABOUT: &str = "pretrained on 300 painted species, not on ImageNet";

type Outcome<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let work = Path::new(env!("CARGO_MANIFEST_DIR")).join("out/pretraining");
    let mut networks: Vec<String> = std::env::args().skip(1).collect();
    if networks.is_empty() {
        networks.push("resnet18".into());
    }
    let start = Instant::now();
    data::draw_plants(work.join("plants"), PlantOptions { side: 128, ..Default::default() })?;
    println!("painted in {:.1} min", start.elapsed().as_secs_f64() / 60.0);
    for network in networks {
        pretrain(&network, &work)?;
    }
    Ok(())
}

/// Trains one network from random weights, and writes its file.
fn pretrain(network: &str, work: &Path) -> Outcome<()> {
    let start = Instant::now();
    herbarium::seed(SEED);
    let plants = plants(&work.join("plants"))?;
    let mut model = initialize_model(network, PlantOptions::default().species, Pretrained::No, Device::Cpu)?;
    train(&mut model, &plants, work)?;
    let minutes = start.elapsed().as_secs_f64() / 60.0;

    let trained = accuracy(&model, &plants)?;
    let written = write(&model)?;
    for path in &written {
        model.load_state_dict(&load(path)?, Strictness::Partial)?;
    }
    println!("{network}: trained in {minutes:.1} min");
    println!("  held-out accuracy {trained:.4}, and {:.4} from the file", accuracy(&model, &plants)?);
    for path in written {
        let bytes = std::fs::read(&path)?;
        let sum: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        println!("  {} ({:.1} MB) sha256 {sum}", path.display(), bytes.len() as f64 / 1e6);
    }
    Ok(())
}

/// The painted plants, 64 pixels wide: for training a part of each picture, mirrored and recoloured at random.
fn plants(folder: &Path) -> Result<Splits<DataLoader>> {
    let transforms = Splits {
        train: Compose::new(vec![
            random_resized_crop(64).scale([0.4, 1.0]),
            random_horizontal_flip(0.5),
            random_vertical_flip(0.5),
            color_jitter(0.3, 0.3, 0.3, 0.0),
            random_grayscale(0.05),
            to_tensor(),
            normalize(IMAGENET_MEAN, IMAGENET_STD),
        ]),
        valid: Compose::new(vec![resize([64, 64]), to_tensor(), normalize(IMAGENET_MEAN, IMAGENET_STD)]),
    };
    let sets = ImageFolder::splits(folder, &transforms)?;
    let options = LoaderOptions {
        batch_size: BATCH_SIZE,
        cache: CacheOptions::memory_only(1 << 30),
        ..Default::default()
    };
    Ok(Splits {
        train: DataLoader::new(
            sets.train,
            LoaderOptions { shuffle: true, drop_last: true, ..options.clone() },
        ),
        valid: DataLoader::new(sets.valid, options),
    })
}

/// AdamW with one cycle of the learning rate and smoothed labels.
fn train(model: &mut Model, plants: &Splits<DataLoader>, work: &Path) -> Result<()> {
    let (weights, others): (Vec<Parameter>, Vec<Parameter>) =
        model.trainable_parameters().into_iter().partition(|parameter| parameter.tensor.dim() > 1);
    let groups = vec![
        ParamGroup::new(weights.into_iter().collect::<Parameters>()),
        // Weight decay would only pull biases and scales to zero.
        ParamGroup::new(others.into_iter().collect::<Parameters>()).weight_decay(0.0),
    ];
    let Recipe { epochs, lr } = recipe(model);
    let mut optimizer = AdamW::new(groups, lr).weight_decay(WEIGHT_DECAY);
    let mut scheduler = OneCycleLr::new(&mut optimizer, lr, epochs * plants.train.len());
    let criterion = CrossEntropyLoss { label_smoothing: 0.1, ..Default::default() };
    let state = work.join(format!("{}.state.safetensors", model.name()));
    let options = TrainOptions {
        num_epochs: epochs,
        precision: Precision::BFloat16,
        scheduler_step: SchedulerStep::Batch,
        resume: state.into(),
        ..Default::default()
    };
    train_model(model, plants, &criterion, &mut optimizer, &mut scheduler, options)?;
    Ok(())
}

/// The accuracy on the held-out pictures.
fn accuracy(model: &Model, plants: &Splits<DataLoader>) -> Result<f64> {
    Ok(evaluate(model, &plants.valid, &CrossEntropyLoss::new())?.accuracy)
}

/// Writes the network without its head, one byte a weight, and the head in a separate file, which only the test of the
/// held-out accuracy needs.
fn write(model: &Model) -> Result<[PathBuf; 2]> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("weights");
    let name = model.name();
    let is_head = |key: &str| model.head().iter().any(|head| key.starts_with(&format!("{head}.")));
    let (head, body): (Vec<_>, Vec<_>) = model.state_dict().into_iter().partition(|(key, _)| is_head(key));
    let about = |what: &str| {
        Metadata::from([("format".into(), "pt".into()), ("about".into(), format!("{what}{ABOUT}"))])
    };
    let paths = [format!("{name}-painted.safetensors"), format!("painted-head-of-{name}.safetensors")]
        .map(|file| folder.join(file));
    save_quantized(&paths[0], &body.into_iter().collect(), &about(""))?;
    save_quantized(&paths[1], &head.into_iter().collect(), &about(&format!("head of {name}, ")))?;
    Ok(paths)
}
