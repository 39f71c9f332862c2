//! RMSprop: steps divided by a running mean of the gradient's size
//! ([Hinton 2012](https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf)).

use tch::Tensor;

use super::group::{Group, ParamGroups, at_least_zero, refuse};
use super::pieces::in_pieces;
use super::rule::{Rule, Ruled, optimizer_by_rule};
use super::{OptimizerState, python};
use crate::Result;
use crate::models::Parameter;

/// The settings.
#[derive(Debug, Clone, Copy, PartialEq)]
struct RmsPropRule {
    alpha: f64,
    eps: f64,
    momentum: f64,
    centered: bool,
}

/// [`torch.optim.RMSprop`](https://docs.pytorch.org/docs/stable/generated/torch.optim.RMSprop.html), in
/// the arithmetic of its `_single_tensor_rmsprop`. Shows as PyTorch prints it.
pub struct RmsProp(Ruled<RmsPropRule>);

impl RmsProp {
    /// For `parameters`, mostly a model's `trainable_parameters()` or several [`ParamGroup`](super::ParamGroup)s,
    /// with PyTorch's defaults (its `lr` would be 0.01); the methods set others.
    /// Never fails: an empty list or a bad setting is reported by the first step.
    pub fn new(parameters: impl Into<ParamGroups>, lr: f64) -> Self {
        RmsProp::of(parameters.into(), lr)
    }

    fn of(parameters: ParamGroups, lr: f64) -> Self {
        let rule = RmsPropRule { alpha: 0.99, eps: 1e-8, momentum: 0.0, centered: false };
        RmsProp(Ruled::new(Group::new(parameters, lr, 0.0), rule))
    }
}

/// The optimizer state of a parameter.
pub(super) struct Memory {
    step: f64,
    square_avg: Tensor,
    momentum_buffer: Option<Tensor>,
    grad_avg: Option<Tensor>,
}

impl Rule for RmsPropRule {
    type Memory = Memory;

    fn name(&self) -> &'static str {
        "RMSprop"
    }

    fn validate(&self) -> Result<()> {
        [("alpha", self.alpha), ("eps", self.eps), ("momentum", self.momentum)]
            .into_iter()
            .try_for_each(|(setting, value)| at_least_zero(self.name(), setting, value))
    }

    fn shown(&self) -> Vec<(&'static str, String)> {
        vec![
            ("alpha", python::float(self.alpha)),
            ("centered", python::boolean(self.centered)),
            ("eps", python::float(self.eps)),
            ("maximize", python::boolean(false)),
            ("momentum", python::number(self.momentum)),
        ]
    }

    fn settings(&self) -> Vec<(&'static str, f64)> {
        let centered = f64::from(u8::from(self.centered));
        vec![("alpha", self.alpha), ("eps", self.eps), ("momentum", self.momentum), ("centered", centered)]
    }

    fn take_settings(&mut self, saved: &dyn Fn(&str, f64) -> f64) {
        self.alpha = saved("alpha", self.alpha);
        self.eps = saved("eps", self.eps);
        self.momentum = saved("momentum", self.momentum);
        self.centered = saved("centered", f64::from(u8::from(self.centered))) != 0.0;
    }

    fn remember(&self, parameter: &Tensor) -> Result<Memory> {
        let zeros = || parameter.f_detach()?.f_zeros_like();
        Ok(Memory {
            step: 0.0,
            square_avg: zeros()?,
            momentum_buffer: (self.momentum > 0.0).then(zeros).transpose()?,
            grad_avg: self.centered.then(zeros).transpose()?,
        })
    }

    fn update(
        &self,
        memory: &mut Memory,
        parameter: &Tensor,
        gradient: Tensor,
        lr: f64,
        weight_decay: f64,
    ) -> Result<()> {
        memory.step += 1.0;
        // If there is none, an unused handle on another tensor stands in.
        let buffer = memory.momentum_buffer.as_ref().unwrap_or(&memory.square_avg);
        let mean = memory.grad_avg.as_ref().unwrap_or(&memory.square_avg);
        let RmsPropRule { alpha, eps, momentum, centered } = *self;
        in_pieces(
            [parameter, &gradient, &memory.square_avg, buffer, mean],
            |[mut parameter, mut gradient, mut square_avg, mut buffer, mut mean]| {
                if weight_decay != 0.0 {
                    gradient = gradient.f_add(&parameter.f_mul_scalar(weight_decay)?)?;
                }
                let scaled = gradient.f_mul_scalar(1.0 - alpha)?;
                let _ = square_avg.f_mul_scalar_(alpha)?.f_addcmul_(&scaled, &gradient)?;
                let average = if centered {
                    let _ = mean.f_lerp_(&gradient, 1.0 - alpha)?;
                    square_avg.f_addcmul(&mean.f_neg()?, &mean)?.f_sqrt_()?.f_add_scalar_(eps)?
                } else {
                    square_avg.f_sqrt()?.f_add_scalar_(eps)?
                };
                if momentum > 0.0 {
                    let _ = buffer.f_mul_scalar_(momentum)?.f_addcdiv_(&gradient, &average)?;
                    let _ = parameter.f_add_(&buffer.f_mul_scalar(-lr)?)?;
                } else {
                    let _ = parameter.f_addcdiv_(&gradient.f_mul_scalar(-lr)?, &average)?;
                }
                Ok(())
            },
        )
    }

    fn save(&self, memory: &Memory, name: &str, state: &mut OptimizerState) -> Result<()> {
        state.push_number(name, "step", memory.step);
        state.push_tensor(name, "square_avg", &memory.square_avg)?;
        for (key, tensor) in [("momentum_buffer", &memory.momentum_buffer), ("grad_avg", &memory.grad_avg)] {
            if let Some(tensor) = tensor {
                state.push_tensor(name, key, tensor)?;
            }
        }
        Ok(())
    }

    fn restore(&self, parameter: &Parameter, state: &OptimizerState) -> Result<Option<Memory>> {
        let Parameter { name, tensor } = parameter;
        let restored = |key| state.restore(self.name(), name, key, tensor);
        let Some(square_avg) = restored("square_avg")? else { return Ok(None) };
        let (momentum_buffer, grad_avg) = (restored("momentum_buffer")?, restored("grad_avg")?);
        if (self.momentum > 0.0 && momentum_buffer.is_none()) || (self.centered && grad_avg.is_none()) {
            let reason =
                "cannot load the state: it lacks a momentum_buffer or grad_avg that its settings need";
            return Err(refuse(self.name(), reason.into()));
        }
        let step = state.number(name, "step").unwrap_or(0.0);
        Ok(Some(Memory { step, square_avg, momentum_buffer, grad_avg }))
    }
}

