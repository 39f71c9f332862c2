//! The common part of optimizers: parameter groups, learning rates, and identity.

use std::cell::OnceCell;
use std::collections::HashSet;
use std::fmt;

use tch::Tensor;

use super::{OptimizerId, OptimizerState};
use crate::models::{Parameter, Parameters};
use crate::{Error, Result};

/// Parameters with their own settings: one entry of PyTorch's `param_groups`.
///
/// ```no_run
/// # use herbarium::prelude::*;
/// # use herbarium::models::resnet18;
/// # fn main() -> herbarium::Result<()> {
/// # let model = resnet18(12, tch::Device::Cpu)?;
/// let groups = vec![
///     ParamGroup::new(model.parameters_of("layer4")?).lr(1e-4),
///     ParamGroup::new(model.parameters_of("fc")?).weight_decay(0.0),
/// ];
/// let optimizer = AdamW::new(groups, 1e-3);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ParamGroup {
    /// The tensors.
    pub parameters: Parameters,
    /// Their learning rate; the optimizer's own if it is not given.
    pub lr: Option<f64>,
    /// Their weight decay; the optimizer's own if it is not given.
    pub weight_decay: Option<f64>,
}

impl ParamGroup {
    /// `parameters` with the optimizer's own settings.
    pub fn new(parameters: impl Into<Parameters>) -> Self {
        ParamGroup { parameters: parameters.into(), lr: None, weight_decay: None }
    }

    /// With their own learning rate.
    pub fn lr(self, lr: f64) -> Self {
        ParamGroup { lr: Some(lr), ..self }
    }

    /// With their own weight decay.
    pub fn weight_decay(self, weight_decay: f64) -> Self {
        ParamGroup { weight_decay: Some(weight_decay), ..self }
    }
}

impl fmt::Debug for ParamGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = |value: Option<f64>| value.map_or("the optimizer's".into(), |value| value.to_string());
        let (lr, weight_decay) = (own(self.lr), own(self.weight_decay));
        write!(f, "ParamGroup({} tensors, lr {lr}, weight_decay {weight_decay})", self.parameters.len())
    }
}

/// An optimizer's argument: parameters, or several groups of them.
#[derive(Debug, Clone)]
pub struct ParamGroups(Vec<ParamGroup>);

impl From<Parameters> for ParamGroups {
    fn from(parameters: Parameters) -> Self {
        ParamGroups(vec![ParamGroup::new(parameters)])
    }
}

impl From<Vec<Tensor>> for ParamGroups {
    fn from(tensors: Vec<Tensor>) -> Self {
        ParamGroups::from(Parameters::from(tensors))
    }
}

impl From<Vec<ParamGroup>> for ParamGroups {
    fn from(groups: Vec<ParamGroup>) -> Self {
        ParamGroups(groups)
    }
}

/// The parameter groups of an optimizer.
pub(super) struct Group {
    pub id: OptimizerId,
    /// Those of all groups, one group after the other.
    pub parameters: Parameters,
    /// At least one.
    parts: Vec<Settings>,
    /// The learning rates at the first request.
    initial_lrs: OnceCell<Vec<f64>>,
}

/// A group's settings.
#[derive(Clone, Copy, PartialEq)]
struct Settings {
    /// The place of its first parameter.
    first: usize,
    len: usize,
    lr: f64,
    weight_decay: f64,
    /// Whether the weight decay is its own, not the optimizer's.
    own_weight_decay: bool,
}

impl Group {
    pub fn new(groups: ParamGroups, lr: f64, weight_decay: f64) -> Self {
        let mut parts = Vec::new();
        let mut all = Vec::new();
        for group in groups.0 {
            parts.push(Settings {
                first: all.len(),
                len: group.parameters.len(),
                lr: group.lr.unwrap_or(lr),
                weight_decay: group.weight_decay.unwrap_or(weight_decay),
                own_weight_decay: group.weight_decay.is_some(),
            });
            all.extend(group.parameters);
        }
        if parts.is_empty() {
            parts.push(Settings { first: 0, len: 0, lr, weight_decay, own_weight_decay: false });
        }
        Group {
            id: OptimizerId::new(),
            parameters: all.into_iter().collect(),
            parts,
            initial_lrs: OnceCell::new(),
        }
    }

    /// Each parameter with the learning rate and the weight decay of its group.
    pub fn settled(&self) -> impl Iterator<Item = (&Parameter, f64, f64)> {
        let settings =
            self.parts.iter().flat_map(|part| std::iter::repeat_n((part.lr, part.weight_decay), part.len));
        self.parameters.iter().zip(settings).map(|(parameter, (lr, decay))| (parameter, lr, decay))
    }

