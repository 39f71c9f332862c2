//! A lower learning rate when the validation loss no longer falls.

use super::schedule::{Schedule, check_gamma, refuse, show_as_python};
use super::{Scheduler, SchedulerState};
use crate::Result;
use crate::train::optim::{Optimizer, OptimizerId};

/// Smaller changes of the learning rate are not made (PyTorch's `eps`).
const SMALLEST_CHANGE: f64 = 1e-8;

/// Multiplies the learning rate by `factor` when the validation loss has not improved for more than
/// `patience` epochs, the alternative that the tutorial has in a comment:
/// [`ReduceLROnPlateau`](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ReduceLROnPlateau.html)
/// with mode `min` and a relative threshold.
#[derive(Clone)]
pub struct ReduceLrOnPlateau {
    schedule: Schedule,
    factor: f64,
    patience: usize,
    threshold: f64,
    cooldown: usize,
    min_lr: f64,
    best: f64,
    num_bad_epochs: usize,
    cooldown_counter: usize,
}

impl ReduceLrOnPlateau {
    /// On `optimizer`. `factor` is above 0 and below 1 (PyTorch: 0.1), `patience` in epochs
    /// (PyTorch: 10). Never fails: bad values are reported by the first step.
    pub fn new(optimizer: &dyn Optimizer, factor: f64, patience: usize) -> Self {
        ReduceLrOnPlateau {
            schedule: Schedule::new(optimizer),
            factor,
            patience,
            threshold: 1e-4,
            cooldown: 0,
            min_lr: 0.0,
            best: f64::INFINITY,
            num_bad_epochs: 0,
            cooldown_counter: 0,
        }
    }

    /// A loss counts as better when it is below the best so far by this share of it. Default 1e-4.
    pub fn threshold(self, threshold: f64) -> Self {
        ReduceLrOnPlateau { threshold, ..self }
    }

    /// Epochs after a change in which none is counted as bad. Default 0.
    pub fn cooldown(self, cooldown: usize) -> Self {
        ReduceLrOnPlateau { cooldown, ..self }
    }

    /// No learning rate goes below this. Default 0.
    pub fn min_lr(self, min_lr: f64) -> Self {
        ReduceLrOnPlateau { min_lr, ..self }
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
            return Err(refuse(self.name(), format!("has factor = {}: it must be below 1", self.factor)));
        }
        for (setting, value) in [("threshold", self.threshold), ("min_lr", self.min_lr)] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(refuse(self.name(), format!("has {setting} = {value}: it must be 0 or more")));
            }
        }
        Ok(())
    }

    fn begin(&mut self, optimizer: &mut dyn Optimizer) -> Result<()> {
        self.validate(optimizer)?;
        (self.best, self.num_bad_epochs, self.cooldown_counter) = (f64::INFINITY, 0, 0);
        self.schedule.begin(optimizer, 1.0);
        Ok(())
    }

    /// Refused: this scheduler needs the loss.
    fn step(&mut self, _optimizer: &mut dyn Optimizer) -> Result<()> {
        let reason = "needs the validation loss: call step_with_loss(&mut optimizer, loss), once an epoch";
        Err(refuse(self.name(), reason.into()))
    }

    fn step_with_loss(&mut self, optimizer: &mut dyn Optimizer, valid_loss: f64) -> Result<()> {
        self.validate(optimizer)?;
        let ReduceLrOnPlateau { threshold, cooldown, min_lr, .. } = *self;
        if valid_loss < self.best * (1.0 - threshold) {
            self.best = valid_loss;
            self.num_bad_epochs = 0;
        } else {
            self.num_bad_epochs += 1;
        }
        if self.cooldown_counter > 0 {
            self.cooldown_counter -= 1;
            self.num_bad_epochs = 0;
        }
        let reduce = self.num_bad_epochs > self.patience;
        if reduce {
            self.cooldown_counter = cooldown;
            self.num_bad_epochs = 0;
        }
        let factor = self.factor;
        self.schedule.advance(optimizer, |_, lr, _| {
            let lower = (lr * factor).max(min_lr);
            if reduce && lr - lower > SMALLEST_CHANGE { lower } else { lr }
        });
        Ok(())
    }

    fn state_dict(&self) -> SchedulerState {
        let mut numbers = self.schedule.numbers();
        numbers.push(("best".into(), self.best));
        numbers.push(("num_bad_epochs".into(), self.num_bad_epochs as f64));
        numbers.push(("cooldown_counter".into(), self.cooldown_counter as f64));
        SchedulerState { name: self.name().into(), numbers }
    }

    fn load_state_dict(&mut self, state: &SchedulerState) -> Result<()> {
        state.must_be_of(self.name())?;
        self.schedule.restore(state);
        self.best = state.number("best").unwrap_or(f64::INFINITY);
        self.num_bad_epochs = state.number("num_bad_epochs").unwrap_or(0.0) as usize;
        self.cooldown_counter = state.number("cooldown_counter").unwrap_or(0.0) as usize;
        Ok(())
    }
}

show_as_python!(ReduceLrOnPlateau, factor, patience, best, num_bad_epochs);
