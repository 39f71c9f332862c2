//! What every scheduler has: its optimizer's identity and learning rates, and the count of epochs.

use crate::train::optim::{Optimizer, OptimizerId};
use crate::{Error, Result};

/// The part of a scheduler that does not depend on its rule.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    pub optimizer: OptimizerId,
    /// The learning rate when the scheduler was built.
    pub base_lr: f64,
    /// Epochs counted, PyTorch's `last_epoch`.
    pub last_epoch: usize,
    /// The learning rate last seen or set.
    pub last_lr: f64,
}

impl Schedule {
    pub fn new(optimizer: &dyn Optimizer) -> Self {
        let lr = optimizer.lr();
        Schedule { optimizer: optimizer.id(), base_lr: lr, last_epoch: 0, last_lr: lr }
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

    /// Counts an epoch and gives the learning rate that `rule` makes of the current one.
    ///
    /// As in PyTorch's chainable form the current rate is changed, not recomputed from the first
    /// one: a rate that was set by hand in between stays in effect.
    pub fn advance(&mut self, optimizer: &mut dyn Optimizer, rule: impl FnOnce(&Schedule, f64) -> f64) {
        self.last_epoch += 1;
        self.last_lr = rule(self, optimizer.lr());
        optimizer.set_lr(self.last_lr);
    }
}

/// A factor by which a learning rate is multiplied.
pub(super) fn check_gamma(scheduler: &'static str, setting: &str, gamma: f64) -> Result<()> {
    if gamma.is_finite() && gamma > 0.0 {
        return Ok(());
    }
    Err(Error::Scheduler {
        scheduler,
        reason: format!("has {setting} = {gamma}: it must be a number above 0"),
    })
}

/// Shows a scheduler as `StepLR(step_size=10, gamma=0.1, last_epoch=0, last_lr=0.01)`.
macro_rules! show_as_python {
    ($scheduler:ty, $($setting:ident),+) => {
        impl std::fmt::Display for $scheduler {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}(", $crate::train::Scheduler::name(self))?;
                $(write!(f, "{}={:?}, ", stringify!($setting), self.$setting)?;)+
                let last_lr = $crate::train::optim::python::float(self.schedule.last_lr);
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
