//! The tutorial's `initialize_model`: pretrained weights under a new head.

use std::path::Path;

use tch::Device;

use super::registry::{architecture, build};
use super::{Model, StateDict, Strictness};
use crate::weights::{self, LoadReport, by_layer};
use crate::{Error, Result};

/// What [`initialize_model`] does about pretrained weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pretrained {
    /// Random weights.
    No,
    /// Pretrained weights if there are any, else random ones; a line on stdout says which.
    #[default]
    IfAvailable,
    /// Pretrained weights, or an error that says where they were looked for.
    Required,
}

/// A network for `num_classes` classes, on pretrained weights where `pretrained` says so.
///
/// `name` is torchvision's (`resnet18`) or the tutorial's word for a family (`resnet` for
/// `resnet18`). Weights are looked for by [`weights::find`]; those of a head for another number of
/// classes are left aside, and the new head starts random, as do layers that the file lacks. What
/// was loaded, and what not, is told on stdout.
///
/// # Errors
/// [`Error::UnknownModel`]; [`Error::WeightsNotFound`] for [`Pretrained::Required`];
/// [`Error::Weights`] when the file found is damaged or belongs to another network;
/// [`Error::Argument`] for no classes; [`Error::Torch`] when the device does not exist or has no room.
pub fn initialize_model(
    name: &str,
    num_classes: usize,
    pretrained: Pretrained,
    device: Device,
) -> Result<Model> {
    let name = architecture(name)?.name;
    let mut model = build(name, num_classes, device)?;
    if pretrained == Pretrained::No {
        return Ok(model);
    }
    match weights::find(name) {
        Some(path) => println!("{}", load_pretrained(&mut model, &path)?),
        None if pretrained == Pretrained::Required => {
            return Err(Error::WeightsNotFound { model: name.to_owned(), looked: looked() });
        }
        None => println!("{name}: no weights found in {}; starting from random weights", looked()),
    }
    Ok(model)
}

fn looked() -> String {
    let folders = weights::search_folders();
    if folders.is_empty() {
        return "any folder (neither HERBARIUM_WEIGHTS nor HOME is set)".into();
    }
    folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(" or ")
}

/// Loads what fits from a file and tells what did.
fn load_pretrained(model: &mut Model, path: &Path) -> Result<String> {
    let (state, _) = weights::load_safetensors(path)?;
    let (state, dropped) = without_other_head(model, state);
    let report = check(model, &state, path)?;
    Ok(story(model, path, &report, &dropped))
}

/// The state without head tensors of another shape, and the keys of those.
fn without_other_head(model: &Model, state: StateDict) -> (StateDict, Vec<String>) {
    let own = model.state_dict();
    let fits = |name: &str, size: Vec<i64>| {
        !model.in_head(name) || own.get(name).is_none_or(|target| target.size() == size)
    };
    let mut dropped = Vec::new();
    let mut kept = StateDict::new();
    for (name, tensor) in state {
        if fits(&name, tensor.size()) {
            kept.insert(name, tensor);
        } else {
            dropped.push(name);
        }
    }
    (kept, dropped)
}

/// Loads, unless the file is another network's.
fn check(model: &mut Model, state: &StateDict, path: &Path) -> Result<LoadReport> {
    let own = model.state_dict();
    let other = |reason: String| Error::Weights { path: path.to_owned(), reason };
    let shared = state.iter().filter(|(name, _)| own.contains(name)).count();
    if shared == 0 {
        return Err(other(format!("none of its {} tensors is one of {}'s", state.len(), model.name())));
    }
    let report = weights::compare(&own, state)?;
    if !report.mismatched.is_empty() {
        return Err(other(format!("these are not {}'s weights:\n  {}", model.name(), report.complaints())));
    }
    model.load_state_dict(state, Strictness::Partial)
}

/// What a learner should know of it; counters of batches, which nothing depends on, are left out.
fn story(model: &Model, path: &Path, report: &LoadReport, dropped: &[String]) -> String {
    let told = |keys: Vec<String>| -> Vec<String> {
        keys.into_iter().filter(|name| !weights::may_be_missing(name)).collect()
    };
    let (own, loaded) = (told(model.state_dict().keys()), told(report.loaded.clone()));
    let (loaded, total, path) = (loaded.len(), own.len(), path.display());
    let mut lines = vec![format!("{}: loaded {loaded} of {total} tensors from {path}", model.name())];
    if !dropped.is_empty() {
        let head = model.head().join(", ");
        lines.push(format!("new head for {} classes, random: {head}", model.num_classes()));
    }
    let missing: Vec<String> =
        report.missing.iter().filter(|name| !dropped.contains(name)).cloned().collect();
    if !missing.is_empty() {
        lines.push(format!("missing there, so random: {}", by_layer(&missing, &own)));
    }
    if !report.unexpected.is_empty() {
        lines.push(format!("not used: {}", by_layer(&report.unexpected, &[])));
    }
    if let Some(first) = report.converted.first() {
        lines.push(format!("converted: {} tensors ({first:?})", report.converted.len()));
    }
    lines.join("\n  ")
}
