//! Checks before the first epoch, so that errors do not appear after an hour.

use std::any::Any;
use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::path::Path;

use fastrand::Rng;
use tch::Device;

use super::checkpoint::{Checkpoint, check_extension};
use super::compute::Compute;
use super::loss::Criterion;
use super::optim::Optimizer;
use super::options::{Precision, SchedulerStep, TrainOptions};
use super::record::RunInfo;
use super::resume::{KeptState, ResumeFrom};
use super::scheduler::Scheduler;
use crate::data::{DataLoader, LoaderOptions, Splits};
use crate::models::layers::BatchNorm2d;
use crate::models::{BatchNormMode, Mode, Model, Parameter, Pass, walk};
use crate::{Error, Result};

/// The version that tch 0.26 is made for.
const LIBTORCH: &str = "2.13.0";

/// What is trained, with what, on what.
#[derive(Clone, Copy)]
pub(super) struct Setup<'a> {
    pub model: &'a Model,
    pub dataloaders: &'a Splits<DataLoader>,
    pub criterion: &'a dyn Criterion,
    pub optimizer: &'a dyn Optimizer,
    pub scheduler: &'a dyn Scheduler,
    pub options: &'a TrainOptions,
}

/// Rejects parts that do not match; what may be intended only causes a warning on standard error.
pub(super) fn check_parts(setup: Setup<'_>) -> Result<()> {
    let Setup { model, dataloaders, optimizer, scheduler, options, .. } = setup;
    optimizer.validate()?;
    scheduler.validate(optimizer)?;
    check_parameters(model, optimizer)?;
    for (phase, loader) in dataloaders {
        // A rank's part of a small validation set may be empty.
        if phase == "train" || loader.dataset_len() == 0 {
            check_not_empty(model, phase, loader)?;
        }
    }
    if options.scheduler_step == SchedulerStep::Batch && scheduler.name() == "ReduceLROnPlateau" {
        let reason = "steps once an epoch: leave scheduler_step at SchedulerStep::Epoch".to_owned();
        return Err(Error::Scheduler { scheduler: scheduler.name(), reason });
    }
    check_files(model, options)?;
    if options.accumulate == 0 {
        return Err(refuse(model, "accumulate is 0: it must be at least 1 batch".into()));
    }
    if options.precision == Precision::Float16 && model.device() == Device::Cpu {
        let reason =
            "Precision::Float16 is for a GPU: on the CPU, train with `precision: Precision::BFloat16`";
        return Err(refuse(model, reason.into()));
    }
    options.mix.check()?;
    options.grad_scaler.check()?;
    check_last_batch(model, &dataloaders.train, options.batch_norm)?;
    if !(0.0..=1.0).contains(&options.best_acc) {
        return Err(refuse(model, format!("best_acc is {}: it must be from 0 to 1", options.best_acc)));
    }
    Ok(())
}

/// Rejects a history that cannot be resumed, and one file for two purposes.
fn check_files(model: &Model, options: &TrainOptions) -> Result<()> {
    if let ResumeFrom::Memory(KeptState(None)) = options.resume.0 {
        let reason = "this history has no state to resume from: it was not interrupted, or was read from a file; give \
                      TrainOptions::resume a file";
        return Err(refuse(model, reason.into()));
    }
    if let Some(path) = options.checkpoint.as_path()
        && options.resume.as_path() == Some(path)
    {
        let reason = format!(
            "checkpoint and resume are both {}: the best weights and the state each need their own file",
            path.display()
        );
        return Err(refuse(model, reason));
    }
    Ok(())
}

/// Rejects a loader that makes no batch.
pub(super) fn check_not_empty(model: &Model, phase: &str, loader: &DataLoader) -> Result<()> {
    if !loader.is_empty() {
        return Ok(());
    }
    let (pictures, options) = (loader.dataset_len(), loader.options());
    let reason = format!(
        "the {phase} loader makes no batch of {pictures} pictures with batch_size {} and drop_last {}: \
         is the folder empty, the batch too large?",
        options.batch_size, options.drop_last
    );
    Err(refuse(model, reason))
}

