//! How good a model is on a data set, without training it.

use std::fmt;

use super::epoch::{self, Tally};
use super::loss::Criterion;
use crate::data::DataLoader;
use crate::models::{Mode, Model, Pass};
use crate::{Error, Result, notebook};

/// The result of [`evaluate`].
#[derive(Clone, Copy, PartialEq)]
pub struct Evaluation {
    /// Mean loss of a picture.
    pub loss: f64,
    /// Share of the pictures that were right, 0 to 1.
    pub accuracy: f64,
    /// How many were right.
    pub corrects: usize,
    /// How many there were.
    pub images: usize,
    /// How long it took in seconds, loading included.
    pub seconds: f64,
}

/// Runs `model` over all pictures of `loader`, in eval mode and without gradients whatever the
/// model's mode, which stays as it is.
///
/// # Errors
/// Those of the loader, the model and the criterion; [`Error::LossNotFinite`] naming the batch;
/// [`Error::Interrupted`] when the learner stopped it.
pub fn evaluate(model: &Model, loader: &DataLoader, criterion: &dyn Criterion) -> Result<Evaluation> {
    notebook::take_interrupt();
    let pass = epoch::Pass { loader, criterion, phase: "evaluation", epoch: None };
    let Some(tally) = validate(&pass, model)? else {
        notebook::take_interrupt();
        return Err(Error::Interrupted);
    };
    Ok(Evaluation {
        loss: tally.loss,
        accuracy: tally.accuracy(),
        corrects: tally.corrects,
        images: tally.images,
        seconds: tally.seconds,
    })
}

/// A pass in eval mode without gradients.
pub(super) fn validate(pass: &epoch::Pass<'_>, model: &Model) -> Result<Option<Tally>> {
    let _guard = tch::no_grad_guard();
    let forward = |images: &tch::Tensor| match model.mode() {
        Mode::Eval => model.forward(images),
        Mode::Train => model.module().forward(images, Pass::EVAL),
    };
    epoch::run(pass, model, forward, |_| Ok(()))
}

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Evaluation { loss, accuracy, corrects, images, seconds } = self;
        let speed = *images as f64 / seconds;
        write!(f, "Loss: {loss:.4} Acc: {accuracy:.4} ({corrects} of {images} right, {speed:.0} images/s)")
    }
}

impl fmt::Debug for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
