//! A checkpoint in the tutorial's own form, `{'state_dict', 'best_acc', 'optimizer'}`, as `torch.save` writes
//! it and `torch.load` reads it.
//!
//! What PyTorch's form has no place for (the network's name, the classes, the names of the optimizer's
//! parameters) stands under `herbarium`, where Python code passes over it; in a file of PyTorch's it is
//! told from the rest.

use tch::Tensor;

use super::Checkpoint;
use crate::models::StateDict;
use crate::train::optim::OptimizerState;
use crate::weights::torch_file::{Dict, Key, Value};

/// The number of what stands under `herbarium`; another one would be read differently.
const LAYOUT: i64 = 1;
/// Settings that are numbers here and booleans in Python.
const BOOLEANS: [&str; 2] = ["nesterov", "centered"];
/// What PyTorch's optimizers can do and ours cannot: such a state would go on differently.
const NOT_HERE: [&str; 2] = ["amsgrad", "maximize"];

/// The value that `torch.load` is to give.
pub(super) fn to_value(checkpoint: &Checkpoint) -> Result<Value, String> {
    let mut own = Dict::new();
    let texts = |texts: &[String]| Value::List(texts.iter().map(|text| text.as_str().into()).collect());
    own.insert("layout", LAYOUT);
    own.insert("written_by", checkpoint.written_by.as_str());
    own.insert("model", checkpoint.model.as_str());
    own.insert("num_classes", checkpoint.num_classes as i64);
    own.insert("class_names", texts(&checkpoint.class_names));
    own.insert("optimizer", checkpoint.optimizer.name.as_str());
    own.insert("parameters", texts(&checkpoint.optimizer.parameters));

    let mut all = Dict::new();
    all.insert("state_dict", &checkpoint.state_dict);
    all.insert("best_acc", checkpoint.best_acc);
    all.insert("optimizer", optimizer_dict(&checkpoint.optimizer)?);
    all.insert("epoch", checkpoint.epoch as i64);
    all.insert("herbarium", own);
    Ok(Value::Dict(all))
}

/// `optimizer.state_dict()`.
fn optimizer_dict(state: &OptimizerState) -> Result<Dict, String> {
    let mut memory = Dict::new();
    for (index, parameter) in state.parameters.iter().enumerate() {
        let prefix = format!("{parameter}.");
        let mut of_one = Dict::new();
        // A parameter may be called as the beginning of another: what it remembers has no point.
        let named =
            |key: &str| key.strip_prefix(&prefix).filter(|rest| !rest.contains('.')).map(str::to_owned);
        for (key, number) in state.numbers.iter().filter_map(|(key, number)| Some((named(key)?, number))) {
            of_one.insert(key, Tensor::from(*number as f32));
        }
        for (key, tensor) in state.tensors.iter().filter_map(|(key, tensor)| Some((named(key)?, tensor))) {
            of_one.insert(key, tensor);
        }
        if !of_one.is_empty() {
            memory.insert(index as i64, of_one);
        }
    }
    let mut dict = Dict::new();
    dict.insert("state", memory);
    dict.insert("param_groups", groups(state)?);
    Ok(dict)
}

/// PyTorch's `param_groups`, from the settings of the first and those named `group1.…`.
fn groups(state: &OptimizerState) -> Result<Vec<Value>, String> {
    let mut starts = vec![0];
    while let Some(first) = state.setting(&format!("group{}.first", starts.len())) {
        starts.push(first as usize);
    }
    let mut groups = Vec::new();
    for (number, &start) in starts.iter().enumerate() {
        let end = starts.get(number + 1).copied().unwrap_or(state.parameters.len());
        if start > end || end > state.parameters.len() {
            return Err("the optimizer's groups do not follow each other".into());
        }
        groups.push(group(state, number, start..end).into());
    }
    Ok(groups)
}

