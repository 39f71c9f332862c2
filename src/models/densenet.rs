//! DenseNet: "Densely Connected Convolutional Networks",
//! [Huang et al. 2016](https://arxiv.org/abs/1608.06993), as
//! [torchvision](https://docs.pytorch.org/vision/stable/models/densenet.html) builds it: every layer of
//! a block sees the outputs of all earlier layers.
//!
//! `(N, 3, H, W) -> (N, num_classes)`, for pictures of 29 px and more; made for 224.

use tch::{Device, Tensor};

use super::init::{each, kaiming_normal_fan_in, zeros};
use super::layers::{AvgPool2d, BatchNorm2d, Conv2d, ConvOptions, Linear, MaxPool2d, ReLU, Sequential};
use super::registry::{Architecture, InputSize, build};
use super::{Model, Module, Parts, Pass};
use crate::Result;

const DENSENET: Architecture = Architecture {
    head: &["classifier"],
    input: InputSize { smallest: 29, smallest_train: 29, ..InputSize::DEFAULT },
    ..Architecture::DEFAULT
};

pub(super) const ARCHITECTURES: &[Architecture] = &[
    Architecture { name: "densenet121", tree: |classes| tree(32, [6, 12, 24, 16], 64, classes), ..DENSENET },
    Architecture { name: "densenet161", tree: |classes| tree(48, [6, 12, 36, 24], 96, classes), ..DENSENET },
    Architecture { name: "densenet169", tree: |classes| tree(32, [6, 12, 32, 32], 64, classes), ..DENSENET },
    Architecture { name: "densenet201", tree: |classes| tree(32, [6, 12, 48, 32], 64, classes), ..DENSENET },
];

/// DenseNet of 121 layers, 8.0 million parameters at 1000 classes, with random weights.
///
/// # Errors
/// [`Error::Argument`](crate::Error::Argument) for no classes; [`Error::Torch`](crate::Error::Torch)
/// when the device does not exist or has no room.
pub fn densenet121(num_classes: usize, device: Device) -> Result<Model> {
    build("densenet121", num_classes, device)
}

/// DenseNet of 161 layers, 28.7 million parameters at 1000 classes, with random weights.
///
/// # Errors
/// As [`densenet121`].
pub fn densenet161(num_classes: usize, device: Device) -> Result<Model> {
    build("densenet161", num_classes, device)
}

/// DenseNet of 169 layers, 14.1 million parameters at 1000 classes, with random weights.
///
/// # Errors
/// As [`densenet121`].
pub fn densenet169(num_classes: usize, device: Device) -> Result<Model> {
    build("densenet169", num_classes, device)
}

/// DenseNet of 201 layers, 20.0 million parameters at 1000 classes, with random weights.
///
/// # Errors
/// As [`densenet121`].
pub fn densenet201(num_classes: usize, device: Device) -> Result<Model> {
    build("densenet201", num_classes, device)
}

/// The inner convolution of a layer has this many times the growth in channels.
const BOTTLENECK: i64 = 4;

fn conv(inputs: i64, outputs: i64, options: ConvOptions) -> Result<Conv2d> {
    Conv2d::new(inputs, outputs, options.without_bias())
}

/// `(N, inputs, H, W) -> (N, growth, H, W)`.
fn dense_layer(inputs: i64, growth: i64) -> Result<Sequential> {
    let inner = BOTTLENECK * growth;
    Ok(Sequential::of_kind("_DenseLayer")
        .with_named("norm1", BatchNorm2d::new(inputs)?)
        .with_named("relu1", ReLU::INPLACE)
        .with_named("conv1", conv(inputs, inner, ConvOptions::kernel(1))?)
        .with_named("norm2", BatchNorm2d::new(inner)?)
        .with_named("relu2", ReLU::INPLACE)
        .with_named("conv2", conv(inner, growth, ConvOptions::kernel(3).padding(1))?))
}

/// `(N, inputs, H, W) -> (N, inputs + layers · growth, H, W)`.
struct DenseBlock {
    parts: Parts,
}

impl DenseBlock {
    fn new(layers: i64, inputs: i64, growth: i64) -> Result<Self> {
        let parts = (0..layers).try_fold(Parts::new(), |parts, index| -> Result<Parts> {
            let layer = dense_layer(inputs + index * growth, growth)?;
            Ok(parts.with(&format!("denselayer{}", index + 1), layer))
        })?;
        Ok(DenseBlock { parts })
    }
}

impl Module for DenseBlock {
    fn kind(&self) -> &'static str {
        "_DenseBlock"
    }

    fn forward(&self, input: &Tensor, pass: Pass) -> Result<Tensor> {
        let mut features = input.shallow_clone();
        for (name, _) in self.parts.iter() {
            let new = self.parts.call(name, &features, pass)?;
            features = Tensor::f_cat(&[features, new], 1)?;
        }
        Ok(features)
    }

    fn parts(&self) -> Option<&Parts> {
        Some(&self.parts)
    }

    fn parts_mut(&mut self) -> Option<&mut Parts> {
        Some(&mut self.parts)
    }
}

/// Between two blocks: half the channels, and half the sides.
fn transition(inputs: i64) -> Result<Sequential> {
    Ok(Sequential::of_kind("_Transition")
        .with_named("norm", BatchNorm2d::new(inputs)?)
        .with_named("relu", ReLU::INPLACE)
        .with_named("conv", conv(inputs, inputs / 2, ConvOptions::kernel(1))?)
        .with_named("pool", AvgPool2d { kernel_size: 2, stride: 2, padding: 0 }))
}

struct DenseNet {
    parts: Parts,
}

impl Module for DenseNet {
    fn kind(&self) -> &'static str {
        "DenseNet"
    }

    fn forward(&self, input: &Tensor, pass: Pass) -> Result<Tensor> {
        let features = self.parts.call("features", input, pass)?.f_relu_()?;
        let means = features.f_adaptive_avg_pool2d([1, 1])?.f_flatten(1, -1)?;
        self.parts.call("classifier", &means, pass)
    }

    fn parts(&self) -> Option<&Parts> {
        Some(&self.parts)
    }

    fn parts_mut(&mut self) -> Option<&mut Parts> {
        Some(&mut self.parts)
    }
}

fn tree(growth: i64, blocks: [i64; 4], stem: i64, num_classes: i64) -> Result<Box<dyn Module>> {
    let mut features = Sequential::new()
        .with_named("conv0", conv(3, stem, ConvOptions::kernel(7).stride(2).padding(3))?)
        .with_named("norm0", BatchNorm2d::new(stem)?)
        .with_named("relu0", ReLU::INPLACE)
        .with_named("pool0", MaxPool2d { kernel_size: 3, stride: 2, padding: 1, ceil_mode: false });
    let mut channels = stem;
    for (index, layers) in blocks.into_iter().enumerate() {
        let number = index + 1;
        features =
            features.with_named(&format!("denseblock{number}"), DenseBlock::new(layers, channels, growth)?);
        channels += layers * growth;
        if number < blocks.len() {
            features = features.with_named(&format!("transition{number}"), transition(channels)?);
            channels /= 2;
        }
    }
    let features = features.with_named("norm5", BatchNorm2d::new(channels)?);
    let classifier = Linear::new(channels, num_classes)?;
    let net = DenseNet { parts: Parts::new().with("features", features).with("classifier", classifier) };
    each(&net, |_, conv: &Conv2d| kaiming_normal_fan_in(conv.weight()))?;
    each(&net, |_, linear: &Linear| zeros(Some(linear.bias())))?;
    Ok(Box::new(net))
}
