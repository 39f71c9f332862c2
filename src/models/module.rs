//! The interface of every part of a network: a named node that transforms a tensor and may own tensors. The
//! Rust form of [`torch.nn.Module`](https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html).

use std::any::Any;

use tch::Tensor;

use super::forward_pass::Pass;
use super::parts::Parts;
use crate::Result;

/// Whether a tensor of a module is learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Learned by gradient descent (`named_parameters`).
    Parameter,
    /// State that is not learned by gradients (`named_buffers`): running means and the like.
    Buffer,
}

/// A tensor that a module owns, under its name in that module (`weight`).
#[derive(Debug)]
pub struct NamedTensor<'a> {
    /// The tensor's own name, without the path of its module.
    pub name: &'static str,
    /// The tensor.
    pub tensor: &'a Tensor,
    /// Learned or kept.
    pub role: Role,
}

impl<'a> NamedTensor<'a> {
    /// A learned tensor.
    pub fn parameter(name: &'static str, tensor: &'a Tensor) -> Self {
        NamedTensor { name, tensor, role: Role::Parameter }
    }

    /// A buffer.
    pub fn buffer(name: &'static str, tensor: &'a Tensor) -> Self {
        NamedTensor { name, tensor, role: Role::Buffer }
    }
}

/// A network's output for a batch in training.
#[derive(Debug)]
pub struct Outputs {
    /// The logits of the head, `(N, num_classes)`.
    pub logits: Tensor,
    /// The logits of the auxiliary head of a network that has one (Inception), in train mode only.
    pub aux: Option<Tensor>,
}

impl Outputs {
    /// How much the auxiliary loss counts beside the main one, as in
    /// [PyTorch's tutorial](https://docs.pytorch.org/tutorials/beginner/finetuning_torchvision_models_tutorial.html).
    pub const AUX_WEIGHT: f64 = 0.4;

    /// `main + 0.4 · auxiliary`, where `loss` gives that of one head; without an auxiliary head the
    /// main one alone.
    ///
    /// # Errors
    /// Those of `loss`.
    pub fn loss(&self, loss: impl Fn(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
        let main = loss(&self.logits)?;
        match &self.aux {
            Some(aux) => Ok(main.f_add(&loss(aux)?.f_mul_scalar(Outputs::AUX_WEIGHT)?)?),
            None => Ok(main),
        }
    }
}

impl From<Tensor> for Outputs {
    /// Of a network with one head.
    fn from(logits: Tensor) -> Self {
        Outputs { logits, aux: None }
    }
}

/// A part of a network, as `torch.nn.Module`: a layer, a block of layers, a whole network.
///
/// Names and order of parts and tensors are torchvision's: they make the keys and the order of
/// a state dict, and the text that [`Model`](super::Model) prints. `(module as &dyn
/// std::any::Any).downcast_ref::<Conv2d>()` gives the concrete type.
pub trait Module: Any + Send {
    /// The Python class, as `print(model)` shows it: `Conv2d`.
    fn kind(&self) -> &'static str;

    /// What `print(model)` shows between the brackets after the class.
    fn extra_repr(&self) -> String {
        String::new()
    }

    /// The module's output for `input`. Shapes are each module's own.
    ///
    /// # Errors
    /// [`Error::Torch`](crate::Error::Torch) when the input has a shape or type the module cannot
    /// take; [`Parts::call`] adds the place.
    fn forward(&self, input: &Tensor, pass: Pass) -> Result<Tensor>;

    /// The output, and in train mode that of the auxiliary head too, where the module has one.
    ///
    /// # Errors
    /// As [`forward`](Module::forward).
    fn forward_all(&self, input: &Tensor, pass: Pass) -> Result<Outputs> {
        Ok(self.forward(input, pass)?.into())
    }

    /// The modules inside this one, in the order in which torchvision registers them.
    fn parts(&self) -> Option<&Parts> {
        None
    }

    /// The modules inside this one, to change or replace them.
    fn parts_mut(&mut self) -> Option<&mut Parts> {
        None
    }

    /// The [`parts`](Module::parts) as a list, empty for a layer.
    fn children(&self) -> Vec<(&str, &dyn Module)> {
        self.parts().map(|parts| parts.iter().collect()).unwrap_or_default()
    }

    /// The tensors of this module itself: parameters first, then buffers.
    fn tensors(&self) -> Vec<NamedTensor<'_>> {
        Vec::new()
    }
}

/// Calls `visit` with the path of `module` (empty for the root) and of everything inside it, in
/// the order of PyTorch's `named_modules`: parents first.
pub(crate) fn walk(module: &dyn Module, path: &str, visit: &mut dyn FnMut(&str, &dyn Module)) {
    visit(path, module);
    for (name, child) in module.children() {
        walk(child, &join(path, name), visit);
    }
}

/// Calls `change` with everything inside `module` and then with itself.
pub(crate) fn walk_mut(module: &mut dyn Module, path: &str, change: &mut dyn FnMut(&str, &mut dyn Module)) {
    if let Some(parts) = module.parts_mut() {
        for (name, child) in parts.iter_mut() {
            walk_mut(child, &join(path, name), change);
        }
    }
    change(path, module);
}

/// `layer1` and `0` make `layer1.0`.
pub(crate) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// Whether `name` is the module or tensor at `path`, or lies inside it.
pub(crate) fn is_under(name: &str, path: &str) -> bool {
    name.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
