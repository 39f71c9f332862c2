//! A convolution with its norm and its activation:
//! [`torchvision.ops.Conv2dNormActivation`](https://docs.pytorch.org/vision/stable/generated/torchvision.ops.Conv2dNormActivation.html).

use super::{Conv2d, ConvOptions, Sequential};
use crate::Result;
use crate::models::Module;

/// torchvision's settings: padding that keeps the size, and no bias before a norm.
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

/// The number of channels that is divisible by 8 and nearest to `channels`, at least 8 and not less
/// than nine tenths of it: torchvision's `_make_divisible`.
pub(crate) fn make_divisible(channels: f64) -> i64 {
    let rounded = (((channels + 4.0) as i64) / 8 * 8).max(8);
    if (rounded as f64) < 0.9 * channels { rounded + 8 } else { rounded }
}

#[cfg(test)]
mod tests {
    use super::make_divisible;

    #[test]
    fn channels_are_made_divisible_by_eight() {
        // torchvision's _make_divisible of the same numbers.
        assert_eq!([4.0, 18.0, 24.0, 120.0, 11.0, 12.0].map(make_divisible), [8, 24, 24, 120, 16, 16]);
    }
}
