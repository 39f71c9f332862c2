//! A scheduler's state.

use std::fmt;

use super::schedule::refuse;
use crate::Result;

/// A scheduler's state: PyTorch's `scheduler.state_dict()`, without the settings.
#[derive(Clone, Default, PartialEq)]
pub struct SchedulerState {
    /// PyTorch's class: `StepLR`.
    pub name: String,
    /// What it counts, by PyTorch's names (`last_epoch`, `_last_lr.0`, …).
    pub numbers: Vec<(String, f64)>,
}

impl SchedulerState {
    /// The number of that name.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.numbers.iter().find(|(key, _)| key == name).map(|(_, value)| *value)
    }

    pub(super) fn must_be_of(&self, scheduler: &'static str) -> Result<()> {
        if self.name == scheduler {
            return Ok(());
        }
        let reason = format!("cannot load the state of a {}: build a scheduler of that kind", self.name);
        Err(refuse(scheduler, reason))
    }

    /// The states of several schedulers as one.
    pub(super) fn join(name: &str, parts: &[SchedulerState]) -> SchedulerState {
        let numbers = parts.iter().enumerate().flat_map(|(number, part)| {
            part.numbers.iter().map(move |(key, value)| (format!("{number}.{}.{key}", part.name), *value))
        });
        SchedulerState { name: name.into(), numbers: numbers.collect() }
    }

    /// The state of part `number`, a scheduler called `name`.
    pub(super) fn part(&self, number: usize, name: &str) -> SchedulerState {
        let prefix = format!("{number}.{name}.");
        let own = self
            .numbers
            .iter()
            .filter_map(|(key, value)| key.strip_prefix(&prefix).map(|key| (key.to_owned(), *value)));
        SchedulerState { name: name.into(), numbers: own.collect() }
    }
}

impl fmt::Debug for SchedulerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} state", self.name)?;
        self.numbers.iter().try_for_each(|(key, value)| write!(f, ", {key}={value}"))
    }
}
