//! AdamW: Adam whose weight decay acts on the weights and not on the gradient ([Loshchilov and Hutter 2017](https://arxiv.org/abs/1711.05101)).

use super::adam_rule::AdamRule;
use super::group::{Group, ParamGroups};
use super::rule::{Ruled, optimizer_by_rule};

/// What [`AdamW`] may be told beside the learning rate; PyTorch's defaults.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdamWOptions {
    /// Decay of the running averages of the gradient and of its square, each in 0..1: (0.9, 0.999).
    pub betas: (f64, f64),
    /// Added to the denominator against division by zero: 1e-8.
    pub eps: f64,
    /// Share of each weight taken off in a step, times the learning rate: 0.01.
    pub weight_decay: f64,
}

impl Default for AdamWOptions {
    fn default() -> Self {
        AdamWOptions { betas: (0.9, 0.999), eps: 1e-8, weight_decay: 1e-2 }
    }
}

/// [`torch.optim.AdamW`](https://docs.pytorch.org/docs/stable/generated/torch.optim.AdamW.html).
///
/// Shows as PyTorch prints it.
pub struct AdamW(Ruled<AdamRule>);

impl AdamW {
    /// For `parameters`, mostly a model's `trainable_parameters()` or several [`ParamGroup`](super::ParamGroup)s,
    /// with PyTorch's defaults.
    /// Never fails: an empty list or a bad `lr` is reported by the first step.
    pub fn new(parameters: impl Into<ParamGroups>, lr: f64) -> Self {
        AdamW::with_options(parameters, lr, AdamWOptions::default())
    }

    /// As [`AdamW::new`], with one's own settings.
    pub fn with_options(parameters: impl Into<ParamGroups>, lr: f64, options: AdamWOptions) -> Self {
        let AdamWOptions { betas, eps, weight_decay } = options;
        let rule = AdamRule { name: "AdamW", betas, eps, decoupled: true };
        AdamW(Ruled::new(Group::new(parameters.into(), lr, weight_decay), rule))
    }
}

optimizer_by_rule!(AdamW);

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use super::*;
    use crate::train::Optimizer;

    /// With a zero gradient only the decay moves a weight: by the factor 1 - lr * weight_decay.
    #[test]
    fn the_decay_shrinks_the_weights_themselves() {
        let weight = Tensor::full([1], 2.0, (Kind::Double, Device::Cpu)).set_requires_grad(true);
        let options = AdamWOptions { weight_decay: 0.5, ..Default::default() };
        let mut adamw = AdamW::with_options(vec![weight.shallow_clone()], 0.1, options);
        (&weight * 0.0).sum(Kind::Double).backward();
        adamw.step().unwrap();
        assert_eq!(weight.double_value(&[0]), 2.0 * (1.0 - 0.1 * 0.5));
    }
}
