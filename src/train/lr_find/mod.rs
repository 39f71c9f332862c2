//! The learning rate range test: finds a learning rate to start with.

mod plot;

use std::fmt;

use super::compute::Compute;
use super::distributed::Team;
use super::epoch::{has_finite_pictures, not_finite_in};
use super::loss::Criterion;
use super::optim::Optimizer;
use super::options::Precision;
use super::preflight;
use crate::data::DataLoader;
use crate::models::{BatchNormMode, Model, Strictness};
use crate::{Error, Result, notebook};

/// Options of [`lr_find`], with fastai's defaults.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LrFindOptions {
    /// The first learning rate: 1e-7.
    pub start_lr: f64,
    /// The last one: 10.
    pub end_lr: f64,
    /// How many batches are trained on, each with a higher rate: 100. The loader is repeated as often as
    /// necessary.
    pub num_it: usize,
    /// Whether to stop when the loss is four times its minimum: yes.
    pub stop_div: bool,
    /// What batch norms do.
    pub batch_norm: BatchNormMode,
}

impl Default for LrFindOptions {
    fn default() -> Self {
        LrFindOptions {
            start_lr: 1e-7,
            end_lr: 10.0,
            num_it: 100,
            stop_div: true,
            batch_norm: BatchNormMode::Moving,
        }
    }
}

/// The weight of the previous losses in the running mean.
const SMOOTHING: f64 = 0.9;
/// Beyond this multiple of the least loss the test stops.
const DIVERGED: f64 = 4.0;

/// The result of [`lr_find`]: the loss at each learning rate.
#[derive(Clone, PartialEq)]
pub struct LrFind {
    /// The learning rates, rising.
    pub lrs: Vec<f64>,
    /// The loss of the batch at each of them.
    pub losses: Vec<f64>,
    /// Their running mean, the basis of the suggestion.
    pub smoothed: Vec<f64>,
    /// Where the loss falls fastest: a good learning rate, and a good `max_lr` of
    /// [`OneCycleLr`](super::OneCycleLr).
    pub suggestion: f64,
    /// A tenth of the rate at which the loss is least: about the highest that is safe.
    pub minimum_over_10: f64,
}

/// Trains on batch after batch with ever higher learning rates and notes the loss
/// ([Smith 2015](https://arxiv.org/abs/1506.01186)). Model and optimizer are restored at the end.
/// Parameter groups keep the ratio of their learning rates; the reported rates are the last group's.
///
/// # Errors
/// [`Error::Argument`] for rates that do not rise from above 0 or fewer than 10 batches; what
/// [`train_model`](super::train_model) refuses; [`Error::LossNotFinite`] for pictures with values that are
/// not numbers; [`Error::Interrupted`].
pub fn lr_find(
    model: &mut Model,
    loader: &DataLoader,
    criterion: &dyn Criterion,
    optimizer: &mut dyn Optimizer,
    options: LrFindOptions,
) -> Result<LrFind> {
    let LrFindOptions { start_lr, end_lr, num_it, batch_norm, .. } = options;
    if !(start_lr > 0.0 && end_lr > start_lr && end_lr.is_finite()) || num_it < 10 {
        return Err(Error::Argument(format!(
            "lr_find from {start_lr} to {end_lr} in {num_it} batches: the rates must rise from above 0, in at \
             least 10 batches"
        )));
    }
    optimizer.validate()?;
    preflight::check_parameters(model, optimizer)?;
    preflight::check_not_empty(model, "train", loader)?;
    // Every rank does the same on all pictures, with the same weights.
    Team::of_process()?.same_weights(model)?;
    if num_it >= loader.len() {
        preflight::check_last_batch(model, loader, batch_norm)?;
    }
    let (weights, memory) = (model.state_dict().deep_copy()?, optimizer.state_dict()?);
    let (mode, before) = (model.mode(), model.batch_norm());
    if batch_norm != BatchNormMode::Moving {
        model.set_batch_norm(batch_norm);
    }
    model.train();
    let outcome = rise(model, loader, criterion, optimizer, options);
    model.set_batch_norm(before);
    if mode == crate::models::Mode::Eval {
        model.eval();
    }
    model.load_state_dict(&weights, Strictness::Strict)?;
    optimizer.load_state_dict(&memory)?;
    optimizer.zero_grad()?;
    let (lrs, losses) = outcome?;
    LrFind::new(lrs, losses)
}

