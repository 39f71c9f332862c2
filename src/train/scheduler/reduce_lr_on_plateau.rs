//! A lower learning rate when the validation loss no longer falls.

use super::Scheduler;
use super::schedule::{Schedule, check_gamma, show_as_python};
use crate::train::optim::{Optimizer, OptimizerId};
use crate::{Error, Result};

/// A loss counts as better when it is below this share of the best so far (PyTorch's `threshold` 1e-4, `rel`).
const THRESHOLD: f64 = 1e-4;
/// Smaller changes of the learning rate are not made (PyTorch's `eps`).
const SMALLEST_CHANGE: f64 = 1e-8;

/// Multiplies the learning rate by `factor` when the validation loss has not improved for more than
/// `patience` epochs, the step that the tutorial has in a comment:
/// [`ReduceLROnPlateau`](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ReduceLROnPlateau.html)
/// with mode `min` and PyTorch's defaults for the rest.
#[derive(Clone)]
pub struct ReduceLrOnPlateau {
    schedule: Schedule,
    factor: f64,
    patience: usize,
    best: f64,
    num_bad_epochs: usize,
}

impl ReduceLrOnPlateau {
    /// On `optimizer`. `factor` is above 0 and below 1 (PyTorch: 0.1), `patience` in epochs
    /// (PyTorch: 10). Never fails: bad values are reported by the first step.
    pub fn new(optimizer: &dyn Optimizer, factor: f64, patience: usize) -> Self {
        let schedule = Schedule::new(optimizer);
        ReduceLrOnPlateau { schedule, factor, patience, best: f64::INFINITY, num_bad_epochs: 0 }
    }
}

impl Scheduler for ReduceLrOnPlateau {
    fn name(&self) -> &'static str {
        "ReduceLROnPlateau"
    }

    fn optimizer_id(&self) -> OptimizerId {
        self.schedule.optimizer
    }

    fn validate(&self, optimizer: &dyn Optimizer) -> Result<()> {
        self.schedule.must_be_of(self.name(), optimizer)?;
        check_gamma(self.name(), "factor", self.factor)?;
        if self.factor >= 1.0 {
            let reason = format!("has factor = {}: it must be below 1", self.factor);
            return Err(Error::Scheduler { scheduler: self.name(), reason });
        }
        Ok(())
    }

    /// Refused: this scheduler needs the loss.
    fn step(&mut self, _optimizer: &mut dyn Optimizer) -> Result<()> {
        let reason = "needs the validation loss: call step_with_loss(&mut optimizer, loss)".into();
        Err(Error::Scheduler { scheduler: self.name(), reason })
    }

    fn step_with_loss(&mut self, optimizer: &mut dyn Optimizer, valid_loss: f64) -> Result<()> {
        self.validate(optimizer)?;
        if valid_loss < self.best * (1.0 - THRESHOLD) {
            self.best = valid_loss;
            self.num_bad_epochs = 0;
        } else {
            self.num_bad_epochs += 1;
        }
        let reduce = self.num_bad_epochs > self.patience;
        if reduce {
            self.num_bad_epochs = 0;
        }
        let factor = self.factor;
        self.schedule.advance(optimizer, |_, lr| {
            if reduce && lr - lr * factor > SMALLEST_CHANGE { lr * factor } else { lr }
        });
        Ok(())
    }
}

show_as_python!(ReduceLrOnPlateau, factor, patience, best, num_bad_epochs);