optimizer_by_rule!(RmsProp, weight_decay: "Fraction of each weight added to its gradient (L2 penalty). Default 0.", {
    /// Decay of the running average of the squared gradient, 0 or more. Default 0.99.
    alpha: f64,
    /// Added to the denominator against division by zero. Default 1e-8.
    eps: f64,
    /// Share of the last step's direction that is kept. Default 0.
    momentum: f64,
    /// Whether to divide by the standard deviation of the gradient, not by its size. Default no.
    centered: bool,
});

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;
    use crate::train::{Optimizer, ParamGroup};

    fn parameter(value: f64) -> Tensor {
        Tensor::full([1], value, (Kind::Double, Device::Cpu)).set_requires_grad(true)
    }

    /// Two steps with the gradients 1 and 2 from the weight 1 with alpha 0.5 and eps 0, by hand from PyTorch's documented rule.
    fn two_steps(set: impl Fn(RmsProp) -> RmsProp) -> f64 {
        let weight = parameter(1.0);
        let optimizer = RmsProp::new(vec![weight.shallow_clone()], 0.1).alpha(0.5).eps(0.0);
        let mut optimizer = set(optimizer);
        for gradient in [1.0, 2.0] {
            optimizer.zero_grad().unwrap();
            (&weight * gradient).sum(Kind::Double).backward();
            optimizer.step().unwrap();
        }
        weight.double_value(&[0])
    }

    #[test]
    fn steps_follow_the_documented_rule() {
        let near = |value: f64, expected: f64| assert!((value - expected).abs() < 1e-9, "{value} {expected}");
        // v1 = 0.5, v2 = 0.25 + 2
        let steps = [1.0 / 0.5f64.sqrt(), 2.0 / 2.25f64.sqrt()];
        near(two_steps(|rule| rule), 1.0 - 0.1 * (steps[0] + steps[1]));
        // b1 = s1, b2 = 0.9 s1 + s2
        let expected = 1.0 - 0.1 * (steps[0] + 0.9 * steps[0] + steps[1]);
        near(two_steps(|rule| rule.momentum(0.9)), expected);
        // g1 = 0.5, g2 = 1.25; v - g^2: 0.25, 0.6875
        let expected = 1.0 - 0.1 * (1.0 / 0.25f64.sqrt() + 2.0 / 0.6875f64.sqrt());
        near(two_steps(|rule| rule.centered(true)), expected);
    }

    #[test]
    fn each_group_has_its_own_rate_and_the_state_keeps_them() {
        let (slow, fast) = (parameter(1.0), parameter(1.0));
        let groups = || {
            vec![
                ParamGroup::new(vec![slow.shallow_clone()]).lr(0.0),
                ParamGroup::new(vec![fast.shallow_clone()]).weight_decay(0.5),
            ]
        };
        // A group's own weight decay stays, whatever the optimizer's.
        let mut optimizer = RmsProp::new(groups(), 0.1).weight_decay(0.25).weight_decay(0.0);
        assert_eq!(optimizer.0.group.weight_decays(), [0.0, 0.5]);
        (&slow + &fast).sum(Kind::Double).backward();
        optimizer.step().unwrap();
        assert_eq!(slow.double_value(&[0]), 1.0);
        assert!(fast.double_value(&[0]) < 1.0);
        assert_eq!((optimizer.lrs(), optimizer.lr()), (vec![0.0, 0.1], 0.0));
        let text = optimizer.to_string();
        assert!(text.contains("    weight_decay: 0\n\nParameter Group 1\n    alpha: 0.99\n"), "{text}");

        let state = optimizer.state_dict().unwrap();
        let mut again = RmsProp::new(groups(), 7.0);
        again.load_state_dict(&state).unwrap();
        assert_eq!(again.lrs(), [0.0, 0.1]);
        let all = vec![slow.shallow_clone(), fast.shallow_clone()];
        let refusal = RmsProp::new(all, 0.1).load_state_dict(&state).unwrap_err().to_string();
        assert!(refusal.contains("the state is of"), "{refusal}");
    }
}
