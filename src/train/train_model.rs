//! The tutorial's `train_model`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use fastrand::Rng;
use tch::Tensor;

use super::best::Best;
use super::compute::Compute;
use super::ema::Ema;
use super::epoch::{self, Step, Tally};
use super::evaluate::validate;
use super::history::{History, minutes_and_seconds};
use super::live::Live;
use super::loss::Criterion;
use super::mix;
use super::optim::{Optimizer, clip_grad_norm, clip_grad_value, copy_of};
use super::options::{SchedulerStep, TrainOptions};
use super::preflight;
use super::resume::{KeptState, Source, TrainingState};
use super::scheduler::Scheduler;
use crate::data::{Batch, DataLoader, Splits};
use crate::models::{BatchNormMode, Model, Outputs, Strictness};
use crate::seed::splitmix;
use crate::{Result, notebook};

/// Trains `model` for `num_epochs` passes over `dataloaders.train`, each followed by a pass over
/// `dataloaders.valid`, printing the tutorial's lines; Herbarium's notebooks show a table and curves that
/// grow instead. At the end the model has the weights of the epoch with the highest validation accuracy,
/// and is in eval mode.
///
/// What differs from the tutorial: validation computes no gradients; the scheduler must be of this
/// optimizer; [`TrainOptions::best_acc`] protects a better checkpoint; frozen layers with still batch
/// norms are computed faster ([`Precision`](super::Precision)).
///
/// All chance is that of the loaders: libtorch's generator, by which dropout drops, is set at the beginning
/// of each epoch from the training loader's seed and its count of epochs.
///
/// # The checkpoint
/// With [`TrainOptions::checkpoint`] the weights, the optimizer's state and the accuracy are written
/// each time the validation accuracy exceeds the best so far, whole or not at all. The file always
/// holds the best of *this* training, so that cells that are run again give the same again. If an
/// earlier training left a better checkpoint there (or one of another network, which does not
/// compare), it is first kept as `NAME.previous.safetensors` (or `.pt`), and a note on standard error says so.
/// A file that is no checkpoint is never replaced.
///
/// # Interrupting
/// Under Herbarium's kernel an interrupt ends training within a batch, and all trainings that would follow in the
/// cell before their first one, their models untouched. The result is then the
/// history of the completed epochs with [`History::interrupted`] set, and the model has its best
/// weights as at any end. `resume: (&history).into()` goes on from there, and with a file in
/// [`TrainOptions::resume`] a later session does, whatever ended this one.
///
/// # Errors
/// Before anything has changed: [`Error::Optimizer`](crate::Error::Optimizer),
/// [`Error::Scheduler`](crate::Error::Scheduler) (a scheduler of another optimizer among them),
/// [`Error::Training`](crate::Error::Training) when the optimizer's tensors are not the model's, all
/// frozen, or a loader is empty, [`Error::Checkpoint`](crate::Error::Checkpoint) when the file cannot
/// be written or should not be replaced, [`Error::OutOfMemory`](crate::Error::OutOfMemory) when a batch
/// needs more memory than there is.
///
/// During training: [`Error::LossNotFinite`](crate::Error::LossNotFinite) naming the batch's files,
/// [`Error::Loss`](crate::Error::Loss), the loader's errors, and
/// [`Error::CheckpointNotWritten`](crate::Error::CheckpointNotWritten) when the disk is full, say.
/// The model then has the best weights so far, those it started with if no epoch was completed, and
/// the checkpoint file the best that could be written; the history is lost, its lines were printed.
pub fn train_model(
    model: &mut Model,
    dataloaders: &Splits<DataLoader>,
    criterion: &dyn Criterion,
    optimizer: &mut dyn Optimizer,
    scheduler: &mut dyn Scheduler,
    options: TrainOptions,
) -> Result<History> {
    preflight::check_parts(model, dataloaders, optimizer, scheduler, &options)?;
    let (checkpoint, state_file) = (options.checkpoint.as_path(), options.resume.as_path());
    let earlier = match (checkpoint, state_file.is_some_and(std::path::Path::exists)) {
        // Of a training that goes on, the checkpoint is its own.
        (Some(path), false) => preflight::check_checkpoint(model, path)?,
        _ => None,
    };
    let class_names = dataloaders.train.dataset().classes();
    let best = Best::new(model, &options, class_names, earlier)?;
    let batch_norm = model.batch_norm();
    if options.batch_norm != BatchNormMode::Moving {
        model.set_batch_norm(options.batch_norm);
    }
    let outcome = Training::new(model, dataloaders, criterion, &options, best, optimizer, scheduler)
        .and_then(|training| training.run(model, optimizer, scheduler));
    model.set_batch_norm(batch_norm);
    model.eval();
    outcome
}

