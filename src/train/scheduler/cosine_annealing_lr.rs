//! A learning rate that falls along half a cosine.

use std::f64::consts::PI;

use super::schedule::{Rule, Schedule, refuse, scheduler_by_rule, show_as_python};
use crate::Result;
use crate::train::optim::Optimizer;

/// From the first learning rate down to `eta_min` in `t_max` epochs, and up again after that:
/// [`CosineAnnealingLR`](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.CosineAnnealingLR.html)
/// ([Loshchilov and Hutter 2016](https://arxiv.org/abs/1608.03983), without restarts).
#[derive(Clone)]
pub struct CosineAnnealingLr {
    schedule: Schedule,
    t_max: usize,
    eta_min: f64,
}

impl CosineAnnealingLr {
    /// On `optimizer`, reaching `eta_min` (PyTorch's default is 0) after `t_max` epochs, at least 1.
    /// Never fails: bad values are reported by the first step.
    pub fn new(optimizer: &dyn Optimizer, t_max: usize, eta_min: f64) -> Self {
        CosineAnnealingLr { schedule: Schedule::new(optimizer), t_max, eta_min }
    }
}

impl Rule for CosineAnnealingLr {
    fn check(&self, name: &'static str) -> Result<()> {
        let eta_min = self.eta_min;
        if self.t_max == 0 {
            return Err(refuse(name, "has t_max = 0: it must be at least 1 epoch".into()));
        }
        if !(eta_min >= 0.0 && eta_min.is_finite()) {
            let reason = format!("has eta_min = {eta_min}: it must be a number of 0 or more");
            return Err(refuse(name, reason));
        }
        Ok(())
    }

    fn next_lr(&self, epoch: usize, lr: f64, base_lr: f64) -> f64 {
        let CosineAnnealingLr { t_max, eta_min, .. } = *self;
        let part = |epoch: usize| (PI * epoch as f64 / t_max as f64).cos();
        // At the bottom the ratio below would divide by zero: PyTorch starts upwards from there.
        if epoch > t_max && (epoch - 1 - t_max).is_multiple_of(2 * t_max) {
            lr + (base_lr - eta_min) * (1.0 - part(1)) / 2.0
        } else {
            (1.0 + part(epoch)) / (1.0 + part(epoch - 1)) * (lr - eta_min) + eta_min
        }
    }
}

scheduler_by_rule!(CosineAnnealingLr, "CosineAnnealingLR");
show_as_python!(CosineAnnealingLr, t_max, eta_min);
