//! One pass over a loader: the inner loop of the tutorial's `train_model`.

use std::time::Instant;

use tch::{Kind, Tensor};

use super::loss::Criterion;
use crate::data::{Batch, DataLoader};
use crate::models::Model;
use crate::{Error, Result, notebook};

/// How many of a batch's files an error names.
const FILES_NAMED: usize = 3;

/// What a pass runs over, and where in the training it is.
pub(super) struct Pass<'a> {
    pub loader: &'a DataLoader,
    pub criterion: &'a dyn Criterion,
    /// `train`, `valid` or `evaluation`.
    pub phase: &'static str,
    /// The epoch of the training it is part of.
    pub epoch: Option<usize>,
}

/// What a pass found.
pub(super) struct Tally {
    /// Mean loss of a picture.
    pub loss: f64,
    pub corrects: usize,
    pub images: usize,
    pub seconds: f64,
}

impl Tally {
    pub fn accuracy(&self) -> f64 {
        self.corrects as f64 / self.images as f64
    }

    pub fn images_per_second(&self) -> f64 {
        self.images as f64 / self.seconds
    }
}

/// Runs `forward` on each batch of the loader's next epoch, and `learn` on its loss. `None` when the
/// learner has interrupted it, which is looked at before each batch.
///
/// # Errors
/// Those of the loader and of the two functions; [`Error::LossNotFinite`] before `learn` sees such a loss.
pub(super) fn run(
    pass: &Pass<'_>,
    model: &Model,
    forward: impl Fn(&Tensor) -> Result<Tensor>,
    mut learn: impl FnMut(&Tensor) -> Result<()>,
) -> Result<Option<Tally>> {
    let start = Instant::now();
    let mut running_loss = 0.0;
    let mut images = 0;
    // Counted on the model's device and read once: on a GPU each reading waits for all its work.
    let mut corrects = Tensor::f_zeros([], (Kind::Int64, model.device()))?;
    let mut batches = pass.loader.iter();
    for index in 0.. {
        if notebook::interrupted() {
            return Ok(None);
        }
        let batch = match batches.next() {
            Some(Err(Error::Interrupted)) => return Ok(None),
            Some(batch) => batch?,
            None => break,
        };
        let labels = batch.labels.f_to_device(model.device())?;
        let logits = forward(&batch.images.f_to_device(model.device())?)?;
        let loss = pass.criterion.forward(&logits, &labels)?;
        let loss_value = loss.f_double_value(&[])?;
        if !loss_value.is_finite() {
            return Err(not_finite(pass, index, loss_value, &batch));
        }
        learn(&loss)?;
        running_loss += loss_value * batch.len() as f64;
        images += batch.len();
        let right = logits.f_detach()?.f_argmax(1, false)?.f_eq_tensor(&labels)?.f_sum(Kind::Int64)?;
        let _ = corrects.f_add_(&right)?;
    }
    if images == 0 {
        let reason = format!("the {} loader gave no batch", pass.phase);
        return Err(Error::Training { model: model.name().to_owned(), reason });
    }
    let corrects = corrects.f_int64_value(&[])? as usize;
    let seconds = start.elapsed().as_secs_f64();
    Ok(Some(Tally { loss: running_loss / images as f64, corrects, images, seconds }))
}

fn not_finite(pass: &Pass<'_>, batch_index: usize, loss: f64, batch: &Batch) -> Error {
    let named = batch.paths.iter().take(FILES_NAMED).map(|path| path.display().to_string());
    let mut files = named.collect::<Vec<_>>().join(", ");
    if batch.paths.len() > FILES_NAMED {
        files += &format!(" and {} more", batch.paths.len() - FILES_NAMED);
    }
    let clean = batch
        .images
        .f_isfinite()
        .and_then(|finite| finite.f_all())
        .is_ok_and(|all| all.f_int64_value(&[]).is_ok_and(|all| all == 1));
    let advice = if clean {
        "its pictures are fine, so the weights have grown too large: go back to the best weights and build the \
         optimizer with a smaller learning rate, a tenth of this one"
    } else {
        "its pictures have values that are no numbers: check the transforms, a standard deviation of 0 in \
         normalize for one"
    };
    let (place, advice) = match pass.epoch {
        Some(epoch) => (
            format!("epoch {epoch} ({}), batch {batch_index}", pass.phase),
            format!("{advice}. The model has its best weights so far"),
        ),
        None => (format!("batch {batch_index} of the {}", pass.phase), advice.to_owned()),
    };
    Error::LossNotFinite { loss, place, files, advice }
}
