//! What every part of a network is: a named node that transforms a tensor and may own some.
//! The Rust form of [`torch.nn.Module`](https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html).

use tch::Tensor;

use crate::Result;

/// Whether a network is being trained, as `model.train()` and `model.eval()` set it in PyTorch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Dropout drops and batch norms follow their [`BatchNormMode`]. A new model starts here.
    #[default]
    Train,
    /// Dropout does nothing and batch norms use their running statistics.
    Eval,
}

/// What batch norms do in [`Mode::Train`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BatchNormMode {
    /// PyTorch's way: normalise by the batch's own statistics and move the running ones towards them.
    #[default]
    Moving,
    /// Normalise by the running statistics and leave them alone, as in eval mode. For a frozen
    /// trunk: its features then stay what the pretrained weights make of a picture.
    Still,
}

/// The circumstances of one forward pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pass {
    /// Training or not.
    pub mode: Mode,
    /// What batch norms do when training.
    pub batch_norm: BatchNormMode,
}

impl Pass {
    /// The pass of a network in eval mode.
    pub const EVAL: Pass = Pass { mode: Mode::Eval, batch_norm: BatchNormMode::Still };

    /// Whether batch norms use, and move with, the statistics of the batch.
    pub fn batch_norms_move(self) -> bool {
        self.mode == Mode::Train && self.batch_norm == BatchNormMode::Moving
    }
}

/// Whether a tensor of a module is learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Learned by gradient descent (`named_parameters`).
    Parameter,
    /// Kept along, never by gradients (`named_buffers`): running means and the like.
    Buffer,
}

/// A tensor that a module owns, under its name in that module (`weight`).
#[derive(Debug)]
pub struct Slot<'a> {
    /// The tensor's own name, without the path of its module.
    pub name: &'static str,
    /// The tensor.
    pub tensor: &'a Tensor,
    /// Learned or kept.
    pub role: Role,
}

impl<'a> Slot<'a> {
    /// A learned tensor.
    pub fn parameter(name: &'static str, tensor: &'a Tensor) -> Self {
        Slot { name, tensor, role: Role::Parameter }
    }

    /// A tensor kept along.
    pub fn buffer(name: &'static str, tensor: &'a Tensor) -> Self {
        Slot { name, tensor, role: Role::Buffer }
    }
}

/// A part of a network, as `torch.nn.Module`: a layer, a block of layers, a whole network.
///
/// Names and order of children and tensors are torchvision's: they make the keys and the order of
/// a state dict, and the text that [`Model`](super::Model) prints.
pub trait Module: Send {
    /// The Python class, as `print(model)` shows it: `Conv2d`.
    fn kind(&self) -> &'static str;

    /// What `print(model)` shows between the brackets after the class.
    fn extra_repr(&self) -> String {
        String::new()
    }

    /// The module's output for `input`. Shapes are each module's own.
    ///
    /// # Errors
    /// [`Error::Torch`](crate::Error::Torch) when the input has a shape or type the module cannot take.
    fn forward(&self, input: &Tensor, pass: Pass) -> Result<Tensor>;

    /// The modules inside this one, in the order in which torchvision registers them.
    fn children(&self) -> Vec<(&str, &dyn Module)> {
        Vec::new()
    }

    /// The tensors of this module itself: parameters first, then buffers.
    fn tensors(&self) -> Vec<Slot<'_>> {
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

/// `layer1` and `0` make `layer1.0`.
pub(crate) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// Whether `name` is the module or tensor at `path`, or lies inside it.
pub(crate) fn is_under(name: &str, path: &str) -> bool {
    name.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
