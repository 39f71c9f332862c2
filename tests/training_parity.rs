//! Training against PyTorch: six steps of each optimizer from weights that a formula gives, and the
//! learning rates of the schedulers.

mod formula;
mod parity;

use std::fs;
use std::path::Path;

use formula::{formula_weights, noise};
use herbarium::models::{Model, Pretrained, Strictness, initialize_model};
use herbarium::train::{
    Adam, AdamW, Anneal, ChainedScheduler, CosineAnnealingLr, CrossEntropyLoss, ExponentialLr, LinearLr,
    MultiStepLr, OneCycleLr, OneCycleOptions, Optimizer, ParamGroup, ReduceLrOnPlateau, RmsProp, Scheduler,
    SequentialLr, Sgd, StepLr,
};
use parity::{committed, whole};
use serde_json::Value;
use tch::{Device, Kind, Tensor};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// Losses and values after six steps differ from PyTorch's by less than this, computed as the fixtures were,
/// with weights whose channels come first in memory.
const TOLERANCE: f64 = 1e-4;
/// The same with the order that models have here, channels last: sums in another order differ in their last
/// bits, and Adam's first steps, all of one size, magnify that where a gradient is almost zero.
const TOLERANCE_CHANNELS_LAST: f64 = 1e-3;

#[test]
fn the_committed_set() -> Outcome {
    compare_set(&committed("training"))
}

#[test]
#[cfg_attr(not(whole_parity), ignore = "needs the whole set: HERBARIUM_PARITY, or ../shared/parity")]
fn the_whole_set() -> Outcome {
    let folder = whole("training");
    // Where it is the committed set, that was compared above.
    if same_files(&folder) { Ok(()) } else { compare_set(&folder) }
}

fn same_files(folder: &Path) -> bool {
    let committed = committed("training");
    let same = |name: &str| fs::read(folder.join(name)).ok() == fs::read(committed.join(name)).ok();
    same("manifest.json") && same("schedulers.json")
}

fn compare_set(folder: &Path) -> Outcome {
    let read = |name: &str| -> Result<Value, Box<dyn std::error::Error>> {
        Ok(serde_json::from_str(&fs::read_to_string(folder.join(name))?)?)
    };
    let manifest = read("manifest.json")?;
    for run in manifest["runs"].as_array().ok_or("the manifest has no runs")? {
        compare_run(run, &manifest, true)?;
        compare_run(run, &manifest, false)?;
    }
    compare_schedulers(&read("schedulers.json")?)
}

/// Trains as one run of the manifest says.
fn compare_run(run: &Value, manifest: &Value, channels_first: bool) -> Outcome {
    let text = |key: &str| run[key].as_str().ok_or(format!("the run has no {key}"));
    let classes = run["num_classes"].as_u64().ok_or("no num_classes")? as i64;
    let mut model = initialize_model(text("model")?, classes as usize, Pretrained::No, Device::Cpu)?;
    let weights = formula_weights(&model.state_dict(), gain(manifest)?);
    model.load_state_dict(&weights, Strictness::Strict)?;
    if channels_first {
        for mut parameter in model.named_parameters().into_iter().map(|parameter| parameter.tensor) {
            parameter.set_data(&parameter.detach().contiguous());
        }
    }
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
    let tolerance = if channels_first { TOLERANCE } else { TOLERANCE_CHANNELS_LAST };
    assert!(worst < tolerance, "{name}: {losses:?} instead of {expected:?}, or values {worst} off");
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
        "adamw" => Box::new(AdamW::new(parameters, lr).weight_decay(number("weight_decay")?)),
        "sgd" => {
            let nesterov = manifest[kind]["nesterov"].as_bool().ok_or("no nesterov")?;
            let sgd = Sgd::new(parameters, lr).momentum(number("momentum")?).nesterov(nesterov);
            Box::new(sgd.weight_decay(number("weight_decay")?))
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
        let Some(mut scheduler) = scheduler(name, &mut optimizer)? else {
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
    optimizer: &mut dyn Optimizer,
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
        "OneCycleLR" => {
            let (max, steps) = (named(settings, "max_lr=")?, named(settings, "total_steps=")?);
            Box::new(OneCycleLr::new(optimizer, max, steps as usize))
        }
        "LinearLR" => {
            let (start, total) = (named(settings, "start=")?, named(settings, "total=")?);
            Box::new(LinearLr::new(optimizer, start, total as usize))
        }
        "ReduceLROnPlateau" => {
            let (factor, patience) = (named(settings, "factor=")?, named(settings, "patience=")?);
            Box::new(ReduceLrOnPlateau::new(optimizer, factor, patience as usize))
        }
        _ => return Ok(None),
    }))
}

