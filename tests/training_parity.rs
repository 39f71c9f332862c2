//! Training against PyTorch: six steps of each optimizer from weights that a formula gives, and the
//! learning rates of the schedulers.

mod formula;

use std::fs;
use std::path::{Path, PathBuf};

use formula::{formula_weights, noise};
use herbarium::models::{Model, Pretrained, Strictness, initialize_model};
use herbarium::train::{
    Adam, AdamW, AdamWOptions, CosineAnnealingLr, CrossEntropyLoss, ExponentialLr, MultiStepLr, Optimizer,
    ReduceLrOnPlateau, Scheduler, Sgd, SgdOptions, StepLr,
};
use serde_json::Value;
use tch::{Device, Kind, Tensor};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Losses and values after six steps differ from PyTorch's by less than this.
const TOLERANCE: f64 = 1e-3;

#[test]
fn the_committed_set() -> Outcome {
    compare_set(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/training"))
}

#[test]
fn the_whole_set() -> Outcome {
    match whole_set() {
        Some(folder) if same_files(&folder) => {
            println!("skipped: {} is the committed set, which was compared", folder.display());
            Ok(())
        }
        Some(folder) => compare_set(&folder),
        None => {
            println!(
                "skipped: HERBARIUM_PARITY is not set and there is no ../shared/parity; the committed set was compared"
            );
            Ok(())
        }
    }
}

fn whole_set() -> Option<PathBuf> {
    if let Some(set) = std::env::var_os("HERBARIUM_PARITY") {
        return Some(PathBuf::from(set).join("training"));
    }
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/parity/training");
    shared.is_dir().then_some(shared)
}

fn same_files(folder: &Path) -> bool {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/training");
    let same = |name: &str| fs::read(folder.join(name)).ok() == fs::read(committed.join(name)).ok();
    same("manifest.json") && same("schedulers.json")
}

fn compare_set(folder: &Path) -> Outcome {
    let read = |name: &str| -> Result<Value, Box<dyn std::error::Error>> {
        Ok(serde_json::from_str(&fs::read_to_string(folder.join(name))?)?)
    };
    let manifest = read("manifest.json")?;
    for run in manifest["runs"].as_array().ok_or("the manifest has no runs")? {
        compare_run(run, &manifest)?;
    }
    compare_schedulers(&read("schedulers.json")?)
}

/// Trains as one run of the manifest says.
fn compare_run(run: &Value, manifest: &Value) -> Outcome {
    let text = |key: &str| run[key].as_str().ok_or(format!("the run has no {key}"));
    let classes = run["num_classes"].as_u64().ok_or("no num_classes")? as i64;
    let mut model = initialize_model(text("model")?, classes as usize, Pretrained::No, Device::Cpu)?;
    let weights = formula_weights(&model.state_dict(), gain(manifest)?);
    model.load_state_dict(&weights, Strictness::Strict)?;
    match run["frozen_except_fc"].as_bool().ok_or("no frozen_except_fc")? {
        true => model.freeze_all_but_head(),
        false => model.unfreeze_all(),
    }
    assert_eq!(manifest["mode"], "train");
    model.train();

    let shape: Vec<i64> = serde_json::from_value(run["batch"].clone())?;
    let images = noise(shape.iter().product(), 2000).reshape(&shape).to_kind(Kind::Float);
    let labels = Tensor::from_slice(&(0..shape[0]).map(|j| j % classes).collect::<Vec<_>>());
    let lr = run["lr"].as_f64().ok_or("no lr")?;
    let mut optimizer = optimizer(text("optimizer")?, &model, lr, manifest)?;
    let step_size = run["step_lr"]["step_size"].as_u64().ok_or("no step_size")? as usize;
    let gamma = run["step_lr"]["gamma"].as_f64().ok_or("no gamma")?;
    let mut scheduler = StepLr::new(&*optimizer, step_size, gamma);
    let criterion = CrossEntropyLoss::default();

    let expected = numbers(&run["losses"])?;
    let (mut losses, mut lrs) = (Vec::new(), Vec::new());
    for _ in &expected {
        lrs.push(optimizer.lr());
        optimizer.zero_grad()?;
        let loss = criterion.forward(&model.forward(&images)?, &labels)?;
        loss.backward();
        optimizer.step()?;
        losses.push(loss.double_value(&[]));
        scheduler.step(&mut *optimizer)?;
    }

    let name =
        format!("{} {} at {lr}, frozen {}", text("model")?, text("optimizer")?, run["frozen_except_fc"]);
    let off = |values: &[f64], expected: &[f64]| -> f64 {
        assert_eq!(values.len(), expected.len());
        values.iter().zip(expected).map(|(value, expected)| (value - expected).abs()).fold(0.0, f64::max)
    };
    let losses_off = off(&losses, &expected);
    let mut worst = losses_off;
    for (key, told) in run.as_object().ok_or("the run is no object")? {
        // `bn1.running_mean[:4]`: the first values of a tensor of the state dict.
        let Some((tensor, count)) = key.strip_suffix(']').and_then(|key| key.split_once("[:")) else {
            continue;
        };
        let state = model.state_dict();
        let tensor = state.get(tensor).ok_or(format!("no tensor {tensor}"))?;
        let count: i64 = count.parse()?;
        let values: Vec<f64> =
            Vec::try_from(tensor.flatten(0, -1).narrow(0, 0, count).to_kind(Kind::Double))?;
        worst = worst.max(off(&values, &numbers(told)?));
    }
    println!("{name}: losses differ by {losses_off:.1e}, all values by {worst:.1e}");
    assert!(worst < TOLERANCE, "{name}: {losses:?} instead of {expected:?}, or values {worst} off");
    assert!(off(&lrs, &numbers(&run["lrs"])?) < 1e-12, "{name}: {lrs:?}");
    Ok(())
}

fn optimizer(
    kind: &str,
    model: &Model,
    lr: f64,
    manifest: &Value,
) -> Result<Box<dyn Optimizer>, Box<dyn std::error::Error>> {
    let parameters = model.trainable_parameters();
    let number = |key: &str| manifest[kind][key].as_f64().ok_or(format!("no {key} of {kind}"));
    Ok(match kind {
        "adam" => Box::new(Adam::new(parameters, lr)),
        "adamw" => {
            let options = AdamWOptions { weight_decay: number("weight_decay")?, ..Default::default() };
            Box::new(AdamW::with_options(parameters, lr, options))
        }
        "sgd" => {
            let options = SgdOptions {
                momentum: number("momentum")?,
                weight_decay: number("weight_decay")?,
                nesterov: manifest[kind]["nesterov"].as_bool().ok_or("no nesterov")?,
                ..Default::default()
            };
            Box::new(Sgd::with_options(parameters, lr, options))
        }
        other => return Err(format!("the manifest has an optimizer {other} that is not compared").into()),
    })
}

/// `as in models/manifest.json with gain 3`.
fn gain(manifest: &Value) -> Result<f64, Box<dyn std::error::Error>> {
    let text = manifest["weights"].as_str().ok_or("no weights")?;
    Ok(text.rsplit(' ').next().unwrap_or_default().parse()?)
}

fn numbers(values: &Value) -> Result<Vec<f64>, Box<dyn std::error::Error>> {
    Ok(serde_json::from_value(values.clone())?)
}

fn compare_schedulers(curves: &Value) -> Outcome {
    let base_lr = curves["base_lr"].as_f64().ok_or("no base_lr")?;
    let (mut compared, mut not_built) = (Vec::new(), Vec::new());
    for (name, told) in curves.as_object().ok_or("schedulers.json is no object")? {
        if !told.is_array() || name.ends_with(".metric") {
            continue;
        }
        let mut optimizer = Sgd::new(vec![Tensor::zeros([1], (Kind::Float, Device::Cpu))], base_lr);
        let Some(mut scheduler) = scheduler(name, &optimizer)? else {
            not_built.push(name.as_str());
            continue;
        };
        let expected = numbers(told)?;
        let metric = numbers(&curves[format!("{}.metric", scheduler.name())]).unwrap_or_default();
        for (epoch, expected) in expected.iter().enumerate() {
            let lr = optimizer.lr();
            scheduler.step_with_loss(&mut optimizer, metric.get(epoch).copied().unwrap_or(0.0))?;
            assert!((lr - expected).abs() <= 1e-12, "{name}: {lr} instead of {expected} in epoch {epoch}");
        }
        compared.push(name.as_str());
    }
    println!("schedulers compared: {}", compared.join(", "));
    if !not_built.is_empty() {
        println!("schedulers not built: {}", not_built.join(", "));
    }
    assert!(!compared.is_empty(), "no scheduler was compared");
    Ok(())
}

/// The scheduler that a key like `MultiStepLR([5,9,20],0.3)` names; `None` for a kind there is not.
fn scheduler(
    key: &str,
    optimizer: &dyn Optimizer,
) -> Result<Option<Box<dyn Scheduler>>, Box<dyn std::error::Error>> {
    let (kind, settings) = key.strip_suffix(')').and_then(|key| key.split_once('(')).ok_or("no settings")?;
    let last = |settings: &str| -> Result<f64, _> {
        settings.rsplit([',', '=']).next().unwrap_or_default().parse::<f64>()
    };
    Ok(Some(match kind {
        "StepLR" => {
            let (step_size, _) = settings.split_once(',').ok_or("no step_size")?;
            Box::new(StepLr::new(optimizer, step_size.parse()?, last(settings)?))
        }
        "MultiStepLR" => {
            let (milestones, gamma) =
                settings.strip_prefix('[').and_then(|rest| rest.split_once("],")).ok_or("no milestones")?;
            let milestones =
                milestones.split(',').map(|epoch| epoch.trim().parse()).collect::<Result<Vec<_>, _>>()?;
            Box::new(MultiStepLr::new(optimizer, &milestones, gamma.parse()?))
        }
        "ExponentialLR" => Box::new(ExponentialLr::new(optimizer, last(settings)?)),
        "CosineAnnealingLR" => Box::new(CosineAnnealingLr::new(optimizer, last(settings)? as usize, 0.0)),
        "ReduceLROnPlateau" => {
            let named = |name: &str| {
                let entry = settings.split(',').find_map(|entry| entry.trim().strip_prefix(name));
                entry.and_then(|value| value.parse::<f64>().ok()).ok_or(format!("no {name}"))
            };
            Box::new(ReduceLrOnPlateau::new(optimizer, named("factor=")?, named("patience=")? as usize))
        }
        _ => return Ok(None),
    }))
}