/// A training that runs.
struct Training<'a> {
    dataloaders: &'a Splits<DataLoader>,
    criterion: &'a dyn Criterion,
    options: &'a TrainOptions,
    start: Instant,
    compute: Compute,
    ema: Option<Ema>,
    best: Best,
    history: History,
    live: Live,
}

impl<'a> Training<'a> {
    fn new(
        model: &mut Model,
        dataloaders: &'a Splits<DataLoader>,
        criterion: &'a dyn Criterion,
        options: &'a TrainOptions,
        best: Best,
        optimizer: &dyn Optimizer,
        scheduler: &dyn Scheduler,
    ) -> Result<Self> {
        let compute = Compute::prepare(model, &dataloaders.train, options.precision)?;
        let info = preflight::info(model, dataloaders, criterion, optimizer, scheduler, options, &compute);
        let Splits { train, valid } = dataloaders;
        let images = options.num_epochs * (train.dataset_len() + valid.dataset_len());
        let head = format!("{}, {} on {}, {}", info.model, optimizer.name(), info.device, info.compute);
        let live = Live::new(options.verbose, options.live, images as u64, head);
        let history =
            History { lrs: vec![optimizer.lr()], num_epochs: options.num_epochs, info, ..Default::default() };
        let ema = options.ema.map(|decay| Ema::new(model, decay)).transpose()?;
        let start = Instant::now();
        Ok(Training { dataloaders, criterion, options, start, compute, ema, best, history, live })
    }

    fn run(
        mut self,
        model: &mut Model,
        optimizer: &mut dyn Optimizer,
        scheduler: &mut dyn Scheduler,
    ) -> Result<History> {
        let outcome = self.epochs(model, optimizer, scheduler);
        self.best.restore(model)?;
        let Training { mut history, best, mut live, start, .. } = self;
        history.seconds += start.elapsed().as_secs_f64();
        history.best_acc = best.acc;
        history.best_epoch = best.epoch;
        history.checkpoint = best.written.clone();
        live.say(format_args!("Training complete in {}", minutes_and_seconds(history.seconds)));
        live.say(format_args!("Best val Acc: {:.6}", best.acc));
        live.end(&history);
        outcome.map(|()| history)
    }

    fn epochs(
        &mut self,
        model: &mut Model,
        optimizer: &mut dyn Optimizer,
        scheduler: &mut dyn Scheduler,
    ) -> Result<()> {
        let num_epochs = self.options.num_epochs;
        self.take_up(model, optimizer, scheduler)?;
        let first = self.history.epochs();
        let mut kept = KeptState::default();
        for epoch in first..num_epochs {
            if self.is_at_its_end(epoch) {
                self.history.stopped_early = true;
                self.live.say(format_args!("No better epoch since: stopped\n"));
                break;
            }
            if epoch == first && self.keeps_state() {
                kept = self.snapshot(model, optimizer, scheduler)?;
            }
            self.live.say(format_args!("Epoch {epoch}/{}\n----------", num_epochs - 1));
            // An interrupt is for the whole cell, which may have been at another training.
            let passes =
                if notebook::stopping() { None } else { self.epoch(model, optimizer, scheduler, epoch)? };
            let Some((train, valid)) = passes else {
                notebook::take_interrupt();
                self.history.interrupted = true;
                self.history.state = kept;
                self.live.say(format_args!("Interrupted in epoch {epoch}, which does not count\n"));
                break;
            };
            self.live.say(format_args!("Optimizer learning rate : {:.7}\n", optimizer.lr()));
            record(&mut self.history, &train, &valid, optimizer.lr());
            if self.options.scheduler_step == SchedulerStep::Epoch {
                scheduler.step_with_loss(optimizer, valid.loss)?;
            }
            if self.keeps_state() {
                kept = self.snapshot(model, optimizer, scheduler)?;
            }
            self.history.best_epoch = self.best.epoch;
            self.history.best_acc = self.best.acc;
            self.live.epoch(&self.history);
        }
        Ok(())
    }

