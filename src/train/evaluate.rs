//! Evaluates a model on a data set, without training it.

use std::path::PathBuf;
use std::time::Instant;

use tch::{Device, Kind, Tensor};

use super::distributed::Team;
use super::epoch::{self, Tally};
use super::evaluation::Evaluation;
use super::loss::{Criterion, CrossEntropyLoss};
use crate::data::{Batch, DataLoader};
use crate::models::{Mode, Model};
use crate::{Error, Result, notebook};

/// Runs `model` over all pictures of `loader`, in eval mode and without gradients; the model's mode
/// does not change. The pictures are those of the loader's epoch 0, so that the same model gives
/// the same each time, and the epoch count of a training is not affected.
///
/// Where several processes run the program ([`distributed`](super::distributed)), each looks at a part of the
/// pictures, and all get the whole; the model is rank 0's.
///
/// # Errors
/// Those of the loader, the model and the criterion; [`Error::LossNotFinite`] naming the batch;
/// [`Error::Interrupted`] when the learner stopped it.
pub fn evaluate(model: &Model, loader: &DataLoader, criterion: &dyn Criterion) -> Result<Evaluation> {
    evaluate_epoch(model, loader, criterion, 0)
}

/// The predictions of `model` for every picture of `loader`: probabilities, labels, files and
/// losses, the basis of [`Metrics`](super::Metrics), confusions and the worst mistakes.
/// [`evaluate`] with plain cross entropy.
///
/// # Errors
/// As [`evaluate`].
pub fn predict_all(model: &Model, loader: &DataLoader) -> Result<Evaluation> {
    evaluate(model, loader, &CrossEntropyLoss::new())
}

/// Test-time augmentation: every picture of `loader` is predicted in `epochs` versions, and the
/// probabilities are averaged. Give it a loader over the validation pictures with *training*
/// transforms, whose randomness makes the versions; the order does not matter.
///
/// # Errors
/// As [`evaluate`]; [`Error::Argument`] for no epochs.
pub fn predict_augmented(model: &Model, loader: &DataLoader, epochs: usize) -> Result<Evaluation> {
    if epochs == 0 {
        return Err(Error::Argument("predict_augmented needs at least 1 epoch".into()));
    }
    let start = Instant::now();
    let criterion = CrossEntropyLoss::new();
    let mut mean: Option<Evaluation> = None;
    for epoch in 0..epochs {
        let one = evaluate_epoch(model, loader, &criterion, epoch as u64)?;
        mean = Some(match mean {
            None => one,
            Some(sum) => sum.plus(&one)?,
        });
    }
    let sum = mean.ok_or(Error::Interrupted)?;
    let probabilities = sum.probabilities.f_div_scalar(epochs as f64)?;
    let labels = Tensor::f_from_slice(&sum.labels.iter().map(|&label| label as i64).collect::<Vec<_>>())?;
    let logits = probabilities.f_clamp_min(f64::from(f32::MIN_POSITIVE))?.f_log()?;
    let loss = criterion.forward(&logits, &labels)?.f_double_value(&[])?;
    let seconds = start.elapsed().as_secs_f64();
    Evaluation::new(logits, sum.labels, sum.paths, sum.class_names, loss, seconds)
}

fn evaluate_epoch(
    model: &Model,
    loader: &DataLoader,
    criterion: &dyn Criterion,
    epoch: u64,
) -> Result<Evaluation> {
    let team = Team::of_process()?;
    team.same_weights(model)?;
    let part = team.part(loader)?;
    let mut collected = Collected::default();
    let mut pass = epoch::EpochPass::new(part.iter_epoch(epoch), criterion, "evaluation");
    pass.may_be_empty = !team.is_alone() && !loader.is_empty();
    let looked = validate(&mut pass, model, |batch, logits| collected.add(batch, logits));
    let Some(tally) = team.sum(looked)? else {
        notebook::take_interrupt();
        return Err(Error::Interrupted);
    };
    let Collected { logits, labels, paths } = collected.of_all(&team, model.num_classes())?;
    let logits = Tensor::f_cat(&logits, 0)?;
    Evaluation::new(logits, labels, paths, loader.dataset().classes(), tally.loss, tally.seconds)
}

/// What is kept of every batch.
#[derive(Default)]
struct Collected {
    logits: Vec<Tensor>,
    labels: Vec<usize>,
    paths: Vec<PathBuf>,
}

impl Collected {
    fn add(&mut self, batch: &Batch, logits: &Tensor) -> Result<()> {
        self.logits.push(logits.f_detach()?.f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?);
        let labels = Vec::<i64>::try_from(&batch.labels)?;
        // The criterion has already rejected invalid labels.
        self.labels.extend(labels.into_iter().map(|label| label as usize));
        self.paths.extend_from_slice(&batch.paths);
        Ok(())
    }
}

impl Collected {
    /// What all ranks have collected, in their order.
    fn of_all(self, team: &Team, classes: usize) -> Result<Collected> {
        if team.is_alone() {
            return Ok(self);
        }
        let mut all = Collected::default();
        let own = if self.logits.is_empty() { Vec::new() } else { bytes(&Tensor::f_cat(&self.logits, 0)?)? };
        for rows in team.gather(&own)? {
            let shape = [(rows.len() / size_of::<f32>() / classes.max(1)) as i64, classes as i64];
            all.logits.push(Tensor::f_from_data_size(&rows, &shape, Kind::Float)?);
        }
        let own: Vec<u8> = self.labels.iter().flat_map(|label| (*label as u64).to_le_bytes()).collect();
        for labels in team.gather(&own)? {
            let (labels, _) = labels.as_chunks();
            all.labels.extend(labels.iter().map(|label| u64::from_le_bytes(*label) as usize));
        }
        // A zero byte ends each: it is in no path.
        let own: Vec<u8> = self
            .paths
            .iter()
            .flat_map(|path| path.as_os_str().as_encoded_bytes().iter().copied().chain([0]))
            .collect();
        for paths in team.gather(&own)? {
            let paths = paths
                .split(|byte| *byte == 0)
                .map(|path| PathBuf::from(String::from_utf8_lossy(path).as_ref()));
            all.paths.extend(paths);
            all.paths.pop();
        }
        Ok(all)
    }
}

/// The values of float32 logits on the CPU.
fn bytes(logits: &Tensor) -> Result<Vec<u8>> {
    let mut bytes = vec![0; logits.numel() * size_of::<f32>()];
    logits.f_contiguous()?.f_copy_data_u8(&mut bytes, logits.numel())?;
    Ok(bytes)
}

/// A pass in eval mode without gradients; `seen` is called with each batch and its logits.
pub(super) fn validate(
    pass: &mut epoch::EpochPass<'_>,
    model: &Model,
    mut seen: impl FnMut(&Batch, &Tensor) -> Result<()>,
) -> Result<Option<Tally>> {
    let _guard = tch::no_grad_guard();
    let step = |batch: &Batch, images: &Tensor, labels: &Tensor, criterion: &dyn Criterion| {
        let logits = model.forward_in(images, Mode::Eval)?;
        seen(batch, &logits)?;
        Ok(epoch::Step { loss: criterion.forward(&logits, labels)?, logits })
    };
    epoch::run(pass, model, step, |_, _| Ok(()))
}
