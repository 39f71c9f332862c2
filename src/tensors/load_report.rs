//! The report on each key of a loaded state dict.

use std::fmt;

use super::TensorSpec;
use super::spec::kind_text;

/// A key that both sides have, with another shape or an incompatible type.
#[derive(Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The key.
    pub name: String,
    /// What the model has.
    pub model: TensorSpec,
    /// What was to be loaded.
    pub given: TensorSpec,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} given, the model has {}", self.name, self.given, self.model)
    }
}

impl fmt::Debug for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A tensor whose values were converted to the model's type.
#[derive(Clone, PartialEq, Eq)]
pub struct Conversion {
    /// The key.
    pub name: String,
    /// The type that was given.
    pub from: tch::Kind,
    /// The model's type.
    pub to: tch::Kind,
}

impl fmt::Debug for Conversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} to {}", self.name, kind_text(self.from), kind_text(self.to))
    }
}

/// What [`Model::load_state_dict`](crate::models::Model::load_state_dict) did with each key.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Keys whose values are now the model's.
    pub loaded: Vec<String>,
    /// Keys of the model that were not given: they keep their values.
    pub missing: Vec<String>,
    /// Keys that were given and that the model does not have.
    pub unexpected: Vec<String>,
    /// Keys of another shape or type: the model keeps its values.
    pub mismatched: Vec<Mismatch>,
    /// Loaded keys whose values were converted on the way.
    pub converted: Vec<Conversion>,
    /// What was done to the given names, if only one side had a wrapper's prefix: "`model.` removed from every name".
    pub renamed: Option<String>,
}

impl LoadReport {
    /// Whether every key matched: PyTorch's `<All keys matched successfully>`.
    pub fn all_matched(&self) -> bool {
        self.missing.is_empty() && self.unexpected.is_empty() && self.mismatched.is_empty()
    }

    /// What did not match, a line each.
    pub(crate) fn complaints(&self) -> String {
        let mut lines = Vec::new();
        if !self.missing.is_empty() {
            lines.push(format!("missing: {}", by_layer(&self.missing, &[])));
        }
        if !self.unexpected.is_empty() {
            lines.push(format!("unexpected: {}", by_layer(&self.unexpected, &[])));
        }
        lines.extend(self.mismatched.iter().map(|mismatch| format!("does not fit: {mismatch}")));
        lines.join("\n  ")
    }
}

impl fmt::Display for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.all_matched() {
            write!(f, "all {} keys matched", self.loaded.len())?;
        } else {
            write!(f, "{} tensors loaded\n  {}", self.loaded.len(), self.complaints())?;
        }
        if let Some(done) = &self.renamed {
            write!(f, "\n  renamed: {done}")?;
        }
        if let Some(first) = self.converted.first() {
            write!(f, "\n  converted: {} tensors ({first:?})", self.converted.len())?;
        }
        Ok(())
    }
}

impl fmt::Debug for LoadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Keys gathered by the layer they belong to: `fc (weight, bias), bn1 (weight)`. A layer whose keys
/// in `all` are all among them is named alone: `fc`.
pub(crate) fn by_layer(keys: &[String], all: &[String]) -> String {
    let mut layers: Vec<(&str, Vec<&str>)> = Vec::new();
    for key in keys {
        let (layer, tensor) = key.rsplit_once('.').unwrap_or(("", key));
        match layers.iter_mut().find(|(known, _)| *known == layer) {
            Some((_, tensors)) => tensors.push(tensor),
            None => layers.push((layer, vec![tensor])),
        }
    }
    let one = |(layer, tensors): &(&str, Vec<&str>)| match *layer {
        "" => tensors.join(", "),
        layer if all.iter().filter(|key| layer_of(key) == layer).count() == tensors.len() => layer.to_owned(),
        layer => format!("{layer} ({})", tensors.join(", ")),
    };
    layers.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn layer_of(key: &str) -> &str {
    key.rsplit_once('.').map_or("", |(layer, _)| layer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gathers_keys_by_layer() {
        let keys = ["fc.weight", "bn1.bias", "fc.bias", "scale"].map(String::from);
        assert_eq!(by_layer(&keys, &[]), "fc (weight, bias), bn1 (bias), scale");
        let all = ["bn1.weight", "bn1.bias", "fc.weight", "fc.bias", "scale"].map(String::from);
        assert_eq!(by_layer(&keys, &all), "fc, bn1 (bias), scale");
    }
}