    /// Both passes of an epoch; `None` when the learner has interrupted one of them.
    fn epoch(
        &mut self,
        model: &mut Model,
        optimizer: &mut dyn Optimizer,
        scheduler: &mut dyn Scheduler,
        epoch: usize,
    ) -> Result<Option<(Tally, Tally)>> {
        let Splits { train, valid } = self.dataloaders;
        let number = train.next_epoch();
        let chance = splitmix(splitmix(train.seed()) ^ number);
        tch::manual_seed(chance as i64);
        model.train();
        let Some(trained) = self.train_pass(model, optimizer, scheduler, epoch, chance)? else {
            return Ok(None);
        };
        self.report("train", &trained);
        model.eval();
        // With averaged weights it is these that are looked at, and kept if they are the best.
        self.ema.as_mut().map(|ema| ema.swap(model)).transpose()?;
        let looked = self.valid_pass(model, valid, epoch);
        let offered = match &looked {
            Ok(Some(tally)) => self.best.offer(model, optimizer, epoch, tally.accuracy()),
            _ => Ok(()),
        };
        self.ema.as_mut().map(|ema| ema.swap(model)).transpose()?;
        offered?;
        let Some(looked) = looked? else { return Ok(None) };
        self.report("valid", &looked);
        Ok(Some((trained, looked)))
    }

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
        let mut watch = |tally: &Tally| live.batch("train", (epoch, num_epochs), tally, batches);
        let mut pass = epoch::Pass {
            batches: loader.iter(),
            criterion: self.criterion,
            phase: "train",
            epoch: Some(epoch),
            watch: Some(&mut watch),
        };
        let mut rng = Rng::with_seed(chance);
        let step = |_: &Batch, images: &Tensor, labels: &Tensor, criterion: &dyn Criterion| {
            let mixed = mix.apply(images, &mut rng)?;
            let images = mixed.as_ref().map_or(images, |mixed| &mixed.images);
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
        let ema = &mut self.ema;
        let learn = |loss: &Tensor, index: usize| {
            let first = index - index % accumulate;
            if index == first {
                optimizer.zero_grad()?;
            }
            // Of how many batches this step's gradient is the mean: the last step may have fewer.
            let together = accumulate.min(batches - first);
            match together {
                1 => loss.f_backward()?,
                _ => loss.f_div_scalar(together as f64)?.f_backward()?,
            }
            if index + 1 < first + together {
                return Ok(());
            }
            if let Some(max) = options.clip_grad_norm {
                clip_grad_norm(optimizer.parameters(), max)?;
            }
            if let Some(max) = options.clip_grad_value {
                clip_grad_value(optimizer.parameters(), max)?;
            }
            optimizer.step()?;
            ema.as_mut().map(|ema| ema.update(model)).transpose()?;
            if options.scheduler_step == SchedulerStep::Batch {
                scheduler.step(optimizer)?;
            }
            Ok(())
        };
        epoch::run(&mut pass, model, step, learn)
    }

    fn valid_pass(&mut self, model: &Model, loader: &DataLoader, epoch: usize) -> Result<Option<Tally>> {
        let (batches, live, num_epochs) = (loader.len(), &mut self.live, self.options.num_epochs);
        let mut watch = |tally: &Tally| live.batch("valid", (epoch, num_epochs), tally, batches);
        let mut pass = epoch::Pass {
            batches: loader.iter(),
            criterion: self.criterion,
            phase: "valid",
            epoch: Some(epoch),
            watch: Some(&mut watch),
        };
        validate(&mut pass, model, |_, _| Ok(()))
    }

    fn report(&mut self, phase: &str, tally: &Tally) {
        let elapsed = minutes_and_seconds(self.start.elapsed().as_secs_f64());
        self.live.say(format_args!("Time elapsed {elapsed}"));
        self.live.say(format_args!("{phase} Loss: {:.4} Acc: {:.4}", tally.loss, tally.accuracy()));
        self.live.phase(tally);
    }

    /// Whether patience is at its end before epoch number `epoch`.
    fn is_at_its_end(&self, epoch: usize) -> bool {
        let Some(patience) = self.options.patience else { return false };
        let since = self.best.epoch.map_or(epoch, |best| epoch - best - 1);
        epoch > 0 && since >= patience.max(1)
    }

