//! AdamW: Adam whose weight decay acts on the weights and not on the gradient ([Loshchilov and Hutter 2017](https://arxiv.org/abs/1711.05101)).

use super::adam_rule::AdamRule;
use super::group::{Group, ParamGroups};
use super::rule::{Ruled, optimizer_by_rule};

/// [`torch.optim.AdamW`](https://docs.pytorch.org/docs/stable/generated/torch.optim.AdamW.html).
///
/// Shows as PyTorch prints it.
pub struct AdamW(Ruled<AdamRule>);

impl AdamW {
    /// For `parameters`, mostly a model's `trainable_parameters()` or several [`ParamGroup`](super::ParamGroup)s,
    /// with PyTorch's defaults; the methods set others.
    /// Never fails: an empty list or a bad setting is reported by the first step.
    pub fn new(parameters: impl Into<ParamGroups>, lr: f64) -> Self {
        AdamW::of(parameters.into(), lr)
    }

    fn of(parameters: ParamGroups, lr: f64) -> Self {
        let rule = AdamRule { name: "AdamW", betas: (0.9, 0.999), eps: 1e-8, decoupled: true };
        AdamW(Ruled::new(Group::new(parameters, lr, 1e-2), rule))
    }
}

optimizer_by_rule!(AdamW, weight_decay: "Fraction of each weight subtracted in a step, times the learning rate. Default 0.01.", {
    /// Decay of the running averages of the gradient and of its square, each in 0..1. Default (0.9, 0.999).
    betas: (f64, f64),
    /// Added to the denominator against division by zero. Default 1e-8.
    eps: f64,
});

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, Tensor};

    use super::*;
    use crate::train::Optimizer;

    /// With a zero gradient only the decay moves a weight: by the factor 1 - lr * weight_decay.
    #[test]
    fn the_decay_shrinks_the_weights_themselves() {
        let weight = Tensor::full([1], 2.0, (Kind::Double, Device::Cpu)).set_requires_grad(true);
        let mut adamw = AdamW::new(vec![weight.shallow_clone()], 0.1).weight_decay(0.5);
        (&weight * 0.0).sum(Kind::Double).backward();
        adamw.step().unwrap();
        assert_eq!(weight.double_value(&[0]), 2.0 * (1.0 - 0.1 * 0.5));
    }
}
