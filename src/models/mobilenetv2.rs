//! MobileNetV2: "Inverted Residuals and Linear Bottlenecks",
//! [Sandler et al. 2018](https://arxiv.org/abs/1801.04381), as
//! [torchvision](https://docs.pytorch.org/vision/stable/models/mobilenetv2.html) builds it.
//!
//! `(N, 3, H, W) -> (N, num_classes)`; made for 224 px.

use tch::{Device, Tensor};

use super::init::{each, kaiming_normal_fan_out, normal, zeros};
use super::layers::{
    BatchNorm2d, Conv2d, ConvOptions, Dropout, Linear, ReLU6, Sequential, conv_norm, same_size,
};
use super::registry::{Architecture, build};
use super::{Model, Module, Parts, Pass};
use crate::Result;

pub(super) const ARCHITECTURES: &[Architecture] =
    &[Architecture { name: "mobilenet_v2", head: &["classifier.1"], tree, ..Architecture::DEFAULT }];

/// MobileNetV2, 3.5 million parameters at 1000 classes, with random weights.
///
/// # Errors
/// [`Error::Argument`](crate::Error::Argument) for no classes; [`Error::Torch`](crate::Error::Torch)
/// when the device does not exist or has no room.
pub fn mobilenet_v2(num_classes: usize, device: Device) -> Result<Model> {
    build("mobilenet_v2", num_classes, device)
}

/// Expansion of the channels, channels, blocks, and stride of the first block: table 2 of the paper.
const STAGES: [(i64, i64, usize, i64); 7] = [
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
];

/// A convolution with batch norm and ReLU6.
fn conv_bn_relu6(inputs: i64, outputs: i64, options: ConvOptions) -> Result<Sequential> {
    Ok(conv_norm(inputs, outputs, options, BatchNorm2d::new(outputs)?)?.with(ReLU6::INPLACE))
}

/// Many channels between few: `(N, inputs, H, W) -> (N, outputs, H / stride, W / stride)`.
struct InvertedResidual {
    parts: Parts,
    /// Whether the input is added to the output.
    residual: bool,
}

impl InvertedResidual {
    fn new(inputs: i64, outputs: i64, stride: i64, expansion: i64) -> Result<Self> {
        let hidden = inputs * expansion;
        let mut conv = Sequential::new();
        if expansion != 1 {
            conv = conv.with(conv_bn_relu6(inputs, hidden, same_size(1, 1, 1))?);
        }
        let conv = conv
            .with(conv_bn_relu6(hidden, hidden, same_size(3, stride, hidden))?)
            .with(Conv2d::new(hidden, outputs, same_size(1, 1, 1))?)
            .with(BatchNorm2d::new(outputs)?);
        Ok(InvertedResidual {
            parts: Parts::new().with("conv", conv),
            residual: stride == 1 && inputs == outputs,
        })
    }
}

impl Module for InvertedResidual {
    fn kind(&self) -> &'static str {
        "InvertedResidual"
    }

    fn forward(&self, input: &Tensor, pass: Pass) -> Result<Tensor> {
        let mut output = self.parts.call("conv", input, pass)?;
        Ok(if self.residual { output.f_add_(input)? } else { output })
    }

    fn parts(&self) -> Option<&Parts> {
        Some(&self.parts)
    }

    fn parts_mut(&mut self) -> Option<&mut Parts> {
        Some(&mut self.parts)
    }
}

struct MobileNetV2 {
    parts: Parts,
}

impl Module for MobileNetV2 {
    fn kind(&self) -> &'static str {
        "MobileNetV2"
    }

    fn forward(&self, input: &Tensor, pass: Pass) -> Result<Tensor> {
        let features = self.parts.call("features", input, pass)?;
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

fn tree(num_classes: i64) -> Result<Box<dyn Module>> {
    const LAST: i64 = 1280;
    let mut inputs = 32;
    let mut features = Sequential::new().with(conv_bn_relu6(3, inputs, same_size(3, 2, 1))?);
    for (expansion, outputs, count, stride) in STAGES {
        for index in 0..count {
            let stride = if index == 0 { stride } else { 1 };
            features = features.with(InvertedResidual::new(inputs, outputs, stride, expansion)?);
            inputs = outputs;
        }
    }
    let features = features.with(conv_bn_relu6(inputs, LAST, same_size(1, 1, 1))?);
    let classifier = Sequential::new().with(Dropout::new(0.2)?).with(Linear::new(LAST, num_classes)?);
    let net = MobileNetV2 { parts: Parts::new().with("features", features).with("classifier", classifier) };
    each(&net, |_, conv: &Conv2d| kaiming_normal_fan_out(conv.weight()))?;
    each(&net, |_, linear: &Linear| {
        normal(linear.weight(), 0.01)?;
        zeros(Some(linear.bias()))
    })?;
    Ok(Box::new(net))
}
