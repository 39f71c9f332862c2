//! A network ready for use: its module tree, its mode, and the operations on them.

use std::fmt;

use tch::{Device, Kind, Tensor};

use super::forward_pass::{BatchNormMode, Mode, Pass};
use super::loading::put_channels_last;
use super::module::{Module, Outputs, Role, join, walk};
use super::pretrained::RANDOM;
use super::registry::Architecture;
use super::show::python_repr;
use super::trace::Trace;
use super::{Predictions, tree_html};
use crate::notebook::Here;
use crate::notebook::vars::{Known, Of, counted};
use crate::notebook::{MimeBundle, Show};
use crate::tensors::kind_text;
use crate::weights::PretrainedWeights;
use crate::{Error, Result};

/// Every network here takes RGB pictures.
const CHANNELS: i64 = 3;

/// An image classifier: `(N, 3, H, W)` float32 pictures in, `(N, num_classes)` logits out.
///
/// Shows itself as Python's `print(model)`. A new model is in train mode, as in PyTorch.
pub struct Model {
    pub(super) name: String,
    pub(super) head: Vec<String>,
    pub(super) num_classes: usize,
    pub(super) root: Box<dyn Module>,
    pub(super) device: Device,
    pub(super) architecture: Option<&'static Architecture>,
    pub(super) pretrained: Option<PretrainedWeights>,
    pub(super) started_from: String,
    mode: Mode,
    batch_norm: BatchNormMode,
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
            architecture: None,
            pretrained: None,
            started_from: RANDOM.into(),
            mode: Mode::default(),
            batch_norm: BatchNormMode::default(),
        };
        model.head.iter().try_for_each(|path| model.check_path(path))?;
        put_channels_last(&*model.root)?;
        model.to(device)?;
        Ok(model)
    }

    /// Wraps the tree of one of the known networks.
    pub(super) fn of(
        architecture: &'static Architecture,
        root: Box<dyn Module>,
        num_classes: usize,
        device: Device,
    ) -> Result<Model> {
        let model = Model::from_module(architecture.name, root, architecture.head, num_classes, device)?;
        Ok(Model { architecture: Some(architecture), ..model })
    }

    /// The network's name: `resnet18`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many classes the head has.
    pub fn num_classes(&self) -> usize {
        self.num_classes
    }

    /// Where the weights are.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Train or eval.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// What batch norms do in train mode.
    pub fn batch_norm(&self) -> BatchNormMode {
        self.batch_norm
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
        self.mode = Mode::Train;
    }

    /// Puts the network in eval mode.
    pub fn eval(&mut self) {
        self.mode = Mode::Eval;
    }

    /// Says what batch norms do in train mode; see [`BatchNormMode`].
    pub fn set_batch_norm(&mut self, batch_norm: BatchNormMode) {
        self.batch_norm = batch_norm;
    }

    /// The logits `(N, num_classes)` for pictures `(N, 3, H, W)`, in the current mode. Gradients
    /// are kept for what is not frozen.
    ///
    /// # Errors
    /// [`Error::ModelInput`] when `images` have another rank, number of channels, type or device;
    /// [`Error::Layer`] when they are too small for the network, with the layer that they ended in.
    pub fn forward(&self, images: &Tensor) -> Result<Tensor> {
        self.forward_in(images, self.mode)
    }

    /// The logits in mode `mode`; the current mode does not change.
    ///
    /// # Errors
    /// As [`forward`](Model::forward).
    pub fn forward_in(&self, images: &Tensor, mode: Mode) -> Result<Tensor> {
        self.check_input(images)?;
        self.root.forward(images, self.pass(mode)).map_err(|error| self.explained(error, images, mode))
    }

    /// The logits in the current mode, and in train mode those of the auxiliary head too, where the
    /// network has one: Inception does, and its loss in training is
    /// `main + `[`AUX_WEIGHT`](Outputs::AUX_WEIGHT)` · auxiliary`.
    ///
    /// # Errors
    /// As [`forward`](Model::forward).
    pub fn forward_train(&self, images: &Tensor) -> Result<Outputs> {
        self.check_input(images)?;
        let outputs = self.root.forward_all(images, self.pass(self.mode));
        outputs.map_err(|error| self.explained(error, images, self.mode))
    }

    /// The network's predictions for each picture, in eval mode and without gradients; the current
    /// mode does not change. `images` may be on another device than the model.
    ///
    /// # Errors
    /// As [`forward`](Model::forward).
    pub fn predict(&self, images: &Tensor) -> Result<Predictions> {
        let _guard = tch::no_grad_guard();
        let logits = self.forward_in(&images.f_to_device(self.device)?, Mode::Eval)?;
        Predictions::from_logits(&logits)
    }

    /// An observed pass. In train mode the auxiliary head runs too.
    pub(super) fn forward_watched(&self, images: &Tensor, mode: Mode, trace: &Trace) -> Result<Tensor> {
        self.check_input(images)?;
        let outputs = self.root.forward_all(images, self.pass(mode).watched(trace));
        Ok(outputs.map_err(|error| self.explained(error, images, mode))?.logits)
    }

    pub(super) fn pass(&self, mode: Mode) -> Pass<'static> {
        Pass::new(mode, self.batch_norm)
    }

    /// Adds the model's name to an error, and advice to use larger pictures if that would help.
    pub(super) fn explained(&self, error: Error, images: &Tensor, mode: Mode) -> Error {
        let Error::Layer { path, layer, mut reason, .. } = error else { return error };
        if let (Some(Architecture { input, .. }), &[.., height, width]) =
            (self.architecture, images.size().as_slice())
        {
            let smallest = if mode == Mode::Train { input.smallest_train } else { input.smallest };
            if height.min(width) < smallest {
                let when = if mode == Mode::Train { " in train mode" } else { "" };
                let otherwise = if height.min(width) >= input.smallest {
                    format!(
                        "; `set_aux_logits(false)` trains it without its second head, from {0} × {0} on",
                        input.smallest
                    )
                } else {
                    String::new()
                };
                reason = format!(
                    "pictures of {height} × {width} are too small: {}{when} takes {smallest} × {smallest} and \
                     larger, and was made for {crop} × {crop}{otherwise} ({reason})",
                    self.name,
                    crop = input.crop
                );
            }
        }
        Error::Layer { model: format!("{}: ", self.name), path, layer, reason }
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
            _ => "a tensor that is not a batch of RGB pictures".into(),
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
                    .map(|named| (join(path, named.name), named.tensor.shallow_clone(), named.role)),
            );
        });
        all
    }
}

impl Model {
    /// Shows the tree as the value of a cell's last expression.
    pub fn evcxr_display(&self) {
        crate::notebook::result(self);
    }
}

impl Show for Model {
    /// Python's text, and a collapsible tree.
    fn bundle(&self) -> MimeBundle {
        MimeBundle::text(self.to_string()).with_html(tree_html::tree(self.module()))
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

crate::notebook::rich_by_show!(Model);

impl Known<Here> for Of<'_, Model> {
    fn size(&self) -> String {
        counted(self.0.named_parameters().numel(), "parameter")
    }
}
