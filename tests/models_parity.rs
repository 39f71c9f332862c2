//! The networks against torchvision: names, order, shapes and types of the state dict, the printed
//! text, and the logits for weights and an input that a formula gives.

use std::fs;
use std::path::{Path, PathBuf};

use herbarium::models::{Model, Pretrained, StateDict, Strictness, initialize_model, known_models};
use herbarium::weights::{TensorSpec, load_safetensors};
use serde_json::Value;
use tch::{Device, Kind, Tensor};

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[test]
fn every_model_of_the_committed_set() -> Outcome {
    compare_set(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/models"))
}

#[test]
fn every_model_of_the_whole_set() -> Outcome {
    match whole_set() {
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
        return Some(PathBuf::from(set).join("models"));
    }
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/parity/models");
    shared.is_dir().then_some(shared)
}

fn compare_set(folder: &Path) -> Outcome {
    let manifest: Value = serde_json::from_str(&fs::read_to_string(folder.join("manifest.json"))?)?;
    let (logits, _) = load_safetensors(folder.join("logits.safetensors"))?;
    let (mut compared, mut not_built) = (Vec::new(), Vec::new());
    for (name, told) in manifest["models"].as_object().ok_or("the manifest has no models")? {
        if !known_models().contains(&name.as_str()) {
            not_built.push(name.as_str());
            continue;
        }
        let classes = told["num_classes"].as_u64().ok_or("no num_classes")? as usize;
        let mut model = initialize_model(name, classes, Pretrained::No, Device::Cpu)?;
        same_names_and_shapes(&model, told)?;
        assert_eq!(
            model.to_string(),
            fs::read_to_string(folder.join(format!("{name}.repr.txt")))?.trim_end()
        );
        same_logits(&mut model, told, logits.get(name).ok_or("no logits")?)?;
        compared.push(name.as_str());
    }
    println!("compared: {}", compared.join(", "));
    if !not_built.is_empty() {
        println!("not built: {}", not_built.join(", "));
    }
    assert!(!compared.is_empty(), "no model of {} was compared", folder.display());
    Ok(())
}

fn same_names_and_shapes(model: &Model, told: &Value) -> Outcome {
    let expected = told["state_dict"].as_array().ok_or("no state_dict")?;
    let shown = |(name, tensor): &(String, Tensor)| format!("{name} {}", TensorSpec::of(tensor));
    let own: Vec<String> = model.state_dict().iter().map(shown).collect();
    let expected: Vec<String> = expected
        .iter()
        .map(|entry| {
            let shape: Vec<String> =
                entry[1].as_array().into_iter().flatten().map(Value::to_string).collect();
            let comma = if shape.len() == 1 { "," } else { "" };
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            format!("{} ({}{comma}) {}", text(&entry[0]), shape.join(", "), text(&entry[2]))
        })
        .collect();
    assert_eq!(own, expected);
    assert_eq!(model.parameter_count().total as u64, told["parameters"].as_u64().ok_or("no parameters")?);
    Ok(())
}

fn same_logits(model: &mut Model, told: &Value, expected: &Tensor) -> Outcome {
    let gain = told["gain"].as_f64().ok_or("no gain")?;
    let weights = formula_weights(&model.state_dict(), gain);
    model.load_state_dict(&weights, Strictness::Strict)?;
    model.eval();
    let shape: Vec<i64> = serde_json::from_value(told["input"].clone())?;
    let input = noise(shape.iter().product(), 1000).reshape(&shape).to_kind(Kind::Float);
    let logits = tch::no_grad(|| model.forward(&input))?;
    let difference = f64::try_from((&logits - expected).abs().max())?;
    let scale = f64::try_from(expected.abs().max())?;
    println!("{}: logits differ by {:.1e} of {scale:.3}", model.name(), difference / scale);
    assert!(difference <= 1e-4 * scale, "{} is {difference} off at a scale of {scale}", model.name());
    Ok(())
}

/// The manifest's `noise(n, k)`: element i is 2 frac(43758.5453 sin(12.9898 i + 78.233 k)) − 1.
fn noise(n: i64, k: i64) -> Tensor {
    let value = |i: i64| {
        let wave = 43758.5453 * (12.9898 * i as f64 + 78.233 * k as f64).sin();
        2.0 * (wave - wave.floor()) - 1.0
    };
    Tensor::from_slice(&(0..n).map(value).collect::<Vec<f64>>())
}

/// The manifest's `weights`.
fn formula_weights(own: &StateDict, gain: f64) -> StateDict {
    let values = |(k, (name, tensor)): (usize, &(String, Tensor))| {
        if !tensor.is_floating_point() {
            return (name.clone(), tensor.shallow_clone());
        }
        let s = noise(tensor.numel() as i64, k as i64).reshape(tensor.size());
        let values = match tensor.size().as_slice() {
            _ if name.ends_with("running_var") => s * 0.2 + 1.0,
            _ if name.ends_with("running_mean") => s * 0.1,
            [_] if name.ends_with("weight") => s * 0.1 + 1.0,
            [_] => s * 0.05,
            shape => s * (gain / (tensor.numel() as f64 / shape[0] as f64)).sqrt(),
        };
        (name.clone(), values.to_kind(Kind::Float))
    };
    own.iter().enumerate().map(values).collect()
}
