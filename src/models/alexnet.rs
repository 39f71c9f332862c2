//! AlexNet: "One weird trick for parallelizing convolutional neural networks",
//! [Krizhevsky 2014](https://arxiv.org/abs/1404.5997), as
//! [torchvision](https://docs.pytorch.org/vision/stable/models/alexnet.html) builds it.
//!
//! `(N, 3, H, W) -> (N, num_classes)`, for pictures of 63 px and more; made for 224.

use tch::Device;

use super::features::FeatureNet;
use super::layers::{AdaptiveAvgPool2d, Conv2d, ConvOptions, Dropout, Linear, MaxPool2d, ReLU, Sequential};
use super::registry::{Architecture, InputSize, build};
use super::{Model, Module, Parts};
use crate::Result;

pub(super) const ARCHITECTURES: &[Architecture] = &[Architecture {
    name: "alexnet",
    head: &["classifier.6"],
    tree,
    input: InputSize { smallest: 63, smallest_train: 63, ..InputSize::DEFAULT },
}];

/// AlexNet, 61.1 million parameters at 1000 classes, with random weights.
///
/// # Errors
/// [`Error::Argument`](crate::Error::Argument) for no classes; [`Error::Torch`](crate::Error::Torch)
/// when the device does not exist or has no room.
pub fn alexnet(num_classes: usize, device: Device) -> Result<Model> {
    build("alexnet", num_classes, device)
}

fn conv(inputs: i64, outputs: i64, kernel: i64, stride: i64, padding: i64) -> Result<Conv2d> {
    Conv2d::new(inputs, outputs, ConvOptions::kernel(kernel).stride(stride).padding(padding))
}

fn tree(num_classes: i64) -> Result<Box<dyn Module>> {
    let pool = MaxPool2d { kernel_size: 3, stride: 2, padding: 0, ceil_mode: false };
    let features = Sequential::new()
        .with(conv(3, 64, 11, 4, 2)?)
        .with(ReLU::INPLACE)
        .with(pool)
        .with(conv(64, 192, 5, 1, 2)?)
        .with(ReLU::INPLACE)
        .with(pool)
        .with(conv(192, 384, 3, 1, 1)?)
        .with(ReLU::INPLACE)
        .with(conv(384, 256, 3, 1, 1)?)
        .with(ReLU::INPLACE)
        .with(conv(256, 256, 3, 1, 1)?)
        .with(ReLU::INPLACE)
        .with(pool);
    let classifier = Sequential::new()
        .with(Dropout::new(0.5)?)
        .with(Linear::new(256 * 6 * 6, 4096)?)
        .with(ReLU::INPLACE)
        .with(Dropout::new(0.5)?)
        .with(Linear::new(4096, 4096)?)
        .with(ReLU::INPLACE)
        .with(Linear::new(4096, num_classes)?);
    let parts = Parts::new()
        .with("features", features)
        .with("avgpool", AdaptiveAvgPool2d::new(6, 6))
        .with("classifier", classifier);
    Ok(Box::new(FeatureNet { kind: "AlexNet", parts }))
}
