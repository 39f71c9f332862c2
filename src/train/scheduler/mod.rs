//! Learning-rate schedulers: PyTorch's `torch.optim.lr_scheduler`.
//!
//! A scheduler remembers which optimizer it was built on and refuses any other. The tutorial's
//! second phase builds its scheduler on the first phase's optimizer, so that its learning rate
//! never falls; here that is an error.

mod chained;
mod cosine_annealing_lr;
mod exponential_lr;
mod linear_lr;
mod multi_step_lr;
mod one_cycle_lr;
mod reduce_lr_on_plateau;
mod schedule;
mod sequential_lr;
mod state;
mod step_lr;

use std::fmt;

use super::optim::{Optimizer, OptimizerId};
use crate::Result;

pub use chained::ChainedScheduler;
pub use cosine_annealing_lr::CosineAnnealingLr;
pub use exponential_lr::ExponentialLr;
pub use linear_lr::LinearLr;
pub use multi_step_lr::MultiStepLr;
pub use one_cycle_lr::{Anneal, OneCycleLr, OneCycleOptions};
pub use reduce_lr_on_plateau::ReduceLrOnPlateau;
pub use sequential_lr::SequentialLr;
pub use state::SchedulerState;
pub use step_lr::StepLr;

/// Changes the learning rates of one optimizer, once an epoch or once a batch.
pub trait Scheduler: fmt::Debug {
    /// PyTorch's class: `StepLR`.
    fn name(&self) -> &'static str;

    /// The optimizer it was built on.
    fn optimizer_id(&self) -> OptimizerId;

    /// Rejects an optimizer other than its own, and settings out of range.
    ///
    /// # Errors
    /// [`Error::Scheduler`](crate::Error::Scheduler) saying which.
    fn validate(&self, optimizer: &dyn Optimizer) -> Result<()>;

    /// Counts an epoch and sets the optimizer's learning rate for the next one: `scheduler.step()`.
    ///
    /// # Errors
    /// Those of [`validate`](Scheduler::validate).
    fn step(&mut self, optimizer: &mut dyn Optimizer) -> Result<()>;

    /// As [`step`](Scheduler::step), for schedulers that look at the validation loss of the epoch.
    ///
    /// # Errors
    /// Those of [`validate`](Scheduler::validate).
    fn step_with_loss(&mut self, optimizer: &mut dyn Optimizer, _valid_loss: f64) -> Result<()> {
        self.step(optimizer)
    }

    /// Sets the learning rates with which the schedule begins, and its count to 0: `scheduler.step(0)`,
    /// for schedules that follow others.
    ///
    /// # Errors
    /// Those of [`validate`](Scheduler::validate).
    fn begin(&mut self, optimizer: &mut dyn Optimizer) -> Result<()>;

    /// Its position, for a later run that continues from here; settings are not included.
    fn state_dict(&self) -> SchedulerState;

    /// Loads a state from [`state_dict`](Scheduler::state_dict). The optimizer's learning rates are part
    /// of its own state.
    ///
    /// # Errors
    /// [`Error::Scheduler`](crate::Error::Scheduler) when the state is another scheduler's.
    fn load_state_dict(&mut self, state: &SchedulerState) -> Result<()>;
}
