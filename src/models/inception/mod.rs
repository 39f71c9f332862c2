//! Inception v3: "Rethinking the Inception Architecture for Computer Vision",
//! [Szegedy et al. 2015](https://arxiv.org/abs/1512.00567), as
//! [torchvision](https://docs.pytorch.org/vision/stable/models/inception.html) builds it.
//!
//! `(N, 3, H, W) -> (N, num_classes)`; made for 299 px. In train mode an auxiliary head in the middle of
//! the network predicts the classes too (see [`Model::forward_train`]), and its window needs the whole 299
//! px; in eval mode 75 px are enough.

mod blocks;

use std::any::Any;

use tch::{Device, Tensor};

use blocks::{aux_head, basic_conv, mixed_5, mixed_6, mixed_6a, mixed_7, mixed_7a};

use super::init::{each_module, truncated_normal};
use super::layers::{AdaptiveAvgPool2d, Conv2d, ConvOptions, Dropout, Linear, MaxPool2d};
use super::registry::{Architecture, InputSize, build};
use super::{Model, Module, Outputs, Parts, Pass};
use crate::{Error, Result};

pub(super) const ARCHITECTURES: &[Architecture] = &[Architecture {
    name: "inception_v3",
    head: &["AuxLogits.fc", "fc"],
    tree,
    input: InputSize { crop: 299, smallest: 75, smallest_train: 299 },
}];

/// Inception v3 with its auxiliary head, 27.2 million parameters at 1000 classes, with random weights.
///
/// # Errors
/// [`Error::Argument`] for no classes; [`Error::Torch`] when the device does not exist or has no room.
pub fn inception_v3(num_classes: usize, device: Device) -> Result<Model> {
    build("inception_v3", num_classes, device)
}

impl Model {
    /// Whether an Inception takes pictures normalised by ImageNet's mean and deviation and turns them
    /// into the range from -1 to 1 that its pretrained weights were made with; [`None`] for other
    /// networks. [`initialize_model`](super::initialize_model) sets it with pretrained weights, as
    /// torchvision does.
    pub fn transform_input(&self) -> Option<bool> {
        (self.module() as &dyn Any).downcast_ref::<Inception3>().map(|net| net.transform_input)
    }

    /// Says whether an Inception turns its input into the range from -1 to 1: see
    /// [`transform_input`](Model::transform_input).
    ///
    /// # Errors
    /// [`Error::Argument`] for another network.
    pub fn set_transform_input(&mut self, transform_input: bool) -> Result<()> {
        self.inception("transform_input")?.transform_input = transform_input;
        Ok(())
    }

    /// Says whether an Inception's auxiliary head works in train mode: yes, unless this says otherwise.
    /// Without it pictures of 75 × 75 can be trained with; with it they must be 299 × 299.
    ///
    /// # Errors
    /// [`Error::Argument`] for another network.
    pub fn set_aux_logits(&mut self, aux_logits: bool) -> Result<()> {
        self.inception("auxiliary head")?.aux_logits = aux_logits;
        Ok(())
    }

    fn inception(&mut self, what: &str) -> Result<&mut Inception3> {
        let name = &self.name;
        (&mut *self.root as &mut dyn Any)
            .downcast_mut::<Inception3>()
            .ok_or_else(|| Error::Argument(format!("{name} has no {what}: inception_v3 has")))
    }
}

struct Inception3 {
    parts: Parts,
    transform_input: bool,
    aux_logits: bool,
}

/// The layers before and after the auxiliary head.
const FIRST: [&str; 15] = [
    "Conv2d_1a_3x3",
    "Conv2d_2a_3x3",
    "Conv2d_2b_3x3",
    "maxpool1",
    "Conv2d_3b_1x1",
    "Conv2d_4a_3x3",
    "maxpool2",
    "Mixed_5b",
    "Mixed_5c",
    "Mixed_5d",
    "Mixed_6a",
    "Mixed_6b",
    "Mixed_6c",
    "Mixed_6d",
    "Mixed_6e",
];
const LAST: [&str; 5] = ["Mixed_7a", "Mixed_7b", "Mixed_7c", "avgpool", "dropout"];

impl Inception3 {
    fn first(&self, input: &Tensor, pass: Pass) -> Result<Tensor> {
        let input = if self.transform_input { from_imagenet_range(input)? } else { input.shallow_clone() };
        self.parts.chain(&FIRST, &input, pass)
    }

