//! The two passes of an epoch: over the training pictures, which changes the weights, and over the validation pictures.

use std::ops::Range;

use fastrand::Rng;
use tch::Tensor;

use super::Training;
use crate::Result;
use crate::data::{Batch, DataLoader, Splits};
use crate::models::{Model, Outputs};
use crate::seed::splitmix;
use crate::train::epoch::{self, Step, Tally};
use crate::train::evaluate::validate;
use crate::train::history::minutes_and_seconds;
use crate::train::loss::Criterion;
use crate::train::mix;
use crate::train::optim::{Optimizer, clip_grad_norm, clip_grad_value};
use crate::train::options::{SchedulerStep, TrainOptions};
use crate::train::scheduler::Scheduler;

impl Training<'_> {
    /// Both passes of an epoch; `None` when the learner has interrupted one of them.
    pub(super) fn epoch(
        &mut self,
        model: &mut Model,
        optimizer: &mut dyn Optimizer,
        scheduler: &mut dyn Scheduler,
        epoch: usize,
    ) -> Result<Option<(Tally, Tally)>> {
        let Splits { train, valid } = self.dataloaders;
        let number = train.next_epoch();
        let mut chance = splitmix(splitmix(train.seed()) ^ number);
        if self.team.rank() > 0 {
            // No two ranks drop or mix the same.
            chance = splitmix(chance ^ self.team.rank() as u64);
        }
        tch::manual_seed(chance as i64);
        model.train();
        let trained = self.train_pass(model, optimizer, scheduler, epoch, chance)?;
        let Some(trained) = self.team.sum(Ok(trained))? else { return Ok(None) };
        self.parallel.as_ref().map(|parallel| parallel.synchronize_buffers()).transpose()?;
        self.report("train", &trained);
        model.eval();
        // Averaged weights, if any, are the ones that are validated, and kept if they are the best.
        self.ema.as_mut().map(|ema| ema.swap(model)).transpose()?;
        let looked = self.valid_pass(model, valid, epoch);
        let looked = self.team.sum(looked);
        let offered = match &looked {
            Ok(Some(tally)) => self.best.offer(model, optimizer, epoch, tally.accuracy()),
            _ => Ok(()),
        };
        self.ema.as_mut().map(|ema| ema.swap(model)).transpose()?;
        self.team.agree(offered)?;
        let Some(looked) = looked? else { return Ok(None) };
        self.report("valid", &looked);
        Ok(Some((trained, looked)))
    }

    fn report(&mut self, phase: &str, tally: &Tally) {
        let elapsed = minutes_and_seconds(self.start.elapsed().as_secs_f64());
        self.live.say(format_args!("Time elapsed {elapsed}"));
        self.live.say(format_args!("{phase} Loss: {:.4} Acc: {:.4}", tally.loss, tally.accuracy()));
        self.live.phase(tally);
    }

    /// `None` when the learner has interrupted it. `chance` seeds its randomness.
    fn train_pass(
        &mut self,
        model: &Model,
        optimizer: &mut dyn Optimizer,
        scheduler: &mut dyn Scheduler,
        epoch: usize,
        chance: u64,
    ) -> Result<Option<Tally>> {
        let TrainOptions { num_epochs, accumulate, mix, .. } = *self.options;
        let loader = &self.dataloaders.train;
        let (batches, live, compute, options) = (loader.len(), &mut self.live, &self.compute, self.options);
        let (team, parallel, batches_alone) = (self.team, self.parallel.as_ref(), self.batches_alone);
        let mut watch =
            |tally: &Tally| live.batch("train", (epoch, num_epochs), &tally.of_all(team.world()), batches);
        let mut pass = epoch::EpochPass {
            batches: loader.iter(),
            criterion: self.criterion,
            phase: "train",
            epoch: Some(epoch),
            in_step: parallel.map(|_| team),
            may_be_empty: false,
            watch: Some(&mut watch),
        };
        let mut rng = Rng::with_seed(chance);
        // Gradients of several batches are exchanged with the last of them.
        let is_last_of_step = |index: usize| (index + 1).is_multiple_of(accumulate) || index + 1 == batches;
        let mut index = 0;
        let step = |_: &Batch, images: &Tensor, labels: &Tensor, criterion: &dyn Criterion| {
            let mixed = mix.apply(images, &mut rng)?;
            let images = mixed.as_ref().map_or(images, |mixed| &mixed.images);
            let forward = || {
                let outputs: Outputs = compute.forward(model, images)?;
                let loss = outputs.loss(|logits| match &mixed {
                    None => criterion.forward(logits, labels),
                    Some(mixed) => {
                        let own = criterion.forward(logits, labels)?.f_mul_scalar(mixed.share)?;
                        let other = criterion.forward(logits, &mix::partners(labels)?)?;
                        Ok(own.f_add(&other.f_mul_scalar(1.0 - mixed.share)?)?)
                    }
                })?;
                Ok(Step { loss, logits: outputs.logits })
            };
            index += 1;
            match parallel {
                Some(parallel) if is_last_of_step(index - 1) => parallel.forward(forward),
                _ => forward(),
            }
        };
        let backward = |loss: &Tensor| match parallel {
            Some(parallel) => parallel.backward(loss),
            None => Ok(loss.f_backward()?),
        };
        let (ema, scaler) = (&mut self.ema, &mut self.scaler);
        let learn = |loss: &Tensor, index: usize| {
            let first = index - index % accumulate;
            if index == first {
                optimizer.zero_grad()?;
            }
            // How many batches this step's gradient averages over: the last step may have fewer.
            let together = accumulate.min(batches - first);
            let scaled = scaler.as_ref().map(|scaler| scaler.scale(loss)).transpose()?;
            let loss = scaled.as_ref().unwrap_or(loss);
            match together {
                1 => backward(loss)?,
                _ => backward(&loss.f_div_scalar(together as f64)?)?,
            }
            if !is_last_of_step(index) {
                return Ok(());
            }
            scaler.as_mut().map(|scaler| scaler.unscale(optimizer.parameters())).transpose()?;
            if let Some(max) = options.clip_grad_norm {
                clip_grad_norm(optimizer.parameters(), max)?;
            }
            if let Some(max) = options.clip_grad_value {
                clip_grad_value(optimizer.parameters(), max)?;
            }
            let stepped = match scaler {
                Some(scaler) => {
                    let stepped = scaler.step(optimizer)?;
                    scaler.update()?;
                    stepped
                }
                None => optimizer.step().map(|()| true)?,
            };
            if stepped {
                ema.as_mut().map(|ema| ema.update(model)).transpose()?;
            }
            if options.scheduler_step == SchedulerStep::Batch {
                let [own, alone] = [batches, batches_alone].map(|batches| batches.div_ceil(accumulate));
                for _ in scheduler_steps(index / accumulate, own, alone) {
                    scheduler.step(optimizer)?;
                }
            }
            Ok(())
        };
        epoch::run(&mut pass, model, step, learn)
    }

    /// `None` when the learner has interrupted it.
    fn valid_pass(&mut self, model: &Model, loader: &DataLoader, epoch: usize) -> Result<Option<Tally>> {
        let (batches, live, num_epochs) = (loader.len(), &mut self.live, self.options.num_epochs);
        let team = self.team;
        let mut watch =
            |tally: &Tally| live.batch("valid", (epoch, num_epochs), &tally.of_all(team.world()), batches);
        let mut pass = epoch::EpochPass {
            batches: loader.iter(),
            criterion: self.criterion,
            phase: "valid",
            epoch: Some(epoch),
            in_step: None,
            may_be_empty: !team.is_alone(),
            watch: Some(&mut watch),
        };
        validate(&mut pass, model, |_, _| Ok(()))
    }
}

/// The steps of the scheduler that fall on an epoch's `step`-th step of the optimizer (from 0) of `own`, where one process
/// would take `alone` steps an epoch: in a cycle of all ranks' batches, a rank's last step is the last of the cycle.
fn scheduler_steps(step: usize, own: usize, alone: usize) -> Range<usize> {
    step * alone / own..(step + 1) * alone / own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rank_takes_the_scheduler_through_all_steps_of_one_process() {
        for own in 1..20 {
            for alone in 0..80 {
                let steps: Vec<usize> = (0..own).flat_map(|step| scheduler_steps(step, own, alone)).collect();
                assert_eq!(steps, (0..alone).collect::<Vec<_>>(), "{own} of {alone}");
            }
        }
        assert!((0..9).all(|step| scheduler_steps(step, 9, 9) == (step..step + 1)), "alone, one for each");
    }
}
