//! Random weights, as [`torch.nn.init`](https://docs.pytorch.org/docs/stable/nn.init.html) draws them.
//! All draws come from libtorch's generator: `tch::manual_seed` repeats them.

use tch::{Device, Kind, Tensor};

use crate::Result;

/// Float32 on the CPU: where every model is built before it is moved.
pub(crate) const CPU_FLOAT: (Kind, Device) = (Kind::Float, Device::Cpu);

/// `kaiming_uniform_(a=sqrt(5))`, PyTorch's default for weights: uniform within ±1/√fan_in.
pub(crate) fn default_weight(shape: &[i64]) -> Result<Tensor> {
    uniform(shape, bound(shape))
}

/// PyTorch's default for the bias of a layer whose weight has shape `weight`: within ±1/√fan_in too.
pub(crate) fn default_bias(weight: &[i64]) -> Result<Tensor> {
    uniform(&weight[..1], bound(weight))
}

/// `kaiming_normal_(mode="fan_out", nonlinearity="relu")` in place: a normal of mean 0 and standard
/// deviation √(2/fan_out) ([He et al. 2015](https://arxiv.org/abs/1502.01852)).
pub(crate) fn kaiming_normal_fan_out(weight: &Tensor) -> Result<()> {
    let size = weight.size();
    let fan_out: i64 = size[0] * size[2..].iter().product::<i64>();
    let _guard = tch::no_grad_guard();
    let _ = weight.shallow_clone().f_normal_(0.0, (2.0 / fan_out as f64).sqrt())?;
    Ok(())
}

/// A tensor that training changes.
pub(crate) fn learned(values: Tensor) -> Result<Tensor> {
    Ok(values.f_set_requires_grad(true)?)
}

fn bound(weight: &[i64]) -> f64 {
    let fan_in: i64 = weight[1..].iter().product();
    1.0 / (fan_in as f64).sqrt()
}

fn uniform(shape: &[i64], bound: f64) -> Result<Tensor> {
    learned(Tensor::f_empty(shape, CPU_FLOAT)?.f_uniform_(-bound, bound)?)
}