/// Rejects a last batch of a single picture if a batch norm would get one value per channel: it has no variance,
/// and the epoch would fail at its end.
pub(super) fn check_last_batch(model: &Model, train: &DataLoader, batch_norm: BatchNormMode) -> Result<()> {
    if train.last_batch_len() != 1 {
        return Ok(());
    }
    // An unreadable picture is reported by the epoch, or skipped.
    let Ok((picture, _)) = train.dataset().get(0, &mut Rng::with_seed(0)) else { return Ok(()) };
    let &[channels, height, width] = picture.size().as_slice() else { return Ok(()) };
    let Ok(summary) = model.summary([1, channels, height, width]) else { return Ok(()) };
    // `Moving` in the options leaves the model's own mode.
    let batch_norm = if batch_norm == BatchNormMode::Moving { model.batch_norm() } else { batch_norm };
    let pass = Pass::new(Mode::Train, batch_norm);
    let mut single = None;
    walk(model.module(), "", &mut |path, module| {
        let norm = (module as &dyn Any).downcast_ref::<BatchNorm2d>();
        if single.is_none() && norm.is_some_and(|norm| norm.moves(pass)) {
            // A part that works in training only, as Inception's second head, ends in single values.
            let values = summary.layer(path).map_or(1, |layer| layer.input_size.iter().skip(2).product());
            single = (values == 1).then(|| path.to_owned());
        }
    });
    let Some(path) = single else { return Ok(()) };
    let (pictures, size) = (train.dataset_len(), train.options().batch_size);
    let cure = match size {
        1 => "Give the loaders a larger batch_size",
        _ => "Give the loaders `drop_last: true` or another batch_size",
    };
    let reason = format!(
        "the last batch of an epoch has a single picture ({pictures} pictures in batches of {size}), and the batch \
         norm {path} cannot work on one value per channel. {cure}, take larger pictures than {height}x{width}, or \
         train with `batch_norm: BatchNormMode::Still`"
    );
    Err(refuse(model, reason))
}

/// An optimizer that holds tensors other than the model's would silently train nothing.
pub(super) fn check_parameters(model: &Model, optimizer: &dyn Optimizer) -> Result<()> {
    let all = model.named_parameters();
    let own: HashSet<_> = all.iter().map(|parameter| parameter.tensor.data_ptr()).collect();
    if let Some(stranger) =
        optimizer.parameters().iter().find(|given| !own.contains(&given.tensor.data_ptr()))
    {
        let reason = format!(
            "the {} holds a tensor {} that is not this model's: the model was made again after the optimizer; \
             build the optimizer and the scheduler again",
            optimizer.name(),
            stranger.name
        );
        return Err(refuse(model, reason));
    }
    if !optimizer.parameters().iter().any(|parameter| parameter.tensor.requires_grad()) {
        let reason = format!("all tensors of the {} are frozen: unfreeze the model first", optimizer.name());
        return Err(refuse(model, reason));
    }
    let held: HashSet<_> = optimizer.parameters().iter().map(|given| given.tensor.data_ptr()).collect();
    let left: Vec<_> = model
        .trainable_parameters()
        .into_iter()
        .filter(|own| !held.contains(&own.tensor.data_ptr()))
        .collect();
    if let [first, ..] = left.as_slice() {
        super::tell(format_args!(
            "warning: {} trainable tensors of {} ({} …) are not in the {} and will not learn: build it again \
             after unfreezing",
            left.len(),
            model.name(),
            first.name,
            optimizer.name()
        ));
    }
    Ok(())
}

/// Refuses to resume with loaders of other seeds: the epochs would differ from those of the original
/// training.
pub(super) fn check_seeds(model: &Model, dataloaders: &Splits<DataLoader>, seeds: [u64; 2]) -> Result<()> {
    for ((phase, loader), seed) in dataloaders.iter().zip(seeds) {
        let own = loader.seed();
        if own != seed {
            let reason = format!(
                "the training to resume drew from seed {seed}, the {phase} loader draws from {own}: call `seed({seed})` \
                 first, or give the loader that seed"
            );
            return Err(refuse(model, reason));
        }
    }
    Ok(())
}

