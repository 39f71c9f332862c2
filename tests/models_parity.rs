//! The networks against torchvision: names, order, shapes and types of the state dict, the printed
//! text, what a seed draws, torchinfo's totals, and the logits for weights and an input that a formula
//! gives. With `HERBARIUM_PEER_PYTHON` also what each side reads of what the other wrote, for one network
//! of each kind; with `HERBARIUM_PEER_ALL` for every one.

mod formula;
mod networks;
mod parity;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use formula::{formula_weights, noise};
use herbarium::models::{
    Mode, Model, Pretrained, Strictness, Summary, get_model, initialize_model, known_models,
};
use herbarium::weights::{TensorSpec, load_safetensors, save_safetensors};
use networks::ONE_OF_EACH;
use parity::{committed, whole};
use serde_json::Value;
use tch::{Device, Kind, Tensor};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// libtorch has one generator: only one test at a time may draw from it. It also keeps two tests from
/// holding their largest networks at once.
static GENERATOR: Mutex<()> = Mutex::new(());

/// What a network shows that was made and compared as a row of a manifest says.
struct Shown {
    printed: String,
    logits: Tensor,
}

/// By name and row: the two sets have most rows in common, and each such network is made once.
static SHOWN: Mutex<BTreeMap<String, Shown>> = Mutex::new(BTreeMap::new());

#[test]
fn every_model_of_the_committed_set() -> Outcome {
    let not_built = compare_set(&committed("models"))?;
    assert!(not_built.is_empty(), "not built: {}", not_built.join(", "));
    Ok(())
}

#[test]
#[cfg_attr(not(whole_parity), ignore = "needs the whole set: HERBARIUM_PARITY, or ../shared/parity")]
fn every_model_of_the_whole_set() -> Outcome {
    let not_built = compare_set(&whole("models"))?;
    if !not_built.is_empty() {
        println!("not built: {}", not_built.join(", "));
    }
    Ok(())
}

#[test]
fn every_model_that_is_known_is_in_the_committed_set() -> Outcome {
    let manifest = read_json(&committed("models").join("manifest.json"))?;
    let missing: Vec<&str> =
        known_models().into_iter().filter(|&name| manifest["models"].get(name).is_none()).collect();
    assert!(missing.is_empty(), "tests/parity/make_models.py does not make {}", missing.join(", "));
    Ok(())
}

fn read_json(path: &Path) -> Result<Value, Box<dyn std::error::Error>> {
    Ok(serde_json::from_str(&fs::read_to_string(path)?)?)
}

/// Compares every model of a set, and gives the names of those that are not known here.
fn compare_set(folder: &Path) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let _alone = GENERATOR.lock();
    let manifest = read_json(&folder.join("manifest.json"))?;
    let init = read_json(&folder.join("init.json")).ok();
    let summaries = read_json(&folder.join("summary.json")).ok();
    let (logits, _) = load_safetensors(folder.join("logits.safetensors"))?;
    let (mut compared, mut not_built) = (Vec::new(), Vec::new());
    for (name, told) in manifest["models"].as_object().ok_or("the manifest has no models")? {
        if !known_models().contains(&name.as_str()) {
            not_built.push(name.clone());
            continue;
        }
        let seed = init.as_ref().map(|init| init["seed"].as_i64().ok_or("no seed")).transpose()?;
        let drawn = init.as_ref().and_then(|init| Some((seed?, init["models"].get(name)?)));
        let summary = summaries.as_ref().and_then(|told| told["models"].get(name));
        let row = format!("{name} {told}");
        let mut shown = SHOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if drawn.is_some() || summary.is_some() || !shown.contains_key(&row) {
            let table = folder.join(format!("{name}.summary.txt"));
            shown.insert(row.clone(), compare_model(name, told, drawn, summary.map(|told| (told, &*table)))?);
        }
        let shown = &shown[&row];
        let printed = fs::read_to_string(folder.join(format!("{name}.repr.txt")))?;
        assert_eq!(shown.printed, printed.trim_end());
        same_logits(name, &shown.logits, logits.get(name).ok_or("no logits")?)?;
        compared.push(name.as_str());
    }
    println!("compared: {}", compared.join(", "));
    assert!(!compared.is_empty(), "no model of {} was compared", folder.display());
    Ok(not_built)
}

/// Makes a network and compares all but its printed text and its logits, which it gives.
fn compare_model(
    name: &str,
    told: &Value,
    drawn: Option<(i64, &Value)>,
    summary: Option<(&Value, &Path)>,
) -> Result<Shown, Box<dyn std::error::Error>> {
    let classes = told["num_classes"].as_u64().ok_or("no num_classes")? as usize;
    if let Some((seed, _)) = drawn {
        tch::manual_seed(seed);
    }
    let mut model = get_model(name, classes, Device::Cpu)?;
    if let Some((_, drawn)) = drawn {
        same_draws(&model, drawn)?;
    }
    same_names_and_shapes(&model, told)?;
    if let Some((told, table)) = summary {
        same_summary(&model, told, table)?;
    }
    Ok(Shown { printed: model.to_string(), logits: logits_of(&mut model, told)? })
}

