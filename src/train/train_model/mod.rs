//! The tutorial's `train_model`.

mod passes;
mod resuming;

use std::time::Instant;

use super::best::Best;
use super::compute::Compute;
use super::distributed::{DistributedDataParallel, Team};
use super::ema::Ema;
use super::grad_scaler::GradScaler;
use super::history::{History, minutes_and_seconds};
use super::live::Live;
use super::loss::Criterion;
use super::optim::Optimizer;
use super::options::{Precision, SchedulerStep, TrainOptions};
use super::preflight::{self, Setup};
use super::resume::KeptState;
use super::scheduler::Scheduler;
use crate::data::{DataLoader, Splits};
use crate::models::{BatchNormMode, Model};
use crate::{Result, notebook};

/// Trains `model` for `num_epochs` passes over `dataloaders.train`, each followed by a pass over
/// `dataloaders.valid`, printing the tutorial's lines; Herbarium's notebooks show a table and curves that
/// grow instead. At the end the model has the weights of the epoch with the highest validation accuracy,
/// and is in eval mode.
///
/// What differs from the tutorial: validation computes no gradients; the scheduler must be of this
/// optimizer; [`TrainOptions::best_acc`] protects a better checkpoint; frozen layers with fixed batch
/// norms are computed faster ([`Precision`](super::Precision)).
///
/// All randomness follows from the loaders' seeds: libtorch's generator, which dropout uses, is seeded at
/// the start of each epoch from the training loader's seed and epoch number.
///
/// # The checkpoint
/// With [`TrainOptions::checkpoint`] the weights, the optimizer's state and the accuracy are written
/// each time the validation accuracy exceeds the best so far, whole or not at all. The file always
/// holds the best of *this* training, so that rerunning cells gives the same result. If an earlier training
/// left a better checkpoint there (or one of another network, which does not compare), it is first kept as
/// `NAME.previous.safetensors` (or `.pt`), and a note on standard error says so. If that name holds a better
/// one, or one of another network, it is `NAME.previous2.safetensors`, and so on. A file that is not a
/// checkpoint is never replaced.
///
/// # Interrupting
/// Under Herbarium's kernel an interrupt ends training within a batch; trainings that would follow in the cell
/// end before their first batch, with their models untouched. The result is then the history of the completed
/// epochs with [`History::interrupted`] set, and the model has its best weights as at any end. `resume:
/// (&history).into()` continues from there; with a file in [`TrainOptions::resume`] so does a later session,
/// whatever ended this one.
///
/// # More than one process
/// Where the environment names several ranks ([`distributed`](super::distributed)), each trains on its part of the
/// pictures, and the result is that of one process whose batches are as many times as large, batch norms aside, which
/// see a rank's own batch. A scheduler that steps after each batch gets as many steps an epoch as one process would give it
/// (`dataloaders.train.len()`), so that the same cycle ends where it should. All ranks give the same model and history; only rank 0 writes files and shows progress. Every
/// rank reads the file of [`TrainOptions::resume`], so that it belongs into a folder that all machines share. An error on one rank
/// ends the training on all, and says which rank it was.
///
/// # Errors
/// Before anything has changed: [`Error::Optimizer`](crate::Error::Optimizer),
/// [`Error::Scheduler`](crate::Error::Scheduler) (a scheduler of another optimizer among them),
/// [`Error::Training`](crate::Error::Training) when the optimizer's tensors are not the model's, all
/// frozen, a loader is empty, or a history has no state to resume from,
/// [`Error::Checkpoint`](crate::Error::Checkpoint) when the file cannot be written or should not be replaced,
/// [`Error::OutOfMemory`](crate::Error::OutOfMemory) when a batch needs more memory than there is.
///
/// During training: [`Error::LossNotFinite`](crate::Error::LossNotFinite) naming the batch's files,
/// [`Error::Loss`](crate::Error::Loss), the loader's errors, and, when the disk is full, say,
/// [`Error::CheckpointNotWritten`](crate::Error::CheckpointNotWritten), or
/// [`Error::Training`](crate::Error::Training) for the file of [`TrainOptions::resume`].
/// The model then has the best weights so far, those it started with if no epoch was completed, and
/// the checkpoint file the best that could be written; the history is lost, but its lines have been
/// printed.
pub fn train_model(
    model: &mut Model,
    dataloaders: &Splits<DataLoader>,
    criterion: &dyn Criterion,
    optimizer: &mut dyn Optimizer,
    scheduler: &mut dyn Scheduler,
    mut options: TrainOptions,
) -> Result<History> {
    resuming::as_the_launcher_says(&mut options);
    let team = Team::of_process()?;
    let batches_alone = dataloaders.train.len();
    let dataloaders = &team.shares(dataloaders)?;
    let setup = Setup { model, dataloaders, criterion, optimizer, scheduler, options: &options };
    let parts = preflight::check_parts(setup).and_then(|()| check_checkpoint(model, &options, &team));
    let earlier = team.agree(parts)?;
    team.must_be_same(&preflight::description(setup))?;
    let batch_norm = model.batch_norm();
    if options.batch_norm != BatchNormMode::Moving {
        model.set_batch_norm(options.batch_norm);
    }
    let outcome = team
        .parallel(model)
        .and_then(|parallel| {
            let class_names = dataloaders.train.dataset().classes();
            let best = team.agree(Best::new(model, &options, class_names, earlier, team.is_first()))?;
            let parts = Together { team: &team, parallel, best, batches_alone };
            Training::new(model, dataloaders, criterion, &options, parts, optimizer, scheduler)
        })
        .and_then(|training| training.run(model, optimizer, scheduler));
    model.set_batch_norm(batch_norm);
    model.eval();
    team.or_leave(outcome)
}