    fn keeps_state(&self) -> bool {
        self.options.resume.as_path().is_some() || notebook::is_live()
    }

    /// The state at the end of an epoch, in memory and in the file if there is to be one.
    fn snapshot(
        &mut self,
        model: &Model,
        optimizer: &dyn Optimizer,
        scheduler: &dyn Scheduler,
    ) -> Result<KeptState> {
        let Splits { train, valid } = self.dataloaders;
        let copied = |averages: &[(String, Tensor)]| -> Result<Vec<(String, Tensor)>> {
            let copies = averages.iter().map(|(name, tensor)| Ok((name.clone(), copy_of(tensor)?)));
            copies.collect()
        };
        let ema = match self.ema.as_ref().map(Ema::parts) {
            Some((averages, updates)) => Some((copied(averages)?, updates)),
            None => None,
        };
        let mut history = self.history.clone();
        history.best_epoch = self.best.epoch;
        history.best_acc = self.best.acc;
        history.checkpoint = self.best.written.clone();
        history.seconds += self.start.elapsed().as_secs_f64();
        let state = TrainingState {
            last: model.state_dict().deep_copy()?,
            best: self.best.weights().clone(),
            optimizer: optimizer.state_dict()?,
            scheduler: scheduler.state_dict(),
            ema,
            next_epochs: [train.next_epoch(), valid.next_epoch()],
            seeds: [train.seed(), valid.seed()],
            history,
            model: model.name().to_owned(),
            num_classes: model.num_classes(),
        };
        if let Some(path) = self.options.resume.as_path() {
            state.save(path)?;
        }
        Ok(KeptState(Some(Arc::new(Mutex::new(state)))))
    }

    /// Goes back to where an earlier training ended, if there is one.
    fn take_up(
        &mut self,
        model: &mut Model,
        optimizer: &mut dyn Optimizer,
        scheduler: &mut dyn Scheduler,
    ) -> Result<()> {
        match &self.options.resume.0 {
            Source::Nothing | Source::Memory(KeptState(None)) => Ok(()),
            Source::File(path) if !path.exists() => Ok(()),
            Source::File(path) => {
                let state = TrainingState::load(path)?;
                self.take_up_state(&state, model, optimizer, scheduler)
            }
            Source::Memory(KeptState(Some(state))) => {
                let state = Arc::clone(state);
                let state = state.lock().unwrap_or_else(PoisonError::into_inner);
                self.take_up_state(&state, model, optimizer, scheduler)
            }
        }
    }

    fn take_up_state(
        &mut self,
        state: &TrainingState,
        model: &mut Model,
        optimizer: &mut dyn Optimizer,
        scheduler: &mut dyn Scheduler,
    ) -> Result<()> {
        state.must_fit(model)?;
        preflight::check_seeds(model, self.dataloaders, state.seeds)?;
        optimizer.load_state_dict(&state.optimizer)?;
        scheduler.load_state_dict(&state.scheduler)?;
        model.load_state_dict(&state.last, Strictness::Strict)?;
        let Splits { train, valid } = self.dataloaders;
        train.set_next_epoch(state.next_epochs[0]);
        valid.set_next_epoch(state.next_epochs[1]);
        if let (Some(ema), Some((averages, updates))) = (&mut self.ema, &state.ema) {
            ema.restore(averages, *updates)?;
        }
        let info = std::mem::take(&mut self.history.info);
        let num_epochs = self.options.num_epochs;
        self.history =
            History { info, num_epochs, interrupted: false, stopped_early: false, ..state.history.clone() };
        self.best.take_up(&state.history, state.best.deep_copy()?);
        let epochs = self.history.epochs();
        let images = epochs * (train.dataset_len() + valid.dataset_len());
        self.live.skip(images as u64);
        if epochs > 0 {
            self.live.say(format_args!("Going on after epoch {}\n", epochs - 1));
        }
        Ok(())
    }
}

fn record(history: &mut History, train: &Tally, valid: &Tally, lr: f64) {
    history.train_losses.push(train.loss);
    history.valid_losses.push(valid.loss);
    history.train_acc_history.push(train.accuracy());
    history.val_acc_history.push(valid.accuracy());
    history.train_seconds.push(train.seconds);
    history.valid_seconds.push(valid.seconds);
    history.train_images_per_second.push(train.images_per_second());
    history.valid_images_per_second.push(valid.images_per_second());
    history.lrs.push(lr);
}