fn rise(
    model: &Model,
    loader: &DataLoader,
    criterion: &dyn Criterion,
    optimizer: &mut dyn Optimizer,
    options: LrFindOptions,
) -> Result<(Vec<f64>, Vec<f64>)> {
    let LrFindOptions { start_lr, end_lr, num_it, stop_div, .. } = options;
    let compute = Compute::prepare(model, loader, Precision::Auto)?;
    let own = optimizer.lrs();
    let last = own.last().copied().filter(|last| *last > 0.0);
    let ratios: Vec<f64> = own.iter().map(|lr| last.map_or(1.0, |last| lr / last)).collect();
    let (mut lrs, mut losses): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
    let (mut least, mut smooth) = (f64::INFINITY, 0.0);
    for epoch in 0.. {
        let before = losses.len();
        for batch in loader.iter_epoch(epoch) {
            if notebook::take_interrupt() {
                return Err(Error::Interrupted);
            }
            let number = losses.len();
            if number == num_it {
                return Ok((lrs, losses));
            }
            let lr = start_lr * (end_lr / start_lr).powf(number as f64 / (num_it - 1) as f64);
            let rates: Vec<f64> = ratios.iter().map(|ratio| ratio * lr).collect();
            optimizer.set_lrs(&rates);
            let batch = batch?;
            let labels = batch.labels.f_to_device(model.device())?;
            let outputs = compute.forward(model, &batch.images.f_to_device(model.device())?)?;
            let loss = outputs.loss(|logits| criterion.forward(logits, &labels))?;
            let value = loss.f_double_value(&[])?;
            if !value.is_finite() {
                if !has_finite_pictures(&batch) {
                    return Err(not_finite_in(format!("batch {number} of lr_find"), value, &batch, ""));
                }
                return Ok((lrs, losses));
            }
            smooth = running(smooth, value, number);
            least = f64::min(least, smooth);
            lrs.push(lr);
            losses.push(value);
            if stop_div && number > num_it / 10 && smooth > DIVERGED * least {
                return Ok((lrs, losses));
            }
            optimizer.zero_grad()?;
            loss.f_backward()?;
            optimizer.step()?;
        }
        if losses.len() == before {
            break;
        }
    }
    Ok((lrs, losses))
}

/// The running mean with one more value.
fn running(mean: f64, value: f64, number: usize) -> f64 {
    if number == 0 { value } else { SMOOTHING * mean + (1.0 - SMOOTHING) * value }
}

impl LrFind {
    fn new(lrs: Vec<f64>, losses: Vec<f64>) -> Result<LrFind> {
        if losses.len() < 5 {
            return Err(Error::Argument(
                "lr_find saw fewer than 5 finite losses: begin with a lower start_lr".into(),
            ));
        }
        let mut mean = 0.0;
        let smoothed: Vec<f64> = losses
            .iter()
            .enumerate()
            .map(|(number, loss)| {
                mean = running(mean, *loss, number);
                mean
            })
            .collect();
        let least = (0..smoothed.len()).min_by(|&a, &b| smoothed[a].total_cmp(&smoothed[b])).unwrap_or(0);
        // The steepest place before the minimum, by differences over two steps of equal ratio.
        let slope = |at: usize| smoothed[at + 1] - smoothed[at - 1];
        let steepest = (1..least.max(2)).min_by(|&a, &b| slope(a).total_cmp(&slope(b))).unwrap_or(0);
        Ok(LrFind { suggestion: lrs[steepest], minimum_over_10: lrs[least] / 10.0, lrs, losses, smoothed })
    }
}

impl fmt::Display for LrFind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = (self.lrs.first().unwrap_or(&0.0), self.lrs.last().unwrap_or(&0.0));
        write!(
            f,
            "lr_find over {} batches, {first:.1e} to {last:.1e}: suggestion {:.2e} (steepest), minimum / 10 {:.2e}",
            self.lrs.len(),
            self.suggestion,
            self.minimum_over_10
        )
    }
}

impl fmt::Debug for LrFind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A loss that falls like a logistic curve around 1e-3 and rises beyond 1e-1.
    #[test]
    fn the_suggestion_is_where_the_loss_falls_fastest() {
        let lrs: Vec<f64> = (0..100).map(|n| 1e-6 * 10f64.powf(n as f64 * 7.0 / 99.0)).collect();
        let loss = |lr: f64| {
            let place = (lr / 1e-3).log10();
            2.0 / (1.0 + (4.0 * place).exp()) + (10.0 * lr).powi(2)
        };
        let found = LrFind::new(lrs.clone(), lrs.iter().map(|lr| loss(*lr)).collect()).unwrap();
        // The running mean lags a little.
        assert!((5e-4..5e-3).contains(&found.suggestion), "{found}");
        assert!((5e-4..2e-2).contains(&found.minimum_over_10), "{found}");
        assert!(found.to_string().starts_with("lr_find over 100 batches, 1.0e-6 to 1.0e1: suggestion "));
        assert!(LrFind::new(vec![1.0; 2], vec![1.0; 2]).is_err());
    }
}
