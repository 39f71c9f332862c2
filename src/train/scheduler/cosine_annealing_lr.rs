//! A learning rate that falls along half a cosine.

use std::f64::consts::PI;

use super::Scheduler;
use super::schedule::{Schedule, scheduler_of_schedule, show_as_python};
use crate::train::optim::{Optimizer, OptimizerId};
use crate::{Error, Result};

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

impl Scheduler for CosineAnnealingLr {
    scheduler_of_schedule!("CosineAnnealingLR");

    fn validate(&self, optimizer: &dyn Optimizer) -> Result<()> {
        self.schedule.must_be_of(self.name(), optimizer)?;
        let complaint = match (self.t_max, self.eta_min) {
            (0, _) => "has t_max = 0: it must be at least 1 epoch".into(),
            (_, eta_min) if !(eta_min >= 0.0 && eta_min.is_finite()) => {
                format!("has eta_min = {eta_min}: it must be a number of 0 or more")
            }
            _ => return Ok(()),
        };
        Err(Error::Scheduler { scheduler: self.name(), reason: complaint })
    }

    fn begin(&mut self, optimizer: &mut dyn Optimizer) -> Result<()> {
        self.validate(optimizer)?;
        self.schedule.begin(optimizer, 1.0);
        Ok(())
    }

    fn step(&mut self, optimizer: &mut dyn Optimizer) -> Result<()> {
        self.validate(optimizer)?;
        let (t_max, eta_min) = (self.t_max, self.eta_min);
        self.schedule.advance(optimizer, |epoch, lr, base_lr| {
            let part = |epoch: usize| (PI * epoch as f64 / t_max as f64).cos();
            // At the bottom the ratio below would divide by zero: PyTorch starts upwards from there.
            if epoch > t_max && (epoch - 1 - t_max).is_multiple_of(2 * t_max) {
                lr + (base_lr - eta_min) * (1.0 - part(1)) / 2.0
            } else {
                (1.0 + part(epoch)) / (1.0 + part(epoch - 1)) * (lr - eta_min) + eta_min
            }
        });
        Ok(())
    }
}

show_as_python!(CosineAnnealingLr, t_max, eta_min);