/// `factor=0.1` of a scheduler's settings.
fn named(settings: &str, name: &str) -> Result<f64, String> {
    let entry = settings.split(',').find_map(|entry| entry.trim().strip_prefix(name));
    entry.and_then(|value| value.parse::<f64>().ok()).ok_or(format!("no {name}"))
}

/// What `tests/parity/training/more.py` wrote.
fn more() -> Result<Value, Box<dyn std::error::Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/training/more.json");
    Ok(serde_json::from_str(&fs::read_to_string(path)?)?)
}

fn scalar(value: f64) -> Tensor {
    Tensor::full([1], value, (Kind::Double, Device::Cpu)).set_requires_grad(true)
}

#[test]
fn optimizers_with_groups_step_as_in_pytorch() -> Outcome {
    let told = more()?;
    for case in told["optimizers"].as_array().ok_or("no optimizers")? {
        let weights: Vec<Tensor> = (0..5).map(|i| scalar(0.1 * f64::from(i + 1))).collect();
        let part = |from: usize, to: usize| -> Vec<Tensor> {
            weights[from..to].iter().map(Tensor::shallow_clone).collect()
        };
        let groups =
            vec![ParamGroup::new(part(0, 2)).lr(0.05), ParamGroup::new(part(2, 5)).weight_decay(0.2)];
        let options = &case["options"];
        let number = |key: &str, default: f64| options[key].as_f64().unwrap_or(default);
        let yes = |key: &str| options[key].as_bool().unwrap_or(false);
        let mut optimizer: Box<dyn Optimizer> = match case["kind"].as_str().ok_or("no kind")? {
            "SGD" => {
                let sgd = Sgd::new(groups, 0.01).momentum(number("momentum", 0.0));
                let sgd = sgd.dampening(number("dampening", 0.0)).nesterov(yes("nesterov"));
                Box::new(sgd.weight_decay(number("weight_decay", 0.0)))
            }
            "Adam" => Box::new(Adam::new(groups, 0.01).weight_decay(number("weight_decay", 0.0))),
            "AdamW" => Box::new(AdamW::new(groups, 0.01).weight_decay(number("weight_decay", 0.01))),
            "RMSprop" => {
                let rmsprop = RmsProp::new(groups, 0.01).alpha(number("alpha", 0.99));
                let rmsprop = rmsprop.momentum(number("momentum", 0.0)).centered(yes("centered"));
                Box::new(rmsprop.weight_decay(number("weight_decay", 0.0)))
            }
            other => return Err(format!("an optimizer {other}").into()),
        };
        for step in 0..6 {
            optimizer.zero_grad()?;
            for (i, weight) in weights.iter().enumerate() {
                // The derivative of sin(s + 2 i) w + 0.15 w².
                let slope = (f64::from(step) + 2.0 * i as f64).sin();
                (weight * slope + weight.square() * 0.15).sum(Kind::Double).backward();
            }
            optimizer.step()?;
        }
        let expected = numbers(&case["weights"])?;
        let values: Vec<f64> = weights.iter().map(|weight| weight.double_value(&[0])).collect();
        for (value, expected) in values.iter().zip(&expected) {
            assert!((value - expected).abs() < 1e-12, "{case}: {values:?}");
        }
    }
    Ok(())
}

#[test]
fn schedules_are_pytorchs_curves() -> Outcome {
    let told = more()?;
    for case in told["schedulers"].as_array().ok_or("no schedulers")? {
        let name = case["name"].as_str().ok_or("no name")?;
        let groups = vec![ParamGroup::new(vec![scalar(0.0)]), ParamGroup::new(vec![scalar(0.0)]).lr(0.02)];
        let mut optimizer = Sgd::new(groups, 0.1).momentum(0.9);
        let mut scheduler = schedule(name, &mut optimizer)?;
        let metric = numbers(&case["metric"]).unwrap_or_default();
        for (step, row) in case["rows"].as_array().ok_or("no rows")?.iter().enumerate() {
            let row = numbers(row)?;
            let mut now = optimizer.lrs();
            now.extend(optimizer.current_momentum());
            for (value, expected) in now.iter().zip(&row) {
                assert!((value - expected).abs() < 1e-9, "{name}, step {step}: {now:?} instead of {row:?}");
            }
            // The state goes into a scheduler that was rebuilt, half way.
            if step == 4 {
                let (state, of_optimizer) = (scheduler.state_dict(), optimizer.state_dict()?);
                let momentum = optimizer.current_momentum();
                scheduler = schedule(name, &mut optimizer)?;
                scheduler.load_state_dict(&state)?;
                optimizer.load_state_dict(&of_optimizer)?;
                assert_eq!(optimizer.current_momentum(), momentum);
            }
            match metric.get(step) {
                Some(loss) => scheduler.step_with_loss(&mut optimizer, *loss)?,
                None if step + 1 < case["rows"].as_array().map_or(0, Vec::len) => {
                    scheduler.step(&mut optimizer)?;
                }
                None => {}
            }
        }
    }
    Ok(())
}

