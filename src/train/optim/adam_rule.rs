//! The arithmetic that [`Adam`](super::Adam) and [`AdamW`](super::AdamW) share: `torch.optim.adam`'s
//! `_single_tensor_adam`, operation by operation, so that results differ from PyTorch's in the last
//! bit at most ([Kingma and Ba 2014](https://arxiv.org/abs/1412.6980)).

use tch::{Tensor, no_grad};

use super::group::{Group, at_least_zero, refuse};
use super::pieces::in_pieces;
use super::state::OptimizerState;
use super::{gradient, python};
use crate::Result;
use crate::models::Parameter;

/// What the two optimizers are told.
#[derive(Clone, Copy)]
pub(super) struct Settings {
    pub name: &'static str,
    pub betas: (f64, f64),
    pub eps: f64,
    /// Whether the decay shrinks the weights directly (AdamW) or joins the gradient (Adam).
    pub decoupled: bool,
}

/// What is remembered of a parameter.
struct Moments {
    step: i32,
    exp_avg: Tensor,
    exp_avg_sq: Tensor,
}

/// An Adam of either kind.
pub(super) struct AdamRule {
    pub group: Group,
    pub settings: Settings,
    moments: Vec<Option<Moments>>,
}

impl AdamRule {
    pub fn new(group: Group, settings: Settings) -> Self {
        let moments = group.parameters.iter().map(|_| None).collect();
        AdamRule { group, settings, moments }
    }

    pub fn validate(&self) -> Result<()> {
        let Settings { name, betas, eps, .. } = self.settings;
        self.group.validate(name)?;
        at_least_zero(name, "eps", eps)?;
        for (setting, beta) in [("betas.0", betas.0), ("betas.1", betas.1)] {
            if !(0.0..1.0).contains(&beta) {
                let reason = format!("has {setting} = {beta}: it must be at least 0 and below 1");
                return Err(refuse(name, reason));
            }
        }
        Ok(())
    }

    pub fn step(&mut self) -> Result<()> {
        self.validate()?;
        let AdamRule { group, settings, moments } = self;
        no_grad(|| {
            for ((parameter, lr, decay), moments) in group.settled().zip(moments) {
                if let Some(gradient) = gradient(&parameter.tensor)? {
                    let moments = match moments {
                        Some(moments) => moments,
                        None => moments.insert(Moments::zero(&parameter.tensor)?),
                    };
                    moments.update(&parameter.tensor, gradient, lr, decay, *settings)?;
                }
            }
            Ok(())
        })
    }

    pub fn state_dict(&self) -> Result<OptimizerState> {
        let Settings { name, betas, eps, .. } = self.settings;
        let settings = [("beta1", betas.0), ("beta2", betas.1), ("eps", eps)];
        let mut state = OptimizerState::of(name, &self.group, &settings);
        for (Parameter { name, .. }, moments) in self.group.parameters.iter().zip(&self.moments) {
            let Some(moments) = moments else { continue };
            state.push_number(name, "step", f64::from(moments.step));
            state.push_tensor(name, "exp_avg", &moments.exp_avg)?;
            state.push_tensor(name, "exp_avg_sq", &moments.exp_avg_sq)?;
        }
        Ok(state)
    }

    pub fn load_state_dict(&mut self, state: &OptimizerState) -> Result<()> {
        let name = self.settings.name;
        state.must_fit(name, &self.group)?;
        let restored = self.group.parameters.iter().map(|parameter| Moments::restore(name, parameter, state));
        self.moments = restored.collect::<Result<_>>()?;
        let Settings { betas, eps, .. } = self.settings;
        let setting = |name: &str, now: f64| state.setting(name).unwrap_or(now);
        self.group.restore(state);
        self.settings.betas = (setting("beta1", betas.0), setting("beta2", betas.1));
        self.settings.eps = setting("eps", eps);
        Ok(())
    }

    pub fn show(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Settings { name, betas, eps, decoupled } = self.settings;
        let betas = format!("({}, {})", python::float(betas.0), python::float(betas.1));
        let group = [
            ("amsgrad", python::boolean(false)),
            ("betas", betas),
            ("decoupled_weight_decay", python::boolean(decoupled)),
            ("eps", python::float(eps)),
            ("maximize", python::boolean(false)),
        ];
        python::write_groups(f, name, &group, &self.group)
    }
}

impl Moments {
    fn zero(parameter: &Tensor) -> Result<Self> {
        let zeros = || parameter.f_detach()?.f_zeros_like();
        Ok(Moments { step: 0, exp_avg: zeros()?, exp_avg_sq: zeros()? })
    }

    fn restore(
        optimizer: &'static str,
        parameter: &Parameter,
        state: &OptimizerState,
    ) -> Result<Option<Self>> {
        let Parameter { name, tensor } = parameter;
        let step = state.number(name, "step");
        let exp_avg = state.restore(optimizer, name, "exp_avg", tensor)?;
        let exp_avg_sq = state.restore(optimizer, name, "exp_avg_sq", tensor)?;
        match (step, exp_avg, exp_avg_sq) {
            (None, None, None) => Ok(None),
            (Some(step), Some(exp_avg), Some(exp_avg_sq)) => {
                Ok(Some(Moments { step: step as i32, exp_avg, exp_avg_sq }))
            }
            _ => Err(refuse(
                optimizer,
                format!("cannot take up the state: part of what it says of {name} is missing"),
            )),
        }
    }

    /// One step of one parameter.
    fn update(
        &mut self,
        parameter: &Tensor,
        gradient: Tensor,
        lr: f64,
        weight_decay: f64,
        settings: Settings,
    ) -> Result<()> {
        let (beta1, beta2) = settings.betas;
        self.step += 1;
        let step = Step {
            settings,
            lr,
            weight_decay,
            step_size: lr / (1.0 - beta1.powi(self.step)),
            correction2_sqrt: (1.0 - beta2.powi(self.step)).sqrt(),
        };
        in_pieces([parameter, &gradient, &self.exp_avg, &self.exp_avg_sq], |piece| step.apply(piece))
    }
}

/// The numbers of one step.
struct Step {
    settings: Settings,
    lr: f64,
    weight_decay: f64,
    step_size: f64,
    correction2_sqrt: f64,
}

impl Step {
    /// Changes a parameter, or a piece of it.
    ///
    /// libtorch's `addcmul` and `addcdiv` come without their factor here; it goes into the first
    /// operand instead, which is where they multiply it in.
    fn apply(&self, [mut parameter, mut gradient, mut exp_avg, mut exp_avg_sq]: [Tensor; 4]) -> Result<()> {
        let Settings { betas: (beta1, beta2), eps, decoupled, .. } = self.settings;
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
