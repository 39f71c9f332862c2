//! A convolution with its norm and its activation:
//! [`torchvision.ops.Conv2dNormActivation`](https://docs.pytorch.org/vision/stable/generated/torchvision.ops.Conv2dNormActivation.html).

use super::{Conv2d, ConvOptions, Sequential};
use crate::Result;
use crate::models::Module;

/// torchvision's settings: as much padding as keeps the size, and no bias under a norm.
pub(crate) fn same_size(kernel: i64, stride: i64, groups: i64) -> ConvOptions {
    ConvOptions {
        groups,
        ..ConvOptions::kernel(kernel).stride(stride).padding((kernel - 1) / 2).without_bias()
    }
}

/// The convolution `0` and its norm `1`; [`Sequential::with`] adds the activation `2`.
pub(crate) fn conv_norm(
    inputs: i64,
    outputs: i64,
    options: ConvOptions,
    norm: impl Module,
) -> Result<Sequential> {
    Ok(Sequential::of_kind("Conv2dNormActivation").with(Conv2d::new(inputs, outputs, options)?).with(norm))
}
