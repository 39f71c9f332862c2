//! A checkpoint in the tutorial's own form, `{'state_dict', 'best_acc', 'optimizer'}`, as `torch.save` writes
//! it and `torch.load` reads it.
//!
//! Data that PyTorch's form has no place for (the network's name, the classes, the names of the
//! optimizer's parameters) go under `herbarium`, which Python code ignores; for a file from PyTorch
//! they are inferred from the rest.

mod optimizer;

use std::path::Path;

use super::Checkpoint;
use crate::Error;
use crate::models::StateDict;
use crate::train::optim::OptimizerState;
use crate::weights::torch_file::{Dict, Tensors, Value, ordered_dict};
use crate::weights::without_wrappers;
use optimizer::{optimizer_dict, optimizer_state};

/// The version of the layout under `herbarium`; another one would be read differently.
const LAYOUT: i64 = 1;
/// The value that `torch.load` is to give.
pub(super) fn to_value(checkpoint: &Checkpoint) -> Result<Value, Wrong> {
    let mut own = Dict::new();
    let texts = |texts: &[String]| Value::List(texts.iter().map(|text| text.as_str().into()).collect());
    own.insert("layout", LAYOUT);
    own.insert("written_by", checkpoint.written_by.as_str());
    own.insert("model", checkpoint.model.as_str());
    own.insert("num_classes", checkpoint.num_classes as i64);
    own.insert("class_names", texts(&checkpoint.class_names));
    if let Some(transform_input) = checkpoint.transform_input {
        own.insert("transform_input", transform_input);
    }
    own.insert("optimizer", checkpoint.optimizer.name.as_str());
    own.insert("parameters", texts(&checkpoint.optimizer.parameters));

    let mut all = Dict::new();
    all.insert("state_dict", ordered_dict(&checkpoint.state_dict)?);
    all.insert("best_acc", checkpoint.best_acc);
    all.insert("optimizer", optimizer_dict(&checkpoint.optimizer)?);
    all.insert("epoch", checkpoint.epoch as i64);
    all.insert("herbarium", own);
    Ok(Value::Dict(all))
}

/// Why there is no checkpoint in a file, or none can be written.
#[derive(Debug)]
pub(super) enum Wrong {
    /// The file is intact, but not a checkpoint.
    Checkpoint(String),
    /// Its tensors cannot be read.
    Tensors(Error),
}

impl Wrong {
    /// The error that names the file.
    pub fn about(self, path: &Path) -> Error {
        match self {
            Wrong::Checkpoint(reason) => Error::Checkpoint { path: path.to_owned(), reason },
            Wrong::Tensors(error) => error,
        }
    }
}

impl From<String> for Wrong {
    fn from(reason: String) -> Wrong {
        Wrong::Checkpoint(reason)
    }
}

impl From<&str> for Wrong {
    fn from(reason: &str) -> Wrong {
        Wrong::Checkpoint(reason.to_owned())
    }
}

impl From<Error> for Wrong {
    fn from(error: Error) -> Wrong {
        match error {
            Error::Argument(reason) => Wrong::Checkpoint(reason),
            other => Wrong::Tensors(other),
        }
    }
}

/// The reverse of [`to_value`], for files of PyTorch's also, with the tensors that `made` makes.
pub(super) fn from_value(value: &Value, made: &mut Tensors) -> Result<Checkpoint, Wrong> {
    let plain = "it contains weights but is not a checkpoint: read it with `weights::load` and \
    `model.load_state_dict`";
    if value.get("optimizer").is_none() && value.get("best_acc").is_none() {
        return Err(match value.state_dict() {
            Ok(_) => plain.into(),
            Err(error) => error.to_string().into(),
        });
    }
    value.state_dict().map_err(|error| error.to_string())?;
    let (state_dict, _) = without_wrappers(made.state_dict(value)?);
    let own = value.get("herbarium");
    if let Some(layout) =
        own.and_then(|own| own.get("layout")).filter(|layout| layout.as_int() != Some(LAYOUT))
    {
        let by =
            own.and_then(|own| own.get("written_by")).and_then(Value::as_str).unwrap_or("another version");
        return Err(format!(
            "it has layout {layout}, this library reads layout {LAYOUT}: it was written by {by}"
        )
        .into());
    }
    let text = |key: &str| own.and_then(|own| own.get(key)).and_then(Value::as_str).map(str::to_owned);
    let number = |key: &str| value.get(key).and_then(Value::as_float);
    // PyTorch's ImageNet example keeps it in percent, under another name.
    let best_acc = number("best_acc").or_else(|| number("best_acc1").map(|percent| percent / 100.0));
    let class_names = texts(own.and_then(|own| own.get("class_names")));
    let optimizer = match value.get("optimizer") {
        Some(Value::None) | None => OptimizerState::default(),
        Some(optimizer) => optimizer_state(
            optimizer,
            made,
            &state_dict,
            text("optimizer"),
            texts(own.and_then(|own| own.get("parameters"))),
        )?,
    };
    let classes = own.and_then(|own| own.get("num_classes")).and_then(Value::as_int);
    let arch = || value.get("arch").and_then(Value::as_str).map(str::to_owned);
    Ok(Checkpoint {
        best_acc: best_acc.ok_or("it has no best_acc; `weights::load` reads its weights alone")?,
        epoch: number("epoch").map_or(0, |epoch| epoch.max(0.0) as usize),
        optimizer,
        model: text("model").or_else(arch).unwrap_or_default(),
        num_classes: classes
            .map_or_else(|| outputs(&state_dict), |classes| usize::try_from(classes).unwrap_or(0)),
        class_names,
        transform_input: own.and_then(|own| own.get("transform_input")).and_then(Value::as_bool),
        written_by: text("written_by").unwrap_or_else(|| "PyTorch".into()),
        path: None,
        state_dict,
    })
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_list).unwrap_or_default();
    items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The number of a network's classes: as many as its last layer has values.
