//! The best weights of a training, in memory and in a file.

use std::fs;
use std::path::{Path, PathBuf};

use super::checkpoint::Checkpoint;
use super::history::History;
use super::optim::Optimizer;
use super::options::TrainOptions;
use super::preflight::Earlier;
use crate::models::{Model, StateDict, Strictness};
use crate::{Error, Result};

/// Keeps the weights of the epoch with the highest validation accuracy.
pub(super) struct Best {
    pub acc: f64,
    pub epoch: Option<usize>,
    pub written: Option<PathBuf>,
    weights: StateDict,
    path: Option<PathBuf>,
    /// Whether this process writes the file: rank 0.
    writes: bool,
    class_names: Vec<String>,
    /// The earlier training's checkpoint in the file, until this training overwrites it.
    earlier: Option<Earlier>,
}

impl Best {
    /// Starts with the weights that the model has, worth [`TrainOptions::best_acc`].
    pub fn new(
        model: &Model,
        options: &TrainOptions,
        class_names: Vec<String>,
        earlier: Option<Earlier>,
        writes: bool,
    ) -> Result<Best> {
        Ok(Best {
            acc: options.best_acc,
            epoch: None,
            written: None,
            weights: model.state_dict().deep_copy()?,
            path: options.checkpoint.as_path().map(Path::to_owned),
            writes,
            class_names,
            earlier,
        })
    }

    /// Keeps the model's weights if `acc` is better than any before.
    ///
    /// # Errors
    /// [`Error::CheckpointNotWritten`]; the weights are kept in memory all the same.
    pub fn offer(&mut self, model: &Model, optimizer: &dyn Optimizer, epoch: usize, acc: f64) -> Result<()> {
        if acc <= self.acc {
            return Ok(());
        }
        self.weights = model.state_dict().deep_copy()?;
        self.acc = acc;
        self.epoch = Some(epoch);
        self.keep(model, optimizer, epoch)
    }

    /// Keeps the best weights, those of `epoch`, in the file, if there is to be one.
    fn keep(&mut self, model: &Model, optimizer: &dyn Optimizer, epoch: usize) -> Result<()> {
        let Some(path) = self.path.clone() else { return Ok(()) };
        if !self.writes {
            self.written = Some(path);
            return Ok(());
        }
        let written = self.write(model, optimizer, epoch, &path);
        written.map_err(|error| Error::CheckpointNotWritten {
            path,
            epoch,
            accuracy: self.acc,
            reason: error.to_string(),
        })
    }

    fn write(&mut self, model: &Model, optimizer: &dyn Optimizer, epoch: usize, path: &Path) -> Result<()> {
        let mut checkpoint = Checkpoint::with(self.weights.clone(), model, optimizer, self.acc, epoch)?;
        checkpoint.class_names = self.class_names.clone();
        let kept = match &self.earlier {
            Some(earlier) if !earlier.comparable || earlier.best_acc > self.acc => Some(set_aside(path)?),
            _ => None,
        };
        checkpoint.save(path)?;
        if let (Some(kept), Some(earlier)) = (kept, &self.earlier) {
            super::tell(format_args!(
                "note: {} held an earlier training's weights with valid acc {:.4}; they are now in {}",
                path.display(),
                earlier.best_acc,
                kept.display()
            ));
        }
        self.earlier = None;
        self.written = Some(path.to_owned());
        Ok(())
    }

    /// The best weights.
    pub fn weights(&self) -> &StateDict {
        &self.weights
    }

    /// Continues from an earlier training's best.
    pub fn take_up(&mut self, history: &History, weights: StateDict) {
        self.acc = history.best_acc;
        self.epoch = history.best_epoch;
        self.written = history.checkpoint.clone();
        self.weights = weights;
    }

    /// Names the earlier training's checkpoint in the file.
    pub fn replaces(&mut self, earlier: Option<Earlier>) {
        self.earlier = earlier;
    }

    /// Writes the best that was taken up, for a checkpoint that was added, renamed or removed since. It has the optimizer's
    /// state of the last epoch: that of the best one is no longer known.
    ///
    /// # Errors
    /// As [`offer`](Best::offer).
    pub fn catch_up(&mut self, model: &Model, optimizer: &dyn Optimizer) -> Result<()> {
        self.epoch.map_or(Ok(()), |epoch| self.keep(model, optimizer, epoch))
    }

    /// Puts the best weights into the model.
    pub fn restore(&self, model: &mut Model) -> Result<()> {
        model.load_state_dict(&self.weights, Strictness::Strict).map(|_| ())
    }
}

/// Gives the file a second name, so that replacing it loses nothing.
fn set_aside(path: &Path) -> Result<PathBuf> {
    let previous = name_beside(path);
    let passing = path.with_extension(format!("{}.tmp", std::process::id()));
    let keep = Error::io("keeping the earlier checkpoint as", &previous);
    // Not a second name of a link: the new checkpoint is written through that.
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.into());
    // A copy if the file system has no hard links.
    let second = fs::hard_link(real, &passing).or_else(|_| fs::copy(path, &passing).map(|_| ()));
    let kept = second.and_then(|()| fs::rename(&passing, &previous));
    if kept.is_err() {
        let _ = fs::remove_file(&passing);
    }
    kept.map_err(keep)?;
    Ok(previous)
}

/// `best.previous.safetensors`, `best.previous2.safetensors`, …: the first that is free, or holds the same network with no
/// better accuracy, so that running a cell again and again does not fill the disk.
fn name_beside(path: &Path) -> PathBuf {
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    let named = |number: &str| path.with_extension(format!("previous{number}.{extension}"));
    let file = Checkpoint::load(path);
    let gives_way = |held: &Path| match (Checkpoint::load(held), &file) {
        (Ok(held), Ok(file)) => {
            (&held.model, held.num_classes) == (&file.model, file.num_classes)
                && held.best_acc <= file.best_acc
        }
        _ => false,
    };
    let mut name = named("");
    for number in 2u32.. {
        if !name.exists() || gives_way(&name) {
            break;
        }
        name = named(&number.to_string());
    }
    name
}
