//! A lower learning rate after chosen epochs.

use super::Scheduler;
use super::schedule::{Schedule, check_gamma, scheduler_of_schedule, show_as_python};
use crate::Result;
use crate::train::optim::{Optimizer, OptimizerId};

/// Multiplies the learning rate by `gamma` after each of the epochs in `milestones`:
/// [`MultiStepLR`](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.MultiStepLR.html).
#[derive(Clone)]
pub struct MultiStepLr {
    schedule: Schedule,
    milestones: Vec<usize>,
    gamma: f64,
}

impl MultiStepLr {
    /// On `optimizer`. `milestones` are counts of epochs, in any order; one that is named twice
    /// counts twice. `gamma` is above 0. Never fails: bad values are reported by the first step.
    pub fn new(optimizer: &dyn Optimizer, milestones: &[usize], gamma: f64) -> Self {
        MultiStepLr { schedule: Schedule::new(optimizer), milestones: milestones.to_vec(), gamma }
    }
}

impl Scheduler for MultiStepLr {
    scheduler_of_schedule!("MultiStepLR");

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
        let (milestones, gamma) = (&self.milestones, self.gamma);
        self.schedule.advance(optimizer, |epoch, lr, _| {
            match milestones.iter().filter(|&&milestone| milestone == epoch).count() {
                0 => lr,
                times => lr * gamma.powi(times as i32),
            }
        });
        Ok(())
    }
}

show_as_python!(MultiStepLr, milestones, gamma);
