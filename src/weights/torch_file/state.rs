//! Finding the state dict in what a file holds.

use super::value::{Dict, DictKind, Value};
use crate::models::StateDict;
use crate::{Error, Result};

/// Names under which people keep a state dict in a checkpoint, the tutorial's first.
const NAMES: [&str; 6] = ["state_dict", "model", "model_state_dict", "net", "weights", "params"];
/// What `torch.nn.DataParallel` and `DistributedDataParallel` put before each name.
const PARALLEL: &str = "module.";

/// The state dict in a value; see [`Value::state_dict`].
pub(super) fn tensors_of(value: &Value) -> Result<StateDict> {
    let refuse = |told: String| Err(Error::Argument(format!("there is no state dict in it: {told}")));
    let Value::Dict(dict) = value else { return refuse(format!("it is {}", value.kind())) };
    let held = NAMES.iter().filter_map(|name| dict.get(*name)?.as_dict());
    let held = held.into_iter().find(|inner| is_state_dict(inner));
    let state = match (is_state_dict(dict), held) {
        (true, _) => dict,
        (false, Some(inner)) => inner,
        (false, None) => {
            let keys: Vec<String> = dict.iter().take(10).map(|(key, _)| key.to_string()).collect();
            return refuse(format!("its keys are {}", keys.join(", ")));
        }
    };
    let mut tensors = Vec::new();
    gather(state, "", &mut tensors);
    Ok(without_parallel(tensors.into_iter().collect()))
}

/// Takes the prefix of `DataParallel` off where every name has it.
pub(in crate::weights) fn without_parallel(state: StateDict) -> StateDict {
    if state.is_empty() || !state.iter().all(|(name, _)| name.starts_with(PARALLEL)) {
        return state;
    }
    state.into_iter().map(|(name, tensor)| (name[PARALLEL.len()..].to_owned(), tensor)).collect()
}

/// Whether a dictionary is a state dict: tensors under names, or a TorchScript module. One that also
/// holds other things beside them (PyTorch's `_extra_state`) still is.
fn is_state_dict(dict: &Dict) -> bool {
    let tensors = dict.iter().filter(|(_, value)| matches!(value, Value::Tensor(_))).count();
    let named = dict.iter().all(|(key, _)| key.as_str().is_some());
    let extra =
        |(key, _): &&(super::Key, Value)| key.as_str().is_some_and(|key| key.ends_with("_extra_state"));
    dict.kind() == DictKind::Module
        || named && tensors > 0 && tensors + dict.iter().filter(extra).count() == dict.len()
}

fn gather(dict: &Dict, path: &str, tensors: &mut Vec<(String, tch::Tensor)>) {
    for (key, value) in dict {
        // tch writes `|` for the points that TorchScript's names cannot have.
        let key = key.to_string();
        let key = if dict.kind() == DictKind::Module { key.replace('|', ".") } else { key };
        let name = if path.is_empty() { key } else { format!("{path}.{key}") };
        match value {
            Value::Tensor(tensor) => tensors.push((name, tensor.shallow_clone())),
            Value::Dict(inner) if inner.kind() == DictKind::Module => gather(inner, &name, tensors),
            _ => {}
        }
    }
}
