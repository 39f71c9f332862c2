//! A model's learned tensors, in the form an optimizer takes, and their counts and lists.

use std::fmt;

use tch::Tensor;

use super::patterns::matches;
use crate::notebook::Here;
use crate::notebook::numbers::thousands;
use crate::notebook::vars::{Known, Of, counted};
use crate::tensors::TensorSpec;

/// A learned tensor and its name in the model (`layer1.0.conv1.weight`).
pub struct Parameter {
    /// The name, as in the model's state dict.
    pub name: String,
    /// A handle on the model's own tensor: changing its values in place changes the model.
    pub tensor: Tensor,
}

impl Clone for Parameter {
    /// Another handle on the same tensor.
    fn clone(&self) -> Self {
        Parameter { name: self.name.clone(), tensor: self.tensor.shallow_clone() }
    }
}

impl fmt::Debug for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, TensorSpec::of(&self.tensor))
    }
}

/// Named parameters, in the model's order: what an optimizer is made with.
#[derive(Clone, Default)]
pub struct Parameters {
    entries: Vec<Parameter>,
}

impl Parameters {
    /// How many tensors there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The names, in order.
    pub fn names(&self) -> Vec<String> {
        self.entries.iter().map(|parameter| parameter.name.clone()).collect()
    }

    /// The tensor of that name.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.entries.iter().find(|parameter| parameter.name == name).map(|parameter| &parameter.tensor)
    }

    /// The parameters, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Parameter> {
        self.entries.iter()
    }

    /// Those that a path or pattern names, as [`Model::freeze`](super::Model::freeze) takes it; none
    /// if it names none.
    pub fn matching(&self, pattern: &str) -> Parameters {
        self.iter().filter(|parameter| matches(pattern, &parameter.name)).cloned().collect()
    }

    /// Those that a path or pattern does not name.
    pub fn except(&self, pattern: &str) -> Parameters {
        self.iter().filter(|parameter| !matches(pattern, &parameter.name)).cloned().collect()
    }

    /// Those that are not frozen.
    pub fn trainable(&self) -> Parameters {
        self.iter().filter(|parameter| parameter.tensor.requires_grad()).cloned().collect()
    }

    /// How many single values they hold.
    pub fn numel(&self) -> usize {
        self.entries.iter().map(|parameter| parameter.tensor.numel()).sum()
    }
}

impl FromIterator<Parameter> for Parameters {
    fn from_iter<I: IntoIterator<Item = Parameter>>(entries: I) -> Self {
        Parameters { entries: entries.into_iter().collect() }
    }
}

impl IntoIterator for Parameters {
    type Item = Parameter;
    type IntoIter = std::vec::IntoIter<Parameter>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl<'a> IntoIterator for &'a Parameters {
    type Item = &'a Parameter;
    type IntoIter = std::slice::Iter<'a, Parameter>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.iter()
    }
}

impl fmt::Display for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.entries.iter().map(|parameter| parameter.name.len()).max().unwrap_or(0);
        write!(f, "Parameters: {} tensors, {} values", self.len(), thousands(self.numel()))?;
        for Parameter { name, tensor } in self {
            let frozen = if tensor.requires_grad() { "" } else { ", frozen" };
            write!(f, "\n  {name:width$}  {}{frozen}", TensorSpec::of(tensor))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The names of the parameters that training will change; shows as the tutorial prints them.
#[derive(Clone, PartialEq, Eq)]
pub struct ParamsToLearn {
    /// The names, in the model's order.
    pub names: Vec<String>,
}

impl fmt::Display for ParamsToLearn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Params to learn:")?;
        if self.names.is_empty() {
            return f.write_str("\n\t none: every layer is frozen");
        }
        self.names.iter().try_for_each(|name| write!(f, "\n\t {name}"))
    }
}

impl fmt::Debug for ParamsToLearn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How many single values a model learns.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ParameterCount {
    /// All of them.
    pub total: usize,
    /// Those that are not frozen.
    pub trainable: usize,
}

impl fmt::Display for ParameterCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} parameters, {} trainable", thousands(self.total), thousands(self.trainable))
    }
}

impl fmt::Debug for ParameterCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

crate::notebook::rich_by_debug!(Parameter, Parameters);

impl Known<Here> for Of<'_, Parameters> {
    fn size(&self) -> String {
        format!("{} in {}", counted(self.0.numel(), "parameter"), counted(self.0.len(), "tensor"))
    }
}
