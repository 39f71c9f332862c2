//! The arithmetic that [`Adam`](super::Adam) and [`AdamW`](super::AdamW) share: `torch.optim.adam`'s
//! `_single_tensor_adam`, operation by operation, so that results differ from PyTorch's in the last
//! bit at most ([Kingma and Ba 2014](https://arxiv.org/abs/1412.6980)).

use tch::Tensor;

use super::group::{at_least_zero, refuse};
use super::pieces::in_pieces;
use super::python;
use super::rule::Rule;
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
