//! The common part of schedulers: the optimizer's identity and learning rates, and the count of
//! epochs.

use super::SchedulerState;
use crate::train::optim::{Optimizer, OptimizerId};
use crate::{Error, Result};

/// The part of a scheduler that does not depend on its rule. Lists have one entry per parameter group.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    pub optimizer: OptimizerId,
    /// The learning rates that the optimizer began with, PyTorch's `initial_lr`.
    pub base_lrs: Vec<f64>,
    /// Steps counted, PyTorch's `last_epoch`.
    pub last_epoch: usize,
    /// The learning rates last seen or set.
    pub last_lrs: Vec<f64>,
}

impl Schedule {
    pub fn new(optimizer: &dyn Optimizer) -> Self {
        Schedule {
            optimizer: optimizer.id(),
            base_lrs: optimizer.initial_lrs(),
            last_epoch: 0,
            last_lrs: optimizer.lrs(),
        }
    }

    pub fn must_be_of(&self, scheduler: &'static str, optimizer: &dyn Optimizer) -> Result<()> {
        if self.optimizer == optimizer.id() {
            return Ok(());
        }
        let reason = format!(
            "was built on another optimizer than this {}, whose learning rate it would never change: \
             build the scheduler again, after the optimizer",
            optimizer.name()
        );
        Err(Error::Scheduler { scheduler, reason })
    }

    /// Counts an epoch and gives each group the learning rate that `rule` makes of its current one; the
    /// rule also gets the group's initial one.
    ///
    /// As in PyTorch's chainable form the current rate is changed, not recomputed from the first
    /// one: a rate that was set by hand in between stays in effect.
    pub fn advance(&mut self, optimizer: &mut dyn Optimizer, rule: impl Fn(usize, f64, f64) -> f64) {
        self.last_epoch += 1;
        let lrs = optimizer.lrs();
        let changed = lrs.iter().zip(&self.base_lrs).map(|(lr, base)| rule(self.last_epoch, *lr, *base));
        self.set(optimizer, changed.collect());
    }

    /// Counts from 0 again, where each group has `factor` of its first learning rate.
    pub fn begin(&mut self, optimizer: &mut dyn Optimizer, factor: f64) {
        self.last_epoch = 0;
        let first = self.base_lrs.iter().map(|base| base * factor).collect();
        self.set(optimizer, first);
    }

    pub fn set(&mut self, optimizer: &mut dyn Optimizer, lrs: Vec<f64>) {
        optimizer.set_lrs(&lrs);
        self.last_lrs = lrs;
    }

    /// Where it is, for a [`SchedulerState`].
    pub fn numbers(&self) -> Vec<(String, f64)> {
        let mut numbers = vec![("last_epoch".to_owned(), self.last_epoch as f64)];
        for (name, list) in [("base_lrs", &self.base_lrs), ("_last_lr", &self.last_lrs)] {
            numbers.extend(list.iter().enumerate().map(|(index, lr)| (format!("{name}.{index}"), *lr)));
        }
        numbers
    }

    pub fn restore(&mut self, state: &SchedulerState) {
        let number = |name: &str, now: f64| state.number(name).unwrap_or(now);
        self.last_epoch = number("last_epoch", self.last_epoch as f64) as usize;
        for (index, lr) in self.base_lrs.iter_mut().enumerate() {
            *lr = number(&format!("base_lrs.{index}"), *lr);
        }
        for (index, lr) in self.last_lrs.iter_mut().enumerate() {
            *lr = number(&format!("_last_lr.{index}"), *lr);
        }
    }
}

/// A factor by which a learning rate is multiplied.
pub(super) fn check_gamma(scheduler: &'static str, setting: &str, gamma: f64) -> Result<()> {
    if gamma.is_finite() && gamma > 0.0 {
        return Ok(());
    }
    Err(refuse(scheduler, format!("has {setting} = {gamma}: it must be a number above 0")))
}

pub(super) fn refuse(scheduler: &'static str, reason: String) -> Error {
    Error::Scheduler { scheduler, reason }
}

/// Learning rates as Python prints one, or a list of several.
pub(super) fn rates(lrs: &[f64]) -> String {
    let shown: Vec<String> = lrs.iter().map(|lr| crate::train::optim::python::float(*lr)).collect();
    match shown.as_slice() {
        [one] => one.clone(),
        several => format!("[{}]", several.join(", ")),
    }
}

/// The part that differs between schedulers whose next learning rate follows from the current one.
pub(super) trait Rule {
    /// Refuses settings that are out of their range; `name` is the scheduler's.
    fn check(&self, name: &'static str) -> Result<()>;

    /// The factor of the initial learning rate at the start.
    fn first_factor(&self) -> f64 {
        1.0
    }

    /// The learning rate after `epoch`, counted from 1, of a group that has `lr` and began with `base_lr`.
    fn next_lr(&self, epoch: usize, lr: f64, base_lr: f64) -> f64;
}

/// Makes a [`Scheduler`](super::Scheduler) of a type with a `schedule` and a [`Rule`].
macro_rules! scheduler_by_rule {
    ($scheduler:ty, $name:literal) => {
        impl super::Scheduler for $scheduler {
            super::schedule::scheduler_of_schedule!($name);

            fn validate(&self, optimizer: &dyn $crate::train::Optimizer) -> $crate::Result<()> {
                self.schedule.must_be_of($name, optimizer)?;
                super::schedule::Rule::check(self, $name)
            }

            fn begin(&mut self, optimizer: &mut dyn $crate::train::Optimizer) -> $crate::Result<()> {
                self.validate(optimizer)?;
                self.schedule.begin(optimizer, super::schedule::Rule::first_factor(self));
                Ok(())
            }

            fn step(&mut self, optimizer: &mut dyn $crate::train::Optimizer) -> $crate::Result<()> {
                self.validate(optimizer)?;
                // Its settings, beside the schedule that changes.
                let rule = self.clone();
                self.schedule.advance(optimizer, |epoch, lr, base_lr| {
                    super::schedule::Rule::next_lr(&rule, epoch, lr, base_lr)
                });
                Ok(())
            }
        }
    };
}
pub(super) use scheduler_by_rule;

/// The methods of [`Scheduler`](super::Scheduler) for schedulers whose only state is the schedule.
macro_rules! scheduler_of_schedule {
    ($name:literal) => {
        fn name(&self) -> &'static str {
            $name
        }

        fn optimizer_id(&self) -> $crate::train::OptimizerId {
            self.schedule.optimizer
        }

        fn state_dict(&self) -> super::SchedulerState {
            super::SchedulerState { name: $name.into(), numbers: self.schedule.numbers() }
        }

        fn load_state_dict(&mut self, state: &super::SchedulerState) -> $crate::Result<()> {
            state.must_be_of($name)?;
            self.schedule.restore(state);
            Ok(())
        }
    };
}
pub(super) use scheduler_of_schedule;

/// Shows a scheduler as `StepLR(step_size=10, gamma=0.1, last_epoch=0, last_lr=0.01)`.
macro_rules! show_as_python {
    ($scheduler:ty, $($setting:ident),+) => {
        impl std::fmt::Display for $scheduler {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}(", $crate::train::Scheduler::name(self))?;
                $(write!(f, "{}={:?}, ", stringify!($setting), self.$setting)?;)+
                let last_lr = super::schedule::rates(&self.schedule.last_lrs);
                write!(f, "last_epoch={}, last_lr={last_lr})", self.schedule.last_epoch)
            }
        }

        impl std::fmt::Debug for $scheduler {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }
    };
}
pub(super) use show_as_python;
