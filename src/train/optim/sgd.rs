//! Stochastic gradient descent with momentum.

use std::fmt;

use tch::{Tensor, no_grad};

use super::group::{Group, ParamGroups, at_least_zero, refuse};
use super::pieces::in_pieces;
use super::{Optimizer, OptimizerId, OptimizerState, gradient, python};
use crate::Result;
use crate::models::{Parameter, Parameters};

/// What [`Sgd`] may be told beside the learning rate; PyTorch's defaults are all zero.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SgdOptions {
    /// Share of the last step's direction that is kept: 0, often 0.9.
    pub momentum: f64,
    /// Share of the gradient left out of the direction: 0.
    pub dampening: f64,
    /// Share of each weight that joins its gradient (L2 penalty): 0.
    pub weight_decay: f64,
    /// Looks one step ahead along the momentum; needs a momentum and no dampening.
    pub nesterov: bool,
}

/// [`torch.optim.SGD`](https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html), in the
/// arithmetic of its `_single_tensor_sgd`. Shows as PyTorch prints it.
pub struct Sgd {
    group: Group,
    options: SgdOptions,
    momentum_buffers: Vec<Option<Tensor>>,
}

impl Sgd {
    /// Plain descent for `parameters`, mostly a model's `trainable_parameters()`.
    /// Never fails: an empty list or a bad `lr` is reported by the first step.
    pub fn new(parameters: impl Into<ParamGroups>, lr: f64) -> Self {
        Sgd::with_options(parameters, lr, SgdOptions::default())
    }

    /// As [`Sgd::new`], with one's own settings.
    pub fn with_options(parameters: impl Into<ParamGroups>, lr: f64, options: SgdOptions) -> Self {
        let group = Group::new(parameters.into(), lr, options.weight_decay);
        let momentum_buffers = group.parameters.iter().map(|_| None).collect();
        Sgd { group, options, momentum_buffers }
    }

    fn show(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SgdOptions { momentum, dampening, nesterov, .. } = self.options;
        let settings = [
            ("dampening", python::number(dampening)),
            ("maximize", python::boolean(false)),
            ("momentum", python::number(momentum)),
            ("nesterov", python::boolean(nesterov)),
        ];
        python::write_groups(f, "SGD", &settings, &self.group)
    }
}

/// One step of one parameter. The first buffer is the first gradient, decayed weights included.
fn update(
    parameter: &Tensor,
    gradient: Tensor,
    buffer: &mut Option<Tensor>,
    lr: f64,
    options: SgdOptions,
) -> Result<()> {
    if options.momentum == 0.0 {
        return in_pieces([parameter, &gradient], |[mut parameter, gradient]| {
            let gradient = decayed(gradient, &parameter, options)?;
            let _ = parameter.f_add_(&gradient.f_mul_scalar(-lr)?)?;
            Ok(())
        });
    }
    let first = buffer.is_none();
    let buffer = match buffer {
        Some(buffer) => buffer,
        None => buffer.insert(parameter.f_detach()?.f_zeros_like()?),
    };
    let SgdOptions { momentum, dampening, nesterov, .. } = options;
    in_pieces([parameter, &gradient, buffer], |[mut parameter, gradient, mut buffer]| {
        let gradient = decayed(gradient, &parameter, options)?;
        let share = if first { 1.0 } else { 1.0 - dampening };
        let _ = buffer.f_mul_scalar_(momentum)?.f_add_(&gradient.f_mul_scalar(share)?)?;
        let direction = if nesterov { gradient.f_add(&buffer.f_mul_scalar(momentum)?)? } else { buffer };
        let _ = parameter.f_add_(&direction.f_mul_scalar(-lr)?)?;
        Ok(())
    })
}

/// The gradient with the weights' decay in it.
fn decayed(gradient: Tensor, parameter: &Tensor, options: SgdOptions) -> Result<Tensor> {
    if options.weight_decay == 0.0 {
        return Ok(gradient);
    }
    Ok(gradient.f_add(&parameter.f_mul_scalar(options.weight_decay)?)?)
}

