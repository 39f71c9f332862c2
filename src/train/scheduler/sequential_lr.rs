//! One scheduler after another.

use std::fmt;

use super::schedule::refuse;
use super::{Scheduler, SchedulerState};
use crate::Result;
use crate::train::optim::{Optimizer, OptimizerId};

/// Schedulers that take turns: the second from the first milestone on, and so on, each beginning with the
/// optimizer's first learning rate; a warm-up and what follows it:
/// [`SequentialLR`](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.SequentialLR.html).
///
/// ```
/// # use herbarium::prelude::*;
/// # use herbarium::train::{LinearLr, SequentialLr};
/// # let mut optimizer = Sgd::new(vec![Tensor::zeros([1], (Kind::Float, Device::Cpu))], 0.1);
/// let warm_up = LinearLr::new(&mut optimizer, 0.1, 5);
/// let cosine = CosineAnnealingLr::new(&optimizer, 25, 0.0);
/// let scheduler = SequentialLr::new(&mut optimizer, vec![Box::new(warm_up), Box::new(cosine)], &[5]);
/// # assert!((optimizer.lr() - 0.01).abs() < 1e-12);
/// ```
pub struct SequentialLr {
    schedulers: Vec<Box<dyn Scheduler>>,
    milestones: Vec<usize>,
    last_epoch: usize,
    optimizer: OptimizerId,
}

impl SequentialLr {
    /// Of `schedulers` on `optimizer`; `milestones` are the counts of steps at which the second and later
    /// ones begin, one fewer than there are schedulers, rising. Never fails: a mismatch is reported by
    /// the first step.
    pub fn new(
        optimizer: &mut dyn Optimizer,
        schedulers: Vec<Box<dyn Scheduler>>,
        milestones: &[usize],
    ) -> Self {
        let mut sequence = SequentialLr {
            schedulers,
            milestones: milestones.to_vec(),
            last_epoch: 0,
            optimizer: optimizer.id(),
        };
        if sequence.validate(optimizer).is_ok()
            && let Some(first) = sequence.schedulers.first_mut()
        {
            // Validated: it cannot fail.
            let _ = first.begin(optimizer);
        }
        sequence
    }

    /// Which scheduler's turn it is.
    fn turn(&self) -> usize {
        self.milestones.iter().filter(|milestone| **milestone <= self.last_epoch).count()
    }

    fn advance(&mut self, optimizer: &mut dyn Optimizer, valid_loss: Option<f64>) -> Result<()> {
        self.validate(optimizer)?;
        self.last_epoch += 1;
        let turn = self.turn();
        let begins = turn > 0 && self.milestones[turn - 1] == self.last_epoch;
        match (&mut self.schedulers[turn], valid_loss) {
            (scheduler, _) if begins => scheduler.begin(optimizer),
            (scheduler, Some(loss)) => scheduler.step_with_loss(optimizer, loss),
            (scheduler, None) => scheduler.step(optimizer),
        }
    }
}

impl Scheduler for SequentialLr {
    fn name(&self) -> &'static str {
        "SequentialLR"
    }

    fn optimizer_id(&self) -> OptimizerId {
        self.optimizer
    }

    fn validate(&self, optimizer: &dyn Optimizer) -> Result<()> {
        let (schedulers, milestones) = (self.schedulers.len(), self.milestones.len());
        if schedulers == 0 || schedulers != milestones + 1 {
            let reason = format!(
                "has {schedulers} schedulers and {milestones} milestones: it needs one milestone between each \
                 two schedulers"
            );
            return Err(refuse(self.name(), reason));
        }
        if !self.milestones.is_sorted_by(|a, b| a < b) || self.milestones.first() == Some(&0) {
            let reason = format!("has milestones {:?}: they must rise, from 1", self.milestones);
            return Err(refuse(self.name(), reason));
        }
        self.schedulers.iter().try_for_each(|scheduler| scheduler.validate(optimizer))
    }

    fn begin(&mut self, optimizer: &mut dyn Optimizer) -> Result<()> {
        self.validate(optimizer)?;
        self.last_epoch = 0;
        self.schedulers[0].begin(optimizer)
    }

    fn step(&mut self, optimizer: &mut dyn Optimizer) -> Result<()> {
        self.advance(optimizer, None)
    }

    fn step_with_loss(&mut self, optimizer: &mut dyn Optimizer, valid_loss: f64) -> Result<()> {
        self.advance(optimizer, Some(valid_loss))
    }

    fn state_dict(&self) -> SchedulerState {
        let parts: Vec<_> = self.schedulers.iter().map(|scheduler| scheduler.state_dict()).collect();
        let mut state = SchedulerState::join(self.name(), &parts);
        state.numbers.push(("last_epoch".into(), self.last_epoch as f64));
        state
    }

    fn load_state_dict(&mut self, state: &SchedulerState) -> Result<()> {
        state.must_be_of(self.name())?;
        for (number, part) in self.schedulers.iter_mut().enumerate() {
            let own = state.part(number, part.name());
            part.load_state_dict(&own)?;
        }
        self.last_epoch = state.number("last_epoch").unwrap_or(0.0) as usize;
        Ok(())
    }
}

impl fmt::Display for SequentialLr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SequentialLr { schedulers, milestones, last_epoch, .. } = self;
        write!(f, "SequentialLR({schedulers:?}, milestones={milestones:?}, last_epoch={last_epoch})")
    }
}

impl fmt::Debug for SequentialLr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
