//! One pass over a loader: the inner loop of the tutorial's `train_model`.

use std::time::Instant;

use tch::{Device, Kind, Tensor};

use super::distributed::{Next, Team};
use super::feed::Feed;
use super::loss::Criterion;
use super::memory;
use crate::data::{Batch, Batches};
use crate::models::Model;
use crate::{Error, Result};

/// How many of a batch's files an error names.
const FILES_NAMED: usize = 3;

/// The input of a pass, and its place in the training.
pub(super) struct EpochPass<'a> {
    pub batches: Batches,
    pub criterion: &'a dyn Criterion,
    /// `train`, `valid` or `evaluation`.
    pub phase: &'static str,
    /// The epoch of the training it is part of.
    pub epoch: Option<usize>,
    /// The ranks that go through their batches in step, because each exchanges something with the others.
    pub in_step: Option<&'a Team>,
    /// Whether there may be no batch, as in a rank's part of a small data set.
    pub may_be_empty: bool,
    /// Called after each batch with the results so far.
    pub watch: Option<&'a mut dyn FnMut(&Tally)>,
}

impl<'a> EpochPass<'a> {
    /// A pass that is part of no training and that nobody watches.
    pub fn new(batches: Batches, criterion: &'a dyn Criterion, phase: &'static str) -> Self {
        EpochPass { batches, criterion, phase, epoch: None, in_step: None, may_be_empty: false, watch: None }
    }
}

/// A model's outputs for a batch.
pub(super) struct Step {
    /// A single value.
    pub loss: Tensor,
    /// (N, C)
    pub logits: Tensor,
}

/// The results of a pass, so far or in total.
#[derive(Clone)]
pub(super) struct Tally {
    /// Mean loss of a picture.
    pub loss: f64,
    pub corrects: usize,
    pub images: usize,
    pub batches: usize,
    pub seconds: f64,
}

impl Tally {
    pub fn accuracy(&self) -> f64 {
        self.corrects as f64 / self.images as f64
    }

    /// What `world` ranks together have probably found, of whom one has found this.
    pub fn of_all(&self, world: usize) -> Tally {
        Tally { corrects: self.corrects * world, images: self.images * world, ..self.clone() }
    }

    pub fn images_per_second(&self) -> f64 {
        self.images as f64 / self.seconds
    }
}

/// Takes each batch through `step`, which is given the batch, and its pictures and labels on the
/// model's device, and through `learn`. `None` if the learner interrupts, which is checked before each
/// batch.
///
/// # Errors
/// Those of the loader and of the two functions; [`Error::LossNotFinite`], on the CPU before `learn` sees such a loss, on a GPU
/// after it.
pub(super) fn run(
    pass: &mut EpochPass<'_>,
    model: &Model,
    mut step: impl FnMut(&Batch, &Tensor, &Tensor, &dyn Criterion) -> Result<Step>,
    mut learn: impl FnMut(&Tensor, usize) -> Result<()>,
) -> Result<Option<Tally>> {
    let start = Instant::now();
    let mut tally = Tally { loss: 0.0, corrects: 0, images: 0, batches: 0, seconds: 0.0 };
    let mut running_loss = 0.0;
    // On a GPU each read waits for all pending work, so correct predictions are counted on the
    // device.
    let mut corrects = Tensor::f_zeros([], (Kind::Int64, model.device()))?;
    let often = model.device() == Device::Cpu;
    let mut feed = Feed::new(model.device())?;
    for index in 0.. {
        let next = feed.next(&mut pass.batches);
        let next = match pass.in_step {
            Some(team) => team.in_step(next, pass.phase),
            None => next,
        };
        let batch = match next? {
            Next::Batch(batch) => batch,
            Next::End => break,
            Next::Interrupted => return Ok(None),
        };
        let outcome = one_batch(pass, &mut feed, &batch, index, &mut step, &mut learn);
        let (loss, right) = outcome.map_err(|error| memory::explained(error, model, batch.len()))?;
        running_loss += loss * batch.len() as f64;
        tally.images += batch.len();
        tally.batches += 1;
        tally.loss = running_loss / tally.images as f64;
        tally.seconds = start.elapsed().as_secs_f64();
        let _ = corrects.f_add_(&right)?;
        if often {
            tally.corrects = corrects.f_int64_value(&[])? as usize;
        }
        if let Some(watch) = &mut pass.watch {
            watch(&tally);
        }
    }
    if tally.images == 0 && !pass.may_be_empty {
        let reason = format!("the {} loader gave no batch", pass.phase);
        return Err(Error::Training { model: model.name().to_owned(), reason });
    }
    tally.corrects = corrects.f_int64_value(&[])? as usize;
    tally.seconds = start.elapsed().as_secs_f64();
    Ok(Some(tally))
}