fn group(state: &OptimizerState, number: usize, parameters: std::ops::Range<usize>) -> Dict {
    let common = state.settings.iter().filter(|(name, _)| !name.starts_with("group"));
    let mut dict = Dict::new();
    for (name, first) in common {
        let value = match number {
            0 => *first,
            number => state.setting(&format!("group{number}.{name}")).unwrap_or(*first),
        };
        match name.as_str() {
            "beta1" => dict.insert(
                "betas",
                Value::Tuple(vec![value.into(), state.setting("beta2").unwrap_or(0.999).into()]),
            ),
            "beta2" => {}
            name if BOOLEANS.contains(&name) => dict.insert(name, value != 0.0),
            name => dict.insert(name, value),
        }
    }
    // What the constructors of PyTorch's classes set beside these: an optimizer that takes up this state
    // reads them from it.
    let off: &[&str] = match state.name.as_str() {
        "Adam" | "AdamW" => &["amsgrad", "maximize", "capturable", "differentiable"],
        "RMSprop" => &["maximize", "capturable", "differentiable"],
        _ => &["maximize", "differentiable"],
    };
    off.iter().for_each(|name| dict.insert(*name, false));
    dict.insert("foreach", Value::None);
    if state.name != "RMSprop" {
        dict.insert("fused", Value::None);
    }
    if let "Adam" | "AdamW" = state.name.as_str() {
        dict.insert("decoupled_weight_decay", state.name == "AdamW");
    }
    dict.insert("params", parameters.map(|index| Value::Int(index as i64)).collect::<Vec<_>>());
    dict
}

/// The reverse of [`to_value`], for files of PyTorch's also; the error is what is wrong with the file.
pub(super) fn from_value(value: &Value) -> Result<Checkpoint, String> {
    let plain =
        "it has weights but is no checkpoint: read it with `weights::load` and `model.load_state_dict`";
    if value.get("optimizer").is_none() && value.get("best_acc").is_none() {
        return Err(match value.state_dict() {
            Ok(_) => plain.into(),
            Err(error) => error.to_string(),
        });
    }
    let state_dict = value.state_dict().map_err(|error| error.to_string())?;
    let own = value.get("herbarium");
    if let Some(layout) =
        own.and_then(|own| own.get("layout")).filter(|layout| layout.as_int() != Some(LAYOUT))
    {
        let by =
            own.and_then(|own| own.get("written_by")).and_then(Value::as_str).unwrap_or("another version");
        return Err(format!(
            "it has layout {layout}, this library reads layout {LAYOUT}: it was written by {by}"
        ));
    }
    let text = |key: &str| own.and_then(|own| own.get(key)).and_then(Value::as_str).map(str::to_owned);
    let number = |key: &str| value.get(key).and_then(Value::as_float);
    let class_names = texts(own.and_then(|own| own.get("class_names")));
    let optimizer = match value.get("optimizer") {
        Some(Value::None) | None => OptimizerState::default(),
        Some(optimizer) => optimizer_state(
            optimizer,
            &state_dict,
            text("optimizer"),
            texts(own.and_then(|own| own.get("parameters"))),
        )?,
    };
    let classes = own.and_then(|own| own.get("num_classes")).and_then(Value::as_int);
    let arch = || value.get("arch").and_then(Value::as_str).map(str::to_owned);
    Ok(Checkpoint {
        best_acc: number("best_acc").ok_or("it does not say its best_acc")?,
        epoch: number("epoch").map_or(0, |epoch| epoch.max(0.0) as usize),
        optimizer,
        model: text("model").or_else(arch).unwrap_or_default(),
        num_classes: classes
            .map_or_else(|| outputs(&state_dict), |classes| usize::try_from(classes).unwrap_or(0)),
        class_names,
        written_by: text("written_by").unwrap_or_else(|| "PyTorch".into()),
        path: None,
        state_dict,
    })
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_list).unwrap_or_default();
    items.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// How many classes a network tells apart: as many as its last layer has values.
fn outputs(state: &StateDict) -> usize {
    state.iter().last().and_then(|(_, tensor)| tensor.size().first().copied()).unwrap_or(0) as usize
}

