//! A lower learning rate after chosen epochs.

use super::schedule::{Rule, Schedule, check_gamma, scheduler_by_rule, show_as_python};
use crate::Result;
use crate::train::optim::Optimizer;

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

impl Rule for MultiStepLr {
    fn check(&self, name: &'static str) -> Result<()> {
        check_gamma(name, "gamma", self.gamma)
    }

    fn next_lr(&self, epoch: usize, lr: f64, _base_lr: f64) -> f64 {
        match self.milestones.iter().filter(|&&milestone| milestone == epoch).count() {
            0 => lr,
            times => lr * self.gamma.powi(times as i32),
        }
    }
}

scheduler_by_rule!(MultiStepLr, "MultiStepLR");
show_as_python!(MultiStepLr, milestones, gamma);
