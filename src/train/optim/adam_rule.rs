//! The arithmetic that [`Adam`](super::Adam) and [`AdamW`](super::AdamW) share: `torch.optim.adam`'s
//! `_single_tensor_adam`, operation by operation, so that results differ from PyTorch's in the last
//! bit at most ([Kingma and Ba 2014](https://arxiv.org/abs/1412.6980)). On a GPU all parameters take their step in one
//! kernel, as with `fused=True`.

use tch::Tensor;
use torch_accelerator::AdamStep;

use super::group::{at_least_zero, refuse};
use super::pieces::in_pieces;
use super::python;
use super::rule::{Rule, Update};
use super::state::OptimizerState;
use crate::Result;
use crate::models::Parameter;

/// An Adam of either kind.
#[derive(Clone, Copy)]
pub(super) struct AdamRule {
    pub name: &'static str,
    pub betas: (f64, f64),
    pub eps: f64,
    /// Whether the decay shrinks the weights directly (AdamW) or joins the gradient (Adam).
    pub decoupled: bool,
}

/// The optimizer state of a parameter.
pub(super) struct Moments {
    step: i32,
    exp_avg: Tensor,
    exp_avg_sq: Tensor,
}

impl Rule for AdamRule {
    type Memory = Moments;

    fn name(&self) -> &'static str {
        self.name
    }

    fn validate(&self) -> Result<()> {
        at_least_zero(self.name, "eps", self.eps)?;
        for (setting, beta) in [("betas.0", self.betas.0), ("betas.1", self.betas.1)] {
            if !(0.0..1.0).contains(&beta) {
                let reason = format!("has {setting} = {beta}: it must be at least 0 and below 1");
                return Err(refuse(self.name, reason));
            }
        }
        Ok(())
    }

    fn current_momentum(&self) -> Option<f64> {
        Some(self.betas.0)
    }

    fn set_momentum(&mut self, momentum: f64) {
        self.betas.0 = momentum;
    }

    fn shown(&self) -> Vec<(&'static str, String)> {
        let betas = format!("({}, {})", python::float(self.betas.0), python::float(self.betas.1));
        vec![
            ("amsgrad", python::boolean(false)),
            ("betas", betas),
            ("decoupled_weight_decay", python::boolean(self.decoupled)),
            ("eps", python::float(self.eps)),
            ("maximize", python::boolean(false)),
        ]
    }

    fn settings(&self) -> Vec<(&'static str, f64)> {
        vec![("beta1", self.betas.0), ("beta2", self.betas.1), ("eps", self.eps)]
    }

    fn take_settings(&mut self, saved: &dyn Fn(&str, f64) -> f64) {
        self.betas = (saved("beta1", self.betas.0), saved("beta2", self.betas.1));
        self.eps = saved("eps", self.eps);
    }

    fn remember(&self, parameter: &Tensor) -> Result<Moments> {
        let zeros = || parameter.f_detach()?.f_zeros_like();
        Ok(Moments { step: 0, exp_avg: zeros()?, exp_avg_sq: zeros()? })
    }

    fn update(
        &self,
        moments: &mut Moments,
        parameter: &Tensor,
        gradient: Tensor,
        lr: f64,
        weight_decay: f64,
    ) -> Result<()> {
        let (beta1, beta2) = self.betas;
        moments.step += 1;
        let step = Step {
            rule: *self,
            lr,
            weight_decay,
            step_size: lr / (1.0 - beta1.powi(moments.step)),
            correction2_sqrt: (1.0 - beta2.powi(moments.step)).sqrt(),
        };
        in_pieces([parameter, &gradient, &moments.exp_avg, &moments.exp_avg_sq], |piece| step.apply(piece))
    }

    fn update_on_gpu(&self, updates: &mut [Update<'_, Moments>]) -> Result<()> {
        let lies_alike = |update: &Update<'_, Moments>| {
            let Moments { exp_avg, exp_avg_sq, .. } = &*update.memory;
            let strides = update.parameter.stride();
            [&update.gradient, exp_avg, exp_avg_sq].iter().all(|tensor| tensor.stride() == strides)
        };
        let kind =
            |update: &Update<'_, Moments>| (lies_alike(update), update.parameter.kind(), update.memory.step);
        for together in updates.chunk_by_mut(|one, other| kind(one) == kind(other)) {
            if !lies_alike(&together[0]) {
                together.iter_mut().try_for_each(|update| update.alone(self))?;
                continue;
            }
            together.iter_mut().for_each(|update| update.memory.step += 1);
            let first = &together[0];
            let settings = AdamStep {
                step: first.memory.step,
                lr: first.lr,
                betas: self.betas,
                weight_decay: first.weight_decay,
                eps: self.eps,
                decoupled: self.decoupled,
            };
            let list = |tensor: for<'a> fn(&'a Update<'_, Moments>) -> &'a Tensor| -> Vec<Tensor> {
                together.iter().map(|update| tensor(update).shallow_clone()).collect()
            };
            torch_accelerator::fused_adam(
                settings,
                &list(|update| update.parameter),
                &list(|update| &update.gradient),
                &list(|update| &update.memory.exp_avg),
                &list(|update| &update.memory.exp_avg_sq),
            )?;
        }
        Ok(())
    }

    fn save(&self, moments: &Moments, name: &str, state: &mut OptimizerState) -> Result<()> {
        state.push_number(name, "step", f64::from(moments.step));
        state.push_tensor(name, "exp_avg", &moments.exp_avg)?;
        state.push_tensor(name, "exp_avg_sq", &moments.exp_avg_sq)
    }

    fn restore(&self, parameter: &Parameter, state: &OptimizerState) -> Result<Option<Moments>> {
        let Parameter { name, tensor } = parameter;
        let step = state.number(name, "step");
        let exp_avg = state.restore(self.name, name, "exp_avg", tensor)?;
        let exp_avg_sq = state.restore(self.name, name, "exp_avg_sq", tensor)?;
        match (step, exp_avg, exp_avg_sq) {
            (None, None, None) => Ok(None),
            (Some(step), Some(exp_avg), Some(exp_avg_sq)) => {
                Ok(Some(Moments { step: step as i32, exp_avg, exp_avg_sq }))
            }
            _ => Err(refuse(
                self.name,
                format!("cannot load the state: part of what it says of {name} is missing"),
            )),
        }
    }
}

