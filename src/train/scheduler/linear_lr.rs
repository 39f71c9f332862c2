//! A learning rate that rises, or falls, in equal steps: a warm-up.

use super::schedule::{Rule, Schedule, check_gamma, refuse, scheduler_by_rule, show_as_python};
use crate::Result;
use crate::train::optim::Optimizer;

/// From `start_factor` to `end_factor` of the first learning rate in `total_iters` steps, and then
/// unchanged:
/// [`LinearLR`](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.LinearLR.html).
#[derive(Clone)]
pub struct LinearLr {
    schedule: Schedule,
    start_factor: f64,
    end_factor: f64,
    total_iters: usize,
}

impl LinearLr {
    /// A warm-up on `optimizer`, whose learning rates it sets to `start_factor` (above 0, at most 1;
    /// PyTorch's default is 1/3) of themselves at once; after `total_iters` steps (PyTorch: 5) they are
    /// whole. Never fails: bad values are reported by the first step.
    pub fn new(optimizer: &mut dyn Optimizer, start_factor: f64, total_iters: usize) -> Self {
        let mut schedule = Schedule::new(optimizer);
        let lrs = optimizer.lrs().iter().map(|lr| lr * start_factor).collect();
        schedule.set(optimizer, lrs);
        LinearLr { schedule, start_factor, end_factor: 1.0, total_iters }
    }

    /// What share of the first learning rate it ends at, 0 to 1. Default 1.
    pub fn end_factor(self, end_factor: f64) -> Self {
        LinearLr { end_factor, ..self }
    }
}

impl Rule for LinearLr {
    fn check(&self, name: &'static str) -> Result<()> {
        check_gamma(name, "start_factor", self.start_factor)?;
        for (setting, factor) in [("start_factor", self.start_factor), ("end_factor", self.end_factor)] {
            if !(0.0..=1.0).contains(&factor) {
                return Err(refuse(name, format!("has {setting} = {factor}: it must be from 0 to 1")));
            }
        }
        if self.total_iters == 0 {
            return Err(refuse(name, "has total_iters = 0: it must be at least 1".into()));
        }
        Ok(())
    }

    fn first_factor(&self) -> f64 {
        self.start_factor
    }

    fn next_lr(&self, epoch: usize, lr: f64, _base_lr: f64) -> f64 {
        let (start, total) = (self.start_factor, self.total_iters as f64);
        if epoch as f64 > total {
            return lr;
        }
        let rise = self.end_factor - start;
        lr * (1.0 + rise / (total * start + (epoch - 1) as f64 * rise))
    }
}

scheduler_by_rule!(LinearLr, "LinearLR");
show_as_python!(LinearLr, start_factor, end_factor, total_iters);
