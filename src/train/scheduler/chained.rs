//! Several schedulers at once.

use std::fmt;

use super::schedule::refuse;
use super::{Scheduler, SchedulerState};
use crate::Result;
use crate::train::optim::{Optimizer, OptimizerId};

/// Steps several schedulers, each of which changes the learning rate that the previous ones set:
/// [`ChainedScheduler`](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.ChainedScheduler.html).
pub struct ChainedScheduler {
    schedulers: Vec<Box<dyn Scheduler>>,
    optimizer: OptimizerId,
}

impl ChainedScheduler {
    /// Of `schedulers`, at least one, all built on the same optimizer:
    /// `vec![Box::new(warm_up), Box::new(decay)]`. Never fails: a mismatch is reported by the first
    /// step.
    pub fn new(schedulers: Vec<Box<dyn Scheduler>>) -> Self {
        let optimizer =
            schedulers.first().map_or_else(OptimizerId::new, |scheduler| scheduler.optimizer_id());
        ChainedScheduler { schedulers, optimizer }
    }
}

impl Scheduler for ChainedScheduler {
    fn name(&self) -> &'static str {
        "ChainedScheduler"
    }

    fn optimizer_id(&self) -> OptimizerId {
        self.optimizer
    }

    fn validate(&self, optimizer: &dyn Optimizer) -> Result<()> {
        if self.schedulers.is_empty() {
            return Err(refuse(self.name(), "has no schedulers: give it at least one".into()));
        }
        self.schedulers.iter().try_for_each(|scheduler| scheduler.validate(optimizer))
    }

    fn begin(&mut self, optimizer: &mut dyn Optimizer) -> Result<()> {
        self.schedulers.iter_mut().try_for_each(|scheduler| scheduler.begin(optimizer))
    }

    fn step(&mut self, optimizer: &mut dyn Optimizer) -> Result<()> {
        self.validate(optimizer)?;
        self.schedulers.iter_mut().try_for_each(|scheduler| scheduler.step(optimizer))
    }

    fn step_with_loss(&mut self, optimizer: &mut dyn Optimizer, valid_loss: f64) -> Result<()> {
        self.validate(optimizer)?;
        self.schedulers.iter_mut().try_for_each(|scheduler| scheduler.step_with_loss(optimizer, valid_loss))
    }

    fn state_dict(&self) -> SchedulerState {
        let parts: Vec<_> = self.schedulers.iter().map(|scheduler| scheduler.state_dict()).collect();
        SchedulerState::join(self.name(), &parts)
    }

    fn load_state_dict(&mut self, state: &SchedulerState) -> Result<()> {
        state.must_be_of(self.name())?;
        let parts = self.schedulers.iter_mut().enumerate();
        parts.into_iter().try_for_each(|(number, part)| {
            let own = state.part(number, part.name());
            part.load_state_dict(&own)
        })
    }
}

impl fmt::Display for ChainedScheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChainedScheduler({:?})", self.schedulers)
    }
}

impl fmt::Debug for ChainedScheduler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