/// What a history says of its training.
pub(super) fn info(setup: Setup<'_>, compute: &Compute) -> RunInfo {
    let Setup { model, dataloaders: Splits { train, valid }, criterion, optimizer, scheduler, options } =
        setup;
    let threads = tch::get_num_threads();
    RunInfo {
        model: model_in_words(model),
        optimizer: format!("{optimizer:?}"),
        scheduler: format!("{scheduler:?}"),
        criterion: format!("{criterion:?}"),
        options: format!("{options:?}"),
        seed: train.seed(),
        train_images: train.dataset_len(),
        valid_images: valid.dataset_len(),
        batch_size: train.options().batch_size,
        parameters: model.parameter_count().to_string(),
        device: match model.device() {
            Device::Cpu => format!("Cpu, {threads} threads"),
            device => format!("{device:?}"),
        },
        compute: compute.to_string(),
        versions: format!("{}, libtorch {LIBTORCH}", super::checkpoint::this_library()),
    }
}

/// All that must be the same on every rank that trains together.
pub(super) fn description(setup: Setup<'_>) -> Vec<(&'static str, String)> {
    let Setup { model, dataloaders, criterion, optimizer, scheduler, options } = setup;
    let line = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut lines = vec![("the model", model_in_words(model))];
    for Parameter { name, tensor } in model.named_parameters() {
        let frozen = if tensor.requires_grad() { "" } else { ", frozen" };
        lines.push(("a parameter", format!("{name} {:?} {:?}{frozen}", tensor.size(), tensor.kind())));
    }
    for (phase, loader) in dataloaders {
        let LoaderOptions { batch_size, shuffle, drop_last, .. } = loader.options();
        let (pictures, classes) = (loader.dataset_len(), loader.dataset().classes().join(" "));
        let name = if phase == "train" { "the training data" } else { "the validation data" };
        lines.push((
            name,
            format!(
                "{pictures} pictures in batches of {batch_size}, shuffle {shuffle}, drop_last {drop_last}, epoch {}, seed {}, \
                 of the classes {classes}",
                loader.next_epoch(),
                loader.seed()
            ),
        ));
    }
    lines.push(("the optimizer", line(format!("{optimizer:?}"))));
    lines.push(("the scheduler", line(format!("{scheduler:?}"))));
    lines.push(("the criterion", line(format!("{criterion:?}"))));
    lines.push(("TrainOptions", line(format!("{options:?}"))));
    lines
}

fn model_in_words(model: &Model) -> String {
    format!("{} for {} classes", model.name(), model.num_classes())
}

/// The existing file at the checkpoint's path.
pub(super) struct Earlier {
    pub best_acc: f64,
    /// Whether it is of the same network for as many classes, so that accuracies compare.
    pub comparable: bool,
}

/// Checks that a checkpoint can be written to `path`, and inspects an existing file.
pub(super) fn check_checkpoint(model: &Model, path: &Path) -> Result<Option<Earlier>> {
    check_extension(path)?;
    check_writable(path)?;
    if !path.exists() {
        return Ok(None);
    }
    match Checkpoint::load(path) {
        Ok(earlier) => {
            let comparable = earlier.model == model.name() && earlier.num_classes == model.num_classes();
            Ok(Some(Earlier { best_acc: earlier.best_acc, comparable }))
        }
        Err(error) => {
            let reason = format!(
                "this file already exists and is not a checkpoint that could be replaced ({error}): choose \
                 another name, or remove it"
            );
            Err(Error::Checkpoint { path: path.to_owned(), reason })
        }
    }
}

/// Tries the folder with an empty file.
fn check_writable(path: &Path) -> Result<()> {
    let refuse = |reason: String| Error::Checkpoint { path: path.to_owned(), reason };
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if path.is_dir() {
        return Err(refuse("it is a folder: name a file in it".into()));
    }
    let in_vain = |error: std::io::Error| {
        refuse(format!("the folder {} cannot be written to ({error}): choose another one", folder.display()))
    };
    fs::create_dir_all(folder).map_err(in_vain)?;
    let trial = folder.join(format!(".herbarium.{}-{:08x}.trial", std::process::id(), fastrand::u32(..)));
    OpenOptions::new().write(true).create(true).truncate(true).open(&trial).map_err(in_vain)?;
    fs::remove_file(&trial).map_err(in_vain)
}

fn refuse(model: &Model, reason: String) -> Error {
    Error::Training { model: model.name().to_owned(), reason }
}
