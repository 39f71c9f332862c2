//! A lower learning rate after every epoch.

use super::Scheduler;
use super::schedule::{Schedule, check_gamma, scheduler_of_schedule, show_as_python};
use crate::Result;
use crate::train::optim::{Optimizer, OptimizerId};

/// Multiplies the learning rate by `gamma` after each epoch:
/// [`ExponentialLR`](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ExponentialLR.html).
#[derive(Clone)]
pub struct ExponentialLr {
    schedule: Schedule,
    gamma: f64,
}

impl ExponentialLr {
    /// On `optimizer`. `gamma` is above 0, mostly just below 1. Never fails: bad values are
    /// reported by the first step.
    pub fn new(optimizer: &dyn Optimizer, gamma: f64) -> Self {
        ExponentialLr { schedule: Schedule::new(optimizer), gamma }
    }
}

impl Scheduler for ExponentialLr {
    scheduler_of_schedule!("ExponentialLR");

    fn validate(&self, optimizer: &dyn Optimizer) -> Result<()> {
        self.schedule.must_be_of(self.name(), optimizer)?;
        check_gamma(self.name(), "gamma", self.gamma)
    }

    fn begin(&mut self, optimizer: &mut dyn Optimizer) -> Result<()> {
        self.validate(optimizer)?;
        self.schedule.begin(optimizer, 1.0);
        Ok(())
    }

    fn step(&mut self, optimizer: &mut dyn Optimizer) -> Result<()> {
        self.validate(optimizer)?;
        let gamma = self.gamma;
        self.schedule.advance(optimizer, |_, lr, _| lr * gamma);
        Ok(())
    }
}

show_as_python!(ExponentialLr, gamma);
