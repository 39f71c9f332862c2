//! Finds the state dict in a file's contents.

use crate::error::{Error, Result};
use crate::tensor::Tensor;
use crate::value::{Dict, DictKind, Value};

/// Names under which people keep a state dict in a checkpoint, the tutorial's first.
const NAMES: [&str; 6] = ["state_dict", "model", "model_state_dict", "net", "weights", "params"];

/// The state dict in a value; see [`Value::state_dict`].
pub(crate) fn tensors_of(value: &Value) -> Result<Vec<(String, Tensor)>> {
    let refuse = |what: String| Err(Error::NoStateDict(what));
    let Value::Dict(dict) = value else { return refuse(format!("it is {}", value.kind())) };
    let held = |fits: fn(&Dict) -> bool| {
        NAMES.iter().filter_map(|name| dict.get(*name)?.as_dict()).find(|inner| fits(inner))
    };
    // Under a telling name, a dictionary may hold other things besides its tensors.
    let state = match (
        is_state_dict(dict),
        held(is_state_dict).or_else(|| held(has_tensors)).or_else(|| only_one(dict)),
    ) {
        (true, _) => dict,
        (false, Some(inner)) => inner,
        (false, None) => {
            let keys: Vec<String> = dict.iter().take(10).map(|(key, _)| key.to_string()).collect();
            return refuse(format!("its keys are {}", keys.join(", ")));
        }
    };
    let mut tensors = Vec::new();
    gather(state, "", &mut tensors);
    Ok(tensors)
}

/// The state dict among the entries, if there is exactly one, under any name.
fn only_one(dict: &Dict) -> Option<&Dict> {
    let mut found = dict.iter().filter_map(|(_, value)| value.as_dict()).filter(|inner| is_state_dict(inner));
    found.next().filter(|_| found.next().is_none())
}

fn has_tensors(dict: &Dict) -> bool {
    dict.iter().any(|(key, value)| key.as_str().is_some() && matches!(value, Value::Tensor(_)))
}

/// Whether a dictionary is a state dict: tensors under names, or a TorchScript module. It may hold
/// other things as well (PyTorch's `_extra_state`).
fn is_state_dict(dict: &Dict) -> bool {
    let tensors = dict.iter().filter(|(_, value)| matches!(value, Value::Tensor(_))).count();
    let named = dict.iter().all(|(key, _)| key.as_str().is_some());
    let extra = |(key, value): &&(crate::Key, Value)| {
        matches!(value, Value::Object(_)) || key.as_str().is_some_and(|key| key.ends_with("_extra_state"))
    };
    dict.kind() == DictKind::Module
        || named && tensors > 0 && tensors + dict.iter().filter(extra).count() == dict.len()
}

fn gather(dict: &Dict, path: &str, tensors: &mut Vec<(String, Tensor)>) {
    for (key, value) in dict {
        // tch writes `|` for dots, which TorchScript names cannot contain.
        let key = key.to_string();
        let key = if dict.kind() == DictKind::Module { key.replace('|', ".") } else { key };
        let name = if path.is_empty() { key } else { format!("{path}.{key}") };
        match value {
            Value::Tensor(tensor) => tensors.push((name, tensor.clone())),
            Value::Dict(inner) if inner.kind() == DictKind::Module => gather(inner, &name, tensors),
            _ => {}
        }
    }
}
