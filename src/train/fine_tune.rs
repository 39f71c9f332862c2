//! Transfer learning in one call, with sensible defaults.

use std::collections::HashSet;

use super::history::History;
use super::loss::CrossEntropyLoss;
use super::mix::Mix;
use super::optim::{AdamW, Optimizer, ParamGroup};
use super::options::{CheckpointPath, Precision, SchedulerStep, TrainOptions};
use super::scheduler::{OneCycleLr, OneCycleOptions, Scheduler};
use super::train_model;
use crate::Result;
use crate::data::{DataLoader, Splits};
use crate::models::layers::BatchNorm2d;
use crate::models::{BatchNormMode, Model, Parameter, Parameters};

/// How [`fine_tune`] trains; the defaults are meant to be good.
#[derive(Debug, Clone, PartialEq)]
pub struct FineTuneOptions {
    /// Epochs in which all layers learn: 6.
    pub epochs: usize,
    /// Epochs before that in which only new layers learn, the head and layers missing from the pretrained
    /// weights: 4.
    pub frozen_epochs: usize,
    /// The peak learning rate of the new layers while the rest is frozen: 5e-3.
    pub head_lr: f64,
    /// The peak learning rate of the last layers when all learn: 8e-4.
    pub lr: f64,
    /// The ratio of the last layers' learning rate to the first layers': 10. Layers in between are
    /// interpolated.
    pub lr_mult: f64,
    /// Into how many groups the pretrained layers are divided, from the first to the last, each with its own
    /// learning rate: 3.
    pub layer_groups: usize,
    /// Whether the groups are unfrozen one after another, the last first, in equal shares of the epochs
    /// ([Howard and Ruder 2018](https://arxiv.org/abs/1801.06146)): no.
    pub gradual: bool,
    /// Share of each target that is spread over all classes: 0.1.
    pub label_smoothing: f64,
    /// AdamW's weight decay: 0.01. Biases and batch norms have none.
    pub weight_decay: f64,
    /// How training pictures are mixed: not at all.
    pub mix: Mix,
    /// The numeric precision.
    pub precision: Precision,
    /// The file for the best weights; by default none is written.
    pub checkpoint: CheckpointPath,
    /// Whether to print progress: yes.
    pub verbose: bool,
}

impl Default for FineTuneOptions {
    fn default() -> Self {
        FineTuneOptions {
            epochs: 6,
            frozen_epochs: 4,
            head_lr: 5e-3,
            lr: 8e-4,
            lr_mult: 10.0,
            layer_groups: 3,
            gradual: false,
            label_smoothing: 0.1,
            weight_decay: 0.01,
            mix: Mix::No,
            precision: Precision::Auto,
            checkpoint: CheckpointPath::default(),
            verbose: true,
        }
    }
}

/// Trains a pretrained model on new classes: first the new layers, on top of the frozen pretrained ones, then all
/// layers, the first ones slower than the last. Pretrained batch norms keep their statistics throughout; each
/// phase has one cycle of the learning rate ([`OneCycleLr`]), with AdamW and smoothed labels. At the end the
/// model has its best weights. The history is of both phases.
///
/// New layers are detected in the model: the head, and every layer whose batch norm has never seen a
/// picture.
///
/// # Errors
/// As [`train_model`].
pub fn fine_tune(
    model: &mut Model,
    dataloaders: &Splits<DataLoader>,
    options: FineTuneOptions,
) -> Result<History> {
    let new = untrained(model);
    let mut history = History::default();
    if options.frozen_epochs > 0 {
        model.freeze_all_but_head();
        for path in &new {
            model.unfreeze(path)?;
        }
        let groups = decayed(ParamGroup::new(model.trainable_parameters()));
        let phase = Phase {
            epochs: options.frozen_epochs,
            max_lrs: vec![options.head_lr; groups.len()],
            groups,
            batch_norm: BatchNormMode::StillWhereFrozen,
        };
        history = phase.train(model, dataloaders, &options, history)?;
    }
    for phase in all_layers(model, &options, &new)? {
        if history.interrupted {
            break;
        }
        model.unfreeze_all();
        let learns: HashSet<String> =
            phase.groups.iter().flat_map(|group| group.parameters.names()).collect();
        for Parameter { name, .. } in model.named_parameters() {
            if !learns.contains(&name) {
                model.freeze(&name)?;
            }
        }
        history = phase.train(model, dataloaders, &options, history)?;
    }
    Ok(history)
}

/// Some epochs with one cycle of the learning rate.
struct Phase {
    epochs: usize,
    groups: Vec<ParamGroup>,
    max_lrs: Vec<f64>,
    batch_norm: BatchNormMode,
}

