//! The two residual blocks (figure 5 of the [paper](https://arxiv.org/abs/1512.03385)): the
//! difference from a block's input is easier to learn than its whole output.
//!
//! `(N, inputs, H, W) -> (N, planes · expansion, H / stride, W / stride)`.

use tch::Tensor;

use crate::Result;
use crate::models::layers::{BatchNorm2d, Conv2d, ConvOptions, ReLU, Sequential};
use crate::models::{Module, Parts, Pass};

/// Which block a network repeats.
#[derive(Clone, Copy)]
pub(super) enum Block {
    /// Two 3×3 convolutions.
    Basic,
    /// A 3×3 convolution between two 1×1, with four times the channels outside. Plain ResNets have
    /// one group of width 64 at 64 planes; ResNeXt more groups, Wide ResNets wider ones.
    Bottleneck { groups: i64, width_per_group: i64 },
}

impl Block {
    /// The bottleneck of the plain ResNets.
    pub(super) const BOTTLENECK: Block = Block::Bottleneck { groups: 1, width_per_group: 64 };

    /// How many channels leave the block for each plane.
    pub(super) fn expansion(self) -> i64 {
        match self {
            Block::Basic => 1,
            Block::Bottleneck { .. } => 4,
        }
    }

    /// One more block at the end of a stage.
    pub(super) fn add(self, stage: Sequential, inputs: i64, planes: i64, stride: i64) -> Result<Sequential> {
        Ok(match self {
            Block::Basic => stage.with(BasicBlock::new(inputs, planes, stride)?),
            Block::Bottleneck { groups, width_per_group } => {
                let width = planes * width_per_group / 64 * groups;
                stage.with(Bottleneck::new(inputs, planes, stride, width, groups)?)
            }
        })
    }
}

fn conv3x3(inputs: i64, outputs: i64, stride: i64, groups: i64) -> Result<Conv2d> {
    let options = ConvOptions::kernel(3).stride(stride).padding(1).without_bias();
    Conv2d::new(inputs, outputs, ConvOptions { groups, ..options })
}

fn conv1x1(inputs: i64, outputs: i64, stride: i64) -> Result<Conv2d> {
    Conv2d::new(inputs, outputs, ConvOptions::kernel(1).stride(stride).without_bias())
}

/// The block's input in the shape of its output, where that is another one.
fn downsample(inputs: i64, outputs: i64, stride: i64) -> Result<Option<Sequential>> {
    if stride == 1 && inputs == outputs {
        return Ok(None);
    }
    Ok(Some(Sequential::new().with(conv1x1(inputs, outputs, stride)?).with(BatchNorm2d::new(outputs)?)))
}

/// `relu(branch + shortcut)`, where the shortcut is the block's input.
fn add_shortcut(parts: &Parts, mut branch: Tensor, input: &Tensor, pass: Pass) -> Result<Tensor> {
    let sum = match parts.get("downsample") {
        Some(_) => branch.f_add_(&parts.call("downsample", input, pass)?)?,
        None => branch.f_add_(input)?,
    };
    parts.call("relu", &sum, pass)
}

struct BasicBlock {
    parts: Parts,
}

impl BasicBlock {
    // Layers with weights are created in torchvision's order, so that a seed gives the same weights.
    fn new(inputs: i64, planes: i64, stride: i64) -> Result<Self> {
        let downsample = downsample(inputs, planes, stride)?;
        let parts = Parts::new()
            .with("conv1", conv3x3(inputs, planes, stride, 1)?)
            .with("bn1", BatchNorm2d::new(planes)?)
            .with("relu", ReLU::INPLACE)
            .with("conv2", conv3x3(planes, planes, 1, 1)?)
            .with("bn2", BatchNorm2d::new(planes)?)
            .with_some("downsample", downsample);
        Ok(BasicBlock { parts })
    }
}

impl Module for BasicBlock {
    fn kind(&self) -> &'static str {
        "BasicBlock"
    }

    fn forward(&self, input: &Tensor, pass: Pass) -> Result<Tensor> {
        let branch = self.parts.chain(&["conv1", "bn1", "relu", "conv2", "bn2"], input, pass)?;
        add_shortcut(&self.parts, branch, input, pass)
    }

    fn parts(&self) -> Option<&Parts> {
        Some(&self.parts)
    }

    fn parts_mut(&mut self) -> Option<&mut Parts> {
        Some(&mut self.parts)
    }
}

struct Bottleneck {
    parts: Parts,
}

impl Bottleneck {
    fn new(inputs: i64, planes: i64, stride: i64, width: i64, groups: i64) -> Result<Self> {
        let outputs = planes * Block::BOTTLENECK.expansion();
        let downsample = downsample(inputs, outputs, stride)?;
        let parts = Parts::new()
            .with("conv1", conv1x1(inputs, width, 1)?)
            .with("bn1", BatchNorm2d::new(width)?)
            .with("conv2", conv3x3(width, width, stride, groups)?)
            .with("bn2", BatchNorm2d::new(width)?)
            .with("conv3", conv1x1(width, outputs, 1)?)
            .with("bn3", BatchNorm2d::new(outputs)?)
            .with("relu", ReLU::INPLACE)
            .with_some("downsample", downsample);
        Ok(Bottleneck { parts })
    }
}

impl Module for Bottleneck {
    fn kind(&self) -> &'static str {
        "Bottleneck"
    }

    fn forward(&self, input: &Tensor, pass: Pass) -> Result<Tensor> {
        let names = ["conv1", "bn1", "relu", "conv2", "bn2", "relu", "conv3", "bn3"];
        let branch = self.parts.chain(&names, input, pass)?;
        add_shortcut(&self.parts, branch, input, pass)
    }

    fn parts(&self) -> Option<&Parts> {
        Some(&self.parts)
    }

    fn parts_mut(&mut self) -> Option<&mut Parts> {
        Some(&mut self.parts)
    }
}
