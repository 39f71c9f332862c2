//! Modules one after the other:
//! [`torch.nn.Sequential`](https://docs.pytorch.org/docs/stable/generated/torch.nn.Sequential.html).

use tch::Tensor;

use crate::Result;
use crate::models::{Module, Parts, Pass};

/// Feeds each module's output to the next. Without modules it returns its input.
#[derive(Debug)]
pub struct Sequential {
    kind: &'static str,
    parts: Parts,
}

impl Default for Sequential {
    fn default() -> Self {
        Sequential::of_kind("Sequential")
    }
}

impl Sequential {
    /// Without modules.
    pub fn new() -> Self {
        Sequential::default()
    }

    /// Printed as another class, one that Python derives from `Sequential`.
    pub(crate) fn of_kind(kind: &'static str) -> Self {
        Sequential { kind, parts: Parts::new() }
    }

    /// With one more module at the end, named by its number: `0`, `1`, …
    pub fn with(self, module: impl Module) -> Self {
        let name = self.parts.len().to_string();
        self.with_named(&name, module)
    }

    /// With one more module at the end, under its own name.
    pub fn with_named(self, name: &str, module: impl Module) -> Self {
        Sequential { parts: self.parts.with(name, module), ..self }
    }

    /// How many modules there are.
    pub fn len(&self) -> usize {
        self.parts.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }
}

impl Module for Sequential {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn forward(&self, input: &Tensor, pass: Pass) -> Result<Tensor> {
        self.parts.chain_all(input, pass)
    }

    fn parts(&self) -> Option<&Parts> {
        Some(&self.parts)
    }

    fn parts_mut(&mut self) -> Option<&mut Parts> {
        Some(&mut self.parts)
    }
}
