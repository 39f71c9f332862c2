//! The training loop of the tutorial and its parts: [`Optimizer`]s, learning-rate [`Scheduler`]s,
//! the loss, [`train_model`], the [`History`] it returns and the [`Checkpoint`] it saves.
//!
//! One training step reads: `optimizer.zero_grad()?; let loss = criterion.forward(&model.forward(&images)?,
//! &labels)?; loss.f_backward()?; optimizer.step()?;` and that is what the loop does, batch by batch.

mod best;
mod checkpoint;
mod epoch;
mod evaluate;
mod history;
mod loss;
mod num_epochs;
mod optim;
mod options;
mod preflight;
mod scheduler;
mod train_model;

pub use checkpoint::Checkpoint;
pub use evaluate::{Evaluation, evaluate};
pub use history::History;
pub use loss::{Criterion, CrossEntropyLoss};
pub use num_epochs::{NumEpochs, num_epochs};
pub use optim::{
    Adam, AdamOptions, AdamW, AdamWOptions, Optimizer, OptimizerId, OptimizerState, Sgd, SgdOptions,
};
pub use options::{CheckpointPath, TrainOptions};
pub use scheduler::{CosineAnnealingLr, ExponentialLr, MultiStepLr, ReduceLrOnPlateau, Scheduler, StepLr};
pub use train_model::train_model;
