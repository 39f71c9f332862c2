//! Named tensors in a fixed order: what `model.state_dict()` gives and a weights file holds.

use std::fmt;

use tch::{Device, Tensor};

use crate::Result;
use crate::tensors::TensorSpec;

/// What [`Model::load_state_dict`](crate::models::Model::load_state_dict) does about keys that do not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strictness {
    /// Every key must be there and fit, as PyTorch's `strict=True`: else nothing is loaded.
    #[default]
    Strict,
    /// What fits is loaded; the report names the rest.
    Partial,
}

/// Named tensors, in the order of PyTorch's `state_dict`.
///
/// As in PyTorch the tensors of [`Model::state_dict`](crate::models::Model::state_dict) are the model's
/// own, not copies: training changes them. [`deep_copy`](StateDict::deep_copy) keeps a state as it is.
#[derive(Default)]
pub struct StateDict {
    entries: Vec<(String, Tensor)>,
}

impl StateDict {
    /// No tensors.
    pub fn new() -> Self {
        StateDict::default()
    }

    /// Adds a tensor at the end, or replaces the one of that name.
    pub fn insert(&mut self, name: impl Into<String>, tensor: Tensor) {
        let name = name.into();
        match self.entries.iter_mut().find(|(key, _)| *key == name) {
            Some((_, held)) => *held = tensor,
            None => self.entries.push((name, tensor)),
        }
    }

    /// The tensor of that name.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.entries.iter().find(|(key, _)| key == name).map(|(_, tensor)| tensor)
    }

    /// Takes the tensor of that name out.
    pub fn remove(&mut self, name: &str) -> Option<Tensor> {
        let index = self.entries.iter().position(|(key, _)| key == name)?;
        Some(self.entries.remove(index).1)
    }

    /// Whether there is a tensor of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// How many tensors there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The names, in order.
    pub fn keys(&self) -> Vec<String> {
        self.entries.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Names and tensors, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, (String, Tensor)> {
        self.entries.iter()
    }

    /// A copy of every tensor, detached from gradients: Python's `copy.deepcopy(model.state_dict())`.
    ///
    /// # Errors
    /// [`Error::Torch`](crate::Error::Torch) when memory runs out.
    pub fn deep_copy(&self) -> Result<StateDict> {
        self.map(|tensor| {
            let mut copy = tensor.f_detach()?.f_empty_like()?;
            copy.f_copy_(&tensor.f_detach()?)?;
            Ok(copy)
        })
    }

    /// The same tensors on `device`; those that are there already are shared, not copied.
    ///
    /// # Errors
    /// [`Error::Torch`](crate::Error::Torch) when the device does not exist or has no room.
    pub fn to(&self, device: Device) -> Result<StateDict> {
        self.map(|tensor| Ok(tensor.f_detach()?.f_to_device(device)?))
    }

    fn map(&self, change: impl Fn(&Tensor) -> Result<Tensor>) -> Result<StateDict> {
        self.entries.iter().map(|(name, tensor)| Ok((name.clone(), change(tensor)?))).collect()
    }
}

impl Clone for StateDict {
    /// Another handle on the same tensors; [`deep_copy`](StateDict::deep_copy) copies their values.
    fn clone(&self) -> Self {
        self.entries.iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone())).collect()
    }
}

impl FromIterator<(String, Tensor)> for StateDict {
    /// Names are expected to differ; of two equal ones [`StateDict::get`] finds the first.
    fn from_iter<I: IntoIterator<Item = (String, Tensor)>>(entries: I) -> Self {
        StateDict { entries: entries.into_iter().collect() }
    }
}

impl IntoIterator for StateDict {
    type Item = (String, Tensor);
    type IntoIter = std::vec::IntoIter<(String, Tensor)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl<'a> IntoIterator for &'a StateDict {
    type Item = &'a (String, Tensor);
    type IntoIter = std::slice::Iter<'a, (String, Tensor)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.iter()
    }
}

impl fmt::Display for StateDict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.entries.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        writeln!(f, "StateDict: {} tensors", self.entries.len())?;
        for (index, (name, tensor)) in self.entries.iter().enumerate() {
            let end = if index + 1 < self.entries.len() { "\n" } else { "" };
            write!(f, "  {name:width$}  {}{end}", TensorSpec::of(tensor))?;
        }
        Ok(())
    }
}

impl fmt::Debug for StateDict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

crate::notebook::rich_by_debug!(StateDict);

crate::notebook::vars::known_by_len!([] StateDict: "tensor";);
