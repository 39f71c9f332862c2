//! The named modules inside a module: Python's `self.conv1 = …`, and `self.conv1(x)`.

use std::fmt;

use tch::Tensor;

use super::forward_pass::Pass;
use super::module::Module;
use crate::error::is_out_of_memory;
use crate::{Error, Result};

/// Named modules in the order in which torchvision registers them.
///
/// They are called by name, so that a pass can be observed, an error can say where it happened, and
/// each can be replaced. A custom block:
///
/// ```
/// use herbarium::models::layers::{Conv2d, ConvOptions, ReLU};
/// use herbarium::models::{Module, Parts, Pass};
/// use herbarium::prelude::*;
///
/// /// `(N, channels, H, W)` to the same.
/// struct Residual {
///     parts: Parts,
/// }
///
/// impl Residual {
///     fn new(channels: i64) -> Result<Residual> {
///         let conv = Conv2d::new(channels, channels, ConvOptions::kernel(3).padding(1))?;
///         Ok(Residual { parts: Parts::new().with("conv", conv).with("relu", ReLU::INPLACE) })
///     }
/// }
///
/// impl Module for Residual {
///     fn kind(&self) -> &'static str {
///         "Residual"
///     }
///
///     fn forward(&self, input: &Tensor, pass: Pass) -> Result<Tensor> {
///         let branch = self.parts.chain(&["conv", "relu"], input, pass)?;
///         Ok(branch.f_add(input)?)
///     }
///
///     fn parts(&self) -> Option<&Parts> {
///         Some(&self.parts)
///     }
///
///     fn parts_mut(&mut self) -> Option<&mut Parts> {
///         Some(&mut self.parts)
///     }
/// }
///
/// let mut model_ft = initialize_model("resnet18", 12, Pretrained::No, tch::Device::Cpu)?;
/// model_ft.replace("layer4.1", Residual::new(512)?)?;
/// model_ft.freeze("layer4.1.conv")?;
/// # Ok::<(), herbarium::Error>(())
/// ```
#[derive(Default)]
pub struct Parts {
    entries: Vec<(String, Box<dyn Module>)>,
}

impl Parts {
    /// Without modules.
    pub fn new() -> Self {
        Parts::default()
    }

    /// With one more module at the end, or replacing the one of that name.
    pub fn with(mut self, name: &str, module: impl Module) -> Self {
        self.set(name, Box::new(module));
        self
    }

    /// With one more module if there is one.
    pub fn with_some(self, name: &str, module: Option<impl Module>) -> Self {
        match module {
            Some(module) => self.with(name, module),
            None => self,
        }
    }

    /// Adds a module at the end, or replaces and returns the one of that name.
    pub fn set(&mut self, name: &str, module: Box<dyn Module>) -> Option<Box<dyn Module>> {
        match self.entries.iter_mut().find(|(own, _)| own == name) {
            Some((_, held)) => Some(std::mem::replace(held, module)),
            None => {
                self.entries.push((name.to_owned(), module));
                None
            }
        }
    }

    /// The module of that name.
    pub fn get(&self, name: &str) -> Option<&dyn Module> {
        self.entries.iter().find(|(own, _)| own == name).map(|(_, module)| &**module)
    }

    /// The module of that name, to change it.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut dyn Module> {
        self.entries.iter_mut().find(|(own, _)| own == name).map(|(_, module)| &mut **module)
    }

    /// How many modules there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Names and modules, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &dyn Module)> {
        self.entries.iter().map(|(name, module)| (name.as_str(), &**module))
    }

    /// Names and modules, to change them.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut dyn Module)> {
        self.entries.iter_mut().map(|(name, module)| (name.as_str(), &mut **module))
    }

    /// Python's `self.name(input)`.
    ///
    /// # Errors
    /// [`Error::Layer`], which says where in the tree it happened; [`Error::UnknownLayer`] when
    /// there is no such module.
    pub fn call(&self, name: &str, input: &Tensor, pass: Pass) -> Result<Tensor> {
        match self.get(name) {
            Some(module) => run(name, module, input, pass),
            None => Err(Error::UnknownLayer {
                model: "the module".into(),
                path: name.to_owned(),
                parent: "it".into(),
                children: self.iter().map(|(name, _)| name.to_owned()).collect(),
                nearest: Vec::new(),
            }),
        }
    }

    /// Feeds the output of each of these modules to the next.
    ///
    /// # Errors
    /// As [`call`](Parts::call).
    pub fn chain(&self, names: &[&str], input: &Tensor, pass: Pass) -> Result<Tensor> {
        names.iter().try_fold(input.shallow_clone(), |value, name| self.call(name, &value, pass))
    }

    /// Feeds the output of each module to the next, in order.
    ///
    /// # Errors
    /// As [`call`](Parts::call).
    pub fn chain_all(&self, input: &Tensor, pass: Pass) -> Result<Tensor> {
        self.iter().try_fold(input.shallow_clone(), |value, (name, module)| run(name, module, &value, pass))
    }
}

fn run(name: &str, module: &dyn Module, input: &Tensor, pass: Pass) -> Result<Tensor> {
    let output = match pass.trace {
        None => module.forward(input, pass),
        Some(trace) => trace.step(name, module, input, pass),
    };
    output.map_err(|error| in_layer(error, name, module, input))
}

/// Adds the place of an error: the innermost module, and the path to it.
fn in_layer(error: Error, name: &str, module: &dyn Module, input: &Tensor) -> Error {
    match error {
        Error::Layer { model, path, layer, reason } => {
            Error::Layer { model, path: format!("{name}.{path}"), layer, reason }
        }
        // No fault of the layer's: whoever knows the batch says what to do.
        Error::Torch(reason) if is_out_of_memory(&reason) => Error::Torch(reason),
        Error::Torch(reason) | Error::Argument(reason) => Error::Layer {
            model: String::new(),
            path: name.to_owned(),
            layer: format!(
                "{}({}) cannot take {}",
                module.kind(),
                module.extra_repr(),
                crate::tensors::shape_text(&input.size())
            ),
            reason,
        },
        other => other,
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.iter().map(|(name, module)| format!("{name}: {}", module.kind())))
            .finish()
    }
}
