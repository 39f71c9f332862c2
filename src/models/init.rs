//! Random weights, as [`torch.nn.init`](https://docs.pytorch.org/docs/stable/nn.init.html) draws them.
//! All draws come from libtorch's generator: `tch::manual_seed` repeats them.

use std::any::Any;

use tch::{Device, Kind, Tensor};

use super::module::{Module, walk};
use crate::Result;

/// Float32 on the CPU: where every model is built before it is moved.
pub(crate) const CPU_FLOAT: (Kind, Device) = (Kind::Float, Device::Cpu);

/// `kaiming_uniform_(a=sqrt(5))`, PyTorch's default for weights: uniform within ±1/√fan_in. Written as
/// PyTorch computes it, so that a seed gives the same bits.
pub(crate) fn default_weight(shape: &[i64]) -> Result<Tensor> {
    let gain = (2.0 / (1.0 + 5f64.sqrt().powi(2))).sqrt();
    uniform(shape, 3f64.sqrt() * (gain / fan_in(shape).sqrt()))
}

/// PyTorch's default for the bias of a layer whose weight has shape `weight`: within ±1/√fan_in too.
pub(crate) fn default_bias(weight: &[i64]) -> Result<Tensor> {
    uniform(&weight[..1], 1.0 / fan_in(weight).sqrt())
}

/// `kaiming_normal_(mode="fan_out", nonlinearity="relu")` in place: a normal of mean 0 and standard
/// deviation √(2/fan_out) ([He et al. 2015](https://arxiv.org/abs/1502.01852)).
pub(crate) fn kaiming_normal_fan_out(weight: &Tensor) -> Result<()> {
    let size = weight.size();
    let fan_out: i64 = size[0] * size[2..].iter().product::<i64>();
    normal(weight, 2f64.sqrt() / (fan_out as f64).sqrt())
}

/// `kaiming_normal_()` in place, PyTorch's default: a standard deviation of √(2/fan_in).
pub(crate) fn kaiming_normal_fan_in(weight: &Tensor) -> Result<()> {
    normal(weight, 2f64.sqrt() / fan_in(&weight.size()).sqrt())
}

/// `kaiming_uniform_()` in place: within ±√3 · √(2/fan_in).
pub(crate) fn kaiming_uniform_fan_in(weight: &Tensor) -> Result<()> {
    let deviation = 2f64.sqrt() / fan_in(&weight.size()).sqrt();
    uniform_within(weight, 3f64.sqrt() * deviation)
}

/// `uniform_(-bound, bound)` in place.
pub(crate) fn uniform_within(weight: &Tensor, bound: f64) -> Result<()> {
    let _guard = tch::no_grad_guard();
    let _ = weight.shallow_clone().f_uniform_(-bound, bound)?;
    Ok(())
}

/// `normal_(0, deviation)` in place.
pub(crate) fn normal(weight: &Tensor, deviation: f64) -> Result<()> {
    let _guard = tch::no_grad_guard();
    let _ = weight.shallow_clone().f_normal_(0.0, deviation)?;
    Ok(())
}

/// `trunc_normal_(std=deviation, a=-2, b=2)` in place: values outside ±2 are drawn again.
pub(crate) fn truncated_normal(weight: &Tensor, deviation: f64) -> Result<()> {
    let _guard = tch::no_grad_guard();
    let mut values = weight.shallow_clone();
    let mut values = values.f_normal_(0.0, deviation)?;
    loop {
        let outside = values.f_abs()?.f_gt(2.0)?;
        if outside.f_any()?.f_int64_value(&[])? == 0 {
            return Ok(());
        }
        let again = values.f_empty_like()?.f_normal_(0.0, deviation)?;
        let drawn = again.f_where_self(&outside, &values)?;
        values.f_copy_(&drawn)?;
    }
}

/// All values 0, in place.
pub(crate) fn zeros(tensor: Option<&Tensor>) -> Result<()> {
    let _guard = tch::no_grad_guard();
    if let Some(tensor) = tensor {
        let _ = tensor.shallow_clone().f_zero_()?;
    }
    Ok(())
}

/// Calls `init` with the path of each layer of type `L` and the layer, in the order of
/// `model.modules()`: torchvision's `for m in self.modules(): if isinstance(m, L)`.
pub(crate) fn each<L: Module>(net: &dyn Module, init: impl Fn(&str, &L) -> Result<()>) -> Result<()> {
    each_module(net, |path, module| match (module as &dyn Any).downcast_ref::<L>() {
        Some(layer) => init(path, layer),
        None => Ok(()),
    })
}

/// Calls `init` with the path of each module and the module, in the order of `model.modules()`.
pub(crate) fn each_module(net: &dyn Module, init: impl Fn(&str, &dyn Module) -> Result<()>) -> Result<()> {
    let mut outcome = Ok(());
    walk(net, "", &mut |path, module| {
        if outcome.is_ok() {
            outcome = init(path, module);
        }
    });
    outcome
}

/// A tensor that training changes.
pub(crate) fn learned(values: Tensor) -> Result<Tensor> {
    Ok(values.f_set_requires_grad(true)?)
}

fn fan_in(weight: &[i64]) -> f64 {
    weight[1..].iter().product::<i64>() as f64
}

fn uniform(shape: &[i64], bound: f64) -> Result<Tensor> {
    learned(Tensor::f_empty(shape, CPU_FLOAT)?.f_uniform_(-bound, bound)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_have_the_spread_of_their_formulas() -> Result<()> {
        // fan_in 64 · 9 = 576: uniform within ±1/24, so a standard deviation of 1/24/√3.
        let weight = default_weight(&[128, 64, 3, 3])?;
        assert!(weight.requires_grad());
        assert!(weight.detach().abs().max().double_value(&[]) <= 1.0 / 24.0);
        assert!((weight.std(true).double_value(&[]) * 24.0 * 3f64.sqrt() - 1.0).abs() < 0.02);
        assert!(default_bias(&[10_000, 64, 3, 3])?.detach().abs().max().double_value(&[]) <= 1.0 / 24.0);
        // fan_out 128 · 9 = 1152: a standard deviation of √(2/1152) = 1/24.
        kaiming_normal_fan_out(&weight)?;
        assert!((weight.std(true).double_value(&[]) * 24.0 - 1.0).abs() < 0.02);
        assert!(weight.mean(tch::Kind::Float).double_value(&[]).abs() < 1e-3);
        Ok(())
    }
}
