//! VGG: "Very Deep Convolutional Networks for Large-Scale Image Recognition",
//! [Simonyan and Zisserman 2014](https://arxiv.org/abs/1409.1556), as
//! [torchvision](https://docs.pytorch.org/vision/stable/models/vgg.html) builds it, with and without
//! batch norms.
//!
//! `(N, 3, H, W) -> (N, num_classes)`. Five poolings halve the picture, so it must have 32 px; 224 px,
//! which they were made for, end as 7 × 7.

use tch::Device;

use super::features::FeatureNet;
use super::init::{each, kaiming_normal_fan_out, normal, zeros};
use super::layers::{
    AdaptiveAvgPool2d, BatchNorm2d, Conv2d, ConvOptions, Dropout, Linear, MaxPool2d, ReLU, Sequential,
};
use super::registry::{Architecture, InputSize, build};
use super::{Model, Module, Parts};
use crate::Result;

const VGG: Architecture = Architecture {
    head: &["classifier.6"],
    input: InputSize { smallest: 32, smallest_train: 32, ..InputSize::DEFAULT },
    ..Architecture::DEFAULT
};

pub(super) const ARCHITECTURES: &[Architecture] = &[
    Architecture { name: "vgg11", tree: |classes| tree(A, Norm::Without, classes), ..VGG },
    Architecture { name: "vgg11_bn", tree: |classes| tree(A, Norm::Batch, classes), ..VGG },
    Architecture { name: "vgg13", tree: |classes| tree(B, Norm::Without, classes), ..VGG },
    Architecture { name: "vgg13_bn", tree: |classes| tree(B, Norm::Batch, classes), ..VGG },
    Architecture { name: "vgg16", tree: |classes| tree(D, Norm::Without, classes), ..VGG },
    Architecture { name: "vgg16_bn", tree: |classes| tree(D, Norm::Batch, classes), ..VGG },
    Architecture { name: "vgg19", tree: |classes| tree(E, Norm::Without, classes), ..VGG },
    Architecture { name: "vgg19_bn", tree: |classes| tree(E, Norm::Batch, classes), ..VGG },
];

/// The channels of each convolution, in stages that each end in a pooling: the columns of table 1.
type Stages = [&'static [i64]; 5];

const A: Stages = [&[64], &[128], &[256, 256], &[512, 512], &[512, 512]];
const B: Stages = [&[64, 64], &[128, 128], &[256, 256], &[512, 512], &[512, 512]];
const D: Stages = [&[64, 64], &[128, 128], &[256; 3], &[512; 3], &[512; 3]];
const E: Stages = [&[64, 64], &[128, 128], &[256; 4], &[512; 4], &[512; 4]];

/// What is between a convolution and its activation.
#[derive(Clone, Copy, PartialEq)]
enum Norm {
    Without,
    Batch,
}

/// VGG of 11 layers, 132.9 million parameters at 1000 classes, with random weights.
///
/// # Errors
/// [`Error::Argument`](crate::Error::Argument) for no classes; [`Error::Torch`](crate::Error::Torch)
/// when the device does not exist or has no room.
pub fn vgg11(num_classes: usize, device: Device) -> Result<Model> {
    build("vgg11", num_classes, device)
}

/// [`vgg11`] with batch norms.
///
/// # Errors
/// As [`vgg11`].
pub fn vgg11_bn(num_classes: usize, device: Device) -> Result<Model> {
    build("vgg11_bn", num_classes, device)
}

/// VGG of 13 layers, 133.0 million parameters at 1000 classes, with random weights.
///
/// # Errors
/// As [`vgg11`].
pub fn vgg13(num_classes: usize, device: Device) -> Result<Model> {
    build("vgg13", num_classes, device)
}

/// [`vgg13`] with batch norms.
///
/// # Errors
/// As [`vgg11`].
pub fn vgg13_bn(num_classes: usize, device: Device) -> Result<Model> {
    build("vgg13_bn", num_classes, device)
}

/// VGG of 16 layers, 138.4 million parameters at 1000 classes, with random weights.
///
/// # Errors
/// As [`vgg11`].
pub fn vgg16(num_classes: usize, device: Device) -> Result<Model> {
    build("vgg16", num_classes, device)
}

/// [`vgg16`] with batch norms.
///
/// # Errors
/// As [`vgg11`].
pub fn vgg16_bn(num_classes: usize, device: Device) -> Result<Model> {
    build("vgg16_bn", num_classes, device)
}

/// VGG of 19 layers, 143.7 million parameters at 1000 classes, with random weights.
///
/// # Errors
/// As [`vgg11`].
pub fn vgg19(num_classes: usize, device: Device) -> Result<Model> {
    build("vgg19", num_classes, device)
}

/// [`vgg19`] with batch norms.
///
/// # Errors
/// As [`vgg11`].
pub fn vgg19_bn(num_classes: usize, device: Device) -> Result<Model> {
    build("vgg19_bn", num_classes, device)
}

fn features(stages: Stages, norm: Norm) -> Result<Sequential> {
    let (mut features, mut inputs) = (Sequential::new(), 3);
    for stage in stages {
        for &outputs in stage {
            features = features.with(Conv2d::new(inputs, outputs, ConvOptions::kernel(3).padding(1))?);
            if norm == Norm::Batch {
                features = features.with(BatchNorm2d::new(outputs)?);
            }
            features = features.with(ReLU::INPLACE);
            inputs = outputs;
        }
        features = features.with(MaxPool2d { kernel_size: 2, stride: 2, padding: 0, ceil_mode: false });
    }
    Ok(features)
}

fn tree(stages: Stages, norm: Norm, num_classes: i64) -> Result<Box<dyn Module>> {
    let features = features(stages, norm)?;
    let classifier = Sequential::new()
        .with(Linear::new(512 * 7 * 7, 4096)?)
        .with(ReLU::INPLACE)
        .with(Dropout::new(0.5)?)
        .with(Linear::new(4096, 4096)?)
        .with(ReLU::INPLACE)
        .with(Dropout::new(0.5)?)
        .with(Linear::new(4096, num_classes)?);
    let parts = Parts::new()
        .with("features", features)
        .with("avgpool", AdaptiveAvgPool2d::new(7, 7))
        .with("classifier", classifier);
    let net = FeatureNet { kind: "VGG", parts };
    each(&net, |_, conv: &Conv2d| {
        kaiming_normal_fan_out(conv.weight())?;
        zeros(conv.bias())
    })?;
    each(&net, |_, linear: &Linear| {
        normal(linear.weight(), 0.01)?;
        zeros(Some(linear.bias()))
    })?;
    Ok(Box::new(net))
}
