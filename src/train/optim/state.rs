//! An optimizer's state, as `optimizer.state_dict()` returns it.

use std::fmt;

use tch::Tensor;

use super::group::{Group, refuse};
use super::{copy_of, python};
use crate::Result;

/// Settings, and what the optimizer remembers of each parameter.
#[derive(Default)]
pub struct OptimizerState {
    /// PyTorch's class: `Adam`.
    pub name: String,
    /// The parameters' names, in the optimizer's order: PyTorch's state numbers them from 0.
    pub parameters: Vec<String>,
    /// Settings under their PyTorch names (`lr`, `beta1`, `weight_decay`, …). With several parameter groups
    /// these are the first one's; the others' are `group1.lr`, `group1.weight_decay`, and `group1.first`, the
    /// place of its first parameter.
    pub settings: Vec<(String, f64)>,
    /// Numbers of single parameters, `PARAMETER.step`.
    pub numbers: Vec<(String, f64)>,
    /// Tensors of single parameters, `PARAMETER.exp_avg`, in the parameter's own shape.
    pub tensors: Vec<(String, Tensor)>,
}

impl OptimizerState {
    /// The setting of that name.
    pub fn setting(&self, name: &str) -> Option<f64> {
        self.settings.iter().find(|(key, _)| key == name).map(|(_, value)| *value)
    }

    /// A number remembered for a parameter.
    pub fn number(&self, parameter: &str, name: &str) -> Option<f64> {
        find(&self.numbers, parameter, name).copied()
    }

    /// A tensor remembered for a parameter.
    pub fn tensor(&self, parameter: &str, name: &str) -> Option<&Tensor> {
        find(&self.tensors, parameter, name)
    }

    /// The state of `group` before anything is remembered.
    pub(super) fn of(name: &str, group: &Group, settings: &[(&str, f64)]) -> Self {
        let own = settings.iter().map(|(key, value)| ((*key).to_owned(), *value));
        OptimizerState {
            name: name.into(),
            parameters: group.parameters.names(),
            settings: group.settings().into_iter().chain(own).collect(),
            numbers: Vec::new(),
            tensors: Vec::new(),
        }
    }

    pub(super) fn push_number(&mut self, parameter: &str, name: &str, value: f64) {
        self.numbers.push((format!("{parameter}.{name}"), value));
    }

    pub(super) fn push_tensor(&mut self, parameter: &str, name: &str, tensor: &Tensor) -> Result<()> {
        self.tensors.push((format!("{parameter}.{name}"), copy_of(tensor)?));
        Ok(())
    }

    /// Refuses a state that is another optimizer's or of other parameters.
    pub(super) fn must_fit(&self, optimizer: &'static str, group: &Group) -> Result<()> {
        if self.name != optimizer {
            let reason = format!("cannot load the state of {}: build an optimizer of that kind", self.name);
            return Err(refuse(optimizer, reason));
        }
        let names = group.parameters.names();
        if self.parameters != names {
            let reason = format!(
                "holds {}, but the state is of {}: freeze and unfreeze the model as it was when \
                 the state was saved, then build the optimizer",
                listed(&names),
                listed(&self.parameters),
            );
            return Err(refuse(optimizer, reason));
        }
        group.must_fit(optimizer, self)
    }

    /// A copy of a parameter's remembered tensor, on the parameter's device, or `None`.
    pub(super) fn restore(
        &self,
        optimizer: &'static str,
        parameter: &str,
        name: &str,
        like: &Tensor,
    ) -> Result<Option<Tensor>> {
        let Some(saved) = self.tensor(parameter, name) else { return Ok(None) };
        if saved.size() != like.size() {
            let reason = format!(
                "cannot load the state: {parameter} has the shape {:?}, its {name} {:?}",
                like.size(),
                saved.size()
            );
            return Err(refuse(optimizer, reason));
        }
        let mut restored = like.f_detach()?.f_zeros_like()?;
        restored.f_copy_(saved)?;
        Ok(Some(restored))
    }
}

fn find<'a, T>(entries: &'a [(String, T)], parameter: &str, name: &str) -> Option<&'a T> {
    let matches = |key: &str| {
        key.strip_prefix(parameter).and_then(|rest| rest.strip_prefix('.')).is_some_and(|rest| rest == name)
    };
    entries.iter().find(|(key, _)| matches(key)).map(|(_, value)| value)
}

fn listed(names: &[String]) -> String {
    match names {
        [] => "no tensors".into(),
        [one] => one.clone(),
        [first, .., last] => format!("{} tensors ({first} … {last})", names.len()),
    }
}

impl Clone for OptimizerState {
    /// Another handle on the same tensors.
    fn clone(&self) -> Self {
        OptimizerState {
            name: self.name.clone(),
            parameters: self.parameters.clone(),
            settings: self.settings.clone(),
            numbers: self.numbers.clone(),
            tensors: self.tensors.iter().map(|(key, tensor)| (key.clone(), tensor.shallow_clone())).collect(),
        }
    }
}

impl fmt::Display for OptimizerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} state of {}", self.name, listed(&self.parameters))?;
        let steps = self.numbers.iter().filter(|(key, _)| key.ends_with(".step")).map(|(_, value)| *value);
        if let Some(steps) = steps.reduce(f64::max) {
            write!(f, " after {steps} steps")?;
        }
        self.settings.iter().try_for_each(|(key, value)| write!(f, ", {key} {}", python::float(*value)))
    }
}

impl fmt::Debug for OptimizerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

crate::notebook::rich_by_debug!(OptimizerState);