/// The same mean and deviation of each tensor after the same seed: the same distributions, drawn in the
/// same order.
fn same_draws(model: &Model, drawn: &Value) -> Outcome {
    let expected: Vec<[f64; 2]> = serde_json::from_value(drawn.clone())?;
    let state = model.state_dict();
    let own: Vec<_> = state.iter().filter(|(_, tensor)| tensor.is_floating_point()).collect();
    assert_eq!(own.len(), expected.len());
    for ((name, tensor), [mean, deviation]) in own.into_iter().zip(expected) {
        let values = tensor.to_kind(Kind::Double);
        let own = [values.mean(Kind::Double), values.std_dim(None::<&[i64]>, false, false)];
        let [own_mean, own_deviation] = own.map(|value| value.double_value(&[]));
        let close = |own: f64, expected: f64| (own - expected).abs() <= 1e-4 * (expected.abs() + deviation);
        assert!(
            close(own_mean, mean) && close(own_deviation, deviation),
            "{} {name}: {own_mean} ± {own_deviation}, torchvision draws {mean} ± {deviation}",
            model.name()
        );
    }
    Ok(())
}

fn same_summary(model: &Model, told: &Value, table: &Path) -> Outcome {
    let input: [i64; 4] = serde_json::from_value(told["input"].clone())?;
    let summary: Summary = model.summary(input)?;
    let expected = |key: &str| told[key].as_u64().unwrap_or_else(|| panic!("no {key}"));
    assert_eq!(summary.total_params as u64, expected("total_params"), "{}", model.name());
    assert_eq!(summary.trainable_params as u64, expected("trainable_params"));
    assert_eq!(summary.total_mult_adds, expected("total_mult_adds"), "{}", model.name());
    assert_eq!(summary.output_bytes, expected("total_output_bytes"), "{}", model.name());
    // torchinfo adds the few bytes of Python's own object.
    assert!((expected("total_input") - summary.input_bytes) < 200);
    // torchinfo leaves out what belongs to no layer, as the scales of ConvNeXt, or does not work in eval mode.
    let beside: usize =
        summary.layers.iter().filter(|layer| !layer.is_leaf).map(|layer| layer.own_params).sum();
    assert_eq!(summary.param_bytes, expected("total_param_bytes") + 4 * beside as u64, "{}", model.name());
    if table.exists() {
        // How Python 3.11 and newer print torchinfo's units.
        let told = fs::read_to_string(table)?
            .replace("(Units.MEGABYTES)", "(M)")
            .replace("(Units.GIGABYTES)", "(G)");
        assert_eq!(summary.to_string(), told.trim_end());
    }
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

/// Of the formula's weights and input.
fn logits_of(model: &mut Model, told: &Value) -> Result<Tensor, Box<dyn std::error::Error>> {
    let gain = told["gain"].as_f64().ok_or("no gain")?;
    let weights = formula_weights(&model.state_dict(), gain);
    model.load_state_dict(&weights, Strictness::Strict)?;
    model.eval();
    let shape: Vec<i64> = serde_json::from_value(told["input"].clone())?;
    let input = noise(shape.iter().product(), 1000).reshape(&shape).to_kind(Kind::Float);
    Ok(tch::no_grad(|| model.forward(&input))?)
}

fn same_logits(name: &str, logits: &Tensor, expected: &Tensor) -> Outcome {
    let difference = f64::try_from((logits - expected).abs().max())?;
    let scale = f64::try_from(expected.abs().max())?;
    println!("{name}: logits differ by {:.1e} of {scale:.3}", difference / scale);
    assert!(difference <= 1e-4 * scale, "{name} is {difference} off at a scale of {scale}");
    Ok(())
}

/// The Python side: torchvision's network loads what we wrote, strictly, and gives its logits in eval mode,
/// then in train mode after a seed, with what moved while doing so; then it makes a network as the
/// tutorial does, with a new head after a seed, and saves it with its logits.
const PEER: &str = r#"
import sys, torch, torchvision
from torch import nn
from safetensors.torch import load_file, save_file
torch.set_num_threads(1)
folder, name, heads = sys.argv[1:]
state = load_file(f"{folder}/rust.safetensors")
images, large = state.pop("images"), state.pop("large")
out = {}
with torch.no_grad():
    model = torchvision.models.get_model(name, num_classes=5).eval()
    model.load_state_dict(state, strict=True)
    out["seen"] = model(images)
    # In the memory format that ours have, because dropout draws in the order of the memory.
    model = model.to(memory_format=torch.channels_last)
    torch.manual_seed(3)
    trained = model.train()(large)
    if isinstance(trained, tuple):
        trained, out["trained_aux"] = trained
    out["trained"] = trained
    out |= {f"moved.{key}": value for key, value in model.state_dict().items() if "running" in key}

    torch.manual_seed(4)
    model = torchvision.models.get_model(name)
    for head in heads.split(","):
        old = model.get_submodule(head)
        if isinstance(old, nn.Linear):
            new = nn.Linear(old.in_features, 5)
        else:
            new = nn.Conv2d(old.in_channels, 5, kernel_size=1)
        model.set_submodule(head, new)
    out |= {f"own.{key}": value for key, value in model.state_dict().items()}
    out["own_seen"] = model.eval()(images)
save_file({key: value.contiguous() for key, value in out.items()}, f"{folder}/python.safetensors")
"#;

#[test]
#[cfg_attr(
    not(peer_python),
    ignore = "needs HERBARIUM_PEER_PYTHON: a Python with torch, torchvision, safetensors"
)]
fn python_reads_what_we_write_and_we_what_python_writes() -> Outcome {
    let python = std::env::var_os("HERBARIUM_PEER_PYTHON").ok_or("HERBARIUM_PEER_PYTHON is not set")?;
    let _alone = GENERATOR.lock();
    let names =
        if std::env::var_os("HERBARIUM_PEER_ALL").is_some() { known_models() } else { ONE_OF_EACH.to_vec() };
    let folder = tempfile::tempdir()?;
    let folder = folder.path();
    let pictures = |side: i64| noise(2 * 3 * side * side, 3).reshape([2, 3, side, side]).to_kind(Kind::Float);
    let images = pictures(96);
    for name in names {
        let mut model = get_model(name, 5, Device::Cpu)?;
        model.eval();
        // In train mode Inception takes nothing smaller.
        let large = pictures(if name == "inception_v3" { 299 } else { 96 });
        let mut state = model.state_dict();
        state.insert("images", images.shallow_clone());
        state.insert("large", large.shallow_clone());
        save_safetensors(folder.join("rust.safetensors"), &state, &Default::default())?;
        let heads = model.head().join(",");
        let peer = Command::new(&python).args(["-c", PEER]).arg(folder).args([name, &heads]).output()?;
        assert!(peer.status.success(), "{name}: {}", String::from_utf8_lossy(&peer.stderr));
        let (told, _) = load_safetensors(folder.join("python.safetensors"))?;
        let get = |key: &str| told.get(key).ok_or_else(|| format!("no {key}"));

        let seen = tch::no_grad(|| model.forward(&images))?;
        close(name, "what Python sees with our weights", EVAL, &seen, get("seen")?);
        model.train();
        tch::manual_seed(3);
        let trained = tch::no_grad(|| model.forward_train(&large))?;
        close(name, "what Python sees in train mode", TRAIN, &trained.logits, get("trained")?);
        assert_eq!(trained.aux.is_some(), told.contains("trained_aux"));
        if let Some(aux) = &trained.aux {
            close(name, "what Python's auxiliary head sees", TRAIN, aux, get("trained_aux")?);
        }
        for (key, value) in model.state_dict().iter().filter(|(key, _)| key.contains("running")) {
            close(name, key, TRAIN, value, get(&format!("moved.{key}"))?);
        }

        tch::manual_seed(4);
        let mut model = initialize_model(name, 5, Pretrained::No, Device::Cpu)?;
        for (key, value) in &model.state_dict() {
            assert!(
                value.equal(get(&format!("own.{key}"))?),
                "{name}: after a seed Python draws another {key}"
            );
        }
        let own = told
            .iter()
            .filter_map(|(key, value)| Some((key.strip_prefix("own.")?.to_owned(), value.shallow_clone())));
        model.load_state_dict(&own.collect(), Strictness::Strict)?;
        let seen = tch::no_grad(|| model.forward_in(&images, Mode::Eval))?;
        close(name, "what we see with Python's weights", EVAL, &seen, get("own_seen")?);
        println!("{name}: both ways");
    }
    Ok(())
}

/// Of logits in eval mode, in parts of the largest.
const EVAL: f64 = 1e-4;
/// In train mode each batch norm divides by the deviation of few values, which makes more of what was rounded.
const TRAIN: f64 = 1e-3;

fn close(name: &str, what: &str, tolerance: f64, ours: &Tensor, theirs: &Tensor) {
    let difference = (ours - theirs).abs().max().double_value(&[]);
    let scale = theirs.abs().max().double_value(&[]);
    assert!(difference <= tolerance * scale, "{name}: {what} is {difference} off at a scale of {scale}");
}
