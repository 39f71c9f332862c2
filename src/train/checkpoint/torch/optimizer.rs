//! An optimizer's state as PyTorch's `optimizer.state_dict()` has it: parameters by number, settings in groups.

use tch::Tensor;

use super::{Wrong, texts};
use crate::models::StateDict;
use crate::train::optim::OptimizerState;
use crate::weights::torch_file::{Descriptions, Dict, Key, Tensors, Value, described};

/// Settings that are numbers here and booleans in Python.
const BOOLEANS: [&str; 2] = ["nesterov", "centered"];
/// PyTorch options that our optimizers lack: such a state would continue differently.
const NOT_HERE: [&str; 2] = ["amsgrad", "maximize"];

/// `optimizer.state_dict()`.
pub(super) fn optimizer_dict(state: &OptimizerState) -> Result<Dict, Wrong> {
    let mut descriptions = Descriptions::default();
    let mut memory = Dict::new();
    for (index, parameter) in state.parameters.iter().enumerate() {
        let prefix = format!("{parameter}.");
        let mut of_one = Dict::new();
        // A parameter's name may be a prefix of another's: the names of state entries contain no
        // dot.
        let named =
            |key: &str| key.strip_prefix(&prefix).filter(|rest| !rest.contains('.')).map(str::to_owned);
        for (key, number) in state.numbers.iter().filter_map(|(key, number)| Some((named(key)?, number))) {
            of_one.insert(key, described(&Tensor::from(*number as f32))?);
        }
        for (key, tensor) in state.tensors.iter().filter_map(|(key, tensor)| Some((named(key)?, tensor))) {
            of_one.insert(key, descriptions.of(tensor)?);
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
    // Other settings of PyTorch's constructors: an optimizer that loads this state reads them from it.
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

/// What `optimizer.state_dict()` says, in our form. PyTorch does not write which optimizer it was: that
/// is inferred from its settings and state.
pub(super) fn optimizer_state(
    value: &Value,
    made: &mut Tensors,
    state_dict: &StateDict,
    name: Option<String>,
    names: Vec<String>,
) -> Result<OptimizerState, Wrong> {
    let damaged = |what: &str| format!("damaged: its optimizer has no {what}");
    let groups = value.get("param_groups").and_then(Value::as_list).ok_or_else(|| damaged("param_groups"))?;
    let memory = value.get("state").and_then(Value::as_dict).ok_or_else(|| damaged("state"))?;
    let first = groups.first().and_then(Value::as_dict).ok_or_else(|| damaged("param_groups"))?;
    let name = match name {
        Some(name) => name,
        None => inferred_name(first)?.to_owned(),
    };
    let mut numbers_of_groups = Vec::new();
    let mut settings = Vec::new();
    let mut python_names = Vec::new();
    for (number, group) in groups.iter().enumerate() {
        let group = group.as_dict().ok_or_else(|| damaged("param_groups"))?;
        if let Some(what) =
            NOT_HERE.iter().find(|what| group.get(**what).and_then(Value::as_bool) == Some(true))
        {
            return Err(format!("its optimizer uses {what}, which is not supported").into());
        }
        let first = numbers_of_groups.len() as f64;
        settings.extend(group_settings(group, number, first));
        let params = group.get("params").and_then(Value::as_list).ok_or_else(|| damaged("params"))?;
        numbers_of_groups.extend(params.iter().filter_map(Value::as_int));
        python_names.extend(texts(group.get("param_names")));
    }
    let count = numbers_of_groups.len();
    let known = [names, python_names].into_iter().find(|names| names.len() == count && count > 0);
    let parameters = known.unwrap_or_else(|| inferred_parameters(&numbers_of_groups, memory, state_dict));

    let (mut numbers, mut tensors) = (Vec::new(), Vec::new());
    for (number, parameter) in numbers_of_groups.iter().zip(&parameters) {
        let Some(of_one) = memory.get(*number).and_then(Value::as_dict) else { continue };
        for (key, value) in of_one {
            let full = format!("{parameter}.{key}");
            match value {
                Value::Tensor(tensor) if key.as_str() != Some("step") => {
                    tensors.push((full, made.tensor(tensor)?));
                }
                value => numbers.extend(value.as_float().map(|number| (full, number))),
            }
        }
    }
    Ok(OptimizerState { name, parameters, settings, numbers, tensors })
}

/// The settings of one group under our names. Flags that select between PyTorch's implementations
/// (`foreach`, `fused`, …) change no values.
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
            // Settings left by a scheduler are ignored.
            (Key::Str(key), Value::Int(_) | Value::Float(_) | Value::Tensor(_)) if key != "initial_lr" => {
                settings.extend(value.as_float().map(|number| (key.clone(), number)));
            }
            _ => {}
        }
    }
    let full = |(key, value): (String, f64)| match number {
        0 => Some((key, value)),
        // Settings shared by all groups are taken from the first.
        number => ["first", "lr", "weight_decay"]
            .contains(&key.as_str())
            .then(|| (format!("group{number}.{key}"), value)),
    };
    settings.into_iter().filter_map(full).collect()
}

fn inferred_name(group: &Dict) -> Result<&'static str, String> {
    let has = |key: &str| group.get(key).is_some();
    let decoupled = group.get("decoupled_weight_decay").and_then(Value::as_bool);
    match (has("betas") && has("amsgrad"), has("nesterov"), has("alpha") && has("centered")) {
        // Before PyTorch 2.7 the settings do not distinguish the two; AdamW's default decay does.
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

/// The names of parameters, which PyTorch only numbers: all of the model's, if the number matches; or
/// the last ones, as when only the head is trained. The shapes of the state must agree. Otherwise the
/// numbers serve as names.
fn inferred_parameters(numbers: &[i64], memory: &Dict, state_dict: &StateDict) -> Vec<String> {
    const BUFFERS: [&str; 3] = ["running_mean", "running_var", "num_batches_tracked"];
    let buffer = |name: &str| BUFFERS.contains(&name.rsplit('.').next().unwrap_or_default());
    let learned: Vec<&(String, Tensor)> = state_dict.iter().filter(|(name, _)| !buffer(name)).collect();
    let remembered = |number: i64| -> Option<Vec<i64>> {
        let of_one = memory.get(number)?.as_dict()?;
        of_one
            .iter()
            .filter(|(key, _)| key.as_str() != Some("step"))
            .find_map(|(_, value)| Some(value.as_tensor()?.shape().iter().map(|&side| side as i64).collect()))
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
    use super::*;

    #[test]
    fn another_optimizer_is_refused_by_its_settings() {
        let group: Dict = [("lr", 0.1), ("lambd", 1e-4)].into_iter().collect();
        assert!(inferred_name(&group).unwrap_err().contains("lr, lambd"));
    }
}
