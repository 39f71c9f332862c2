//! Stochastic gradient descent with momentum.

use tch::Tensor;

use super::group::{Group, ParamGroups, at_least_zero, refuse};
use super::pieces::in_pieces;
use super::rule::{Rule, Ruled, optimizer_by_rule};
use super::{OptimizerState, python};
use crate::Result;
use crate::models::Parameter;

/// The settings, all of them 0 in PyTorch's defaults.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct SgdRule {
    momentum: f64,
    dampening: f64,
    nesterov: bool,
}

/// [`torch.optim.SGD`](https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html), in the
/// arithmetic of its `_single_tensor_sgd`. Shows as PyTorch prints it.
pub struct Sgd(Ruled<SgdRule>);

impl Sgd {
    /// Plain descent for `parameters`, mostly a model's `trainable_parameters()` or several
    /// [`ParamGroup`](super::ParamGroup)s; the methods add to it.
    /// Never fails: an empty list or a bad setting is reported by the first step.
    pub fn new(parameters: impl Into<ParamGroups>, lr: f64) -> Self {
        Sgd::of(parameters.into(), lr)
    }

    fn of(parameters: ParamGroups, lr: f64) -> Self {
        Sgd(Ruled::new(Group::new(parameters, lr, 0.0), SgdRule::default()))
    }
}

/// The momentum buffer: none without momentum, and before the first step.
impl Rule for SgdRule {
    type Memory = Option<Tensor>;

    fn name(&self) -> &'static str {
        "SGD"
    }

    fn validate(&self) -> Result<()> {
        at_least_zero(self.name(), "momentum", self.momentum)?;
        if self.nesterov && (self.momentum == 0.0 || self.dampening != 0.0) {
            let reason = "has nesterov without a momentum, or with a dampening: set momentum to 0.9, say, and \
                          dampening to 0";
            return Err(refuse(self.name(), reason.into()));
        }
        Ok(())
    }

    fn current_momentum(&self) -> Option<f64> {
        Some(self.momentum)
    }

    fn set_momentum(&mut self, momentum: f64) {
        self.momentum = momentum;
    }

    fn shown(&self) -> Vec<(&'static str, String)> {
        vec![
            ("dampening", python::number(self.dampening)),
            ("maximize", python::boolean(false)),
            ("momentum", python::number(self.momentum)),
            ("nesterov", python::boolean(self.nesterov)),
        ]
    }

    fn settings(&self) -> Vec<(&'static str, f64)> {
        let nesterov = f64::from(u8::from(self.nesterov));
        vec![("momentum", self.momentum), ("dampening", self.dampening), ("nesterov", nesterov)]
    }

    fn take_settings(&mut self, saved: &dyn Fn(&str, f64) -> f64) {
        *self = SgdRule {
            momentum: saved("momentum", self.momentum),
            dampening: saved("dampening", self.dampening),
            nesterov: saved("nesterov", f64::from(u8::from(self.nesterov))) != 0.0,
        };
    }

    fn remember(&self, _parameter: &Tensor) -> Result<Option<Tensor>> {
        Ok(None)
    }

    /// The first buffer is the first gradient, decayed weights included.
    fn update(
        &self,
        buffer: &mut Option<Tensor>,
        parameter: &Tensor,
        gradient: Tensor,
        lr: f64,
        weight_decay: f64,
    ) -> Result<()> {
        let SgdRule { momentum, dampening, nesterov } = *self;
        if momentum == 0.0 {
            return in_pieces([parameter, &gradient], |[mut parameter, gradient]| {
                let gradient = decayed(gradient, &parameter, weight_decay)?;
                let _ = parameter.f_add_(&gradient.f_mul_scalar(-lr)?)?;
                Ok(())
            });
        }
        let first = buffer.is_none();
        let buffer = match buffer {
            Some(buffer) => buffer,
            None => buffer.insert(parameter.f_detach()?.f_zeros_like()?),
        };
        in_pieces([parameter, &gradient, buffer], |[mut parameter, gradient, mut buffer]| {
            let gradient = decayed(gradient, &parameter, weight_decay)?;
            let share = if first { 1.0 } else { 1.0 - dampening };
            let _ = buffer.f_mul_scalar_(momentum)?.f_add_(&gradient.f_mul_scalar(share)?)?;
            let direction = if nesterov { gradient.f_add(&buffer.f_mul_scalar(momentum)?)? } else { buffer };
            let _ = parameter.f_add_(&direction.f_mul_scalar(-lr)?)?;
            Ok(())
        })
    }

    fn save(&self, buffer: &Option<Tensor>, name: &str, state: &mut OptimizerState) -> Result<()> {
        buffer.as_ref().map_or(Ok(()), |buffer| state.push_tensor(name, "momentum_buffer", buffer))
    }

    fn restore(&self, parameter: &Parameter, state: &OptimizerState) -> Result<Option<Option<Tensor>>> {
        let Parameter { name, tensor } = parameter;
        Ok(Some(state.restore(self.name(), name, "momentum_buffer", tensor)?))
    }
}

