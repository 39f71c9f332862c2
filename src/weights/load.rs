//! Loads a state dict into a model: all checks first, then all copies.

use std::collections::{HashMap, HashSet};

use tch::{Kind, Tensor};

use super::wrappers::aligned;
use super::{StateDict, Strictness};
use crate::tensors::{Conversion, LoadReport, Mismatch, TensorSpec};
use crate::{Error, Result};

/// Copies what fits of `given` into the tensors of `own`, the state dict of the model `name`.
pub(crate) fn load_into(
    name: &str,
    own: &StateDict,
    given: &StateDict,
    strictness: Strictness,
) -> Result<LoadReport> {
    let mut report = LoadReport::default();
    let copies = plan_aligned(own, given, &mut report)?;
    if strictness == Strictness::Strict && !report.all_matched() {
        return Err(Error::StateDict { model: name.to_owned(), report: Box::new(report) });
    }
    let _guard = tch::no_grad_guard();
    for (mut target, values) in copies {
        target.f_copy_(&values)?;
    }
    Ok(report)
}

/// What loading `given` into `own` would do, without doing it.
pub(crate) fn compare(own: &StateDict, given: &StateDict) -> Result<LoadReport> {
    let mut report = LoadReport::default();
    plan_aligned(own, given, &mut report)?;
    Ok(report)
}

/// [`plan`] under the model's own names, where one side's have a wrapper's prefix.
fn plan_aligned(
    own: &StateDict,
    given: &StateDict,
    report: &mut LoadReport,
) -> Result<Vec<(Tensor, Tensor)>> {
    match aligned(own, given) {
        Some((given, done)) => {
            report.renamed = Some(done);
            plan(own, &given, report)
        }
        None => plan(own, given, report),
    }
}

/// What is to be copied where. Values are brought to the target's type and device here, so that
/// nothing is left to fail once the copying has begun.
fn plan(own: &StateDict, given: &StateDict, report: &mut LoadReport) -> Result<Vec<(Tensor, Tensor)>> {
    let by_name: HashMap<&str, &Tensor> =
        given.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    let mut copies = Vec::new();
    for (name, target) in own {
        let Some(values) = by_name.get(name.as_str()) else {
            if !may_be_missing(name) {
                report.missing.push(name.clone());
            }
            continue;
        };
        let (model, given) = (TensorSpec::of(target), TensorSpec::of(values));
        if model.shape != given.shape || !converts(given.kind, model.kind) {
            report.mismatched.push(Mismatch { name: name.clone(), model, given });
            continue;
        }
        if model.kind != given.kind {
            report.converted.push(Conversion { name: name.clone(), from: given.kind, to: model.kind });
        }
        let values = values.f_detach()?.f_to_kind(model.kind)?.f_to_device(target.device())?;
        copies.push((target.shallow_clone(), values));
        report.loaded.push(name.clone());
    }
    let own_names: HashSet<&str> = own.iter().map(|(name, _)| name.as_str()).collect();
    report.unexpected = given.keys().into_iter().filter(|name| !own_names.contains(name.as_str())).collect();
    Ok(copies)
}

/// Files from before PyTorch 0.4.1 have no such counters, and PyTorch does not miss them either.
pub(crate) fn may_be_missing(name: &str) -> bool {
    name.rsplit('.').next() == Some("num_batches_tracked")
}

/// Floating types convert to each other, whole numbers to each other; across, it is a mistake.
fn converts(from: Kind, to: Kind) -> bool {
    let floating = |kind| matches!(kind, Kind::Half | Kind::BFloat16 | Kind::Float | Kind::Double);
    let whole = |kind| matches!(kind, Kind::Uint8 | Kind::Int8 | Kind::Int16 | Kind::Int | Kind::Int64);
    from == to || floating(from) && floating(to) || whole(from) && whole(to)
}
