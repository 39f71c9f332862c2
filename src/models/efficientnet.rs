//! EfficientNet: "Rethinking Model Scaling for Convolutional Neural Networks",
//! [Tan and Le 2019](https://arxiv.org/abs/1905.11946), as
//! [torchvision](https://docs.pytorch.org/vision/stable/models/efficientnet.html) builds it.
//!
//! `(N, 3, H, W) -> (N, num_classes)`; B0 was made for 224 px.

use tch::{Device, Tensor};

use super::features::FeatureNet;
use super::init::{each, kaiming_normal_fan_out, uniform_within, zeros};
use super::layers::{
    AdaptiveAvgPool2d, BatchNorm2d, Conv2d, ConvOptions, Dropout, Linear, Sequential, SiLU, Sigmoid,
    SqueezeExcitation, StochasticDepth, conv_norm, same_size,
};
use super::registry::{Architecture, build};
use super::{Model, Module, Parts, Pass};
use crate::Result;

pub(super) const ARCHITECTURES: &[Architecture] = &[Architecture {
    name: "efficientnet_b0",
    head: &["classifier.1"],
    tree: |classes| tree(&B0, 0.2, 0.2, classes),
    ..Architecture::DEFAULT
}];

/// EfficientNet-B0, 5.3 million parameters at 1000 classes, with random weights.
///
/// # Errors
/// [`Error::Argument`](crate::Error::Argument) for no classes; [`Error::Torch`](crate::Error::Torch)
/// when the device does not exist or has no room.
pub fn efficientnet_b0(num_classes: usize, device: Device) -> Result<Model> {
    build("efficientnet_b0", num_classes, device)
}

/// A row of table 1 of the paper: expansion of the channels, window, stride of the first block,
/// channels, blocks.
type Row = (i64, i64, i64, i64, u32);

const B0: [Row; 7] = [
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
];

/// The channels of the first convolution.
const STEM: i64 = 32;

fn conv_bn(inputs: i64, outputs: i64, options: ConvOptions) -> Result<Sequential> {
    conv_norm(inputs, outputs, options, BatchNorm2d::new(outputs)?)
}

fn conv_bn_silu(inputs: i64, outputs: i64, options: ConvOptions) -> Result<Sequential> {
    Ok(conv_bn(inputs, outputs, options)?.with(SiLU::INPLACE))
}

/// MobileNet's inverted residual block: `(N, inputs, H, W) -> (N, outputs, H / stride, W / stride)`.
struct MbConv {
    parts: Parts,
    /// Whether the input is added to the output.
    residual: bool,
}

impl MbConv {
    fn new(inputs: i64, outputs: i64, expansion: i64, kernel: i64, stride: i64, drop: f64) -> Result<Self> {
        let expanded = inputs * expansion;
        let mut block = Sequential::new();
        if expansion != 1 {
            block = block.with(conv_bn_silu(inputs, expanded, same_size(1, 1, 1))?);
        }
        let squeezed = (inputs / 4).max(1);
        let block = block
            .with(conv_bn_silu(expanded, expanded, same_size(kernel, stride, expanded))?)
            .with(SqueezeExcitation::new(expanded, squeezed, SiLU::INPLACE, Sigmoid)?)
            .with(conv_bn(expanded, outputs, same_size(1, 1, 1))?);
        Ok(MbConv {
            parts: Parts::new().with("block", block).with("stochastic_depth", StochasticDepth::new(drop)?),
            residual: stride == 1 && inputs == outputs,
        })
    }
}

impl Module for MbConv {
    fn kind(&self) -> &'static str {
        "MBConv"
    }

    fn forward(&self, input: &Tensor, pass: Pass) -> Result<Tensor> {
        let branch = self.parts.call("block", input, pass)?;
        if !self.residual {
            return Ok(branch);
        }
        Ok(self.parts.call("stochastic_depth", &branch, pass)?.f_add_(input)?)
    }

    fn parts(&self) -> Option<&Parts> {
        Some(&self.parts)
    }

    fn parts_mut(&mut self) -> Option<&mut Parts> {
        Some(&mut self.parts)
    }
}

/// The probability of dropping a block's branch in training grows from 0 towards `drop`, block by
/// block.
fn tree(rows: &[Row], dropout: f64, drop: f64, num_classes: i64) -> Result<Box<dyn Module>> {
    let blocks = f64::from(rows.iter().map(|row| row.4).sum::<u32>());
    let (mut inputs, mut done) = (STEM, 0.0);
    let mut features = Sequential::new().with(conv_bn_silu(3, STEM, same_size(3, 2, 1))?);
    for &(expansion, kernel, stride, outputs, count) in rows {
        let mut stage = Sequential::new();
        for index in 0..count {
            let stride = if index == 0 { stride } else { 1 };
            let block = MbConv::new(inputs, outputs, expansion, kernel, stride, drop * done / blocks)?;
            stage = stage.with(block);
            inputs = outputs;
            done += 1.0;
        }
        features = features.with(stage);
    }
    let last = 4 * inputs;
    let features = features.with(conv_bn_silu(inputs, last, same_size(1, 1, 1))?);
    let classifier =
        Sequential::new().with(Dropout::new_inplace(dropout)?).with(Linear::new(last, num_classes)?);
    let parts = Parts::new()
        .with("features", features)
        .with("avgpool", AdaptiveAvgPool2d::ONE)
        .with("classifier", classifier);
    let net = FeatureNet { kind: "EfficientNet", parts };
    each(&net, |_, conv: &Conv2d| {
        kaiming_normal_fan_out(conv.weight())?;
        zeros(conv.bias())
    })?;
    each(&net, |_, linear: &Linear| {
        uniform_within(linear.weight(), 1.0 / (linear.out_features() as f64).sqrt())?;
        zeros(Some(linear.bias()))
    })?;
    Ok(Box::new(net))
}
