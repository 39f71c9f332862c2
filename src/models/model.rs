//! A network ready to be used: its module tree, its mode, and what one does with both.

use std::fmt;

use tch::{Device, Kind, Tensor};

use super::Predictions;
use super::module::{BatchNormMode, Mode, Module, Pass, Role, join, walk};
use super::show::python_repr;
use crate::weights::kind_text;
use crate::{Error, Result};

/// Every network here takes RGB pictures.
const CHANNELS: i64 = 3;

/// An image classifier: `(N, 3, H, W)` float32 pictures in, `(N, num_classes)` logits out.
///
/// Shows itself as Python's `print(model)`. A new model is in train mode, as in PyTorch.
pub struct Model {
    name: String,
    head: Vec<String>,
    num_classes: usize,
    pub(super) root: Box<dyn Module>,
    pub(super) device: Device,
    pass: Pass,
}

impl Model {
    /// Wraps a module tree. `head` are the paths of the layers that depend on the number of
    /// classes (`fc`): the ones that [`freeze_all_but_head`](Model::freeze_all_but_head) leaves.
    ///
    /// # Errors
    /// [`Error::UnknownLayer`] when a path of `head` names nothing in the tree; [`Error::Torch`]
    /// when the device does not exist or has no room.
    pub fn from_module(
        name: &str,
        root: Box<dyn Module>,
        head: &[&str],
        num_classes: usize,
        device: Device,
    ) -> Result<Model> {
        let head: Vec<String> = head.iter().map(|&path| path.to_owned()).collect();
        let mut model = Model {
            name: name.to_owned(),
            head,
            num_classes,
            root,
            device: Device::Cpu,
            pass: Pass::default(),
        };
        model.head.iter().try_for_each(|path| model.check_path(path))?;
        model.put_channels_last()?;
        model.to(device)?;
        Ok(model)
    }

    /// The network's name: `resnet18`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many classes the head tells apart.
    pub fn num_classes(&self) -> usize {
        self.num_classes
    }

    /// Where the weights are.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Train or eval.
    pub fn mode(&self) -> Mode {
        self.pass.mode
    }

    /// What batch norms do in train mode.
    pub fn batch_norm(&self) -> BatchNormMode {
        self.pass.batch_norm
    }

    /// The layers that depend on the number of classes, by path: `["fc"]` for a ResNet.
    pub fn head(&self) -> &[String] {
        &self.head
    }

    /// The tree itself, to look into.
    pub fn module(&self) -> &dyn Module {
        &*self.root
    }

    /// Puts the network in train mode.
    pub fn train(&mut self) {
        self.pass.mode = Mode::Train;
    }

    /// Puts the network in eval mode.
    pub fn eval(&mut self) {
        self.pass.mode = Mode::Eval;
    }

    /// Says what batch norms do in train mode; see [`BatchNormMode`].
    pub fn set_batch_norm(&mut self, batch_norm: BatchNormMode) {
        self.pass.batch_norm = batch_norm;
    }

    /// The logits `(N, num_classes)` for pictures `(N, 3, H, W)`, in the current mode. Gradients
    /// are kept for what is not frozen.
    ///
    /// # Errors
    /// [`Error::ModelInput`] when `images` have another rank, number of channels, type or device;
    /// [`Error::Torch`] when they are too small for the network's strides.
    pub fn forward(&self, images: &Tensor) -> Result<Tensor> {
        self.forward_in(images, self.pass)
    }

    /// What the network sees in each picture, in eval mode and without gradients, whatever the
    /// current mode, which stays as it is. `images` may be on another device than the model.
    ///
    /// # Errors
    /// As [`forward`](Model::forward).
    pub fn predict(&self, images: &Tensor) -> Result<Predictions> {
        let _guard = tch::no_grad_guard();
        let logits = self.forward_in(&images.f_to_device(self.device)?, Pass::EVAL)?;
        Predictions::from_logits(&logits)
    }

    fn forward_in(&self, images: &Tensor, pass: Pass) -> Result<Tensor> {
        self.check_input(images)?;
        self.root.forward(images, pass)
    }

    fn check_input(&self, images: &Tensor) -> Result<()> {
        let size = images.size();
        let hint = match *size.as_slice() {
            [_, CHANNELS, _, _] if images.kind() != Kind::Float => {
                format!("of {}: `to_kind(Kind::Float)` makes it float32", kind_text(images.kind()))
            }
            [_, CHANNELS, _, _] if images.device() != self.device => {
                format!("on {:?} while the model is on {:?}: move one of them", images.device(), self.device)
            }
            [count, CHANNELS, height, width] if count * height * width == 0 => {
                "without a single pixel".into()
            }
            [_, CHANNELS, _, _] => return Ok(()),
            [CHANNELS, _, _] => "one picture without its batch dimension: `unsqueeze(0)` adds it".into(),
            [_, _, _, CHANNELS] => "with the channels last: `permute([0, 3, 1, 2])` puts them second".into(),
            [_, 1, _, _] => "grey pictures: `repeat([1, 3, 1, 1])` gives them three equal channels".into(),
            _ => "a tensor that is no batch of RGB pictures".into(),
        };
        Err(Error::ModelInput { model: self.name.clone(), size, hint })
    }

    /// Handles on all tensors with their full names: in each module parameters, buffers, children.
    pub(super) fn owned(&self) -> Vec<(String, Tensor, Role)> {
        let mut all = Vec::new();
        walk(&*self.root, "", &mut |path, module| {
            all.extend(
                module
                    .tensors()
                    .into_iter()
                    .map(|slot| (join(path, slot.name), slot.tensor.shallow_clone(), slot.role)),
            );
        });
        all
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&python_repr(&*self.root))
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