/// As `more.py` builds it.
fn schedule(
    name: &str,
    optimizer: &mut dyn Optimizer,
) -> Result<Box<dyn Scheduler>, Box<dyn std::error::Error>> {
    let cycle = OneCycleOptions::default();
    Ok(match name {
        "LinearLR" => Box::new(LinearLr::new(optimizer, 0.25, 6)),
        "LinearLR down" => Box::new(LinearLr::new(optimizer, 1.0, 6).end_factor(0.1)),
        "CosineAnnealingLR past its end" => Box::new(CosineAnnealingLr::new(optimizer, 7, 0.001)),
        "OneCycleLR" => Box::new(cycle.scheduler(optimizer, &[0.5, 0.1], 20)),
        "OneCycleLR linear" => {
            let options = OneCycleOptions {
                pct_start: 0.25,
                anneal_strategy: Anneal::Linear,
                div_factor: 10.0,
                final_div_factor: 100.0,
                ..cycle
            };
            Box::new(options.scheduler(optimizer, &[0.5, 0.1], 20))
        }
        "OneCycleLR three phases" => {
            let options = OneCycleOptions { three_phase: true, cycle_momentum: false, ..cycle };
            Box::new(options.scheduler(optimizer, &[0.5, 0.1], 30))
        }
        "SequentialLR" => {
            let warm_up = LinearLr::new(optimizer, 0.1, 5);
            let cosine = CosineAnnealingLr::new(optimizer, 10, 0.0);
            Box::new(SequentialLr::new(optimizer, vec![Box::new(warm_up), Box::new(cosine)], &[5]))
        }
        "SequentialLR of three" => {
            let warm_up = LinearLr::new(optimizer, 0.5, 3);
            let (step, decay) = (StepLr::new(optimizer, 2, 0.5), ExponentialLr::new(optimizer, 0.9));
            let all: Vec<Box<dyn Scheduler>> = vec![Box::new(warm_up), Box::new(step), Box::new(decay)];
            Box::new(SequentialLr::new(optimizer, all, &[4, 9]))
        }
        "ChainedScheduler" => {
            let warm_up = LinearLr::new(optimizer, 0.1, 5);
            let decay = ExponentialLr::new(optimizer, 0.9);
            Box::new(ChainedScheduler::new(vec![Box::new(warm_up), Box::new(decay)]))
        }
        "ReduceLROnPlateau" => Box::new(ReduceLrOnPlateau::new(optimizer, 0.3, 2).cooldown(3).min_lr(0.001)),
        other => return Err(format!("a scheduler {other}").into()),
    })
}

#[test]
fn cross_entropy_is_pytorchs_with_smoothing_and_weights() -> Outcome {
    let told = more()?;
    let told = &told["cross_entropy"];
    let labels: Vec<i64> = serde_json::from_value(told["labels"].clone())?;
    let labels = Tensor::from_slice(&labels);
    for case in told["cases"].as_array().ok_or("no cases")? {
        let values: Vec<f64> =
            (0..5).flat_map(|i| (0..4).map(move |j| (3.0 * f64::from(i) + f64::from(j)).sin())).collect();
        let logits = Tensor::from_slice(&values).reshape([5, 4]).set_requires_grad(true);
        let weight = serde_json::from_value::<Option<Vec<f32>>>(case["weight"].clone())?;
        let label_smoothing = case["label_smoothing"].as_f64().ok_or("no label_smoothing")?;
        let loss = CrossEntropyLoss { label_smoothing, weight }.forward(&logits, &labels)?;
        assert!((loss.double_value(&[]) - case["loss"].as_f64().ok_or("no loss")?).abs() < 1e-12, "{case}");
        loss.backward();
        let gradient: Vec<f64> = Vec::try_from(logits.grad().flatten(0, -1))?;
        for (value, expected) in gradient.iter().zip(numbers(&case["gradient"])?) {
            assert!((value - expected).abs() < 1e-12, "{case}: {gradient:?}");
        }
    }
    Ok(())
}
