//! SqueezeNet: "AlexNet-level accuracy with 50x fewer parameters",
//! [Iandola et al. 2016](https://arxiv.org/abs/1602.07360), as
//! [torchvision](https://docs.pytorch.org/vision/stable/models/squeezenet.html) builds it. Its head is a
//! convolution, whose maps are averaged into the logits.
//!
//! `(N, 3, H, W) -> (N, num_classes)`, for pictures of 21 px (1.0) or 17 px (1.1) and more; made for 224.

use tch::{Device, Tensor};

use super::init::{each, kaiming_uniform_fan_in, normal, zeros};
use super::layers::{AdaptiveAvgPool2d, Conv2d, ConvOptions, Dropout, MaxPool2d, ReLU, Sequential};
use super::registry::{Architecture, InputSize, build};
use super::{Model, Module, Parts, Pass};
use crate::Result;

/// The convolution of as many maps as there are classes.
const HEAD: &str = "classifier.1";

pub(super) const ARCHITECTURES: &[Architecture] = &[
    Architecture {
        name: "squeezenet1_0",
        head: &[HEAD],
        tree: |classes| tree(features_1_0()?, classes),
        input: InputSize { smallest: 21, smallest_train: 21, ..InputSize::DEFAULT },
    },
    Architecture {
        name: "squeezenet1_1",
        head: &[HEAD],
        tree: |classes| tree(features_1_1()?, classes),
        input: InputSize { smallest: 17, smallest_train: 17, ..InputSize::DEFAULT },
    },
];

/// SqueezeNet 1.0, 1.2 million parameters at 1000 classes, with random weights.
///
/// # Errors
/// [`Error::Argument`](crate::Error::Argument) for no classes; [`Error::Torch`](crate::Error::Torch)
/// when the device does not exist or has no room.
pub fn squeezenet1_0(num_classes: usize, device: Device) -> Result<Model> {
    build("squeezenet1_0", num_classes, device)
}

/// SqueezeNet 1.1: as accurate as 1.0 with 2.4 times less work.
///
/// # Errors
/// As [`squeezenet1_0`].
pub fn squeezenet1_1(num_classes: usize, device: Device) -> Result<Model> {
    build("squeezenet1_1", num_classes, device)
}

/// Few channels, from which many are made by two convolutions side by side (figure 1 of the paper).
struct Fire {
    parts: Parts,
}

impl Fire {
    /// `(N, inputs, H, W) -> (N, 2 · expanded, H, W)`.
    fn new(inputs: i64, squeezed: i64, expanded: i64) -> Result<Self> {
        let parts = Parts::new()
            .with("squeeze", Conv2d::new(inputs, squeezed, ConvOptions::kernel(1))?)
            .with("squeeze_activation", ReLU::INPLACE)
            .with("expand1x1", Conv2d::new(squeezed, expanded, ConvOptions::kernel(1))?)
            .with("expand1x1_activation", ReLU::INPLACE)
            .with("expand3x3", Conv2d::new(squeezed, expanded, ConvOptions::kernel(3).padding(1))?)
            .with("expand3x3_activation", ReLU::INPLACE);
        Ok(Fire { parts })
    }
}

impl Module for Fire {
    fn kind(&self) -> &'static str {
        "Fire"
    }

    fn forward(&self, input: &Tensor, pass: Pass) -> Result<Tensor> {
        let squeezed = self.parts.chain(&["squeeze", "squeeze_activation"], input, pass)?;
        let narrow = self.parts.chain(&["expand1x1", "expand1x1_activation"], &squeezed, pass)?;
        let wide = self.parts.chain(&["expand3x3", "expand3x3_activation"], &squeezed, pass)?;
        Ok(Tensor::f_cat(&[narrow, wide], 1)?)
    }

    fn parts(&self) -> Option<&Parts> {
        Some(&self.parts)
    }

    fn parts_mut(&mut self) -> Option<&mut Parts> {
        Some(&mut self.parts)
    }
}

struct SqueezeNet {
    parts: Parts,
}

impl Module for SqueezeNet {
    fn kind(&self) -> &'static str {
        "SqueezeNet"
    }

    fn forward(&self, input: &Tensor, pass: Pass) -> Result<Tensor> {
        Ok(self.parts.chain(&["features", "classifier"], input, pass)?.f_flatten(1, -1)?)
    }

    fn parts(&self) -> Option<&Parts> {
        Some(&self.parts)
    }

    fn parts_mut(&mut self) -> Option<&mut Parts> {
        Some(&mut self.parts)
    }
}

const POOL: MaxPool2d = MaxPool2d { kernel_size: 3, stride: 2, padding: 0, ceil_mode: true };

fn features_1_0() -> Result<Sequential> {
    Ok(Sequential::new()
        .with(Conv2d::new(3, 96, ConvOptions::kernel(7).stride(2))?)
        .with(ReLU::INPLACE)
        .with(POOL)
        .with(Fire::new(96, 16, 64)?)
        .with(Fire::new(128, 16, 64)?)
        .with(Fire::new(128, 32, 128)?)
        .with(POOL)
        .with(Fire::new(256, 32, 128)?)
        .with(Fire::new(256, 48, 192)?)
        .with(Fire::new(384, 48, 192)?)
        .with(Fire::new(384, 64, 256)?)
        .with(POOL)
        .with(Fire::new(512, 64, 256)?))
}

fn features_1_1() -> Result<Sequential> {
    Ok(Sequential::new()
        .with(Conv2d::new(3, 64, ConvOptions::kernel(3).stride(2))?)
        .with(ReLU::INPLACE)
        .with(POOL)
        .with(Fire::new(64, 16, 64)?)
        .with(Fire::new(128, 16, 64)?)
        .with(POOL)
        .with(Fire::new(128, 32, 128)?)
        .with(Fire::new(256, 32, 128)?)
        .with(POOL)
        .with(Fire::new(256, 48, 192)?)
        .with(Fire::new(384, 48, 192)?)
        .with(Fire::new(384, 64, 256)?)
        .with(Fire::new(512, 64, 256)?))
}

fn tree(features: Sequential, num_classes: i64) -> Result<Box<dyn Module>> {
    let classifier = Sequential::new()
        .with(Dropout::new(0.5)?)
        .with(Conv2d::new(512, num_classes, ConvOptions::kernel(1))?)
        .with(ReLU::INPLACE)
        .with(AdaptiveAvgPool2d::new(1, 1));
    let net = SqueezeNet { parts: Parts::new().with("features", features).with("classifier", classifier) };
    each(&net, |path, conv: &Conv2d| {
        if path == HEAD {
            normal(conv.weight(), 0.01)?
        } else {
            kaiming_uniform_fan_in(conv.weight())?
        }
        zeros(conv.bias())
    })?;
    Ok(Box::new(net))
}
