//! The tutorial's scheduler: a lower learning rate every so many epochs.

use super::schedule::{Rule, Schedule, check_gamma, refuse, scheduler_by_rule, show_as_python};
use crate::Result;
use crate::train::optim::Optimizer;

/// Multiplies the learning rate by `gamma` after every `step_size` epochs:
/// [`StepLR`](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.StepLR.html).
#[derive(Clone)]
pub struct StepLr {
    schedule: Schedule,
    step_size: usize,
    gamma: f64,
}

impl StepLr {
    /// On `optimizer`, the only one it will ever change. `step_size` is in epochs, at least 1;
    /// `gamma` above 0, mostly 0.1. Never fails: bad values are reported by the first step.
    pub fn new(optimizer: &dyn Optimizer, step_size: usize, gamma: f64) -> Self {
        StepLr { schedule: Schedule::new(optimizer), step_size, gamma }
    }
}

impl Rule for StepLr {
    fn check(&self, name: &'static str) -> Result<()> {
        check_gamma(name, "gamma", self.gamma)?;
        if self.step_size == 0 {
            return Err(refuse(name, "has step_size = 0: it must be at least 1 epoch".into()));
        }
        Ok(())
    }

    fn next_lr(&self, epoch: usize, lr: f64, _base_lr: f64) -> f64 {
        if epoch.is_multiple_of(self.step_size) { lr * self.gamma } else { lr }
    }
}

scheduler_by_rule!(StepLr, "StepLR");
show_as_python!(StepLr, step_size, gamma);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::Parameters;
    use crate::train::{Adam, Scheduler};

    #[test]
    fn shows_its_settings_and_where_it_is() {
        let mut adam = Adam::new(Parameters::default(), 1e-2);
        let mut scheduler = StepLr::new(&adam, 1, 0.1);
        scheduler.step(&mut adam).unwrap();
        let expected = "StepLR(step_size=1, gamma=0.1, last_epoch=1, last_lr=0.001)";
        assert_eq!(scheduler.to_string(), expected);
    }

    #[test]
    fn another_optimizer_is_refused_and_left_alone() {
        let (first, mut second) =
            (Adam::new(Parameters::default(), 1e-2), Adam::new(Parameters::default(), 1e-3));
        let refusal = StepLr::new(&first, 1, 0.1).step(&mut second).unwrap_err().to_string();
        assert!(refusal.contains("another optimizer"), "{refusal}");
        assert_eq!(second.lr(), 1e-3);
    }

    #[test]
    fn settings_without_a_meaning_are_refused() {
        let mut adam = Adam::new(Parameters::default(), 1e-2);
        assert!(
            StepLr::new(&adam, 0, 0.1).step(&mut adam).unwrap_err().to_string().contains("step_size = 0")
        );
        assert!(
            StepLr::new(&adam, 1, f64::NAN).step(&mut adam).unwrap_err().to_string().contains("gamma = NaN")
        );
    }

    /// The chainable form: a rate set by hand continues from there.
    #[test]
    fn a_rate_set_by_hand_is_kept() {
        let mut adam = Adam::new(Parameters::default(), 1e-2);
        let mut scheduler = StepLr::new(&adam, 2, 0.5);
        adam.set_lr(4.0);
        let mut seen = Vec::new();
        for _ in 0..3 {
            scheduler.step(&mut adam).unwrap();
            seen.push(adam.lr());
        }
        assert_eq!(seen, [4.0, 2.0, 2.0]);
    }
}
