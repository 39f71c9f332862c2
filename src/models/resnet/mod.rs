//! Residual networks: "Deep Residual Learning for Image Recognition",
//! [He et al. 2015](https://arxiv.org/abs/1512.03385), as
//! [torchvision](https://docs.pytorch.org/vision/stable/models/resnet.html) builds them
//! (the stride of a bottleneck is in its 3×3 convolution).
//!
//! `(N, 3, H, W) -> (N, num_classes)`. The first convolution and its pooling quarter the picture, and
//! each stage of blocks but the first halves it: 224 px, which they were made for, end as 7 × 7.

mod blocks;

use tch::{Device, Tensor};

use blocks::{BasicBlock, Block, Bottleneck};

use super::Model;
use super::init::kaiming_normal_fan_out;
use super::layers::{
    AdaptiveAvgPool2d, BatchNorm2d, Conv2d, ConvOptions, Linear, MaxPool2d, ReLU, Sequential,
};
use super::module::{Module, Pass, walk};
use super::registry::{Architecture, build};
use crate::Result;

pub(super) const ARCHITECTURES: &[Architecture] = &[
    Architecture {
        name: "resnet18",
        head: &["fc"],
        tree: |classes| tree(Block::Basic, [2, 2, 2, 2], classes),
    },
    Architecture {
        name: "resnet34",
        head: &["fc"],
        tree: |classes| tree(Block::Basic, [3, 4, 6, 3], classes),
    },
    Architecture {
        name: "resnet50",
        head: &["fc"],
        tree: |classes| tree(Block::Bottleneck, [3, 4, 6, 3], classes),
    },
    Architecture {
        name: "resnet101",
        head: &["fc"],
        tree: |classes| tree(Block::Bottleneck, [3, 4, 23, 3], classes),
    },
    Architecture {
        name: "resnet152",
        head: &["fc"],
        tree: |classes| tree(Block::Bottleneck, [3, 8, 36, 3], classes),
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

/// A stage: `count` blocks, of which the first changes the size of picture and channels.
fn layer(block: Block, inputs: i64, width: i64, count: usize, stride: i64) -> Result<Sequential> {
    let mut stage = Sequential::new();
    for index in 0..count {
        let (inputs, stride) = if index == 0 { (inputs, stride) } else { (width * block.expansion(), 1) };
        stage = match block {
            Block::Basic => stage.with(BasicBlock::new(inputs, width, stride)?),
            Block::Bottleneck => stage.with(Bottleneck::new(inputs, width, stride)?),
        };
    }
    Ok(stage)
}

struct ResNet {
    conv1: Conv2d,
    bn1: BatchNorm2d,
    relu: ReLU,
    maxpool: MaxPool2d,
    layer1: Sequential,
    layer2: Sequential,
    layer3: Sequential,
    layer4: Sequential,
    avgpool: AdaptiveAvgPool2d,
    fc: Linear,
}

impl Module for ResNet {
    fn kind(&self) -> &'static str {
        "ResNet"
    }

    fn forward(&self, input: &Tensor, pass: Pass) -> Result<Tensor> {
        let x = self.conv1.forward(input, pass)?;
        let x = self.bn1.forward(&x, pass)?;
        let x = self.relu.forward(&x, pass)?;
        let x = self.maxpool.forward(&x, pass)?;
        let x = self.layer1.forward(&x, pass)?;
        let x = self.layer2.forward(&x, pass)?;
        let x = self.layer3.forward(&x, pass)?;
        let x = self.layer4.forward(&x, pass)?;
        let x = self.avgpool.forward(&x, pass)?;
        self.fc.forward(&x.f_flatten(1, -1)?, pass)
    }

    fn children(&self) -> Vec<(&str, &dyn Module)> {
        vec![
            ("conv1", &self.conv1),
            ("bn1", &self.bn1),
            ("relu", &self.relu),
            ("maxpool", &self.maxpool),
            ("layer1", &self.layer1),
            ("layer2", &self.layer2),
            ("layer3", &self.layer3),
            ("layer4", &self.layer4),
            ("avgpool", &self.avgpool),
            ("fc", &self.fc),
        ]
    }
}

fn tree(block: Block, counts: [usize; 4], num_classes: i64) -> Result<Box<dyn Module>> {
    let outputs = |width| width * block.expansion();
    let net = ResNet {
        conv1: Conv2d::new(3, 64, ConvOptions::kernel(7).stride(2).padding(3).without_bias())?,
        bn1: BatchNorm2d::new(64)?,
        relu: ReLU,
        maxpool: MaxPool2d { kernel_size: 3, stride: 2, padding: 1, ceil_mode: false },
        layer1: layer(block, 64, 64, counts[0], 1)?,
        layer2: layer(block, outputs(64), 128, counts[1], 2)?,
        layer3: layer(block, outputs(128), 256, counts[2], 2)?,
        layer4: layer(block, outputs(256), 512, counts[3], 2)?,
        avgpool: AdaptiveAvgPool2d { output_size: (1, 1) },
        fc: Linear::new(outputs(512), num_classes)?,
    };
    init_convolutions(&net)?;
    Ok(Box::new(net))
}

fn init_convolutions(net: &ResNet) -> Result<()> {
    let mut weights = Vec::new();
    walk(net, "", &mut |_, module| {
        if module.kind() == "Conv2d" {
            weights.extend(module.tensors().into_iter().map(|slot| slot.tensor.shallow_clone()));
        }
    });
    weights.iter().try_for_each(kaiming_normal_fan_out)
}