impl Phase {
    /// The optimizer and its cycle; `batches` are those of one epoch.
    fn cycle(&self, batches: usize, options: &FineTuneOptions) -> (AdamW, OneCycleLr) {
        let lr = self.max_lrs.last().copied().unwrap_or(options.lr);
        let mut optimizer = AdamW::new(self.groups.clone(), lr).weight_decay(options.weight_decay);
        let steps = (self.epochs * batches).max(1);
        let cycle = OneCycleOptions { pct_start: 0.25, ..Default::default() };
        let scheduler = cycle.scheduler(&mut optimizer, &self.max_lrs, steps);
        (optimizer, scheduler)
    }

    /// The rates of the groups; groups that differ only in weight decay count as one.
    fn rates(&self, batches: usize, options: &FineTuneOptions) -> Result<PhaseRates> {
        let (mut optimizer, mut scheduler) = self.cycle(batches, options);
        let mut steps = vec![optimizer.lrs()];
        for _ in 1..self.epochs * batches {
            scheduler.step(&mut optimizer)?;
            steps.push(optimizer.lrs());
        }
        let mut groups: Vec<(Vec<String>, Vec<f64>)> = Vec::new();
        for (number, group) in self.groups.iter().enumerate() {
            let names = group.parameters.names();
            let rates: Vec<f64> = steps.iter().map(|lrs| lrs[number]).collect();
            match groups.last_mut().filter(|(_, known)| *known == rates) {
                Some((known, _)) => known.extend(names),
                None => groups.push((names, rates)),
            }
        }
        let named = groups.into_iter().map(|(names, rates)| (first_and_last(&names), rates)).collect();
        Ok(PhaseRates { epochs: self.epochs, groups: named })
    }

    /// Trains, and appends this phase's history to the earlier one.
    fn train(
        self,
        model: &mut Model,
        dataloaders: &Splits<DataLoader>,
        options: &FineTuneOptions,
        before: History,
    ) -> Result<History> {
        let criterion = CrossEntropyLoss { label_smoothing: options.label_smoothing, ..Default::default() };
        let (mut optimizer, mut scheduler) = self.cycle(dataloaders.train.len(), options);
        let best_acc = before.best_acc;
        let told = TrainOptions {
            num_epochs: self.epochs,
            checkpoint: options.checkpoint.clone(),
            batch_norm: self.batch_norm,
            best_acc,
            verbose: options.verbose,
            precision: options.precision,
            scheduler_step: SchedulerStep::Batch,
            mix: options.mix,
            ..Default::default()
        };
        let history = train_model(model, dataloaders, &criterion, &mut optimizer, &mut scheduler, told)?;
        Ok(before.then(history))
    }
}

/// The learning rates of one phase of [`fine_tune`].
pub(crate) struct PhaseRates {
    pub(crate) epochs: usize,
    /// The groups, with the first and the last layer of each, and the rate at each batch.
    pub(crate) groups: Vec<(String, Vec<f64>)>,
}

/// The learning rates that [`fine_tune`] would use, phase by phase; `batches` are those of one epoch. The model stays as
/// it is.
pub(crate) fn rates(model: &Model, batches: usize, options: &FineTuneOptions) -> Result<Vec<PhaseRates>> {
    let new = untrained(model);
    let mut phases = Vec::new();
    if options.frozen_epochs > 0 {
        // The last group holds the new layers.
        let fresh = layer_groups(model, 1, &new).pop().unwrap_or_default();
        let groups = decayed(ParamGroup::new(fresh));
        let max_lrs = vec![options.head_lr; groups.len()];
        let batch_norm = BatchNormMode::StillWhereFrozen;
        phases.push(Phase { epochs: options.frozen_epochs, groups, max_lrs, batch_norm });
    }
    phases.extend(all_layers(model, options, &new)?);
    phases.into_iter().map(|phase| phase.rates(batches, options)).collect()
}

/// The phases in which pretrained layers learn too: one, or as many as there are groups.
fn all_layers(model: &Model, options: &FineTuneOptions, new: &[String]) -> Result<Vec<Phase>> {
    if options.epochs == 0 {
        return Ok(Vec::new());
    }
    let layers = layer_groups(model, options.layer_groups, new);
    let count = layers.len();
    let lr_of = |group: usize| {
        let share = if count > 1 { group as f64 / (count - 1) as f64 } else { 1.0 };
        options.lr * options.lr_mult.powf(share - 1.0)
    };
    let phase = |from: usize, epochs: usize| {
        let (mut groups, mut max_lrs) = (Vec::new(), Vec::new());
        for (number, parameters) in layers.iter().enumerate().skip(from) {
            for group in decayed(ParamGroup::new(parameters.clone())) {
                groups.push(group);
                max_lrs.push(lr_of(number));
            }
        }
        Phase { epochs, groups, max_lrs, batch_norm: BatchNormMode::Still }
    };
    if !options.gradual || count < 2 {
        return Ok(vec![phase(0, options.epochs)]);
    }
    // The new layers' group learns in all of them.
    let steps = (count - 1).min(options.epochs);
    let shares = (0..steps).map(|step| {
        let epochs = options.epochs * (step + 1) / steps - options.epochs * step / steps;
        phase(steps - 1 - step, epochs)
    });
    Ok(shares.collect())
}