fn outputs(state: &StateDict) -> usize {
    state.iter().last().and_then(|(_, tensor)| tensor.size().first().copied()).unwrap_or(0) as usize
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use super::*;
    use crate::weights::torch_file::described;

    fn made() -> Tensors {
        Tensors::of(std::path::Path::new("a test's"))
    }

    fn refusal(value: &Value) -> String {
        match from_value(value, &mut made()) {
            Err(Wrong::Checkpoint(reason)) => reason,
            other => panic!("{other:?}"),
        }
    }

    fn checkpoint(name: &str) -> Checkpoint {
        let tensor = |value: f64| Tensor::full([2], value, (Kind::Float, Device::Cpu));
        let settings = [
            ("lr", 1e-3),
            ("weight_decay", 0.0),
            ("group1.first", 1.0),
            ("group1.lr", 1e-4),
            ("group1.weight_decay", 0.1),
        ];
        let own: &[(&str, f64)] = match name {
            "SGD" => &[("momentum", 0.9), ("dampening", 0.0), ("nesterov", 1.0)],
            "RMSprop" => &[("alpha", 0.99), ("eps", 1e-8), ("momentum", 0.0), ("centered", 0.0)],
            _ => &[("beta1", 0.9), ("beta2", 0.99), ("eps", 1e-8)],
        };
        Checkpoint {
            state_dict: [("fc.weight".to_owned(), tensor(1.0)), ("fc.bias".to_owned(), tensor(3.0))]
                .into_iter()
                .collect(),
            best_acc: 0.1 + 0.2,
            epoch: 7,
            optimizer: OptimizerState {
                name: name.into(),
                parameters: vec!["fc.weight".into(), "fc.bias".into()],
                settings: settings
                    .iter()
                    .chain(own)
                    .map(|(key, value)| ((*key).to_owned(), *value))
                    .collect(),
                numbers: vec![("fc.weight.step".into(), 12.0)],
                tensors: vec![("fc.weight.exp_avg".into(), tensor(2.0))],
            },
            model: "resnet18".into(),
            num_classes: 2,
            class_names: vec!["1".into(), "käse \"10\"".into()],
            transform_input: None,
            written_by: crate::train::checkpoint::file::this_library(),
            path: None,
        }
    }

    fn sorted(mut settings: Vec<(String, f64)>) -> Vec<(String, f64)> {
        settings.sort_by(|left, right| left.0.cmp(&right.0));
        settings
    }

    #[test]
    fn what_is_packed_comes_out_the_same() {
        for name in ["Adam", "AdamW", "SGD", "RMSprop"] {
            let packed = checkpoint(name);
            let mut value = to_value(&packed).unwrap();
            let unpacked = from_value(&value, &mut made()).unwrap();
            assert_eq!(unpacked.state_dict.keys(), packed.state_dict.keys());
            assert_eq!((unpacked.best_acc, unpacked.epoch), (packed.best_acc, 7));
            assert_eq!((&unpacked.model, unpacked.num_classes), (&packed.model, 2));
            assert_eq!(unpacked.class_names, packed.class_names);
            assert_eq!(
                sorted(unpacked.optimizer.settings.clone()),
                sorted(packed.optimizer.settings.clone())
            );
            assert_eq!(unpacked.optimizer.number("fc.weight", "step"), Some(12.0));
            assert_eq!(unpacked.optimizer.tensor("fc.weight", "exp_avg").unwrap().double_value(&[1]), 2.0);
            // As if PyTorch had written it: everything is inferred from the rest.
            if let Value::Dict(dict) = &mut value {
                dict.remove("herbarium");
            }
            let told = from_value(&value, &mut made()).unwrap();
            assert_eq!((told.optimizer.name.as_str(), told.num_classes), (name, 2));
            assert_eq!(told.optimizer.parameters, packed.optimizer.parameters);
            assert_eq!(told.written_by, "PyTorch");
        }
    }

    /// As `model_best.pth.tar` of PyTorch's ImageNet example has it.
    #[test]
    fn the_best_accuracy_may_be_in_percent() {
        let mut value = to_value(&checkpoint("SGD")).unwrap();
        if let Value::Dict(dict) = &mut value {
            dict.remove("best_acc");
        }
        assert!(refusal(&value).contains("no best_acc; `weights::load` reads its weights alone"));
        if let Value::Dict(dict) = &mut value {
            dict.insert("best_acc1", 75.0);
        }
        assert_eq!(from_value(&value, &mut made()).unwrap().best_acc, 0.75);
    }

    #[test]
    fn what_is_no_checkpoint_says_so() {
        let mut dict = Dict::new();
        dict.insert("fc.bias", described(&Tensor::from(1f32)).unwrap());
        assert!(refusal(&Value::Dict(dict)).contains("is not a checkpoint: read it with `weights::load`"));
        let mut value = to_value(&checkpoint("Adam")).unwrap();
        if let Value::Dict(dict) = &mut value {
            let mut own = Dict::new();
            own.insert("layout", 2);
            dict.insert("herbarium", own);
        }
        assert!(refusal(&value).contains("layout 2"));
    }
}
