//! The tutorial's `initialize_model`: pretrained weights under a new head.

use std::any::Any;
use std::path::Path;

use tch::Device;

use super::layers::{Conv2d, Linear};
use super::registry::{architecture, build, check_classes};
use super::{Model, StateDict, Strictness};
use crate::data::Splits;
use crate::transforms::{
    Compose, IMAGENET_MEAN, IMAGENET_STD, ResizedCropOptions, normalize, random_horizontal_flip,
    random_resized_crop_with, to_tensor,
};
use crate::weights::{self, LoadReport, PretrainedWeights, by_layer};
use crate::{Error, Result};

/// What [`initialize_model`] does about pretrained weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pretrained {
    /// Random weights.
    No,
    /// Pretrained weights if there are any, else random ones; a line on stdout says which.
    #[default]
    IfAvailable,
    /// Pretrained weights, or an error that says where they were looked for.
    Required,
}

/// A network for `num_classes` classes, on pretrained weights where `pretrained` says so.
///
/// `name` is torchvision's (`resnet18`, see [`known_models`](super::known_models)) or the tutorial's
/// word for a family (`resnet` for `resnet18`). As in the tutorial the network is torchvision's, for
/// ImageNet's 1000 classes, and then the layers that tell the classes are replaced by new ones (of
/// Inception both heads, of SqueezeNet the last convolution), with PyTorch's default random weights.
///
/// Weights are looked for by [`weights::find`]; those of a head for another number of classes are left
/// aside, and the new head starts random, as do layers that the file lacks. What was loaded, and what
/// not, is told on stdout. [`Model::transforms`] are the transforms that go with it.
///
/// # Errors
/// [`Error::UnknownModel`]; [`Error::WeightsNotFound`] for [`Pretrained::Required`];
/// [`Error::Weights`] when the file found is damaged or belongs to another network;
/// [`Error::Argument`] for no classes; [`Error::Torch`] when the device does not exist or has no room.
pub fn initialize_model(
    name: &str,
    num_classes: usize,
    pretrained: Pretrained,
    device: Device,
) -> Result<Model> {
    let name = architecture(name)?.name;
    check_classes(name, num_classes)?;
    let mut model = build(name, IMAGENET_CLASSES, Device::Cpu)?;
    model.replace_head(num_classes)?;
    model.to(device)?;
    if pretrained == Pretrained::No {
        return Ok(model);
    }
    match weights::find(name) {
        Some(path) => println!("{}", load_pretrained(&mut model, &path)?),
        None if pretrained == Pretrained::Required => {
            return Err(Error::WeightsNotFound {
                model: name.to_owned(),
                looked: looked(),
                fetch: weights::how_to_get(name),
            });
        }
        None => println!(
            "{name}: no weights found in {}; starting from random weights\n  {}",
            looked(),
            weights::how_to_get(name)
        ),
    }
    Ok(model)
}

/// How many classes torchvision's networks tell apart.
const IMAGENET_CLASSES: usize = 1000;

impl Model {
    /// Puts a new layer with PyTorch's default random weights in the place of each layer of the head,
    /// for another number of classes.
    ///
    /// # Errors
    /// [`Error::Argument`] for no classes, or when a layer of the head is neither linear nor a
    /// convolution: [`replace`](Model::replace) takes any.
    pub fn replace_head(&mut self, num_classes: usize) -> Result<()> {
        let classes = check_classes(self.name(), num_classes)?;
        for path in self.head().to_owned() {
            let part = self.part(&path)? as &dyn Any;
            if let Some(linear) = part.downcast_ref::<Linear>() {
                let head = Linear::new(linear.in_features(), classes)?;
                self.replace(&path, head)?;
            } else if let Some(conv) = part.downcast_ref::<Conv2d>() {
                let head = Conv2d::new(conv.in_channels(), classes, conv.options())?;
                self.replace(&path, head)?;
            } else {
                return Err(Error::Argument(format!(
                    "{path} of {} is neither a linear layer nor a convolution: `replace(\"{path}\", …)` takes another",
                    self.name()
                )));
            }
        }
        Ok(())
    }

    /// The side of the pictures in pixels that the network was made for, 224 for most; [`None`] for a
    /// network of one's own. Other sizes do as well, down to one that [`forward`](Model::forward) names.
    pub fn input_size(&self) -> Option<i64> {
        self.architecture.map(|architecture| architecture.input.crop)
    }

    /// The ImageNet weights of torchvision's that were loaded into it, told by the file's name; [`None`]
    /// for others and for none.
    pub fn pretrained_weights(&self) -> Option<PretrainedWeights> {
        self.pretrained
    }

