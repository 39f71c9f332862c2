//! Finds pretrained weights and loads them into a new network.

use std::path::{Path, PathBuf};

use super::{Model, StateDict, Strictness};
use crate::tensors::{LoadReport, by_layer};
use crate::weights;
use crate::{Error, Result};

/// What [`initialize_model`](super::initialize_model) does about pretrained weights.
///
/// A file comes first: the network's in `HERBARIUM_WEIGHTS`, then in the cache folder; see
/// [`weights::find`]. Then torchvision's ImageNet weights are fetched into the cache folder, with their
/// checksum compared; see [`weights::download`]. Then come the weights that ship with the crate, for
/// networks that have some, and finally random ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pretrained {
    /// The tutorial's `use_pretrained=True`: the first of these that is available, and a line says which.
    /// Without internet access the attempt takes less than 5 seconds; the stop button ends it,
    /// `HERBARIUM_OFFLINE=1` skips it.
    #[default]
    Yes,
    /// As [`Yes`](Pretrained::Yes), but nothing is fetched.
    IfAvailable,
    /// As [`Yes`](Pretrained::Yes), but with an error instead of weights that come with the crate or random ones.
    Required,
    /// Random weights.
    No,
}

/// The start of a network without pretrained weights.
pub(super) const RANDOM: &str = "random weights";

/// Loads the weights that `pretrained` asks for, and prints which they are.
///
/// # Errors
/// [`Error::WeightsNotFound`] for [`Pretrained::Required`]; [`Error::Weights`] for a damaged file, or one of
/// another network; [`Error::Interrupted`].
pub(super) fn load_pretrained(model: &mut Model, pretrained: Pretrained) -> Result<()> {
    if pretrained == Pretrained::No {
        return Ok(());
    }
    let name = model.name().to_owned();
    let missing = match find_or_fetch(&name, pretrained)? {
        Ok(path) => return load_file(model, &path),
        Err(missing) => missing,
    };
    if pretrained == Pretrained::Required {
        let fetch = weights::how_to_get(&name) + &missing.afterthought();
        return Err(Error::WeightsNotFound { model: name, looked: looked(), fetch });
    }
    let bundled = weights::bundled(&name)?;
    let start = bundled.as_ref().map_or(RANDOM.to_owned(), |bundled| format!("weights {}", bundled.about));
    println!("{name}: {}; starting from {start}{}", missing.sentence(&name), missing.advice(&name));
    if let Some(bundled) = bundled {
        println!("{}", load_state(model, bundled.state, Path::new(&start))?);
        model.started_from = start;
    }
    Ok(())
}

/// The weights file of a network, or why there is none.
fn find_or_fetch(name: &str, pretrained: Pretrained) -> Result<Result<PathBuf, Missing>> {
    if let Some(path) = weights::find(name) {
        return Ok(Ok(path));
    }
    let Ok(known) = weights::named(name) else { return Ok(Err(Missing::NotTried)) };
    if pretrained == Pretrained::IfAvailable {
        return Ok(Err(Missing::NotTried));
    }
    if weights::offline() {
        return Ok(Err(Missing::Offline));
    }
    match known.download_if_reachable() {
        Ok(fetched) => Ok(Ok(fetched.path)),
        Err(Error::Interrupted) => Err(Error::Interrupted),
        Err(error) => Ok(Err(Missing::Failed(error))),
    }
}

/// Why there is no file of weights.
enum Missing {
    /// No network was asked for.
    NotTried,
    /// `HERBARIUM_OFFLINE` forbids it.
    Offline,
    /// It could not be fetched.
    Failed(Error),
}

impl Missing {
    /// For the line that a learner reads.
    fn sentence(&self, name: &str) -> String {
        match self {
            Missing::NotTried => format!("no weights found in {}", looked()),
            Missing::Offline => format!(
                "no weights found in {}, and HERBARIUM_OFFLINE is set (unset it, or put {} there)",
                looked(),
                file_of(name)
            ),
            Missing::Failed(Error::Download { url, path, reason }) => format!(
                "torchvision's weights cannot be fetched ({reason}): run this again with a network, or put {url} into {}",
                path.parent().unwrap_or(path).display()
            ),
            Missing::Failed(error) => format!("torchvision's weights cannot be fetched: {error}"),
        }
    }

    /// What follows that line.
    fn advice(&self, name: &str) -> String {
        match self {
            Missing::NotTried => format!("\n  {}", weights::how_to_get(name)),
            Missing::Offline | Missing::Failed(_) => String::new(),
        }
    }

    /// What an error adds after the line that fetches the weights.
    fn afterthought(&self) -> String {
        match self {
            Missing::NotTried => String::new(),
            Missing::Offline => ", once HERBARIUM_OFFLINE is unset".into(),
            Missing::Failed(Error::Download { reason, .. }) => format!(", which failed just now ({reason})"),
            Missing::Failed(error) => format!(", which failed just now ({error})"),
        }
    }
}

/// The name of torchvision's file of a network.
fn file_of(name: &str) -> String {
    weights::named(name).map_or_else(|_| format!("{name}.safetensors"), |weights| weights.file().to_owned())
}

fn looked() -> String {
    let folders = weights::search_folders();
    if folders.is_empty() {
        return "any folder (neither HERBARIUM_WEIGHTS nor HOME is set)".into();
    }
    folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(" or ")
}

/// Loads what fits from a file and prints what did.
fn load_file(model: &mut Model, path: &Path) -> Result<()> {
    println!("{}", load_state(model, weights::load(path)?, path)?);
    if model.transform_input().is_some() {
        // ImageNet's weights for it were made with pictures from -1 to 1.
        model.set_transform_input(true)?;
    }
    let file = path.file_name();
    model.pretrained = weights::list()
        .weights()
        .iter()
        .find(|weights| weights.model() == model.name() && file == Some(weights.file().as_ref()))
        .copied();
    model.started_from = path.display().to_string();
    Ok(())
}

/// Loads the tensors that fit and reports them; `from` names the file or other source.
fn load_state(model: &mut Model, state: StateDict, from: &Path) -> Result<String> {
    let (state, dropped) = without_other_head(model, state);
    let report = check(model, &state, from)?;
    Ok(story(model, from, &report, &dropped))
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

/// What a learner should know about the load; batch counters, on which nothing depends, are left
/// out.
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
