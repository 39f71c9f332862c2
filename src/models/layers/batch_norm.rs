//! Batch normalisation, `(N, C, H, W) -> (N, C, H, W)`: each channel as
//! `(x − mean) / √(var + eps) · weight + bias` ([Ioffe and Szegedy 2015](https://arxiv.org/abs/1502.03167)):
//! [`torch.nn.BatchNorm2d`](https://docs.pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html).
//!
//! In training, mean and variance are the batch's own, and the running ones move towards them:
//! `running ← (1 − momentum) · running + momentum · batch`, with the unbiased variance. Otherwise
//! the running ones are used and do not change.

use tch::{Device, Kind, Tensor};

use super::{python_bool, python_float};
use crate::models::init::{CPU_FLOAT, learned};
use crate::models::{BatchNormMode, Mode, Module, NamedTensor, Pass, fast_path};
use crate::{Error, Result};

/// Batch normalisation with a learned scale and shift for each channel.
#[derive(Debug)]
pub struct BatchNorm2d {
    channels: i64,
    eps: f64,
    momentum: f64,
    mode: BatchNormMode,
    weight: Tensor,
    bias: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    num_batches_tracked: Tensor,
}

impl BatchNorm2d {
    /// For `channels` channels, with PyTorch's `eps` of 1e-5 and `momentum` of 0.1; it starts as the
    /// identity.
    ///
    /// # Errors
    /// [`Error::Torch`] when `channels` is negative.
    pub fn new(channels: i64) -> Result<BatchNorm2d> {
        BatchNorm2d::with(channels, 1e-5, 0.1)
    }

    /// With another `eps` and another `momentum`.
    ///
    /// # Errors
    /// As [`BatchNorm2d::new`].
    pub fn with(channels: i64, eps: f64, momentum: f64) -> Result<BatchNorm2d> {
        Ok(BatchNorm2d {
            channels,
            eps,
            momentum,
            mode: BatchNormMode::Moving,
            weight: learned(Tensor::f_ones(channels, CPU_FLOAT)?)?,
            bias: learned(Tensor::f_zeros(channels, CPU_FLOAT)?)?,
            running_mean: Tensor::f_zeros(channels, CPU_FLOAT)?,
            running_var: Tensor::f_ones(channels, CPU_FLOAT)?,
            num_batches_tracked: Tensor::f_zeros([0i64; 0].as_slice(), (Kind::Int64, Device::Cpu))?,
        })
    }
}

impl BatchNorm2d {
    /// What this one does in train mode, unless all batch norms of the network are fixed.
    pub fn mode(&self) -> BatchNormMode {
        self.mode
    }

    /// Says what this one does in train mode.
    pub fn set_mode(&mut self, mode: BatchNormMode) {
        self.mode = mode;
    }

    /// The number added to the variance.
    pub fn eps(&self) -> f64 {
        self.eps
    }

    /// Whether it uses, and moves with, the statistics of the batch in such a pass.
    pub(crate) fn moves(&self, pass: Pass) -> bool {
        let frozen = !self.weight.requires_grad();
        pass.batch_norm_moves(frozen) && Pass { batch_norm: self.mode, ..pass }.batch_norm_moves(frozen)
    }
}

impl Module for BatchNorm2d {
    fn kind(&self) -> &'static str {
        "BatchNorm2d"
    }

    fn extra_repr(&self) -> String {
        let (channels, yes) = (self.channels, python_bool(true));
        let (eps, momentum) = (python_float(self.eps), python_float(self.momentum));
        format!(
            "{channels}, eps={eps}, momentum={momentum}, affine={yes}, bias={yes}, track_running_stats={yes}"
        )
    }

    fn forward(&self, input: &Tensor, pass: Pass) -> Result<Tensor> {
        if fast_path::is_folded(&self.weight) {
            return Ok(input.shallow_clone());
        }
        let input = &fast_path::for_norm(&self.weight, input)?;
        let norm = [&self.weight, &self.bias, &self.running_mean, &self.running_var];
        let still = !self.moves(Pass { mode: Mode::Train, ..pass });
        fast_path::normalised(input, norm, self.eps, still);
        let moving = self.moves(pass);
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
            self.momentum,
            self.eps,
            true,
        )?)
    }

    fn tensors(&self) -> Vec<NamedTensor<'_>> {
        vec![
            NamedTensor::parameter("weight", &self.weight),
            NamedTensor::parameter("bias", &self.bias),
            NamedTensor::buffer("running_mean", &self.running_mean),
            NamedTensor::buffer("running_var", &self.running_var),
            NamedTensor::buffer("num_batches_tracked", &self.num_batches_tracked),
        ]
    }
}

/// One value has no variance: PyTorch refuses it, where libtorch would spread NaN.
fn check_batch(input: &Tensor) -> Result<()> {
    match input.size().as_slice() {
        &[batch, _, height, width] if batch * height * width == 1 => Err(Error::Argument(
            "a batch norm in train mode needs more than one value per channel: take more than one picture \
             (`drop_last: true` leaves out a last batch of one), a larger one, `model.eval()`, or \
             `BatchNormMode::Still`"
                .into(),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::Mode;

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
    fn a_frozen_one_stands_still_if_told_so() -> Result<()> {
        let mut layer = BatchNorm2d::new(1)?;
        let input = Tensor::from_slice(&[1f32, 3.0]).f_view([2, 1, 1, 1])?;
        let pass = Pass::new(Mode::Train, BatchNormMode::StillWhereFrozen);
        let moved = |layer: &BatchNorm2d| layer.num_batches_tracked.int64_value(&[]);
        let _ = layer.forward(&input, pass)?;
        assert_eq!(moved(&layer), 1);
        let _ = layer.weight.set_requires_grad(false);
        let _ = layer.forward(&input, pass)?;
        assert_eq!(moved(&layer), 1);
        let _ = layer.forward(&input, Pass::default())?;
        assert_eq!(moved(&layer), 2);
        layer.set_mode(BatchNormMode::Still);
        let _ = layer.forward(&input, Pass::default())?;
        assert_eq!(moved(&layer), 2);
        Ok(())
    }

    #[test]
    fn still_statistics_are_used_and_stay() -> Result<()> {
        let layer = BatchNorm2d::new(1)?;
        let input = Tensor::from_slice(&[4f32]).f_view([1, 1, 1, 1])?;
        for pass in [Pass::new(Mode::Train, BatchNormMode::Still), Pass::EVAL] {
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