/// The loss of a batch, and how many of its pictures were right.
fn one_batch(
    pass: &mut EpochPass<'_>,
    feed: &mut Feed,
    batch: &Batch,
    index: usize,
    step: &mut impl FnMut(&Batch, &Tensor, &Tensor, &dyn Criterion) -> Result<Step>,
    learn: &mut impl FnMut(&Tensor, usize) -> Result<()>,
) -> Result<(f64, Tensor)> {
    let (images, labels) = feed.on_device(batch)?;
    let Step { loss, logits } = step(batch, &images, &labels, pass.criterion)?;
    let finite = |pass: &EpochPass<'_>| match loss.f_double_value(&[])? {
        value if value.is_finite() => Ok(value),
        value => Err(not_finite(pass, index, value, batch)),
    };
    // Reading the loss waits for a GPU, so there it comes last, when all work of this batch and the copy of the next
    // one have been handed over.
    let known = if images.device().is_cuda() { None } else { Some(finite(pass)?) };
    learn(&loss, index)?;
    let right = logits.f_detach()?.f_argmax(1, false)?.f_eq_tensor(&labels)?.f_sum(Kind::Int64)?;
    if let Some(loss) = known {
        return Ok((loss, right));
    }
    feed.look_ahead(&mut pass.batches);
    Ok((finite(pass)?, right))
}

fn not_finite(pass: &EpochPass<'_>, batch_index: usize, loss: f64, batch: &Batch) -> Error {
    match pass.epoch {
        Some(epoch) => {
            let place = format!("epoch {epoch} ({}), batch {batch_index}", pass.phase);
            not_finite_in(place, loss, batch, ". The model has its best weights so far")
        }
        None => not_finite_in(format!("batch {batch_index} of the {}", pass.phase), loss, batch, ""),
    }
}

/// The error of a batch whose loss is not a number; `state` ends the advice.
pub(super) fn not_finite_in(place: String, loss: f64, batch: &Batch, state: &str) -> Error {
    let named = batch.paths.iter().take(FILES_NAMED).map(|path| path.display().to_string());
    let mut files = named.collect::<Vec<_>>().join(", ");
    if batch.paths.len() > FILES_NAMED {
        files += &format!(" and {} more", batch.paths.len() - FILES_NAMED);
    }
    let advice = if has_finite_pictures(batch) {
        "its pictures are fine, so the weights have grown too large: go back to the best weights and build the \
         optimizer with a smaller learning rate, a tenth of this one"
    } else {
        "its pictures have values that are not numbers: check the transforms, for example for a standard \
        deviation of 0 in normalize"
    };
    Error::LossNotFinite { loss, place, files, advice: format!("{advice}{state}") }
}

/// Whether all values of a batch's pictures are numbers.
pub(super) fn has_finite_pictures(batch: &Batch) -> bool {
    let finite = batch.images.f_isfinite().and_then(|finite| finite.f_all());
    finite.is_ok_and(|all| all.f_int64_value(&[]).is_ok_and(|all| all == 1))
}
