//! Modules one after the other:
//! [`torch.nn.Sequential`](https://docs.pytorch.org/docs/stable/generated/torch.nn.Sequential.html).

use tch::Tensor;

use crate::Result;
use crate::models::{Module, Pass};

/// Feeds each module's output to the next. Without modules it gives its input back.
#[derive(Default)]
pub struct Sequential {
    children: Vec<(String, Box<dyn Module>)>,
}

impl Sequential {
    /// Without modules.
    pub fn new() -> Self {
        Sequential::default()
    }

    /// With one more module at the end, named by its number: `0`, `1`, …
    pub fn with(self, module: impl Module + 'static) -> Self {
        let name = self.children.len().to_string();
        self.with_named(&name, module)
    }

    /// With one more module at the end, under a name of its own.
    pub fn with_named(mut self, name: &str, module: impl Module + 'static) -> Self {
        self.children.push((name.to_owned(), Box::new(module)));
        self
    }
}

impl Module for Sequential {
    fn kind(&self) -> &'static str {
        "Sequential"
    }

    fn forward(&self, input: &Tensor, pass: Pass) -> Result<Tensor> {
        self.children
            .iter()
            .try_fold(input.shallow_clone(), |value, (_, module)| module.forward(&value, pass))
    }

    fn children(&self) -> Vec<(&str, &dyn Module)> {
        self.children.iter().map(|(name, module)| (name.as_str(), &**module)).collect()
    }
}
