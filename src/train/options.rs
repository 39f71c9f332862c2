//! The options of [`train_model`](super::train_model).

use std::path::{Path, PathBuf};

use super::grad_scaler::GradScalerOptions;
use super::mix::Mix;
use super::resume::Resume;
use crate::models::BatchNormMode;

/// The numeric precision of a network in training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// float32 for everything that learns. Frozen layers with fixed batch norms are prepared once, with
    /// the batch norms folded in, and compute in bfloat16 if the processor supports it: their result,
    /// rounded to 8 bits, is only the input of the layers that learn. Validation is always float32.
    #[default]
    Auto,
    /// float32 everywhere, frozen layers too.
    Float32,
    /// On the CPU convolutions in bfloat16, as with `torch.autocast("cpu", torch.bfloat16)`; on a GPU convolutions and matrix
    /// products, as with `torch.autocast("cuda", torch.bfloat16)`. Weights, gradients of weights and the optimizer's
    /// memory stay float32. On processors and GPUs with bfloat16 faster, and about as good. Validation is float32.
    BFloat16,
    /// Convolutions and matrix products in float16, as with `torch.autocast(…, torch.float16)` and a
    /// [`GradScaler`](super::GradScaler), for GPUs without bfloat16; the CPU has no fast float16. Weights, gradients of weights and the
    /// optimizer's memory stay float32. Validation is float32.
    Float16,
}

/// How often the scheduler steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SchedulerStep {
    /// After each epoch, as in the tutorial.
    #[default]
    Epoch,
    /// After each of the optimizer's steps, as [`OneCycleLr`](super::OneCycleLr) wants it.
    Batch,
}

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
    /// second phase set it to the first phase's best, which the tutorial forgets, so that a worse
    /// epoch does not replace a better checkpoint.
    pub best_acc: f64,
    /// Whether to print the tutorial's lines, or in Herbarium's notebooks to show them as a table and curves
    /// that grow: yes.
    pub verbose: bool,
    /// Whether notebooks show a table and curves instead of the tutorial's lines: yes.
    pub live: bool,
    /// The numeric precision.
    pub precision: Precision,
    /// How gradients are scaled in [`Precision::Float16`].
    pub grad_scaler: GradScalerOptions,
    /// How often the scheduler steps: after each epoch.
    pub scheduler_step: SchedulerStep,
    /// The maximum norm of all gradients before a step ([`clip_grad_norm`](super::clip_grad_norm)); unlimited by
    /// default.
    pub clip_grad_norm: Option<f64>,
    /// The maximum of each gradient value before a step ([`clip_grad_value`](super::clip_grad_value)); unlimited
    /// by default.
    pub clip_grad_value: Option<f64>,
    /// Over how many batches the gradients are averaged for one optimizer step, for batches that do not
    /// fit in memory: 1.
    pub accumulate: usize,
    /// How the pictures of a training batch are mixed: not at all.
    pub mix: Mix,
    /// The decay of an average over the weights ([`Ema`](super::Ema)), mostly 0.9 to 0.9999. Validation and
    /// the best weights are then those of the average. By default there is none.
    pub ema: Option<f64>,
    /// Stops after this many epochs in a row without improvement; by default never.
    pub patience: Option<usize>,
    /// Where to keep everything needed to resume after an interruption, a crash or a kill, and to resume
    /// from if it exists; see [`Resume`].
    pub resume: Resume,
}

impl Default for TrainOptions {
    fn default() -> Self {
        TrainOptions {
            num_epochs: 25,
            checkpoint: CheckpointPath::default(),
            batch_norm: BatchNormMode::Moving,
            best_acc: 0.0,
            verbose: true,
            live: true,
            precision: Precision::Auto,
            grad_scaler: GradScalerOptions::default(),
            scheduler_step: SchedulerStep::Epoch,
            clip_grad_norm: None,
            clip_grad_value: None,
            accumulate: 1,
            mix: Mix::No,
            ema: None,
            patience: None,
            resume: Resume::default(),
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