    /// The transforms for pictures of the size that the network was made for: for validation those of
    /// torchvision's preset for the [`pretrained_weights`](Model::pretrained_weights) (without any, for
    /// their first version), and for training random crops and flips as PyTorch's transfer learning
    /// tutorial has them.
    ///
    /// # Errors
    /// [`Error::Argument`] for a network of one's own, of which no size is known.
    pub fn transforms(&self) -> Result<Splits<Compose>> {
        if self.architecture.is_none() {
            return Err(Error::Argument(format!(
                "{} was made by hand, and no size of its pictures is known: write its transforms down",
                self.name()
            )));
        }
        let weights = match self.pretrained {
            Some(weights) => weights,
            None => weights::named(&format!("{}/V1", self.name()))?,
        };
        let crop = weights.input_size();
        let options = ResizedCropOptions { interpolation: weights.interpolation(), ..Default::default() };
        let train = vec![
            random_resized_crop_with(crop, crop, options),
            random_horizontal_flip(0.5),
            to_tensor(),
            normalize(IMAGENET_MEAN, IMAGENET_STD),
        ];
        Ok(Splits { train: Compose::new(train), valid: weights.transforms() })
    }
}

fn looked() -> String {
    let folders = weights::search_folders();
    if folders.is_empty() {
        return "any folder (neither HERBARIUM_WEIGHTS nor HOME is set)".into();
    }
    folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(" or ")
}

/// Loads what fits from a file and tells what did.
fn load_pretrained(model: &mut Model, path: &Path) -> Result<String> {
    let state = weights::load(path)?;
    let (state, dropped) = without_other_head(model, state);
    let report = check(model, &state, path)?;
    if model.transform_input().is_some() {
        // ImageNet's weights for it were made with pictures from -1 to 1.
        model.set_transform_input(true)?;
    }
    let file = path.file_name();
    model.pretrained = weights::list()
        .weights()
        .iter()
        .find(|weights| weights.model() == model.name() && file == Some(weights.file().as_ref()))
        .copied();
    Ok(story(model, path, &report, &dropped))
}

/// The state without head tensors of another shape, and the keys of those.
fn without_other_head(model: &Model, state: StateDict) -> (StateDict, Vec<String>) {
    let own = model.state_dict();
    let fits = |name: &str, size: Vec<i64>| {
        !model.in_head(name) || own.get(name).is_none_or(|target| target.size() == size)
    };
    let mut dropped = Vec::new();
    let mut kept = StateDict::new();
    for (name, tensor) in state {
        if fits(&name, tensor.size()) {
            kept.insert(name, tensor);
        } else {
            dropped.push(name);
        }
    }
    (kept, dropped)
}

/// Loads, unless the file is another network's.
fn check(model: &mut Model, state: &StateDict, path: &Path) -> Result<LoadReport> {
    let own = model.state_dict();
    let other = |reason: String| Error::Weights { path: path.to_owned(), reason };
    let shared = state.iter().filter(|(name, _)| own.contains(name)).count();
    if shared == 0 {
        return Err(other(format!("none of its {} tensors is one of {}'s", state.len(), model.name())));
    }
    let report = weights::compare(&own, state)?;
    if !report.mismatched.is_empty() {
        return Err(other(format!("these are not {}'s weights:\n  {}", model.name(), report.complaints())));
    }
    model.load_state_dict(state, Strictness::Partial)
}

/// What a learner should know of it; counters of batches, which nothing depends on, are left out.
fn story(model: &Model, path: &Path, report: &LoadReport, dropped: &[String]) -> String {
    let told = |keys: Vec<String>| -> Vec<String> {
        keys.into_iter().filter(|name| !weights::may_be_missing(name)).collect()
    };
    let (own, loaded) = (told(model.state_dict().keys()), told(report.loaded.clone()));
    let (loaded, total, path) = (loaded.len(), own.len(), path.display());
    let mut lines = vec![format!("{}: loaded {loaded} of {total} tensors from {path}", model.name())];
    if !dropped.is_empty() {
        let head = model.head().join(", ");
        lines.push(format!("new head for {} classes, random: {head}", model.num_classes()));
    }
    let missing: Vec<String> =
        report.missing.iter().filter(|name| !dropped.contains(name)).cloned().collect();
    if !missing.is_empty() {
        lines.push(format!("missing there, so random: {}", by_layer(&missing, &own)));
    }
    if !report.unexpected.is_empty() {
        lines.push(format!("not used: {}", by_layer(&report.unexpected, &[])));
    }
    if let Some(first) = report.converted.first() {
        lines.push(format!("converted: {} tensors ({first:?})", report.converted.len()));
    }
    lines.join("\n  ")
}
