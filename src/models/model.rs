//! A network ready to be used: its module tree, its mode, and what one does with both.

use std::fmt;

use tch::{Device, Kind, Tensor};

use super::module::{BatchNormMode, Mode, Module, Pass, Role, is_under, join, walk};
use super::show::python_repr;
use super::{Parameter, ParameterCount, Parameters, ParamsToLearn, Predictions, StateDict, Strictness};
use crate::weights::{LoadReport, load_into};
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
    root: Box<dyn Module>,
    device: Device,
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
        let hint = match size.as_slice() {
            &[_, CHANNELS, _, _] if images.kind() != Kind::Float => {
                format!("of {:?}: `to_kind(Kind::Float)` makes it float32", images.kind())
            }
            &[_, CHANNELS, _, _] if images.device() != self.device => {
                format!("on {:?} while the model is on {:?}: move one of them", images.device(), self.device)
            }
            &[count, CHANNELS, height, width] if count * height * width == 0 => {
                "without a single pixel".into()
            }
            &[_, CHANNELS, _, _] => return Ok(()),
            &[CHANNELS, _, _] => "one picture without its batch dimension: `unsqueeze(0)` adds it".into(),
            &[_, _, _, CHANNELS] => "with the channels last: `permute([0, 3, 1, 2])` puts them second".into(),
            &[_, 1, _, _] => "grey pictures: `repeat([1, 3, 1, 1])` gives them three equal channels".into(),
            _ => "a tensor that is no batch of RGB pictures".into(),
        };
        Err(Error::ModelInput { model: self.name.clone(), size, hint })
    }

    /// All learned tensors, in PyTorch's order (`named_parameters`).
    pub fn named_parameters(&self) -> Parameters {
        self.owned()
            .into_iter()
            .filter(|(_, _, role)| *role == Role::Parameter)
            .map(|(name, tensor, _)| Parameter { name, tensor })
            .collect()
    }

    /// The learned tensors that are not frozen: what an optimizer is made with.
    pub fn trainable_parameters(&self) -> Parameters {
        self.named_parameters().into_iter().filter(|parameter| parameter.tensor.requires_grad()).collect()
    }

    /// The names of [`trainable_parameters`](Model::trainable_parameters), as the tutorial prints them.
    pub fn params_to_learn(&self) -> ParamsToLearn {
        ParamsToLearn { names: self.trainable_parameters().names() }
    }

    /// How many single values the network has, and how many of them training changes.
    pub fn parameter_count(&self) -> ParameterCount {
        ParameterCount {
            total: self.named_parameters().numel(),
            trainable: self.trainable_parameters().numel(),
        }
    }

    /// Freezes all but the head: no gradients are computed for the rest and no optimizer made
    /// afterwards changes it. Its batch norms still move in train mode, as in the tutorial, unless
    /// [`set_batch_norm`](Model::set_batch_norm) says otherwise.
    pub fn freeze_all_but_head(&mut self) {
        self.require_grad(|model, name| model.in_head(name));
    }

    /// Lets training change every parameter again.
    pub fn unfreeze_all(&mut self) {
        self.require_grad(|_, _| true);
    }

    /// Freezes a layer, a block or a single tensor by its path: `layer1`, `layer1.0.conv1`, `fc.bias`.
    ///
    /// # Errors
    /// [`Error::UnknownLayer`] when the path names nothing; the message lists what there is.
    pub fn freeze(&mut self, path: &str) -> Result<()> {
        self.set_trainable(path, false)
    }

    /// Lets training change a layer, a block or a single tensor again.
    ///
    /// # Errors
    /// As [`freeze`](Model::freeze).
    pub fn unfreeze(&mut self, path: &str) -> Result<()> {
        self.set_trainable(path, true)
    }

    fn set_trainable(&mut self, path: &str, trainable: bool) -> Result<()> {
        self.check_path(path)?;
        for Parameter { name, tensor } in self.named_parameters() {
            if is_under(&name, path) {
                // Only integer tensors refuse, and parameters are floating.
                let _ = tensor.set_requires_grad(trainable);
            }
        }
        Ok(())
    }

    fn require_grad(&mut self, wanted: impl Fn(&Model, &str) -> bool) {
        for Parameter { name, tensor } in self.named_parameters() {
            let _ = tensor.set_requires_grad(wanted(self, &name));
        }
    }

    pub(crate) fn in_head(&self, name: &str) -> bool {
        self.head.iter().any(|path| is_under(name, path))
    }

    /// Fails unless `path` names a module or a tensor, listing what the last known part of it holds.
    fn check_path(&self, path: &str) -> Result<()> {
        let mut nodes: Vec<(String, Vec<String>)> = Vec::new();
        walk(&*self.root, "", &mut |at, module| {
            let children = module.children().into_iter().map(|(name, _)| name.to_owned());
            let own = module.tensors().into_iter().map(|slot| slot.name.to_owned());
            nodes.push((at.to_owned(), children.chain(own).collect()));
        });
        let known = |wanted: &str| {
            nodes
                .iter()
                .any(|(at, inside)| at == wanted || inside.iter().any(|name| join(at, name) == wanted))
        };
        if !path.is_empty() && known(path) {
            return Ok(());
        }
        let parent = nodes
            .iter()
            .rev()
            .find(|(at, inside)| !inside.is_empty() && (at.is_empty() || is_under(path, at)));
        let (parent, children) = parent.cloned().unwrap_or_default();
        let parent = if parent.is_empty() { self.name.clone() } else { parent };
        Err(Error::UnknownLayer { model: self.name.clone(), path: path.to_owned(), parent, children })
    }

    /// All tensors, learned and kept, in PyTorch's order. They are the model's own: see [`StateDict`].
    pub fn state_dict(&self) -> StateDict {
        // Detached, as PyTorch's are: the values are shared, the gradients are not.
        self.owned().into_iter().map(|(name, tensor, _)| (name, tensor.detach())).collect()
    }

    /// Puts the values of `state` into the model, in place: optimizers made before keep working.
    /// Everything is checked before the first value is changed. Another floating type is converted
    /// to the model's, and the report says so. `num_batches_tracked` may be missing, as in PyTorch.
    ///
    /// # Errors
    /// [`Error::StateDict`] in [`Strictness::Strict`] when a key is missing, unexpected or has another
    /// shape or type; [`Error::Torch`] when a conversion fails. The model is then as it was.
    pub fn load_state_dict(&mut self, state: &StateDict, strictness: Strictness) -> Result<LoadReport> {
        load_into(&self.name, &self.state_dict(), state, strictness)
    }

    /// Moves the weights (and gradients) to `device`, in place: optimizers made before keep working
    /// on the same tensors.
    ///
    /// # Errors
    /// [`Error::Torch`] when the device does not exist or has no room; nothing is moved then.
    pub fn to(&mut self, device: Device) -> Result<()> {
        let mut moves = Vec::new();
        for (_, tensor, _) in self.owned() {
            let gradient = tensor.f_grad()?;
            let held = if gradient.defined() { vec![tensor, gradient] } else { vec![tensor] };
            for tensor in held {
                moves.push((tensor.f_detach()?.f_to_device(device)?, tensor));
            }
        }
        for (moved, mut tensor) in moves {
            tensor.f_set_data(&moved)?;
        }
        self.device = device;
        Ok(())
    }

    /// Handles on all tensors with their full names: in each module parameters, buffers, children.
    fn owned(&self) -> Vec<(String, Tensor, Role)> {
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