/// The numbers of one step.
struct Step {
    rule: AdamRule,
    lr: f64,
    weight_decay: f64,
    step_size: f64,
    correction2_sqrt: f64,
}

impl Step {
    /// Changes a parameter, or a piece of it.
    ///
    /// tch's `addcmul` and `addcdiv` lack the factor `value`; it is multiplied into the first
    /// operand instead, where libtorch applies it too.
    fn apply(&self, [mut parameter, mut gradient, mut exp_avg, mut exp_avg_sq]: [Tensor; 4]) -> Result<()> {
        let AdamRule { betas: (beta1, beta2), eps, decoupled, .. } = self.rule;
        let weight_decay = self.weight_decay;
        if weight_decay != 0.0 {
            if decoupled {
                let _ = parameter.f_mul_scalar_(1.0 - self.lr * weight_decay)?;
            } else {
                gradient = gradient.f_add(&parameter.f_mul_scalar(weight_decay)?)?;
            }
        }
        let _ = exp_avg.f_lerp_(&gradient, 1.0 - beta1)?;
        let scaled = gradient.f_mul_scalar(1.0 - beta2)?;
        let _ = exp_avg_sq.f_mul_scalar_(beta2)?.f_addcmul_(&scaled, &gradient)?;
        let denominator = exp_avg_sq.f_sqrt()?.f_div_scalar_(self.correction2_sqrt)?.f_add_scalar_(eps)?;
        let _ = parameter.f_addcdiv_(&exp_avg.f_mul_scalar(-self.step_size)?, &denominator)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    /// Two parameters after three steps, of which the second lies in another order in memory than its gradient.
    fn stepped(rule: AdamRule, together: bool) -> Vec<f64> {
        let values = |size: [i64; 2]| Tensor::arange(12, (Kind::Double, Device::Cpu)).reshape(size) * 0.1;
        let parameters = [values([3, 4]), values([4, 3]).tr()];
        let mut memories: Vec<_> = parameters.iter().map(|one| rule.remember(one).unwrap()).collect();
        for step in 1..4 {
            let updates = parameters.iter().zip(&mut memories).map(|(parameter, memory)| {
                let gradient = values([3, 4]) - f64::from(step);
                Update { memory, parameter, gradient, lr: 0.1, weight_decay: 0.01 }
            });
            let mut updates: Vec<_> = updates.collect();
            match together {
                true => rule.update_on_gpu(&mut updates).unwrap(),
                false => updates.iter_mut().for_each(|update| update.alone(&rule).unwrap()),
            }
        }
        parameters.iter().flat_map(|one| Vec::<f64>::try_from(one.reshape([-1])).unwrap()).collect()
    }

    #[test]
    fn a_gpus_step_is_that_of_each_parameter_alone() {
        for decoupled in [false, true] {
            let rule = AdamRule { name: "Adam", betas: (0.9, 0.999), eps: 1e-8, decoupled };
            let (alone, together) = (stepped(rule, false), stepped(rule, true));
            let apart = alone.iter().zip(&together).map(|(one, other)| (one - other).abs());
            assert!(apart.fold(0.0, f64::max) < 1e-6, "{alone:?} {together:?}");
        }
    }
}