/// The gradient with the weights' decay in it.
fn decayed(gradient: Tensor, parameter: &Tensor, weight_decay: f64) -> Result<Tensor> {
    if weight_decay == 0.0 {
        return Ok(gradient);
    }
    Ok(gradient.f_add(&parameter.f_mul_scalar(weight_decay)?)?)
}

optimizer_by_rule!(Sgd, weight_decay: "Fraction of each weight added to its gradient (L2 penalty). Default 0.", {
    /// Share of the last step's direction that is kept. Default 0, often 0.9.
    momentum: f64,
    /// Share of the gradient left out of the direction. Default 0.
    dampening: f64,
    /// Whether to look one step ahead along the momentum; needs a momentum and no dampening. Default no.
    nesterov: bool,
});

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;
    use crate::train::Optimizer;

    /// Two steps with the gradients 1 and 2 from the weight 1, by hand from PyTorch's documented rule.
    fn two_steps(set: impl Fn(Sgd) -> Sgd) -> f64 {
        let weight = Tensor::full([1], 1.0, (Kind::Double, Device::Cpu)).set_requires_grad(true);
        let mut sgd = set(Sgd::new(vec![weight.shallow_clone()], 0.1));
        for gradient in [1.0, 2.0] {
            sgd.zero_grad().unwrap();
            (&weight * gradient).sum(Kind::Double).backward();
            sgd.step().unwrap();
        }
        weight.double_value(&[0])
    }

    #[test]
    fn steps_follow_the_documented_rule() {
        let near =
            |value: f64, expected: f64| assert!((value - expected).abs() < 1e-12, "{value} {expected}");
        near(two_steps(|sgd| sgd), 1.0 - 0.1 - 0.2);
        // b1 = 1, b2 = 0.9 * 1 + 2
        near(two_steps(|sgd| sgd.momentum(0.9)), 1.0 - 0.1 - 0.29);
        // The first buffer is the whole gradient, dampening starts with the second: b2 = 0.9 + 0.5 * 2
        near(two_steps(|sgd| sgd.momentum(0.9).dampening(0.5)), 1.0 - 0.1 - 0.19);
        // g1 + 0.9 b1 = 1.9, g2 + 0.9 b2 = 2 + 0.9 * 2.9
        near(two_steps(|sgd| sgd.momentum(0.9).nesterov(true)), 1.0 - 0.19 - 0.461);
        // 1 + 0.5 * 1 = 1.5 leaves 0.85; 2 + 0.5 * 0.85 = 2.425
        near(two_steps(|sgd| sgd.weight_decay(0.5)), 0.85 - 0.2425);
    }

    #[test]
    fn nesterov_needs_a_momentum() {
        let weight = Tensor::full([1], 1.0, (Kind::Double, Device::Cpu)).set_requires_grad(true);
        let refusal = Sgd::new(vec![weight], 0.1).nesterov(true).step().unwrap_err().to_string();
        assert!(refusal.contains("nesterov without a momentum"), "{refusal}");
    }

    #[test]
    fn the_momentum_survives_saving() {
        let weight = Tensor::full([1], 1.0, (Kind::Double, Device::Cpu)).set_requires_grad(true);
        let mut first = Sgd::new(vec![weight.shallow_clone()], 0.1).momentum(0.9);
        (&weight * 3.0).sum(Kind::Double).backward();
        first.step().unwrap();
        let mut second = Sgd::new(vec![weight.shallow_clone()], 7.0);
        second.load_state_dict(&first.state_dict().unwrap()).unwrap();
        assert_eq!(second.0.memory[0].as_ref().unwrap().as_ref().unwrap().double_value(&[0]), 3.0);
        assert_eq!((second.lr(), second.0.rule), (0.1, first.0.rule));
        assert_eq!(second.current_momentum(), Some(0.9));
    }
}
