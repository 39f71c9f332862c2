//! The tutorial's `initialize_model`: pretrained weights under a new head.

use std::any::Any;

use tch::Device;

use super::layers::{Conv2d, Linear};
use super::pretrained::load_pretrained;
use super::registry::{architecture, build, check_classes};
use super::{Model, Pretrained};
use crate::data::Splits;
use crate::transforms::{
    Compose, IMAGENET_MEAN, IMAGENET_STD, normalize, random_horizontal_flip, random_resized_crop, to_tensor,
};
use crate::weights::{self, PretrainedWeights};
use crate::{Error, Result};

/// A network for `num_classes` classes, on pretrained weights where `pretrained` says so.
///
/// `name` is torchvision's (`resnet18`, see [`known_models`](super::known_models)) or the tutorial's
/// word for a family (`resnet` for `resnet18`). As in the tutorial the network is torchvision's, for
/// ImageNet's 1000 classes, and then the classification layers are replaced by new ones (both heads
/// of Inception, the last convolution of SqueezeNet), with PyTorch's default random weights.
///
/// [`Pretrained`] says where weights are looked for. A head for another number of classes is not loaded:
/// the new head starts random, as do layers missing from the file. A line says what was loaded and what was
/// not. [`Model::transforms`] are the matching transforms, and [`Model::started_from`] says later which
/// weights the network started from.
///
/// # Errors
/// [`Error::UnknownModel`]; [`Error::WeightsNotFound`] for [`Pretrained::Required`];
/// [`Error::Weights`] when the file found is damaged or belongs to another network;
/// [`Error::Interrupted`] when a download is stopped; [`Error::Argument`] for no classes; [`Error::Torch`] when the device does not exist or has no room.
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
    load_pretrained(&mut model, pretrained)?;
    Ok(model)
}

/// The number of classes of torchvision's networks.
const IMAGENET_CLASSES: usize = 1000;

impl Model {
    /// Replaces each layer of the head by a new one with PyTorch's default random weights, for
    /// another number of classes.
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
    /// custom network. Other sizes work too, down to a minimum that [`forward`](Model::forward) names.
    pub fn input_size(&self) -> Option<i64> {
        self.architecture.map(|architecture| architecture.input.crop)
    }

    /// The ImageNet weights of torchvision's that were loaded into it, identified by the file's name;
    /// [`None`] for other weights and for none.
    pub fn pretrained_weights(&self) -> Option<PretrainedWeights> {
        self.pretrained
    }

    /// What [`initialize_model`] put into it: the file of weights, `weights pretrained on …` for those that
    /// come with the crate, or `random weights`. Loading others later does not change it.
    pub fn started_from(&self) -> &str {
        &self.started_from
    }

    /// The transforms for pictures of the size that the network was made for: for validation those of
    /// torchvision's preset for the [`pretrained_weights`](Model::pretrained_weights) (without any, for
    /// their first version), and for training random crops and flips as PyTorch's transfer learning
    /// tutorial has them.
    ///
    /// # Errors
    /// [`Error::Argument`] for a custom network, whose input size is unknown.
    pub fn transforms(&self) -> Result<Splits<Compose>> {
        if self.architecture.is_none() {
            return Err(Error::Argument(format!(
                "{} was built by hand, so the size of its pictures is not known: write out its transforms",
                self.name()
            )));
        }
        let weights = match self.pretrained {
            Some(weights) => weights,
            None => weights::named(&format!("{}/V1", self.name()))?,
        };
        let crop = weights.input_size();
        let train = vec![
            random_resized_crop(crop).interpolation(weights.interpolation()),
            random_horizontal_flip(0.5),
            to_tensor(),
            normalize(IMAGENET_MEAN, IMAGENET_STD),
        ];
        Ok(Splits { train: Compose::new(train), valid: weights.transforms() })
    }
}
