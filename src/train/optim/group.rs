//! What every optimizer has: its parameters, their learning rate and its identity.

use std::collections::HashSet;

use tch::Tensor;

use super::OptimizerId;
use crate::models::{Parameter, Parameters};
use crate::{Error, Result};

/// The one parameter group of an optimizer.
pub(super) struct Group {
    pub id: OptimizerId,
    pub parameters: Parameters,
    pub lr: f64,
}

impl Group {
    pub fn new(parameters: Parameters, lr: f64) -> Self {
        Group { id: OptimizerId::new(), parameters, lr }
    }

    /// What all of PyTorch's optimizers refuse.
    pub fn validate(&self, optimizer: &'static str) -> Result<()> {
        if self.parameters.is_empty() {
            return Err(refuse(
                optimizer,
                "was given no parameters: are all layers frozen? Call `unfreeze_all()` or \
                 `freeze_all_but_head()` on the model first, then build the optimizer"
                    .into(),
            ));
        }
        at_least_zero(optimizer, "lr", self.lr)?;
        let mut seen = HashSet::new();
        match self.parameters.iter().find(|parameter| !seen.insert(parameter.tensor.data_ptr())) {
            Some(twice) => Err(refuse(
                optimizer,
                format!("holds the tensor {} twice: it would take two steps at once", twice.name),
            )),
            None => Ok(()),
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