/// What `optimizer.state_dict()` says, in our form. Which optimizer it was, PyTorch does not write: its
/// settings and what it remembers tell.
fn optimizer_state(
    value: &Value,
    state_dict: &StateDict,
    name: Option<String>,
    names: Vec<String>,
) -> Result<OptimizerState, String> {
    let damaged = |what: &str| format!("damaged: its optimizer has no {what}");
    let groups = value.get("param_groups").and_then(Value::as_list).ok_or_else(|| damaged("param_groups"))?;
    let memory = value.get("state").and_then(Value::as_dict).ok_or_else(|| damaged("state"))?;
    let first = groups.first().and_then(Value::as_dict).ok_or_else(|| damaged("param_groups"))?;
    let name = match name {
        Some(name) => name,
        None => told_name(first)?.to_owned(),
    };
    let mut numbers_of_groups = Vec::new();
    let mut settings = Vec::new();
    let mut python_names = Vec::new();
    for (number, group) in groups.iter().enumerate() {
        let group = group.as_dict().ok_or_else(|| damaged("param_groups"))?;
        if let Some(what) =
            NOT_HERE.iter().find(|what| group.get(**what).and_then(Value::as_bool) == Some(true))
        {
            return Err(format!("its optimizer uses {what}, which there is not here"));
        }
        let first = numbers_of_groups.len() as f64;
        settings.extend(group_settings(group, number, first));
        let params = group.get("params").and_then(Value::as_list).ok_or_else(|| damaged("params"))?;
        numbers_of_groups.extend(params.iter().filter_map(Value::as_int));
        python_names.extend(texts(group.get("param_names")));
    }
    let count = numbers_of_groups.len();
    let known = [names, python_names].into_iter().find(|names| names.len() == count && count > 0);
    let parameters = known.unwrap_or_else(|| told_parameters(&numbers_of_groups, memory, state_dict));

    let (mut numbers, mut tensors) = (Vec::new(), Vec::new());
    for (number, parameter) in numbers_of_groups.iter().zip(&parameters) {
        let Some(of_one) = memory.get(*number).and_then(Value::as_dict) else { continue };
        for (key, value) in of_one {
            let full = format!("{parameter}.{key}");
            match value {
                Value::Tensor(tensor) if key.as_str() != Some("step") => {
                    tensors.push((full, tensor.shallow_clone()))
                }
                value => numbers.extend(value.as_float().map(|number| (full, number))),
            }
        }
    }
    Ok(OptimizerState { name, parameters, settings, numbers, tensors })
}

/// The settings of one group under our names. Booleans that PyTorch's implementations choose between
/// (`foreach`, `fused`, …) change no value.
fn group_settings(group: &Dict, number: usize, first: f64) -> Vec<(String, f64)> {
    let mut settings = Vec::new();
    if number > 0 {
        settings.push(("first".to_owned(), first));
    }
    for (key, value) in group {
        match (key, value) {
            (Key::Str(key), Value::Tuple(_) | Value::List(_)) if key == "betas" => {
                let betas = value.as_list().unwrap_or_default().iter().filter_map(Value::as_float);
                settings.extend(["beta1", "beta2"].into_iter().map(str::to_owned).zip(betas));
            }
            (Key::Str(key), Value::Bool(on)) if BOOLEANS.contains(&key.as_str()) => {
                settings.push((key.clone(), f64::from(u8::from(*on))));
            }
            // What a scheduler left there is its own affair.
            (Key::Str(key), Value::Int(_) | Value::Float(_) | Value::Tensor(_)) if key != "initial_lr" => {
                settings.extend(value.as_float().map(|number| (key.clone(), number)));
            }
            _ => {}
        }
    }
    let full = |(key, value): (String, f64)| match number {
        0 => Some((key, value)),
        // Those that all groups share are the first one's.
        number => ["first", "lr", "weight_decay"]
            .contains(&key.as_str())
            .then(|| (format!("group{number}.{key}"), value)),
    };
    settings.into_iter().filter_map(full).collect()
}