impl Optimizer for Sgd {
    fn name(&self) -> &'static str {
        "SGD"
    }

    fn id(&self) -> OptimizerId {
        self.group.id
    }

    fn parameters(&self) -> &Parameters {
        &self.group.parameters
    }

    fn lrs(&self) -> Vec<f64> {
        self.group.lrs()
    }

    fn set_lrs(&mut self, lrs: &[f64]) {
        self.group.set_lrs(lrs);
    }

    fn initial_lrs(&self) -> Vec<f64> {
        self.group.initial_lrs()
    }

    fn momentum(&self) -> Option<f64> {
        Some(self.options.momentum)
    }

    fn set_momentum(&mut self, momentum: f64) {
        self.options.momentum = momentum;
    }

    fn validate(&self) -> Result<()> {
        self.group.validate(self.name())?;
        at_least_zero(self.name(), "momentum", self.options.momentum)?;
        if self.options.nesterov && (self.options.momentum == 0.0 || self.options.dampening != 0.0) {
            let reason = "has nesterov without a momentum, or with a dampening: set momentum to 0.9, say, and \
                          dampening to 0";
            return Err(refuse(self.name(), reason.into()));
        }
        Ok(())
    }

    fn step(&mut self) -> Result<()> {
        self.validate()?;
        let Sgd { group, options, momentum_buffers } = self;
        no_grad(|| {
            for ((parameter, lr, weight_decay), buffer) in group.settled().zip(momentum_buffers) {
                if let Some(gradient) = gradient(&parameter.tensor)? {
                    let options = SgdOptions { weight_decay, ..*options };
                    update(&parameter.tensor, gradient, buffer, lr, options)?;
                }
            }
            Ok(())
        })
    }

    fn state_dict(&self) -> Result<OptimizerState> {
        let SgdOptions { momentum, dampening, nesterov, .. } = self.options;
        let settings =
            [("momentum", momentum), ("dampening", dampening), ("nesterov", f64::from(u8::from(nesterov)))];
        let mut state = OptimizerState::of(self.name(), &self.group, &settings);
        for (Parameter { name, .. }, buffer) in self.group.parameters.iter().zip(&self.momentum_buffers) {
            if let Some(buffer) = buffer {
                state.push_tensor(name, "momentum_buffer", buffer)?;
            }
        }
        Ok(state)
    }

    fn load_state_dict(&mut self, state: &OptimizerState) -> Result<()> {
        state.must_fit(self.name(), &self.group)?;
        let restored = self
            .group
            .parameters
            .iter()
            .map(|Parameter { name, tensor }| state.restore("SGD", name, "momentum_buffer", tensor));
        self.momentum_buffers = restored.collect::<Result<_>>()?;
        let setting = |name: &str, now: f64| state.setting(name).unwrap_or(now);
        self.group.restore(state);
        let SgdOptions { momentum, dampening, weight_decay, nesterov } = self.options;
        self.options = SgdOptions {
            momentum: setting("momentum", momentum),
            dampening: setting("dampening", dampening),
            weight_decay: setting("weight_decay", weight_decay),
            nesterov: setting("nesterov", f64::from(u8::from(nesterov))) != 0.0,
        };
        Ok(())
    }
}

impl fmt::Display for Sgd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.show(f)
    }
}

impl fmt::Debug for Sgd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.show(f)
    }
}

crate::notebook::rich_by_debug!(Sgd);

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    /// Two steps with the gradients 1 and 2 from the weight 1, by hand from PyTorch's documented rule.
    fn two_steps(options: SgdOptions) -> f64 {
        let weight = Tensor::full([1], 1.0, (Kind::Double, Device::Cpu)).set_requires_grad(true);
        let mut sgd = Sgd::with_options(vec![weight.shallow_clone()], 0.1, options);
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
        near(two_steps(SgdOptions::default()), 1.0 - 0.1 - 0.2);
        // b1 = 1, b2 = 0.9 * 1 + 2
        near(two_steps(SgdOptions { momentum: 0.9, ..Default::default() }), 1.0 - 0.1 - 0.29);
        // The first buffer is the whole gradient, dampening starts with the second: b2 = 0.9 + 0.5 * 2
        near(two_steps(SgdOptions { momentum: 0.9, dampening: 0.5, ..Default::default() }), 1.0 - 0.1 - 0.19);
        // g1 + 0.9 b1 = 1.9, g2 + 0.9 b2 = 2 + 0.9 * 2.9
        near(
            two_steps(SgdOptions { momentum: 0.9, nesterov: true, ..Default::default() }),
            1.0 - 0.19 - 0.461,
        );
        // 1 + 0.5 * 1 = 1.5 leaves 0.85; 2 + 0.5 * 0.85 = 2.425
        near(two_steps(SgdOptions { weight_decay: 0.5, ..Default::default() }), 0.85 - 0.2425);
    }

    #[test]
    fn nesterov_needs_a_momentum() {
        let weight = Tensor::full([1], 1.0, (Kind::Double, Device::Cpu)).set_requires_grad(true);
        let options = SgdOptions { nesterov: true, ..Default::default() };
        let refusal = Sgd::with_options(vec![weight], 0.1, options).step().unwrap_err().to_string();
        assert!(refusal.contains("nesterov without a momentum"), "{refusal}");
    }

    #[test]
    fn the_momentum_survives_saving() {
        let weight = Tensor::full([1], 1.0, (Kind::Double, Device::Cpu)).set_requires_grad(true);
        let options = SgdOptions { momentum: 0.9, ..Default::default() };
        let mut first = Sgd::with_options(vec![weight.shallow_clone()], 0.1, options);
        (&weight * 3.0).sum(Kind::Double).backward();
        first.step().unwrap();
        let mut second = Sgd::new(vec![weight.shallow_clone()], 7.0);
        second.load_state_dict(&first.state_dict().unwrap()).unwrap();
        assert_eq!(second.momentum_buffers[0].as_ref().unwrap().double_value(&[0]), 3.0);
        assert_eq!((second.lr(), second.options), (0.1, options));
    }
}
