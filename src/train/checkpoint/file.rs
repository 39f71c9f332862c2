//! A checkpoint as the tensors and texts of a safetensors file, and back.

use serde_json::{Map, Value, json};

use super::Checkpoint;
use crate::models::StateDict;
use crate::train::optim::OptimizerState;
use crate::train::resume::STATE_KEY;
use crate::weights::Metadata;

/// The number of this layout of the file; another one would be read differently.
const LAYOUT: u32 = 1;
/// Says that a safetensors file is a checkpoint, and of which layout.
const LAYOUT_KEY: &str = "herbarium.checkpoint";
/// The prefix of the optimizer's tensors, which no PyTorch layer's name has.
const OPTIMIZER: &str = "optimizer.state.";
/// Whether an Inception's input is converted; other networks have no such entry.
const TRANSFORM_INPUT_KEY: &str = "transform_input";
/// The version in Cargo.toml, which a test compares.
const TCH: &str = "0.26.0";

pub(super) fn this_library() -> String {
    format!("herbarium {}, tch {TCH}", env!("CARGO_PKG_VERSION"))
}

pub(super) fn pack(checkpoint: &Checkpoint) -> (StateDict, Metadata) {
    let mut tensors = checkpoint.state_dict.clone();
    for (name, tensor) in &checkpoint.optimizer.tensors {
        tensors.insert(format!("{OPTIMIZER}{name}"), tensor.shallow_clone());
    }
    let metadata = [
        // What PyTorch's safetensors library writes, for readers that look for it.
        ("format", "pt".into()),
        (LAYOUT_KEY, LAYOUT.to_string()),
        ("written_by", checkpoint.written_by.clone()),
        ("model", checkpoint.model.clone()),
        ("num_classes", checkpoint.num_classes.to_string()),
        ("class_names", json!(checkpoint.class_names).to_string()),
        ("best_acc", checkpoint.best_acc.to_string()),
        ("epoch", checkpoint.epoch.to_string()),
        ("optimizer", optimizer_text(&checkpoint.optimizer)),
    ];
    let mut metadata: Metadata = metadata.into_iter().map(|(key, text)| (key.to_owned(), text)).collect();
    if let Some(transform_input) = checkpoint.transform_input {
        metadata.insert(TRANSFORM_INPUT_KEY.to_owned(), transform_input.to_string());
    }
    (tensors, metadata)
}

/// The reverse of [`pack`]; the error is what is wrong with the file.
pub(super) fn unpack(tensors: StateDict, metadata: &Metadata) -> Result<Checkpoint, String> {
    if metadata.contains_key(STATE_KEY) {
        return Err("it is the state of a training, for TrainOptions::resume, not a checkpoint".into());
    }
    let layout = metadata.get(LAYOUT_KEY).ok_or(
        "it contains weights but is not a checkpoint: read it with `weights::load` and \
         `model.load_state_dict`",
    )?;
    if layout.parse() != Ok(LAYOUT) {
        let by = metadata.get("written_by").map_or("another version", String::as_str);
        return Err(format!(
            "it has layout {layout}, this library reads layout {LAYOUT}: it was written by {by}"
        ));
    }
    let text = |key: &str| metadata.get(key).ok_or_else(|| format!("damaged: it has no {key}"));
    let (of_optimizer, of_model): (Vec<_>, Vec<_>) =
        tensors.into_iter().partition(|(name, _)| name.starts_with(OPTIMIZER));
    let mut optimizer = optimizer_of(text("optimizer")?).ok_or_else(|| damaged("optimizer"))?;
    optimizer.tensors =
        of_optimizer.into_iter().map(|(name, tensor)| (name[OPTIMIZER.len()..].to_owned(), tensor)).collect();
    Ok(Checkpoint {
        state_dict: of_model.into_iter().collect(),
        best_acc: text("best_acc")?.parse().map_err(|_| damaged("best_acc"))?,
        epoch: text("epoch")?.parse().map_err(|_| damaged("epoch"))?,
        optimizer,
        model: text("model")?.clone(),
        num_classes: text("num_classes")?.parse().map_err(|_| damaged("num_classes"))?,
        class_names: serde_json::from_str(text("class_names")?).map_err(|_| damaged("class_names"))?,
        transform_input: metadata
            .get(TRANSFORM_INPUT_KEY)
            .map(|text| text.parse::<bool>().map_err(|_| damaged(TRANSFORM_INPUT_KEY)))
            .transpose()?,
        written_by: text("written_by")?.clone(),
        path: None,
    })
}

