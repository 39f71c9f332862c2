//! Layer normalisation ([Ba et al. 2016](https://arxiv.org/abs/1607.06450)): the values at one
//! position of one picture, over all channels, as `(x − mean) / √(var + eps) · weight + bias`:
//! [`torch.nn.LayerNorm`](https://docs.pytorch.org/docs/stable/generated/torch.nn.LayerNorm.html).
//! It does not depend on the other pictures of a batch, so train and eval mode are the same.

use tch::Tensor;

use super::{python_bool, python_float};
use crate::models::init::{CPU_FLOAT, learned};
use crate::models::{Module, NamedTensor, Pass};
use crate::{Error, Result};

/// Where the channels are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Channels {
    /// `(…, C)`: PyTorch's `LayerNorm`.
    Last,
    /// `(N, C, H, W)`: torchvision's `LayerNorm2d`.
    Second,
}

/// Layer normalisation with a learned scale and shift for each channel.
#[derive(Debug)]
pub struct LayerNorm {
    channels: i64,
    eps: f64,
    place: Channels,
    weight: Tensor,
    bias: Tensor,
}

impl LayerNorm {
    /// For `(…, channels)`; `eps` is added to the variance, PyTorch's own is 1e-5.
    ///
    /// # Errors
    /// [`Error::Argument`] when `channels` is not positive.
    pub fn new(channels: i64, eps: f64) -> Result<LayerNorm> {
        LayerNorm::with_channels(channels, eps, Channels::Last)
    }

    /// torchvision's `LayerNorm2d`, for pictures `(N, channels, H, W)`.
    ///
    /// # Errors
    /// As [`LayerNorm::new`].
    pub fn new_2d(channels: i64, eps: f64) -> Result<LayerNorm> {
        LayerNorm::with_channels(channels, eps, Channels::Second)
    }

    fn with_channels(channels: i64, eps: f64, place: Channels) -> Result<LayerNorm> {
        if channels < 1 {
            return Err(Error::Argument(format!("LayerNorm({channels}): the size must be positive")));
        }
        Ok(LayerNorm {
            channels,
            eps,
            place,
            weight: learned(Tensor::f_ones(channels, CPU_FLOAT)?)?,
            bias: learned(Tensor::f_zeros(channels, CPU_FLOAT)?)?,
        })
    }

    fn normalise(&self, input: &Tensor) -> Result<Tensor> {
        Ok(input.f_layer_norm([self.channels], Some(&self.weight), Some(&self.bias), self.eps, true)?)
    }
}

impl Module for LayerNorm {
    fn kind(&self) -> &'static str {
        match self.place {
            Channels::Last => "LayerNorm",
            Channels::Second => "LayerNorm2d",
        }
    }

    fn extra_repr(&self) -> String {
        let yes = python_bool(true);
        format!("({},), eps={}, elementwise_affine={yes}, bias={yes}", self.channels, python_float(self.eps))
    }

    fn forward(&self, input: &Tensor, _: Pass) -> Result<Tensor> {
        match self.place {
            Channels::Last => self.normalise(input),
            Channels::Second => {
                Ok(self.normalise(&input.f_permute([0, 2, 3, 1])?)?.f_permute([0, 3, 1, 2])?)
            }
        }
    }

    fn tensors(&self) -> Vec<NamedTensor<'_>> {
        vec![NamedTensor::parameter("weight", &self.weight), NamedTensor::parameter("bias", &self.bias)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_is_normalised_over_its_channels() -> Result<()> {
        // By hand: 1 and 5 have mean 3 and (biased) deviation 2; eps of 12 makes √(4 + 12) = 4 of it.
        let input = Tensor::from_slice(&[1f32, 5.0]).f_view([1, 2, 1, 1])?;
        let output = LayerNorm::new_2d(2, 12.0)?.forward(&input, Pass::default())?;
        assert_eq!((output.double_value(&[0, 0, 0, 0]), output.double_value(&[0, 1, 0, 0])), (-0.5, 0.5));
        let last = LayerNorm::new(2, 12.0)?.forward(&input.f_view([1, 2])?, Pass::default())?;
        assert!(last.equal(&output.f_view([1, 2])?));
        assert!(LayerNorm::new(0, 1e-5).is_err());
        Ok(())
    }
}
