//! The two residual blocks (figure 5 of the [paper](https://arxiv.org/abs/1512.03385)): what a block
//! adds to its input is easier to learn than its whole output.
//!
//! `(N, inputs, H, W) -> (N, width · expansion, H / stride, W / stride)`.

use tch::Tensor;

use crate::Result;
use crate::models::layers::{BatchNorm2d, Conv2d, ConvOptions, ReLU, Sequential};
use crate::models::{Module, Pass};

/// Which block a network repeats.
#[derive(Clone, Copy)]
pub(super) enum Block {
    /// Two 3×3 convolutions.
    Basic,
    /// A 3×3 convolution between two 1×1, with four times the channels outside.
    Bottleneck,
}

impl Block {
    /// How many channels leave the block for each of its inner ones.
    pub(super) fn expansion(self) -> i64 {
        match self {
            Block::Basic => 1,
            Block::Bottleneck => 4,
        }
    }
}

fn conv3x3(inputs: i64, outputs: i64, stride: i64) -> Result<Conv2d> {
    Conv2d::new(inputs, outputs, ConvOptions::kernel(3).stride(stride).padding(1).without_bias())
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
fn add_shortcut(
    mut branch: Tensor,
    input: &Tensor,
    downsample: &Option<Sequential>,
    relu: ReLU,
    pass: Pass,
) -> Result<Tensor> {
    let sum = match downsample {
        Some(downsample) => branch.f_add_(&downsample.forward(input, pass)?)?,
        None => branch.f_add_(input)?,
    };
    relu.forward(&sum, pass)
}

pub(super) struct BasicBlock {
    conv1: Conv2d,
    bn1: BatchNorm2d,
    relu: ReLU,
    conv2: Conv2d,
    bn2: BatchNorm2d,
    downsample: Option<Sequential>,
}

impl BasicBlock {
    // The fields are made in torchvision's order, so that a seed gives the weights it gives there.
    pub(super) fn new(inputs: i64, width: i64, stride: i64) -> Result<Self> {
        let downsample = downsample(inputs, width, stride)?;
        Ok(BasicBlock {
            conv1: conv3x3(inputs, width, stride)?,
            bn1: BatchNorm2d::new(width)?,
            relu: ReLU,
            conv2: conv3x3(width, width, 1)?,
            bn2: BatchNorm2d::new(width)?,
            downsample,
        })
    }
}

impl Module for BasicBlock {
    fn kind(&self) -> &'static str {
        "BasicBlock"
    }

    fn forward(&self, input: &Tensor, pass: Pass) -> Result<Tensor> {
        let x = self.conv1.forward(input, pass)?;
        let x = self.bn1.forward(&x, pass)?;
        let x = self.relu.forward(&x, pass)?;
        let x = self.conv2.forward(&x, pass)?;
        let x = self.bn2.forward(&x, pass)?;
        add_shortcut(x, input, &self.downsample, self.relu, pass)
    }

    fn children(&self) -> Vec<(&str, &dyn Module)> {
        let mut children: Vec<(&str, &dyn Module)> = vec![
            ("conv1", &self.conv1),
            ("bn1", &self.bn1),
            ("relu", &self.relu),
            ("conv2", &self.conv2),
            ("bn2", &self.bn2),
        ];
        children.extend(self.downsample.as_ref().map(|downsample| ("downsample", downsample as &dyn Module)));
        children
    }
}

pub(super) struct Bottleneck {
    conv1: Conv2d,
    bn1: BatchNorm2d,
    conv2: Conv2d,
    bn2: BatchNorm2d,
    conv3: Conv2d,
    bn3: BatchNorm2d,
    relu: ReLU,
    downsample: Option<Sequential>,
}

impl Bottleneck {
    pub(super) fn new(inputs: i64, width: i64, stride: i64) -> Result<Self> {
        let outputs = width * Block::Bottleneck.expansion();
        let downsample = downsample(inputs, outputs, stride)?;
        Ok(Bottleneck {
            conv1: conv1x1(inputs, width, 1)?,
            bn1: BatchNorm2d::new(width)?,
            conv2: conv3x3(width, width, stride)?,
            bn2: BatchNorm2d::new(width)?,
            conv3: conv1x1(width, outputs, 1)?,
            bn3: BatchNorm2d::new(outputs)?,
            relu: ReLU,
            downsample,
        })
    }
}

impl Module for Bottleneck {
    fn kind(&self) -> &'static str {
        "Bottleneck"
    }

    fn forward(&self, input: &Tensor, pass: Pass) -> Result<Tensor> {
        let x = self.conv1.forward(input, pass)?;
        let x = self.bn1.forward(&x, pass)?;
        let x = self.relu.forward(&x, pass)?;
        let x = self.conv2.forward(&x, pass)?;
        let x = self.bn2.forward(&x, pass)?;
        let x = self.relu.forward(&x, pass)?;
        let x = self.conv3.forward(&x, pass)?;
        let x = self.bn3.forward(&x, pass)?;
        add_shortcut(x, input, &self.downsample, self.relu, pass)
    }

    fn children(&self) -> Vec<(&str, &dyn Module)> {
        let mut children: Vec<(&str, &dyn Module)> = vec![
            ("conv1", &self.conv1),
            ("bn1", &self.bn1),
            ("conv2", &self.conv2),
            ("bn2", &self.bn2),
            ("conv3", &self.conv3),
            ("bn3", &self.bn3),
            ("relu", &self.relu),
        ];
        children.extend(self.downsample.as_ref().map(|downsample| ("downsample", downsample as &dyn Module)));
        children
    }
}
