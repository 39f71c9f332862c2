//! Squeeze and excitation ([Hu et al. 2017](https://arxiv.org/abs/1709.01507), figure 1), `(N, C, H, W)`
//! to the same: scales each channel by a weight computed from the means of all channels:
//! [`torchvision.ops.SqueezeExcitation`](https://docs.pytorch.org/vision/stable/generated/torchvision.ops.SqueezeExcitation.html).

use tch::Tensor;

use super::{AdaptiveAvgPool2d, Conv2d, ConvOptions};
use crate::Result;
use crate::models::{Module, Parts, Pass};

/// `x · scale_activation(fc2(activation(fc1(avgpool(x)))))`.
#[derive(Debug)]
pub struct SqueezeExcitation {
    parts: Parts,
}

impl SqueezeExcitation {
    /// From `channels` to `squeezed` and back.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) when a size is not positive.
    pub fn new(
        channels: i64,
        squeezed: i64,
        activation: impl Module,
        scale_activation: impl Module,
    ) -> Result<SqueezeExcitation> {
        let parts = Parts::new()
            .with("avgpool", AdaptiveAvgPool2d::ONE)
            .with("fc1", Conv2d::new(channels, squeezed, ConvOptions::kernel(1))?)
            .with("fc2", Conv2d::new(squeezed, channels, ConvOptions::kernel(1))?)
            .with("activation", activation)
            .with("scale_activation", scale_activation);
        Ok(SqueezeExcitation { parts })
    }
}

impl Module for SqueezeExcitation {
    fn kind(&self) -> &'static str {
        "SqueezeExcitation"
    }

    fn forward(&self, input: &Tensor, pass: Pass) -> Result<Tensor> {
        let scale =
            self.parts.chain(&["avgpool", "fc1", "activation", "fc2", "scale_activation"], input, pass)?;
        Ok(scale.f_mul(input)?)
    }

    fn parts(&self) -> Option<&Parts> {
        Some(&self.parts)
    }

    fn parts_mut(&mut self) -> Option<&mut Parts> {
        Some(&mut self.parts)
    }
}
