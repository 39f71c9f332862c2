//! A learning rate that rises to a peak and falls to almost nothing, batch by batch.

use std::f64::consts::PI;

use super::Scheduler;
use super::schedule::{Schedule, check_gamma, refuse, scheduler_of_schedule, show_as_python};
use crate::Result;
use crate::train::optim::Optimizer;

/// The curve between two learning rates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Anneal {
    /// Half a cosine.
    #[default]
    Cos,
    /// A straight line.
    Linear,
}

impl Anneal {
    fn between(self, start: f64, end: f64, share: f64) -> f64 {
        match self {
            Anneal::Cos => end + (start - end) / 2.0 * ((PI * share).cos() + 1.0),
            Anneal::Linear => (end - start) * share + start,
        }
    }
}

/// Options of [`OneCycleLr`], with PyTorch's defaults.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OneCycleOptions {
    /// Share of the steps in which the rate rises, 0 to 1: 0.3.
    pub pct_start: f64,
    /// The curve: a cosine.
    pub anneal_strategy: Anneal,
    /// Whether the momentum falls while the rate rises: yes.
    pub cycle_momentum: bool,
    /// The momentum at the peak: 0.85.
    pub base_momentum: f64,
    /// The momentum at both ends: 0.95.
    pub max_momentum: f64,
    /// The peak divided by the first rate: 25.
    pub div_factor: f64,
    /// The first rate divided by the last: 10000.
    pub final_div_factor: f64,
    /// Whether the rate falls as it rose and only then to the last one: no.
    pub three_phase: bool,
}

impl Default for OneCycleOptions {
    fn default() -> Self {
        OneCycleOptions {
            pct_start: 0.3,
            anneal_strategy: Anneal::Cos,
            cycle_momentum: true,
            base_momentum: 0.85,
            max_momentum: 0.95,
            div_factor: 25.0,
            final_div_factor: 1e4,
            three_phase: false,
        }
    }
}

impl OneCycleOptions {
    /// As [`OneCycleLr::new`] with these options, and one peak for all groups of parameters or one for each.
    ///
    /// They come first because the optimizer's learning rates are set at once.
    ///
    /// ```
    /// # use herbarium::{models::Parameters, train::{Adam, OneCycleOptions, Optimizer}};
    /// let mut optimizer = Adam::new(Parameters::default(), 1e-3);
    /// let options = OneCycleOptions { div_factor: 10.0, ..Default::default() };
    /// let scheduler = options.scheduler(&mut optimizer, &[0.01], 500);
    /// assert!((optimizer.lr() - 0.001).abs() < 1e-12);
    /// ```
    pub fn scheduler(self, optimizer: &mut dyn Optimizer, max_lrs: &[f64], total_steps: usize) -> OneCycleLr {
        let max_lrs = match max_lrs {
            [one] => vec![*one; optimizer.lrs().len()],
            several => several.to_vec(),
        };
        let schedule = Schedule::new(optimizer);
        let mut scheduler = OneCycleLr { schedule, max_lrs, total_steps, options: self };
        if scheduler.validate(optimizer).is_ok() {
            scheduler.put(optimizer);
        }
        scheduler
    }
}

/// The 1cycle policy ([Smith and Topin 2017](https://arxiv.org/abs/1708.07120)), to be stepped after every
/// *batch* ([`SchedulerStep::Batch`](crate::train::SchedulerStep)):
/// [`OneCycleLR`](https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.OneCycleLR.html).
#[derive(Clone)]
pub struct OneCycleLr {
    schedule: Schedule,
    max_lrs: Vec<f64>,
    total_steps: usize,
    options: OneCycleOptions,
}

/// From one end of a phase to the other.
#[derive(Clone, Copy)]
enum Rate {
    Initial,
    Max,
    Min,
}

impl OneCycleLr {
    /// On `optimizer`, whose learning rates it sets to `max_lr / 25` at once. `total_steps` are the batches
    /// of the whole training: epochs × batches of an epoch. Never fails: bad values are reported by the
    /// first step.
    pub fn new(optimizer: &mut dyn Optimizer, max_lr: f64, total_steps: usize) -> Self {
        OneCycleOptions::default().scheduler(optimizer, &[max_lr], total_steps)
    }

    /// The phases: where each ends, and between which rates it goes.
    fn phases(&self) -> Vec<(f64, Rate, Rate)> {
        let (total, share) = (self.total_steps as f64, self.options.pct_start);
        let peak = share * total - 1.0;
        if self.options.three_phase {
            vec![
                (peak, Rate::Initial, Rate::Max),
                (2.0 * share * total - 2.0, Rate::Max, Rate::Initial),
                (total - 1.0, Rate::Initial, Rate::Min),
            ]
        } else {
            vec![(peak, Rate::Initial, Rate::Max), (total - 1.0, Rate::Max, Rate::Min)]
        }
    }

