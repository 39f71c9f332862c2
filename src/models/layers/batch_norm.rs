//! Batch normalisation, `(N, C, H, W) -> (N, C, H, W)`: each channel as
//! `(x − mean) / √(var + eps) · weight + bias` ([Ioffe and Szegedy 2015](https://arxiv.org/abs/1502.03167)):
//! [`torch.nn.BatchNorm2d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html).
//!
//! While it trains, mean and variance are the batch's own, and the running ones move towards them:
//! `running ← (1 − momentum) · running + momentum · batch`, with the unbiased variance. Otherwise
//! the running ones are used and stay.

use tch::{Device, Kind, Tensor};

use super::python_bool;
use crate::models::init::{CPU_FLOAT, learned};
use crate::models::{Module, Pass, Slot};
use crate::{Error, Result};

/// How far the running statistics move towards those of a batch.
const MOMENTUM: f64 = 0.1;

/// Batch normalisation with a learned scale and shift for each channel.
#[derive(Debug)]
pub struct BatchNorm2d {
    channels: i64,
    eps: f64,
    weight: Tensor,
    bias: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    num_batches_tracked: Tensor,
}

impl BatchNorm2d {
    /// For `channels` channels, with PyTorch's `eps` of 1e-5; it begins as the identity.
    ///
    /// # Errors
    /// [`Error::Torch`] when `channels` is negative.
    pub fn new(channels: i64) -> Result<BatchNorm2d> {
        BatchNorm2d::with_eps(channels, 1e-5)
    }

    /// With another number added to the variance.
    ///
    /// # Errors
    /// As [`BatchNorm2d::new`].
    pub fn with_eps(channels: i64, eps: f64) -> Result<BatchNorm2d> {
        Ok(BatchNorm2d {
            channels,
            eps,
            weight: learned(Tensor::f_ones(channels, CPU_FLOAT)?)?,
            bias: learned(Tensor::f_zeros(channels, CPU_FLOAT)?)?,
            running_mean: Tensor::f_zeros(channels, CPU_FLOAT)?,
            running_var: Tensor::f_ones(channels, CPU_FLOAT)?,
            num_batches_tracked: Tensor::f_zeros([0i64; 0].as_slice(), (Kind::Int64, Device::Cpu))?,
        })
    }
}

impl Module for BatchNorm2d {
    fn kind(&self) -> &'static str {
        "BatchNorm2d"
    }

    fn extra_repr(&self) -> String {
        let (channels, yes) = (self.channels, python_bool(true));
        let eps = python_float(self.eps);
        format!(
            "{channels}, eps={eps}, momentum={MOMENTUM}, affine={yes}, bias={yes}, track_running_stats={yes}"
        )
    }

    fn forward(&self, input: &Tensor, pass: Pass) -> Result<Tensor> {
        let moving = pass.batch_norms_move();
        if moving {
            check_batch(input)?;
            let _ = self.num_batches_tracked.shallow_clone().f_add_scalar_(1)?;
        }
        Ok(input.f_batch_norm(
            Some(&self.weight),
            Some(&self.bias),
            Some(&self.running_mean),
            Some(&self.running_var),
            moving,
            MOMENTUM,
            self.eps,
            true,
        )?)
    }

    fn tensors(&self) -> Vec<Slot<'_>> {
        vec![
            Slot::parameter("weight", &self.weight),
            Slot::parameter("bias", &self.bias),
            Slot::buffer("running_mean", &self.running_mean),
            Slot::buffer("running_var", &self.running_var),
            Slot::buffer("num_batches_tracked", &self.num_batches_tracked),
        ]
    }
}

/// One value has no variance: PyTorch refuses it, where libtorch would spread NaN.
fn check_batch(input: &Tensor) -> Result<()> {
    match input.size().as_slice() {
        &[batch, _, height, width] if batch * height * width == 1 => Err(Error::Argument(
            "a batch norm in train mode needs more than one value per channel: take more than one \
             picture, a larger one, `model.eval()`, or `BatchNormMode::Still`"
                .into(),
        )),
        _ => Ok(()),
    }
}

/// A number as Python prints it: `1e-05`, `0.001`.
fn python_float(value: f64) -> String {
    let scientific = format!("{value:e}");
    match scientific.split_once("e-") {
        Some((digits, exponent)) if exponent.parse().is_ok_and(|exponent: u32| exponent > 4) => {
            format!("{digits}e-{exponent:0>2}")
        }
        _ => format!("{value:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{BatchNormMode, Mode};

    #[test]
    fn prints_floats_as_python() {
        assert_eq!(
            [1e-5, 1e-3, 2.5e-7, 0.1, 1.0].map(python_float),
            ["1e-05", "0.001", "2.5e-07", "0.1", "1.0"]
        );
    }

    #[test]
    fn statistics_move_by_a_tenth_with_the_unbiased_variance() -> Result<()> {
        // By hand: 1, 2, 3, 6 have mean 3 and unbiased variance 14/3.
        let layer = BatchNorm2d::new(1)?;
        let input = Tensor::from_slice(&[1f32, 2.0, 3.0, 6.0]).f_view([2, 1, 2, 1])?;
        let output = layer.forward(&input, Pass::default())?;
        assert!((layer.running_mean.double_value(&[0]) - 0.3).abs() < 1e-6);
        assert!((layer.running_var.double_value(&[0]) - (0.9 + 0.1 * 14.0 / 3.0)).abs() < 1e-6);
        assert_eq!(layer.num_batches_tracked.int64_value(&[]), 1);
        // Normalised by the biased variance, 14/4.
        assert!((output.double_value(&[1, 0, 1, 0]) - 3.0 / (3.5f64 + 1e-5).sqrt()).abs() < 1e-5);
        Ok(())
    }

    #[test]
    fn still_statistics_are_used_and_stay() -> Result<()> {
        let layer = BatchNorm2d::new(1)?;
        let input = Tensor::from_slice(&[4f32]).f_view([1, 1, 1, 1])?;
        for pass in [Pass { mode: Mode::Train, batch_norm: BatchNormMode::Still }, Pass::EVAL] {
            let output = layer.forward(&input, pass)?;
            assert!((output.double_value(&[0, 0, 0, 0]) - 4.0 / (1f64 + 1e-5).sqrt()).abs() < 1e-5);
        }
        assert_eq!(layer.num_batches_tracked.int64_value(&[]), 0);
        assert_eq!(layer.running_mean.double_value(&[0]), 0.0);
        let refused = layer.forward(&input, Pass::default()).unwrap_err().to_string();
        assert!(refused.contains("more than one value per channel"), "{refused}");
        Ok(())
    }
}
