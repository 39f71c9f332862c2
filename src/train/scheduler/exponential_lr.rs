//! A lower learning rate after every epoch.

use super::schedule::{Rule, Schedule, check_gamma, scheduler_by_rule, show_as_python};
use crate::Result;
use crate::train::optim::Optimizer;

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

impl Rule for ExponentialLr {
    fn check(&self, name: &'static str) -> Result<()> {
        check_gamma(name, "gamma", self.gamma)
    }

    fn next_lr(&self, _epoch: usize, lr: f64, _base_lr: f64) -> f64 {
        lr * self.gamma
    }
}

scheduler_by_rule!(ExponentialLr, "ExponentialLR");
show_as_python!(ExponentialLr, gamma);