/// Makes sure that the rank that writes can write the checkpoint, and looks at what is there.
fn check_checkpoint(
    model: &Model,
    options: &TrainOptions,
    team: &Team,
) -> Result<Option<preflight::Earlier>> {
    let is_begun = options.resume.as_path().is_some_and(std::path::Path::exists);
    match options.checkpoint.as_path() {
        // A resumed training looks itself: only its state says whether the checkpoint is its own.
        Some(path) if team.is_first() && !is_begun => preflight::check_checkpoint(model, path),
        _ => Ok(None),
    }
}

/// What a training shares with the other ranks.
struct Together<'a> {
    team: &'a Team,
    parallel: Option<DistributedDataParallel>,
    best: Best,
    /// How many batches an epoch would have in one process.
    batches_alone: usize,
}

/// A training that runs.
struct Training<'a> {
    dataloaders: &'a Splits<DataLoader>,
    criterion: &'a dyn Criterion,
    options: &'a TrainOptions,
    team: &'a Team,
    parallel: Option<DistributedDataParallel>,
    batches_alone: usize,
    start: Instant,
    compute: Compute,
    ema: Option<Ema>,
    /// In float16.
    scaler: Option<GradScaler>,
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
        together: Together<'a>,
        optimizer: &dyn Optimizer,
        scheduler: &dyn Scheduler,
    ) -> Result<Self> {
        let Together { team, parallel, best, batches_alone } = together;
        let compute = team.agree(Compute::prepare(model, &dataloaders.train, options.precision))?;
        let setup = Setup { model, dataloaders, criterion, optimizer, scheduler, options };
        let mut info = preflight::info(setup, &compute);
        if !team.is_alone() {
            info.device = format!("{}, {} processes", info.device, team.world());
        }
        let Splits { train, valid } = dataloaders;
        let images = options.num_epochs * (train.dataset_len() + valid.dataset_len());
        let head = format!("{}, {} on {}, {}", info.model, optimizer.name(), info.device, info.compute);
        let live =
            Live::new(options.verbose && team.is_first(), options.live, images as u64, head, model.device());
        let history =
            History { lrs: vec![optimizer.lr()], num_epochs: options.num_epochs, info, ..Default::default() };
        let ema = options.ema.map(|decay| Ema::new(model, decay)).transpose()?;
        let scaler = match options.precision {
            Precision::Float16 => Some(GradScaler::new(options.grad_scaler, model.device())?),
            _ => None,
        };
        let start = Instant::now();
        Ok(Training {
            dataloaders,
            criterion,
            options,
            team,
            parallel,
            batches_alone,
            start,
            compute,
            ema,
            scaler,
            best,
            history,
            live,
        })
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
        let taken_up = self.take_up(model, optimizer, scheduler);
        self.team.agree(taken_up)?;
        let first = self.history.epochs();
        let mut kept = KeptState::default();
        for epoch in first..num_epochs {
            if self.is_at_its_end(epoch) {
                self.history.stopped_early = true;
                self.live.say(format_args!("No better epoch since: stopped\n"));
                break;
            }
            if epoch == first && self.keeps_state() {
                let snapshot = self.snapshot(model, optimizer, scheduler);
                kept = self.team.agree(snapshot)?;
            }
            self.live.say(format_args!("Epoch {epoch}/{}\n----------", num_epochs - 1));
            // An interrupt applies to the whole cell, which may have been in another training.
            let stopping = self.team.any(notebook::stopping())?;
            let passes = if stopping { None } else { self.epoch(model, optimizer, scheduler, epoch)? };
            let Some((train, valid)) = passes else {
                notebook::take_interrupt();
                self.history.interrupted = true;
                self.history.state = kept;
                self.live.say(format_args!("Interrupted in epoch {epoch}, which does not count\n"));
                break;
            };
            self.live.say(format_args!("Optimizer learning rate : {:.7}\n", optimizer.lr()));
            self.history.record(&train, &valid, optimizer.lr());
            if self.options.scheduler_step == SchedulerStep::Epoch {
                scheduler.step_with_loss(optimizer, valid.loss)?;
            }
            if self.keeps_state() {
                let snapshot = self.snapshot(model, optimizer, scheduler);
                kept = self.team.agree(snapshot)?;
            }
            self.history.best_epoch = self.best.epoch;
            self.history.best_acc = self.best.acc;
            self.live.epoch(&self.history);
        }
        Ok(())
    }

    /// Whether patience is exhausted before epoch number `epoch`.
    fn is_at_its_end(&self, epoch: usize) -> bool {
        let Some(patience) = self.options.patience else { return false };
        let since = self.best.epoch.map_or(epoch, |best| epoch - best - 1);
        epoch > 0 && since >= patience.max(1)
    }
}
