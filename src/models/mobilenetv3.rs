//! MobileNetV3: "Searching for MobileNetV3", [Howard et al. 2019](https://arxiv.org/abs/1905.02244), as
//! [torchvision](https://docs.pytorch.org/vision/stable/models/mobilenetv3.html) builds it.
//!
//! `(N, 3, H, W) -> (N, num_classes)`; made for 224 px.

use tch::{Device, Tensor};

use super::features::FeatureNet;
use super::init::{each, kaiming_normal_fan_out, normal, zeros};
use super::layers::{
    AdaptiveAvgPool2d, BatchNorm2d, Conv2d, ConvOptions, Dropout, Hardsigmoid, Hardswish, Linear, ReLU,
    Sequential, SqueezeExcitation, conv_norm, make_divisible, same_size,
};
use super::registry::{Architecture, build};
use super::{Model, Module, Parts, Pass};
use crate::Result;

const MOBILENET: Architecture = Architecture { head: &["classifier.3"], ..Architecture::DEFAULT };

pub(super) const ARCHITECTURES: &[Architecture] = &[
    Architecture { name: "mobilenet_v3_large", tree: |classes| tree(LARGE, 1280, classes), ..MOBILENET },
    Architecture { name: "mobilenet_v3_small", tree: |classes| tree(SMALL, 1024, classes), ..MOBILENET },
];

/// MobileNetV3-Large, 5.5 million parameters at 1000 classes, with random weights.
///
/// # Errors
/// [`Error::Argument`](crate::Error::Argument) for no classes; [`Error::Torch`](crate::Error::Torch)
/// when the device does not exist or has no room.
pub fn mobilenet_v3_large(num_classes: usize, device: Device) -> Result<Model> {
    build("mobilenet_v3_large", num_classes, device)
}

/// MobileNetV3-Small, 2.5 million parameters at 1000 classes, with random weights.
///
/// # Errors
/// As [`mobilenet_v3_large`].
pub fn mobilenet_v3_small(num_classes: usize, device: Device) -> Result<Model> {
    build("mobilenet_v3_small", num_classes, device)
}

/// The activation of a block: columns RE and HS of the tables.
#[derive(Clone, Copy)]
enum Activation {
    ReLU,
    Hardswish,
}

use Activation::{Hardswish as HS, ReLU as RE};

/// A row of the tables: window, expanded channels, output channels, squeeze and excitation,
/// activation, stride.
type Row = (i64, i64, i64, bool, Activation, i64);

/// Table 1 of the paper.
const LARGE: &[Row] = &[
    (3, 16, 16, false, RE, 1),
    (3, 64, 24, false, RE, 2),
    (3, 72, 24, false, RE, 1),
    (5, 72, 40, true, RE, 2),
    (5, 120, 40, true, RE, 1),
    (5, 120, 40, true, RE, 1),
    (3, 240, 80, false, HS, 2),
    (3, 200, 80, false, HS, 1),
    (3, 184, 80, false, HS, 1),
    (3, 184, 80, false, HS, 1),
    (3, 480, 112, true, HS, 1),
    (3, 672, 112, true, HS, 1),
    (5, 672, 160, true, HS, 2),
    (5, 960, 160, true, HS, 1),
    (5, 960, 160, true, HS, 1),
];

/// Table 2 of the paper.
const SMALL: &[Row] = &[
    (3, 16, 16, true, RE, 2),
    (3, 72, 24, false, RE, 2),
    (3, 88, 24, false, RE, 1),
    (5, 96, 40, true, HS, 2),
    (5, 240, 40, true, HS, 1),
    (5, 240, 40, true, HS, 1),
    (5, 120, 48, true, HS, 1),
    (5, 144, 48, true, HS, 1),
    (5, 288, 96, true, HS, 2),
    (5, 576, 96, true, HS, 1),
    (5, 576, 96, true, HS, 1),
];

/// The channels of the first convolution.
const STEM: i64 = 16;

fn conv_bn(inputs: i64, outputs: i64, options: ConvOptions) -> Result<Sequential> {
    conv_norm(inputs, outputs, options, BatchNorm2d::with(outputs, 0.001, 0.01)?)
}

impl Activation {
    /// With the activation at the end.
    fn after(self, layers: Sequential) -> Sequential {
        match self {
            Activation::ReLU => layers.with(ReLU::INPLACE),
            Activation::Hardswish => layers.with(Hardswish),
        }
    }
}

/// Many channels between few: `(N, inputs, H, W) -> (N, outputs, H / stride, W / stride)`.
struct InvertedResidual {
    parts: Parts,
    /// Whether the input is added to the output.
    residual: bool,
}

impl InvertedResidual {
    fn new(inputs: i64, row: Row) -> Result<Self> {
        let (kernel, expanded, outputs, squeeze, activation, stride) = row;
        let mut block = Sequential::new();
        if expanded != inputs {
            block = block.with(activation.after(conv_bn(inputs, expanded, same_size(1, 1, 1))?));
        }
        let depthwise = conv_bn(expanded, expanded, same_size(kernel, stride, expanded))?;
        block = block.with(activation.after(depthwise));
        if squeeze {
            let squeezed = make_divisible((expanded / 4) as f64);
            block = block.with(SqueezeExcitation::new(expanded, squeezed, ReLU::default(), Hardsigmoid)?);
        }
        block = block.with(conv_bn(expanded, outputs, same_size(1, 1, 1))?);
        Ok(InvertedResidual {
            parts: Parts::new().with("block", block),
            residual: stride == 1 && inputs == outputs,
        })
    }
}

impl Module for InvertedResidual {
    fn kind(&self) -> &'static str {
        "InvertedResidual"
    }

    fn forward(&self, input: &Tensor, pass: Pass) -> Result<Tensor> {
        let mut output = self.parts.call("block", input, pass)?;
        Ok(if self.residual { output.f_add_(input)? } else { output })
    }

    fn parts(&self) -> Option<&Parts> {
        Some(&self.parts)
    }

    fn parts_mut(&mut self) -> Option<&mut Parts> {
        Some(&mut self.parts)
    }
}

fn tree(rows: &[Row], last_channels: i64, num_classes: i64) -> Result<Box<dyn Module>> {
    let mut inputs = STEM;
    let mut features = Sequential::new().with(HS.after(conv_bn(3, STEM, same_size(3, 2, 1))?));
    for &row in rows {
        features = features.with(InvertedResidual::new(inputs, row)?);
        inputs = row.2;
    }
    let features = features.with(HS.after(conv_bn(inputs, 6 * inputs, same_size(1, 1, 1))?));
    let classifier = Sequential::new()
        .with(Linear::new(6 * inputs, last_channels)?)
        .with(Hardswish)
        .with(Dropout::new_inplace(0.2)?)
        .with(Linear::new(last_channels, num_classes)?);
    let parts = Parts::new()
        .with("features", features)
        .with("avgpool", AdaptiveAvgPool2d::ONE)
        .with("classifier", classifier);
    let net = FeatureNet { kind: "MobileNetV3", parts };
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