/// The model's parameters from the first layer to the last, in `count` groups of about equally many tensors,
/// and the head with the other new layers as the last group.
fn layer_groups(model: &Model, count: usize, new: &[String]) -> Vec<Parameters> {
    let is_new =
        |name: &str| model.in_head(name) || new.iter().any(|path| crate::models::is_under(name, path));
    let (mut fresh, mut old) = (Vec::new(), Vec::new());
    for parameter in model.named_parameters() {
        if is_new(&parameter.name) { fresh.push(parameter) } else { old.push(parameter) }
    }
    let size = old.len().div_ceil(count.max(1)).max(1);
    let mut groups: Vec<Parameters> = old.chunks(size).map(|chunk| chunk.iter().cloned().collect()).collect();
    groups.push(fresh.into_iter().collect());
    groups.retain(|group| !group.is_empty());
    groups
}

/// `conv1 … layer2.0` from names of parameters, which may be unordered after groups were merged.
fn first_and_last(names: &[String]) -> String {
    // Two parts of the path say which block it is.
    let layer = |name: &String| name.split('.').take(2).collect::<Vec<_>>().join(".");
    let layer = |name: &String| layer(name).trim_end_matches(".weight").trim_end_matches(".bias").to_owned();
    let weights: Vec<String> = names.iter().filter(|name| name.ends_with(".weight")).map(layer).collect();
    match (weights.first(), weights.last()) {
        (Some(first), Some(last)) if first != last => {
            // Convolutions come before the norms that have no decay: the last of them is the last layer.
            format!("{first} … {last}")
        }
        (Some(only), _) => only.clone(),
        _ => names.first().map(layer).unwrap_or_default(),
    }
}

/// Splits a group in two: weights with decay, and biases and scales without, which decay would only
/// pull to zero.
fn decayed(group: ParamGroup) -> Vec<ParamGroup> {
    let (weights, others): (Vec<Parameter>, Vec<Parameter>) =
        group.parameters.into_iter().partition(|parameter| parameter.tensor.dim() > 1);
    let weights = ParamGroup::new(weights.into_iter().collect::<Parameters>());
    let others = ParamGroup::new(others.into_iter().collect::<Parameters>()).weight_decay(0.0);
    [weights, others].into_iter().filter(|group| !group.parameters.is_empty()).collect()
}

/// The paths of batch norms that have never seen a picture, and of the convolutions right before them: layers
/// that the pretrained weights lacked. None where the whole network is random, of which no part is newer than
/// another.
fn untrained(model: &Model) -> Vec<String> {
    let (mut found, mut norms) = (Vec::new(), 0);
    let mut before: Option<String> = None;
    crate::models::walk(model.module(), "", &mut |path, module| {
        if !module.children().is_empty() {
            return;
        }
        if (module as &dyn std::any::Any).is::<BatchNorm2d>() {
            norms += 1;
            let kept = |name: &str| module.tensors().into_iter().find(|slot| slot.name == name);
            let all = |name: &str, value: f64| {
                kept(name).is_some_and(|slot| {
                    let differs = slot.tensor.f_ne(value).and_then(|differs| differs.f_any());
                    differs.is_ok_and(|any| any.f_int64_value(&[]).is_ok_and(|any| any == 0))
                })
            };
            if all("running_mean", 0.0) && all("running_var", 1.0) {
                found.extend(before.take());
                found.push(path.to_owned());
            }
        }
        before = (module.kind() == "Conv2d").then(|| path.to_owned());
    });
    let pairs = found.len();
    if norms == 0 || pairs >= 2 * norms { Vec::new() } else { found }
}

impl History {
    /// This history followed by `next`, with consecutive epoch numbers: the history of a training in
    /// two phases.
    pub fn then(mut self, next: History) -> History {
        if self.num_epochs == 0 {
            return next;
        }
        let epochs = self.epochs();
        for (own, new) in self.lists_mut().into_iter().zip(next.lists()) {
            own.extend_from_slice(new);
        }
        self.lrs.extend_from_slice(next.lrs.get(1..).unwrap_or_default());
        if epochs > 0 {
            self.phases.push(epochs);
        }
        self.phases.extend(next.phases.iter().map(|began| epochs + began));
        if let Some(best) = next.best_epoch {
            self.best_epoch = Some(epochs + best);
            self.best_acc = next.best_acc;
        }
        History {
            seconds: self.seconds + next.seconds,
            num_epochs: self.num_epochs + next.num_epochs,
            checkpoint: next.checkpoint.or(self.checkpoint),
            interrupted: next.interrupted,
            stopped_early: next.stopped_early,
            info: next.info,
            state: next.state,
            ..self
        }
    }
}