fn damaged(key: &str) -> String {
    format!("damaged: its {key} cannot be read")
}

fn optimizer_text(state: &OptimizerState) -> String {
    // Numbers as strings: JSON has no NaN, and serde_json may lose the last bit.
    let object = |numbers: &[(String, f64)]| -> Map<String, Value> {
        numbers.iter().map(|(name, number)| (name.clone(), json!(number.to_string()))).collect()
    };
    json!({
        "name": state.name,
        "parameters": state.parameters,
        "settings": object(&state.settings),
        "numbers": object(&state.numbers),
    })
    .to_string()
}

fn optimizer_of(text: &str) -> Option<OptimizerState> {
    let value: Value = serde_json::from_str(text).ok()?;
    let numbers = |key: &str| -> Option<Vec<(String, f64)>> {
        let entries = value[key].as_object()?.iter();
        entries.map(|(name, number)| Some((name.clone(), number.as_str()?.parse().ok()?))).collect()
    };
    Some(OptimizerState {
        name: value["name"].as_str()?.to_owned(),
        parameters: serde_json::from_value(value["parameters"].clone()).ok()?,
        settings: numbers("settings")?,
        numbers: numbers("numbers")?,
        tensors: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use super::*;

    fn checkpoint() -> Checkpoint {
        let tensor = |value: f64| Tensor::full([2], value, (Kind::Float, Device::Cpu));
        Checkpoint {
            state_dict: [("fc.weight".to_owned(), tensor(1.0))].into_iter().collect(),
            best_acc: 0.1 + 0.2,
            epoch: 7,
            optimizer: OptimizerState {
                name: "Adam".into(),
                parameters: vec!["fc.weight".into()],
                settings: vec![("lr".into(), 1.0000000000000002e-05)],
                numbers: vec![("fc.weight.step".into(), 12.0)],
                tensors: vec![("fc.weight.exp_avg".into(), tensor(2.0))],
            },
            model: "resnet18".into(),
            num_classes: 2,
            class_names: vec!["1".into(), "käse \"10\"".into()],
            transform_input: None,
            written_by: this_library(),
            path: None,
        }
    }

    #[test]
    fn what_is_packed_comes_out_the_same() {
        let packed = checkpoint();
        let (tensors, metadata) = pack(&packed);
        assert_eq!(tensors.keys(), ["fc.weight", "optimizer.state.fc.weight.exp_avg"]);
        let unpacked = unpack(tensors, &metadata).unwrap();
        assert_eq!(unpacked.state_dict.keys(), ["fc.weight"]);
        assert_eq!((unpacked.best_acc, unpacked.epoch), (0.1 + 0.2, 7));
        assert_eq!((unpacked.model, unpacked.num_classes), (packed.model, packed.num_classes));
        assert_eq!(unpacked.class_names, packed.class_names);
        assert_eq!(unpacked.optimizer.settings, packed.optimizer.settings);
        assert_eq!(unpacked.optimizer.number("fc.weight", "step"), Some(12.0));
        assert_eq!(unpacked.optimizer.tensor("fc.weight", "exp_avg").unwrap().double_value(&[1]), 2.0);
    }

    #[test]
    fn what_is_no_checkpoint_says_so() {
        let (tensors, mut metadata) = pack(&checkpoint());
        metadata.insert("best_acc".into(), "much".into());
        assert!(unpack(tensors.clone(), &metadata).unwrap_err().contains("its best_acc cannot be read"));
        metadata.remove("best_acc");
        assert!(unpack(tensors.clone(), &metadata).unwrap_err().contains("has no best_acc"));
        metadata.insert(LAYOUT_KEY.into(), "2".into());
        assert!(unpack(tensors.clone(), &metadata).unwrap_err().contains("layout 2"));
        assert!(unpack(tensors.clone(), &Metadata::new()).unwrap_err().contains("not a checkpoint"));
        let state = Metadata::from([(STATE_KEY.to_owned(), "1".to_owned())]);
        assert!(unpack(tensors, &state).unwrap_err().contains("for TrainOptions::resume"));
    }

    #[test]
    fn the_version_of_tch_is_the_one_in_use() {
        let manifest = include_str!("../../../Cargo.toml");
        assert!(manifest.contains(&format!("tch = \"{TCH}\"")));
    }
}
