//! The training loop of the tutorial and its parts: [`Optimizer`]s, learning-rate [`Scheduler`]s,
//! the loss, [`train_model`], the [`History`] it returns and the [`Checkpoint`] it saves.
//!
//! ```no_run
//! # fn main() -> herbarium::Result<()> {
//! use herbarium::prelude::*;
//!
//! # let transforms = Splits { train: Compose::new(vec![to_tensor()]), valid: Compose::new(vec![to_tensor()]) };
//! let image_datasets = ImageFolder::splits("flower_data", &transforms)?;
//! let dataloaders = image_datasets.loaders(LoaderOptions { batch_size: 128, shuffle: true, ..Default::default() });
//! let mut model_ft = initialize_model("resnet18", 102, Pretrained::Yes, tch::Device::Cpu)?;
//! model_ft.freeze_all_but_head();
//!
//! let criterion = CrossEntropyLoss::new();
//! let mut optimizer_ft = Adam::new(model_ft.trainable_parameters(), 1e-2);
//! let mut scheduler = StepLr::new(&optimizer_ft, 10, 0.1);
//! let options = TrainOptions { num_epochs: 20, checkpoint: "best.safetensors".into(), ..Default::default() };
//! train_model(&mut model_ft, &dataloaders, &criterion, &mut optimizer_ft, &mut scheduler, options)?;
//!
//! // The second phase: all layers, a smaller rate, from the best weights, which stay until beaten.
//! model_ft.unfreeze_all();
//! let checkpoint = Checkpoint::load("best.safetensors")?;
//! checkpoint.load_into(&mut model_ft)?;
//! let mut optimizer = Adam::new(model_ft.trainable_parameters(), 1e-3);
//! let mut scheduler = StepLr::new(&optimizer, 7, 0.1);
//! let options = TrainOptions {
//!     num_epochs: 10,
//!     checkpoint: "best.safetensors".into(),
//!     best_acc: checkpoint.best_acc,
//!     ..Default::default()
//! };
//! train_model(&mut model_ft, &dataloaders, &criterion, &mut optimizer, &mut scheduler, options)?;
//!
//! // One training step by hand, which is what the loop does batch by batch.
//! let batch = dataloaders.train.batch(0)?;
//! model_ft.train();
//! optimizer.zero_grad()?;
//! let loss = criterion.forward(&model_ft.forward(&batch.images)?, &batch.labels)?;
//! loss.f_backward()?;
//! optimizer.step()?;
//! # Ok(())
//! # }
//! ```
//!
//! [`fine_tune`] does both phases in one call, with one-cycle learning rates and slower first layers;
//! [`lr_find`] looks for a learning rate; [`predict_all`] predicts every picture, and [`Metrics`] summarises
//! the result; [`compare`] compares trainings. [`TrainOptions::resume`] continues a training that was
//! interrupted or killed, and the same [`seed`](crate::seed()) repeats one to the bit.
//! [`distributed`] is the same on more than one process.

mod best;
mod checkpoint;
mod compare;
mod compute;
pub mod distributed;
mod ema;
mod epoch;
mod evaluate;
mod evaluation;
mod feed;
mod fine_tune;
mod grad_scaler;
mod history;
mod live;
mod loss;
mod lr_find;
mod memory;
mod metrics;
mod mix;
mod num_epochs;
mod optim;
mod options;
mod preflight;
mod record;
mod resume;
mod scheduler;
mod train_model;

pub use checkpoint::Checkpoint;
pub use compare::{Comparison, compare};
pub use ema::Ema;
pub use evaluate::{evaluate, predict_all, predict_augmented};
pub use evaluation::Evaluation;
pub use fine_tune::{FineTuneOptions, fine_tune};
pub(crate) use fine_tune::{PhaseRates, rates};
pub use grad_scaler::{GradScaler, GradScalerOptions};
pub use history::{History, plot_phases};
pub use loss::{Criterion, CrossEntropyLoss};
pub use lr_find::{LrFind, LrFindOptions, lr_find};
pub use metrics::{ClassMetrics, Metrics};
pub use mix::{Mix, Mixed, cutmix, mixup};
pub use num_epochs::{NumEpochs, num_epochs};
pub use optim::{
    Adam, AdamW, Optimizer, OptimizerId, OptimizerState, ParamGroup, ParamGroups, RmsProp, Sgd,
    clip_grad_norm, clip_grad_value,
};
pub use options::{CheckpointPath, Precision, SchedulerStep, TrainOptions};
pub use record::RunInfo;
pub use resume::{KeptState, Resume};
pub use scheduler::{
    Anneal, ChainedScheduler, CosineAnnealingLr, ExponentialLr, LinearLr, MultiStepLr, OneCycleLr,
    OneCycleOptions, ReduceLrOnPlateau, Scheduler, SchedulerState, SequentialLr, StepLr,
};
pub use train_model::train_model;

/// Prints a message that is not part of the tutorial's output, on standard error.
fn tell(line: std::fmt::Arguments<'_>) {
    use std::io::Write;
    // If standard error is closed there is nobody to report to.
    let _ = writeln!(std::io::stderr(), "{line}");
}
