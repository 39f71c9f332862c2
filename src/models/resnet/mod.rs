//! Residual networks: "Deep Residual Learning for Image Recognition",
//! [He et al. 2015](https://arxiv.org/abs/1512.03385), as
//! [torchvision](https://docs.pytorch.org/vision/stable/models/resnet.html) builds them
//! (the stride of a bottleneck is in its 3×3 convolution).
//!
//! `(N, 3, H, W) -> (N, num_classes)`. The first convolution and its pooling quarter the picture, and
//! each stage of blocks but the first halves it: 224 px, which they were made for, end as 7 × 7.

mod blocks;

use tch::{Device, Tensor};

use blocks::Block;

use super::Model;
use super::init::{each, kaiming_normal_fan_out};
use super::layers::{
    AdaptiveAvgPool2d, BatchNorm2d, Conv2d, ConvOptions, Linear, MaxPool2d, ReLU, Sequential,
};
use super::registry::{Architecture, build};
use super::{Module, Parts, Pass};
use crate::Result;

const FC: Architecture = Architecture { head: &["fc"], ..Architecture::DEFAULT };

pub(super) const ARCHITECTURES: &[Architecture] = &[
    Architecture { name: "resnet18", tree: |classes| tree(Block::Basic, [2, 2, 2, 2], classes), ..FC },
    Architecture { name: "resnet34", tree: |classes| tree(Block::Basic, [3, 4, 6, 3], classes), ..FC },
    Architecture { name: "resnet50", tree: |classes| tree(Block::BOTTLENECK, [3, 4, 6, 3], classes), ..FC },
    Architecture { name: "resnet101", tree: |classes| tree(Block::BOTTLENECK, [3, 4, 23, 3], classes), ..FC },
    Architecture { name: "resnet152", tree: |classes| tree(Block::BOTTLENECK, [3, 8, 36, 3], classes), ..FC },
    Architecture {
        name: "resnext50_32x4d",
        tree: |classes| tree(Block::Bottleneck { groups: 32, width_per_group: 4 }, [3, 4, 6, 3], classes),
        ..FC
    },
    Architecture {
        name: "wide_resnet50_2",
        tree: |classes| tree(Block::Bottleneck { groups: 1, width_per_group: 128 }, [3, 4, 6, 3], classes),
        ..FC
    },
];

/// ResNet of 18 layers, 11.7 million parameters at 1000 classes, with random weights.
///
/// # Errors
/// [`Error::Argument`](crate::Error::Argument) for no classes; [`Error::Torch`](crate::Error::Torch)
/// when the device does not exist or has no room.
pub fn resnet18(num_classes: usize, device: Device) -> Result<Model> {
    build("resnet18", num_classes, device)
}

/// ResNet of 34 layers, 21.8 million parameters at 1000 classes, with random weights.
///
/// # Errors
/// As [`resnet18`].
pub fn resnet34(num_classes: usize, device: Device) -> Result<Model> {
    build("resnet34", num_classes, device)
}

/// ResNet of 50 layers, 25.6 million parameters at 1000 classes, with random weights.
///
/// # Errors
/// As [`resnet18`].
pub fn resnet50(num_classes: usize, device: Device) -> Result<Model> {
    build("resnet50", num_classes, device)
}

/// ResNet of 101 layers, 44.5 million parameters at 1000 classes, with random weights.
///
/// # Errors
/// As [`resnet18`].
pub fn resnet101(num_classes: usize, device: Device) -> Result<Model> {
    build("resnet101", num_classes, device)
}

/// ResNet of 152 layers, 60.2 million parameters at 1000 classes, with random weights.
///
/// # Errors
/// As [`resnet18`].
pub fn resnet152(num_classes: usize, device: Device) -> Result<Model> {
    build("resnet152", num_classes, device)
}

/// ResNeXt-50 of 32 groups, each 4 wide ([Xie et al. 2016](https://arxiv.org/abs/1611.05431)), 25.0
/// million parameters at 1000 classes, with random weights.
///
/// # Errors
/// As [`resnet18`].
pub fn resnext50_32x4d(num_classes: usize, device: Device) -> Result<Model> {
    build("resnext50_32x4d", num_classes, device)
}

/// ResNet-50 with bottlenecks twice as wide ([Zagoruyko and Komodakis
/// 2016](https://arxiv.org/abs/1605.07146)), 68.9 million parameters at 1000 classes, with random weights.
///
/// # Errors
/// As [`resnet18`].
pub fn wide_resnet50_2(num_classes: usize, device: Device) -> Result<Model> {
    build("wide_resnet50_2", num_classes, device)
}

/// A stage: `count` blocks, of which the first changes the size of picture and channels.
fn layer(block: Block, inputs: i64, planes: i64, count: usize, stride: i64) -> Result<Sequential> {
    (0..count).try_fold(Sequential::new(), |stage, index| {
        let (inputs, stride) = if index == 0 { (inputs, stride) } else { (planes * block.expansion(), 1) };
        block.add(stage, inputs, planes, stride)
    })
}

struct ResNet {
    parts: Parts,
}

impl Module for ResNet {
    fn kind(&self) -> &'static str {
        "ResNet"
    }

    fn forward(&self, input: &Tensor, pass: Pass) -> Result<Tensor> {
        let names = ["conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4", "avgpool"];
        let features = self.parts.chain(&names, input, pass)?;
        self.parts.call("fc", &features.f_flatten(1, -1)?, pass)
    }

    fn parts(&self) -> Option<&Parts> {
        Some(&self.parts)
    }

    fn parts_mut(&mut self) -> Option<&mut Parts> {
        Some(&mut self.parts)
    }
}

fn tree(block: Block, counts: [usize; 4], num_classes: i64) -> Result<Box<dyn Module>> {
    let outputs = |planes| planes * block.expansion();
    let parts = Parts::new()
        .with("conv1", Conv2d::new(3, 64, ConvOptions::kernel(7).stride(2).padding(3).without_bias())?)
        .with("bn1", BatchNorm2d::new(64)?)
        .with("relu", ReLU::INPLACE)
        .with("maxpool", MaxPool2d { kernel_size: 3, stride: 2, padding: 1, ceil_mode: false })
        .with("layer1", layer(block, 64, 64, counts[0], 1)?)
        .with("layer2", layer(block, outputs(64), 128, counts[1], 2)?)
        .with("layer3", layer(block, outputs(128), 256, counts[2], 2)?)
        .with("layer4", layer(block, outputs(256), 512, counts[3], 2)?)
        .with("avgpool", AdaptiveAvgPool2d::new(1, 1))
        .with("fc", Linear::new(outputs(512), num_classes)?);
    let net = ResNet { parts };
    each(&net, |_, conv: &Conv2d| kaiming_normal_fan_out(conv.weight()))?;
    Ok(Box::new(net))
}
