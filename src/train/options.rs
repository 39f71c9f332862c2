//! What [`train_model`](super::train_model) may be told.

use std::path::{Path, PathBuf};

use crate::models::BatchNormMode;

/// How to train; `TrainOptions { num_epochs: 20, ..Default::default() }`.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainOptions {
    /// How many passes over the training pictures, each followed by one over the validation
    /// pictures: 25, as in the tutorial.
    pub num_epochs: usize,
    /// The file for the best weights, `"best.safetensors".into()`, or `"best.pt".into()` in PyTorch's own format;
    /// by default none is written. See
    /// [`train_model`](super::train_model) for what happens to a file that is there already.
    pub checkpoint: CheckpointPath,
    /// What batch norms do while training: they move, as in the tutorial. With
    /// [`BatchNormMode::Still`] here or in [`Model::set_batch_norm`](crate::models::Model::set_batch_norm)
    /// they keep their pretrained statistics.
    pub batch_norm: BatchNormMode,
    /// The validation accuracy, 0 to 1, that an epoch must exceed to count as the best: 0. In a
    /// second phase set it to the first phase's, which the tutorial forgets, so that a worse epoch
    /// does not take the place of a better checkpoint.
    pub best_acc: f64,
    /// Whether to print the tutorial's lines: yes.
    pub verbose: bool,
}

impl Default for TrainOptions {
    fn default() -> Self {
        TrainOptions {
            num_epochs: 25,
            checkpoint: CheckpointPath::default(),
            batch_norm: BatchNormMode::Moving,
            best_acc: 0.0,
            verbose: true,
        }
    }
}

/// A file for checkpoints, or none: made by `.into()` from a string or a path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckpointPath(Option<PathBuf>);

impl CheckpointPath {
    /// The file, if there is one.
    pub fn as_path(&self) -> Option<&Path> {
        self.0.as_deref()
    }
}

impl From<&str> for CheckpointPath {
    fn from(path: &str) -> Self {
        CheckpointPath(Some(path.into()))
    }
}

impl From<String> for CheckpointPath {
    fn from(path: String) -> Self {
        CheckpointPath(Some(path.into()))
    }
}

impl From<&Path> for CheckpointPath {
    fn from(path: &Path) -> Self {
        CheckpointPath(Some(path.into()))
    }
}

impl From<PathBuf> for CheckpointPath {
    fn from(path: PathBuf) -> Self {
        CheckpointPath(Some(path))
    }
}

impl From<&PathBuf> for CheckpointPath {
    fn from(path: &PathBuf) -> Self {
        CheckpointPath(Some(path.clone()))
    }
}

impl From<Option<PathBuf>> for CheckpointPath {
    fn from(path: Option<PathBuf>) -> Self {
        CheckpointPath(path)
    }
}
