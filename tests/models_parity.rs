//! The networks against torchvision: names, order, shapes and types of the state dict, the printed
//! text, and the logits for weights and an input that a formula gives.

mod formula;

use std::fs;
use std::path::{Path, PathBuf};

use formula::{formula_weights, noise};
use herbarium::models::{Model, Pretrained, Strictness, initialize_model, known_models};
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
