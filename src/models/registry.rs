//! The networks by name. A new family is a file with its `ARCHITECTURES` and one line in `FAMILIES`.

use tch::Device;

use super::{Model, Module, resnet};
use crate::{Error, Result};

const FAMILIES: &[&[Architecture]] = &[resnet::ARCHITECTURES];

/// The tutorial's words for whole families, and the member each stands for.
const FAMILY_WORDS: &[(&str, &str)] = &[("resnet", "resnet18")];

/// How a network is built and which part of it is the head.
#[derive(Debug)]
pub(super) struct Architecture {
    /// torchvision's name.
    pub name: &'static str,
    /// The layers that depend on the number of classes.
    pub head: &'static [&'static str],
    /// Builds the module tree on the CPU, for a number of classes.
    pub tree: fn(i64) -> Result<Box<dyn Module>>,
}

/// The names that [`initialize_model`](super::initialize_model) knows.
pub fn known_models() -> Vec<&'static str> {
    architectures().map(|architecture| architecture.name).collect()
}

fn architectures() -> impl Iterator<Item = &'static Architecture> {
    FAMILIES.iter().copied().flatten()
}

/// The network of that name, or that the tutorial's word for a family stands for.
pub(super) fn architecture(name: &str) -> Result<&'static Architecture> {
    let wanted = FAMILY_WORDS.iter().find(|(word, _)| *word == name).map_or(name, |(_, member)| member);
    architectures().find(|architecture| architecture.name == wanted).ok_or_else(|| unknown(name))
}

/// A network of that name with random weights.
pub(super) fn build(name: &str, num_classes: usize, device: Device) -> Result<Model> {
    let architecture = architecture(name)?;
    let classes = i64::try_from(num_classes).ok().filter(|&classes| classes > 0).ok_or_else(|| {
        Error::Argument(format!(
            "{name} cannot tell {num_classes} classes apart: give it the number of folders"
        ))
    })?;
    Model::from_module(
        architecture.name,
        (architecture.tree)(classes)?,
        architecture.head,
        num_classes,
        device,
    )
}

fn unknown(name: &str) -> Error {
    let lower = name.to_lowercase();
    let nearest = known_models()
        .into_iter()
        .map(|known| (edit_distance(&lower, known), known))
        .filter(|&(distance, known)| distance * 2 <= known.len())
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, known)| known.to_owned());
    let words = FAMILY_WORDS.iter().map(|(word, member)| format!("{word} (= {member})"));
    let known = known_models().into_iter().map(str::to_owned).chain(words).collect();
    Error::UnknownModel { name: name.to_owned(), nearest, known }
}

/// How many letters must be put in, left out or changed to make one word of the other (Levenshtein).
fn edit_distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, letter) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for column in 1..=to.len() {
            let change = diagonal + usize::from(letter != to[column - 1]);
            diagonal = row[column];
            row[column] = change.min(row[column] + 1).min(row[column - 1] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(edit_distance("", "abc"), 3);
        assert_eq!(edit_distance("resnet18", "resnet18"), 0);
    }

    #[test]
    fn an_unknown_name_is_told_the_nearest() {
        let told = architecture("ResNet-18").unwrap_err().to_string();
        assert!(told.contains("did you mean \"resnet18\"?"), "{told}");
        assert!(told.contains("resnet152") && told.contains("resnet (= resnet18)"), "{told}");
        let told = architecture("transformer").unwrap_err().to_string();
        assert!(!told.contains("did you mean"), "{told}");
    }
}
