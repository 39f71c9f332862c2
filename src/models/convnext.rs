//! ConvNeXt: "A ConvNet for the 2020s", [Liu et al. 2022](https://arxiv.org/abs/2201.03545), as
//! [torchvision](https://docs.pytorch.org/vision/stable/models/convnext.html) builds it: a convolutional
//! network with design choices of transformers, such as layer norms.
//!
//! `(N, 3, H, W) -> (N, num_classes)`, for pictures of 32 px and more; made for 224.

use std::any::Any;

use tch::{Device, Tensor};

use super::init::{CPU_FLOAT, each_module, learned, truncated_normal, zeros};
use super::layers::{
    AdaptiveAvgPool2d, Conv2d, ConvOptions, Flatten, Gelu, LayerNorm, Linear, Permute, Sequential,
    StochasticDepth, conv_norm,
};
use super::registry::{Architecture, InputSize, build};
use super::{Model, Module, NamedTensor, Parts, Pass};
use crate::Result;

pub(super) const ARCHITECTURES: &[Architecture] = &[Architecture {
    name: "convnext_tiny",
    head: &["classifier.2"],
    tree: |classes| tree(&TINY, 0.1, classes),
    input: InputSize { smallest: 32, smallest_train: 32, ..InputSize::DEFAULT },
}];

/// ConvNeXt-Tiny, 28.6 million parameters at 1000 classes, with random weights.
///
/// # Errors
/// [`Error::Argument`](crate::Error::Argument) for no classes; [`Error::Torch`](crate::Error::Torch)
/// when the device does not exist or has no room.
pub fn convnext_tiny(num_classes: usize, device: Device) -> Result<Model> {
    build("convnext_tiny", num_classes, device)
}

/// Channels and blocks of each stage.
const TINY: [(i64, u32); 4] = [(96, 3), (192, 3), (384, 9), (768, 3)];

/// Added to the variance in a layer norm.
const EPS: f64 = 1e-6;

/// The initial scale of the blocks' branches.
const LAYER_SCALE: f64 = 1e-6;

/// `(N, C, H, W)` to the same (figure 4 of the paper).
struct Block {
    parts: Parts,
    layer_scale: Tensor,
}

impl Block {
    fn new(channels: i64, drop: f64) -> Result<Self> {
        let options = ConvOptions { groups: channels, ..ConvOptions::kernel(7).padding(3) };
        let block = Sequential::new()
            .with(Conv2d::new(channels, channels, options)?)
            .with(Permute { dims: [0, 2, 3, 1] })
            .with(LayerNorm::new(channels, EPS)?)
            .with(Linear::new(channels, 4 * channels)?)
            .with(Gelu)
            .with(Linear::new(4 * channels, channels)?)
            .with(Permute { dims: [0, 3, 1, 2] });
        let layer_scale = Tensor::f_ones([channels, 1, 1], CPU_FLOAT)?.f_mul_scalar(LAYER_SCALE)?;
        Ok(Block {
            parts: Parts::new().with("block", block).with("stochastic_depth", StochasticDepth::new(drop)?),
            layer_scale: learned(layer_scale)?,
        })
    }
}

impl Module for Block {
    fn kind(&self) -> &'static str {
        "CNBlock"
    }

    fn forward(&self, input: &Tensor, pass: Pass) -> Result<Tensor> {
        let branch = self.parts.call("block", input, pass)?.f_mul(&self.layer_scale)?;
        Ok(self.parts.call("stochastic_depth", &branch, pass)?.f_add_(input)?)
    }

    fn parts(&self) -> Option<&Parts> {
        Some(&self.parts)
    }

    fn parts_mut(&mut self) -> Option<&mut Parts> {
        Some(&mut self.parts)
    }

    fn tensors(&self) -> Vec<NamedTensor<'_>> {
        vec![NamedTensor::parameter("layer_scale", &self.layer_scale)]
    }
}

struct ConvNeXt {
    parts: Parts,
}

impl Module for ConvNeXt {
    fn kind(&self) -> &'static str {
        "ConvNeXt"
    }

    fn forward(&self, input: &Tensor, pass: Pass) -> Result<Tensor> {
        self.parts.chain(&["features", "avgpool", "classifier"], input, pass)
    }

    fn parts(&self) -> Option<&Parts> {
        Some(&self.parts)
    }

    fn parts_mut(&mut self) -> Option<&mut Parts> {
        Some(&mut self.parts)
    }
}

/// `drop` is the probability of dropping the last block's branch in training; it grows linearly from
/// 0, block by block.
fn tree(stages: &[(i64, u32)], drop: f64, num_classes: i64) -> Result<Box<dyn Module>> {
    let (first, last) = (stages[0].0, stages[stages.len() - 1].0);
    let steps = f64::from(stages.iter().map(|(_, count)| count).sum::<u32>()) - 1.0;
    let stem = conv_norm(3, first, ConvOptions::kernel(4).stride(4), LayerNorm::new_2d(first, EPS)?)?;
    let mut features = Sequential::new().with(stem);
    let mut done = 0.0;
    for (index, &(channels, count)) in stages.iter().enumerate() {
        let mut stage = Sequential::new();
        for _ in 0..count {
            stage = stage.with(Block::new(channels, drop * done / steps)?);
            done += 1.0;
        }
        features = features.with(stage);
        if let Some(&(next, _)) = stages.get(index + 1) {
            let downsample = Sequential::new().with(LayerNorm::new_2d(channels, EPS)?).with(Conv2d::new(
                channels,
                next,
                ConvOptions::kernel(2).stride(2),
            )?);
            features = features.with(downsample);
        }
    }
    let classifier = Sequential::new()
        .with(LayerNorm::new_2d(last, EPS)?)
        .with(Flatten)
        .with(Linear::new(last, num_classes)?);
    let parts = Parts::new()
        .with("features", features)
        .with("avgpool", AdaptiveAvgPool2d::ONE)
        .with("classifier", classifier);
    let net = ConvNeXt { parts };
    each_module(&net, |_, module| {
        let any = module as &dyn Any;
        let conv = any.downcast_ref::<Conv2d>().map(|conv| (conv.weight(), conv.bias()));
        let linear = any.downcast_ref::<Linear>().map(|linear| (linear.weight(), Some(linear.bias())));
        if let Some((weight, bias)) = conv.or(linear) {
            truncated_normal(weight, 0.02)?;
            zeros(bias)?;
        }
        Ok(())
    })?;
    Ok(Box::new(net))
}
