//! Saves the state of a training after each epoch, and resumes from it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tch::Tensor;

use super::Training;
use crate::data::Splits;
use crate::models::{Model, Strictness};
use crate::train::compute::Compute;
use crate::train::ema::Ema;
use crate::train::grad_scaler::GradScaler;
use crate::train::history::History;
use crate::train::optim::{Optimizer, copy_of};
use crate::train::options::TrainOptions;
use crate::train::preflight;
use crate::train::resume::{KeptState, ResumeFrom, TrainingState};
use crate::train::scheduler::Scheduler;
use crate::{Error, Result, notebook};

/// The folder for the states of all trainings of this process; `herbarium run --restarts` sets it.
const FOLDER: &str = "HERBARIUM_RESUME";

/// Where a launcher starts a program again that has failed, its trainings keep their state although the program does not
/// say so: the first one in the first file, and so on.
pub(super) fn as_the_launcher_says(options: &mut TrainOptions) {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let Some(folder) = std::env::var_os(FOLDER).filter(|folder| !folder.is_empty()).map(PathBuf::from) else {
        return;
    };
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    if let ResumeFrom::Nothing = options.resume.0 {
        options.resume = folder.join(format!("training-{number}.state.safetensors")).into();
    }
}

impl Training<'_> {
    /// Whether the training may be resumed from the state.
    pub(super) fn keeps_state(&self) -> bool {
        self.options.resume.as_path().is_some() || notebook::is_live()
    }

    /// The state at the end of an epoch, in memory and in the file if there is to be one.
    pub(super) fn snapshot(
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
            scaler: self.scaler.as_ref().map(GradScaler::state).transpose()?,
            ema,
            next_epochs: [train.next_epoch(), valid.next_epoch()],
            seeds: [train.seed(), valid.seed()],
            history,
            model: model.name().to_owned(),
            num_classes: model.num_classes(),
        };
        if let Some(path) = self.options.resume.as_path().filter(|_| self.team.is_first()) {
            state.save(path).map_err(|error| not_saved(model, path, &error))?;
        }
        Ok(KeptState(Some(Arc::new(Mutex::new(state)))))
    }

    /// Restores the end of an earlier training, if there is one.
    pub(super) fn take_up(
        &mut self,
        model: &mut Model,
        optimizer: &mut dyn Optimizer,
        scheduler: &mut dyn Scheduler,
    ) -> Result<()> {
        match &self.options.resume.0 {
            ResumeFrom::Nothing | ResumeFrom::Memory(KeptState(None)) => Ok(()),
            ResumeFrom::File(path) if !self.team.as_the_first_says(path.exists())? => Ok(()),
            ResumeFrom::File(path) => {
                let state = TrainingState::load(path)?;
                self.take_up_state(&state, model, optimizer, scheduler)
            }
            ResumeFrom::Memory(KeptState(Some(state))) => {
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
        let written = state.history.checkpoint.as_deref();
        let to_write =
            self.options.checkpoint.as_path().filter(|path| written != Some(*path) || !path.exists());
        if let Some(path) = to_write
            && self.team.is_first()
        {
            self.best.replaces(preflight::check_checkpoint(model, path)?);
        }
        optimizer.load_state_dict(&state.optimizer)?;
        scheduler.load_state_dict(&state.scheduler)?;
        model.load_state_dict(&state.last, Strictness::Strict)?;
        // Frozen layers were prepared with the weights that the state has just replaced.
        self.compute = Compute::prepare(model, &self.dataloaders.train, self.options.precision)?;
        let Splits { train, valid } = self.dataloaders;
        train.set_next_epoch(state.next_epochs[0]);
        valid.set_next_epoch(state.next_epochs[1]);
        if let (Some(ema), Some((averages, updates))) = (&mut self.ema, &state.ema) {
            ema.restore(averages, *updates)?;
        }
        if let (Some(scaler), Some(state)) = (&mut self.scaler, state.scaler) {
            scaler.restore(state)?;
        }
        let mut info = std::mem::take(&mut self.history.info);
        info.compute = self.compute.to_string();
        let num_epochs = self.options.num_epochs;
        self.history =
            History { info, num_epochs, interrupted: false, stopped_early: false, ..state.history.clone() };
        self.best.take_up(&state.history, state.best.deep_copy()?);
        if to_write.is_some() {
            self.best.catch_up(model, optimizer)?;
        }
        let epochs = self.history.epochs();
        let images = epochs * (train.dataset_len() + valid.dataset_len());
        self.live.skip(images as u64);
        if epochs > 0 {
            self.live.say(format_args!("Resuming after epoch {}\n", epochs - 1));
        }
        Ok(())
    }
}

/// What to do when the state cannot be written; a file of an earlier epoch is untouched then.
fn not_saved(model: &Model, path: &Path, error: &Error) -> Error {
    let again = match path.exists() {
        true => "resumes after the last epoch that could be written",
        false => "starts over, as no state was written before",
    };
    let reason = format!(
        "the state of the training could not be written to {} ({error}). The model has its best weights so far. Make room, or \
         see to the folder; the same cell or program {again}",
        path.display()
    );
    Error::Training { model: model.name().to_owned(), reason }
}
