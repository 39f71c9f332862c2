//! The tutorial's `train_model`.

use std::io::Write;
use std::time::Instant;

use tch::Tensor;

use super::best::Best;
use super::epoch::{self, Tally};
use super::evaluate::validate;
use super::history::{History, minutes_and_seconds};
use super::loss::Criterion;
use super::optim::Optimizer;
use super::options::TrainOptions;
use super::preflight;
use super::scheduler::Scheduler;
use crate::data::{Batch, DataLoader, Splits};
use crate::models::{BatchNormMode, Model};
use crate::{Result, notebook};

/// Trains `model` for `num_epochs` passes over `dataloaders.train`, each followed by a pass over
/// `dataloaders.valid`, printing the tutorial's lines. At the end the model has the weights of the
/// epoch with the highest validation accuracy, and is in eval mode.
///
/// What differs from the tutorial: validation computes no gradients; the scheduler must be of this
/// optimizer; [`TrainOptions::best_acc`] protects a better checkpoint.
///
/// # The checkpoint
/// With [`TrainOptions::checkpoint`] the weights, the optimizer's state and the accuracy are written
/// each time the validation accuracy exceeds the best so far, whole or not at all. The file always
/// holds the best of *this* training, so that cells that are run again give the same again. If an
/// earlier training left a better checkpoint there (or one of another network, which does not
/// compare), it is first kept as `NAME.previous.safetensors`, and a note on standard error says so.
/// A file that is no checkpoint is never replaced.
///
/// # Interrupting
/// Under Herbarium's kernel an interrupt ends training within a batch. The result is then the
/// history of the completed epochs with [`History::interrupted`] set, and the model has its best
/// weights as at any end.
///
/// # Errors
/// Before anything has changed: [`Error::Optimizer`](crate::Error::Optimizer),
/// [`Error::Scheduler`](crate::Error::Scheduler) (a scheduler of another optimizer among them),
/// [`Error::Training`](crate::Error::Training) when the optimizer's tensors are not the model's, all
/// frozen, or a loader is empty, [`Error::Checkpoint`](crate::Error::Checkpoint) when the file cannot
/// be written or should not be replaced.
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
    let earlier = match options.checkpoint.as_path() {
        Some(path) => preflight::check_checkpoint(model, path)?,
        None => None,
    };
    let class_names = dataloaders.train.dataset().classes();
    let mut best = Best::new(model, &options, class_names, earlier)?;
    let batch_norm = model.batch_norm();
    if options.batch_norm != BatchNormMode::Moving {
        model.set_batch_norm(options.batch_norm);
    }
    let mut training = Training { dataloaders, criterion, options: &options, start: Instant::now() };
    let outcome = training.run(model, optimizer, scheduler, &mut best);
    model.set_batch_norm(batch_norm);
    model.eval();
    best.restore(model)?;
    outcome
}

/// What stays the same from epoch to epoch.
struct Training<'a> {
    dataloaders: &'a Splits<DataLoader>,
    criterion: &'a dyn Criterion,
    options: &'a TrainOptions,
    start: Instant,
}

impl Training<'_> {
    fn run(
        &mut self,
        model: &mut Model,
        optimizer: &mut dyn Optimizer,
        scheduler: &mut dyn Scheduler,
        best: &mut Best,
    ) -> Result<History> {
        let num_epochs = self.options.num_epochs;
        let mut history = History { lrs: vec![optimizer.lr()], num_epochs, ..Default::default() };
        for epoch in 0..num_epochs {
            self.say(format_args!("Epoch {epoch}/{}\n----------", num_epochs - 1));
            let Some((train, valid)) = self.epoch(model, optimizer, epoch)? else {
                history.interrupted = notebook::take_interrupt();
                self.say(format_args!("Interrupted in epoch {epoch}, which does not count\n"));
                break;
            };
            best.offer(model, optimizer, epoch, valid.accuracy())?;
            self.say(format_args!("Optimizer learning rate : {:.7}\n", optimizer.lr()));
            record(&mut history, &train, &valid, optimizer.lr());
            scheduler.step_with_loss(optimizer, valid.loss)?;
        }
        history.seconds = self.start.elapsed().as_secs_f64();
        history.best_acc = best.acc;
        history.best_epoch = best.epoch;
        history.checkpoint = best.written.clone();
        self.say(format_args!("Training complete in {}", minutes_and_seconds(history.seconds)));
        self.say(format_args!("Best val Acc: {:.6}", best.acc));
        Ok(history)
    }

    /// Both passes of an epoch; `None` when the learner has interrupted one of them.
    fn epoch(
        &self,
        model: &mut Model,
        optimizer: &mut dyn Optimizer,
        epoch: usize,
    ) -> Result<Option<(Tally, Tally)>> {
        let Splits { train, valid } = self.dataloaders;
        let pass = |loader: &DataLoader, phase| {
            let batches = loader.iter();
            epoch::Pass { batches, criterion: self.criterion, phase, epoch: Some(epoch), watch: None }
        };
        model.train();
        let step = |_: &Batch, images: &Tensor, labels: &Tensor, criterion: &dyn Criterion| {
            let outputs = model.forward_train(images)?;
            let loss = outputs.loss(|logits| criterion.forward(logits, labels))?;
            Ok(epoch::Step { loss, logits: outputs.logits })
        };
        let learn = |loss: &Tensor, _| {
            optimizer.zero_grad()?;
            loss.f_backward()?;
            optimizer.step()
        };
        let Some(train) = epoch::run(&mut pass(train, "train"), model, step, learn)? else {
            return Ok(None);
        };
        self.report("train", &train);
        model.eval();
        let Some(valid) = validate(&mut pass(valid, "valid"), model, |_, _| Ok(()))? else { return Ok(None) };
        self.report("valid", &valid);
        Ok(Some((train, valid)))
    }

    fn report(&self, phase: &str, tally: &Tally) {
        self.say(format_args!("Time elapsed {}", minutes_and_seconds(self.start.elapsed().as_secs_f64())));
        self.say(format_args!("{phase} Loss: {:.4} Acc: {:.4}", tally.loss, tally.accuracy()));
    }

    /// Prints a line at once, so that a notebook shows it while training goes on.
    fn say(&self, line: std::fmt::Arguments<'_>) {
        if self.options.verbose {
            let mut out = std::io::stdout().lock();
            // Nobody is left to be told when standard output is closed.
            let _ = writeln!(out, "{line}").and_then(|()| out.flush());
        }
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