    /// Sets rates and momentum of the current step.
    fn put(&mut self, optimizer: &mut dyn Optimizer) {
        let (step, phases) = (self.schedule.last_epoch as f64, self.phases());
        let number = phases.iter().position(|(end, ..)| step <= *end).unwrap_or(phases.len() - 1);
        let (end, from, to) = phases[number];
        let start = if number == 0 { 0.0 } else { phases[number - 1].0 };
        // A phase of one step, as with 4 steps and `pct_start: 0.25`, has no length: it is at its end. (PyTorch divides by 0.)
        let share = if end > start { (step - start) / (end - start) } else { 1.0 };
        let OneCycleOptions { anneal_strategy, div_factor, final_div_factor, .. } = self.options;
        let rate = |which: Rate, max: f64| match which {
            Rate::Initial => max / div_factor,
            Rate::Max => max,
            Rate::Min => max / div_factor / final_div_factor,
        };
        let lrs = self
            .max_lrs
            .iter()
            .map(|max| anneal_strategy.between(rate(from, *max), rate(to, *max), share))
            .collect();
        self.schedule.set(optimizer, lrs);
        if self.options.cycle_momentum {
            let momentum = |which: Rate| match which {
                Rate::Max => self.options.base_momentum,
                Rate::Initial | Rate::Min => self.options.max_momentum,
            };
            optimizer.set_momentum(anneal_strategy.between(momentum(from), momentum(to), share));
        }
    }
}

impl Scheduler for OneCycleLr {
    scheduler_of_schedule!("OneCycleLR");

    fn validate(&self, optimizer: &dyn Optimizer) -> Result<()> {
        let name = self.name();
        self.schedule.must_be_of(name, optimizer)?;
        let OneCycleOptions { pct_start, div_factor, final_div_factor, .. } = self.options;
        self.max_lrs.iter().try_for_each(|max| check_gamma(name, "max_lr", *max))?;
        check_gamma(name, "div_factor", div_factor)?;
        check_gamma(name, "final_div_factor", final_div_factor)?;
        let (rates, groups) = (self.max_lrs.len(), optimizer.lrs().len());
        if rates != groups {
            return Err(refuse(name, format!("has {rates} values of max_lr for {groups} parameter groups")));
        }
        if self.total_steps == 0 {
            return Err(refuse(name, "has total_steps = 0: it must be at least 1".into()));
        }
        if !(0.0..=1.0).contains(&pct_start) {
            return Err(refuse(name, format!("has pct_start = {pct_start}: it must be from 0 to 1")));
        }
        if self.schedule.last_epoch > self.total_steps {
            let reason = format!(
                "has total_steps = {}, which are done: build it for epochs × batches of an epoch, and step it \
                 once a batch",
                self.total_steps
            );
            return Err(refuse(name, reason));
        }
        if self.options.cycle_momentum && optimizer.current_momentum().is_none() {
            let reason =
                format!("has cycle_momentum, but {} has no momentum: set it to false", optimizer.name());
            return Err(refuse(name, reason));
        }
        Ok(())
    }

    fn begin(&mut self, optimizer: &mut dyn Optimizer) -> Result<()> {
        self.schedule.last_epoch = 0;
        self.validate(optimizer)?;
        self.put(optimizer);
        Ok(())
    }

    fn step(&mut self, optimizer: &mut dyn Optimizer) -> Result<()> {
        self.schedule.last_epoch += 1;
        self.validate(optimizer).inspect_err(|_| self.schedule.last_epoch -= 1)?;
        self.put(optimizer);
        Ok(())
    }
}

show_as_python!(OneCycleLr, max_lrs, total_steps);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::Parameters;
    use crate::train::Adam;

    #[test]
    fn every_rate_is_between_the_ends_whatever_the_number_of_steps() {
        for (total_steps, three_phase) in (1..30).flat_map(|steps| [(steps, false), (steps, true)]) {
            for pct_start in [0.0, 0.1, 0.25, 0.3, 0.5, 1.0] {
                let mut adam = Adam::new(Parameters::default(), 0.1);
                let options = OneCycleOptions { pct_start, three_phase, ..Default::default() };
                let mut scheduler = options.scheduler(&mut adam, &[0.1], total_steps);
                for step in 0..total_steps {
                    let what =
                        format!("{pct_start} of {total_steps}, three phases {three_phase}, step {step}");
                    assert!((0.0..=0.1 + 1e-12).contains(&adam.lr()), "{what}: {}", adam.lr());
                    scheduler.step(&mut adam).unwrap();
                }
            }
        }
        let mut adam = Adam::new(Parameters::default(), 0.1);
        let options = OneCycleOptions { pct_start: 0.25, ..Default::default() };
        options.scheduler(&mut adam, &[0.1], 4);
        assert_eq!(adam.lr(), 0.1, "the rise is over with the first step");
    }
}