    pub fn lrs(&self) -> Vec<f64> {
        self.parts.iter().map(|part| part.lr).collect()
    }

    pub fn initial_lrs(&self) -> Vec<f64> {
        self.initial_lrs.get_or_init(|| self.lrs()).clone()
    }

    pub fn set_lrs(&mut self, lrs: &[f64]) {
        self.parts.iter_mut().zip(lrs).for_each(|(part, lr)| part.lr = *lr);
    }

    /// Sets the weight decay of the groups that do not set one.
    pub fn set_weight_decay(&mut self, weight_decay: f64) {
        let others = self.parts.iter_mut().filter(|part| !part.own_weight_decay);
        others.for_each(|part| part.weight_decay = weight_decay);
    }

    pub fn weight_decays(&self) -> Vec<f64> {
        self.parts.iter().map(|part| part.weight_decay).collect()
    }

    /// Checks the arguments that all PyTorch optimizers reject.
    pub fn validate(&self, optimizer: &'static str) -> Result<()> {
        if let Some(empty) = self.parts.iter().position(|part| part.len == 0) {
            let which = if self.parts.len() > 1 { format!(" in group {empty}") } else { String::new() };
            return Err(refuse(
                optimizer,
                format!(
                    "was given no parameters{which}: are all layers frozen? Call `unfreeze_all()` or \
                     `freeze_all_but_head()` on the model first, then build the optimizer"
                ),
            ));
        }
        for part in &self.parts {
            at_least_zero(optimizer, "lr", part.lr)?;
            at_least_zero(optimizer, "weight_decay", part.weight_decay)?;
        }
        let mut seen = HashSet::new();
        match self.parameters.iter().find(|parameter| !seen.insert(parameter.tensor.data_ptr())) {
            Some(twice) => Err(refuse(
                optimizer,
                format!("holds the tensor {} twice: it would take two steps at once", twice.name),
            )),
            None => Ok(()),
        }
    }

    /// The settings of all groups as an [`OptimizerState`] holds them: those of the first under their own
    /// names, those of the others as `group1.lr`, with `group1.first` for where the group begins.
    pub fn settings(&self) -> Vec<(String, f64)> {
        let mut settings = vec![
            ("lr".to_owned(), self.parts[0].lr),
            ("weight_decay".to_owned(), self.parts[0].weight_decay),
        ];
        for (number, part) in self.parts.iter().enumerate().skip(1) {
            for (name, value) in
                [("first", part.first as f64), ("lr", part.lr), ("weight_decay", part.weight_decay)]
            {
                settings.push((format!("group{number}.{name}"), value));
            }
        }
        settings
    }

    /// Refuses a state of other groups; its parameters are looked at elsewhere.
    pub fn must_fit(&self, optimizer: &'static str, state: &OptimizerState) -> Result<()> {
        let told: Vec<usize> = (1..)
            .map_while(|number| state.setting(&format!("group{number}.first")))
            .map(|first| first as usize)
            .collect();
        if !self.parts[1..].iter().map(|part| part.first).eq(told.iter().copied()) {
            let reason = format!(
                "has {} parameter groups, but the state is of {} or of others: build it with the groups that it \
                 had when the state was saved",
                self.parts.len(),
                told.len() + 1
            );
            return Err(refuse(optimizer, reason));
        }
        Ok(())
    }

    /// Takes the groups' settings from a state that fits.
    pub fn restore(&mut self, state: &OptimizerState) {
        for (number, part) in self.parts.iter_mut().enumerate() {
            let name = |setting: &str| match number {
                0 => setting.to_owned(),
                number => format!("group{number}.{setting}"),
            };
            part.lr = state.setting(&name("lr")).unwrap_or(part.lr);
            part.weight_decay = state.setting(&name("weight_decay")).unwrap_or(part.weight_decay);
        }
    }
}

impl From<Vec<Tensor>> for Parameters {
    /// Tensors without a model, named `0`, `1`, … as PyTorch's optimizer states number them.
    fn from(tensors: Vec<Tensor>) -> Self {
        let named = tensors.into_iter().enumerate();
        named.map(|(index, tensor)| Parameter { name: index.to_string(), tensor }).collect()
    }
}

/// A setting that must be a number not below zero.
pub(super) fn at_least_zero(optimizer: &'static str, setting: &str, value: f64) -> Result<()> {
    if value >= 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(refuse(optimizer, format!("has {setting} = {value}: it must be a number of 0 or more")))
}

/// The error of an optimizer.
pub(super) fn refuse(optimizer: &'static str, reason: String) -> Error {
    Error::Optimizer { optimizer, reason }
}

crate::notebook::rich_by_debug!(ParamGroup);
