//! A learning rate that rises, or falls, in equal steps: a warm-up.

use super::Scheduler;
use super::schedule::{Schedule, check_gamma, refuse, scheduler_of_schedule, show_as_python};
use crate::Result;
use crate::train::optim::{Optimizer, OptimizerId};

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
        LinearLr::with_end(optimizer, start_factor, 1.0, total_iters)
    }

    /// As [`LinearLr::new`], ending at `end_factor` of the first learning rate, 0 to 1.
    pub fn with_end(
        optimizer: &mut dyn Optimizer,
        start_factor: f64,
        end_factor: f64,
        total_iters: usize,
    ) -> Self {
        let mut schedule = Schedule::new(optimizer);
        let lrs = optimizer.lrs().iter().map(|lr| lr * start_factor).collect();
        schedule.set(optimizer, lrs);
        LinearLr { schedule, start_factor, end_factor, total_iters }
    }
}

impl Scheduler for LinearLr {
    scheduler_of_schedule!("LinearLR");

    fn validate(&self, optimizer: &dyn Optimizer) -> Result<()> {
        self.schedule.must_be_of(self.name(), optimizer)?;
        check_gamma(self.name(), "start_factor", self.start_factor)?;
        for (setting, factor) in [("start_factor", self.start_factor), ("end_factor", self.end_factor)] {
            if !(0.0..=1.0).contains(&factor) {
                return Err(refuse(self.name(), format!("has {setting} = {factor}: it must be from 0 to 1")));
            }
        }
        if self.total_iters == 0 {
            return Err(refuse(self.name(), "has total_iters = 0: it must be at least 1".into()));
        }
        Ok(())
    }

    fn begin(&mut self, optimizer: &mut dyn Optimizer) -> Result<()> {
        self.validate(optimizer)?;
        self.schedule.begin(optimizer, self.start_factor);
        Ok(())
    }

    fn step(&mut self, optimizer: &mut dyn Optimizer) -> Result<()> {
        self.validate(optimizer)?;
        let (start, total) = (self.start_factor, self.total_iters as f64);
        let rise = self.end_factor - start;
        self.schedule.advance(optimizer, |epoch, lr, _| {
            if epoch as f64 > total {
                return lr;
            }
            lr * (1.0 + rise / (total * start + (epoch - 1) as f64 * rise))
        });
        Ok(())
    }
}

show_as_python!(LinearLr, start_factor, end_factor, total_iters);