fn told_name(group: &Dict) -> Result<&'static str, String> {
    let has = |key: &str| group.get(key).is_some();
    let decoupled = group.get("decoupled_weight_decay").and_then(Value::as_bool);
    match (has("betas") && has("amsgrad"), has("nesterov"), has("alpha") && has("centered")) {
        // Before PyTorch 2.7 the two are not told apart by their settings; AdamW's default decay tells.
        (true, _, _) => Ok(match decoupled {
            Some(true) => "AdamW",
            Some(false) => "Adam",
            None if group.get("weight_decay").and_then(Value::as_float) == Some(0.01) => "AdamW",
            None => "Adam",
        }),
        (_, true, _) => Ok("SGD"),
        (_, _, true) => Ok("RMSprop"),
        _ => {
            let keys: Vec<String> = group.iter().map(|(key, _)| key.to_string()).collect();
            Err(format!(
                "its optimizer is none of Adam, AdamW, SGD and RMSprop: its settings are {}",
                keys.join(", ")
            ))
        }
    }
}

/// The names of parameters that PyTorch only numbers. All of the model's, if there are as many; or the
/// last ones, as when only the head is trained; the shapes of what is remembered must agree. Else the
/// numbers, as names.
fn told_parameters(numbers: &[i64], memory: &Dict, state_dict: &StateDict) -> Vec<String> {
    const BUFFERS: [&str; 3] = ["running_mean", "running_var", "num_batches_tracked"];
    let buffer = |name: &str| BUFFERS.contains(&name.rsplit('.').next().unwrap_or_default());
    let learned: Vec<&(String, Tensor)> = state_dict.iter().filter(|(name, _)| !buffer(name)).collect();
    let remembered = |number: i64| -> Option<Vec<i64>> {
        let of_one = memory.get(number)?.as_dict()?;
        of_one
            .iter()
            .filter(|(key, _)| key.as_str() != Some("step"))
            .find_map(|(_, value)| Some(value.as_tensor()?.size()))
    };
    let last = learned.len().checked_sub(numbers.len()).map(|start| &learned[start..]);
    let fits = |last: &[&(String, Tensor)]| {
        numbers
            .iter()
            .zip(last)
            .all(|(number, (_, tensor))| remembered(*number).is_none_or(|size| size == tensor.size()))
    };
    match last.filter(|last| fits(last)) {
        Some(last) => last.iter().map(|(name, _)| name.clone()).collect(),
        None => numbers.iter().map(i64::to_string).collect(),
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

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
            written_by: super::super::file::this_library(),
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
            let unpacked = from_value(&value).unwrap();
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
            // As if PyTorch had written it: everything is told from the rest.
            if let Value::Dict(dict) = &mut value {
                dict.remove("herbarium");
            }
            let told = from_value(&value).unwrap();
            assert_eq!((told.optimizer.name.as_str(), told.num_classes), (name, 2));
            assert_eq!(told.optimizer.parameters, packed.optimizer.parameters);
            assert_eq!(told.written_by, "PyTorch");
        }
    }

    #[test]
    fn what_is_no_checkpoint_says_so() {
        let mut dict = Dict::new();
        dict.insert("fc.bias", Tensor::from(1f32));
        assert!(
            from_value(&Value::Dict(dict))
                .unwrap_err()
                .contains("is no checkpoint: read it with `weights::load`")
        );
        let mut value = to_value(&checkpoint("Adam")).unwrap();
        if let Value::Dict(dict) = &mut value {
            let mut own = Dict::new();
            own.insert("layout", 2);
            dict.insert("herbarium", own);
        }
        assert!(from_value(&value).unwrap_err().contains("layout 2"));
        let group: Dict = [("lr", 0.1), ("lambd", 1e-4)].into_iter().collect();
        assert!(told_name(&group).unwrap_err().contains("lr, lambd"));
    }
}