    fn last(&self, middle: &Tensor, pass: Pass) -> Result<Tensor> {
        let features = self.parts.chain(&LAST, middle, pass)?;
        self.parts.call("fc", &features.f_flatten(1, -1)?, pass)
    }
}

impl Module for Inception3 {
    fn kind(&self) -> &'static str {
        "Inception3"
    }

    fn forward(&self, input: &Tensor, pass: Pass) -> Result<Tensor> {
        self.last(&self.first(input, pass)?, pass)
    }

    fn forward_all(&self, input: &Tensor, pass: Pass) -> Result<Outputs> {
        let middle = self.first(input, pass)?;
        let aux = match pass.is_training() && self.aux_logits {
            true => Some(self.parts.call("AuxLogits", &middle, pass)?),
            false => None,
        };
        Ok(Outputs { logits: self.last(&middle, pass)?, aux })
    }

    fn parts(&self) -> Option<&Parts> {
        Some(&self.parts)
    }

    fn parts_mut(&mut self) -> Option<&mut Parts> {
        Some(&mut self.parts)
    }
}

/// Pictures normalised by ImageNet's mean and deviation, as if by 0.5 and 0.5.
fn from_imagenet_range(input: &Tensor) -> Result<Tensor> {
    const MEAN: [f64; 3] = [0.485, 0.456, 0.406];
    const DEVIATION: [f64; 3] = [0.229, 0.224, 0.225];
    let channel = |index: usize| -> Result<Tensor> {
        let scaled = input.f_narrow(1, index as i64, 1)?.f_mul_scalar(DEVIATION[index] / 0.5)?;
        Ok(scaled.f_add_scalar((MEAN[index] - 0.5) / 0.5)?)
    };
    Ok(Tensor::f_cat(&[channel(0)?, channel(1)?, channel(2)?], 1)?)
}

fn tree(num_classes: i64) -> Result<Box<dyn Module>> {
    let pool = MaxPool2d { kernel_size: 3, stride: 2, padding: 0, ceil_mode: false };
    let parts = Parts::new()
        .with("Conv2d_1a_3x3", basic_conv(3, 32, ConvOptions::kernel(3).stride(2))?)
        .with("Conv2d_2a_3x3", basic_conv(32, 32, ConvOptions::kernel(3))?)
        .with("Conv2d_2b_3x3", basic_conv(32, 64, ConvOptions::kernel(3).padding(1))?)
        .with("maxpool1", pool)
        .with("Conv2d_3b_1x1", basic_conv(64, 80, ConvOptions::kernel(1))?)
        .with("Conv2d_4a_3x3", basic_conv(80, 192, ConvOptions::kernel(3))?)
        .with("maxpool2", pool)
        .with("Mixed_5b", mixed_5(192, 32)?)
        .with("Mixed_5c", mixed_5(256, 64)?)
        .with("Mixed_5d", mixed_5(288, 64)?)
        .with("Mixed_6a", mixed_6a(288)?)
        .with("Mixed_6b", mixed_6(768, 128)?)
        .with("Mixed_6c", mixed_6(768, 160)?)
        .with("Mixed_6d", mixed_6(768, 160)?)
        .with("Mixed_6e", mixed_6(768, 192)?)
        .with("AuxLogits", aux_head(768, num_classes)?)
        .with("Mixed_7a", mixed_7a(768)?)
        .with("Mixed_7b", mixed_7(1280)?)
        .with("Mixed_7c", mixed_7(2048)?)
        .with("avgpool", AdaptiveAvgPool2d::new(1, 1))
        .with("dropout", Dropout::new(0.5)?)
        .with("fc", Linear::new(2048, num_classes)?);
    let net = Inception3 { parts, transform_input: false, aux_logits: true };
    each_module(&net, |path, module| {
        let any = module as &dyn Any;
        if let Some(conv) = any.downcast_ref::<Conv2d>() {
            truncated_normal(conv.weight(), 0.1)?;
        }
        if let Some(linear) = any.downcast_ref::<Linear>() {
            truncated_normal(linear.weight(), if path == "AuxLogits.fc" { 0.001 } else { 0.1 })?;
        }
        Ok(())
    })?;
    Ok(Box::new(net))
}
