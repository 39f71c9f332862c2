//! The networks by name. A new family is a file with its `ARCHITECTURES` and one line in `FAMILIES`.

use tch::Device;

use super::patterns::edit_distance;
use super::{
    Model, Module, alexnet, convnext, densenet, efficientnet, inception, mobilenetv2, mobilenetv3, resnet,
    squeezenet, vgg,
};
use crate::{Error, Result};

const FAMILIES: &[&[Architecture]] = &[
    resnet::ARCHITECTURES,
    alexnet::ARCHITECTURES,
    vgg::ARCHITECTURES,
    squeezenet::ARCHITECTURES,
    densenet::ARCHITECTURES,
    mobilenetv2::ARCHITECTURES,
    mobilenetv3::ARCHITECTURES,
    efficientnet::ARCHITECTURES,
    convnext::ARCHITECTURES,
    inception::ARCHITECTURES,
];

/// The tutorial's words for whole families, and the member each stands for.
const FAMILY_WORDS: &[(&str, &str)] = &[
    ("resnet", "resnet18"),
    ("vgg", "vgg11_bn"),
    ("squeezenet", "squeezenet1_0"),
    ("densenet", "densenet121"),
    ("inception", "inception_v3"),
];

/// An architecture: how it is built, its head, and its input size.
#[derive(Debug)]
pub(super) struct Architecture {
    /// torchvision's name.
    pub name: &'static str,
    /// The layers that depend on the number of classes.
    pub head: &'static [&'static str],
    /// Builds the module tree on the CPU, for a number of classes.
    pub tree: fn(i64) -> Result<Box<dyn Module>>,
    /// The sides of the pictures it was made for, and of the smallest it takes.
    pub input: InputSize,
}

/// Sides of pictures, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct InputSize {
    /// What the network was made for.
    pub crop: i64,
    /// The smallest that go through in eval mode.
    pub smallest: i64,
    /// The smallest that go through in train mode.
    pub smallest_train: i64,
}

impl Architecture {
    /// The common defaults; name, head and tree must be given.
    pub(super) const DEFAULT: Architecture = Architecture {
        name: "",
        head: &[],
        tree: |_| Err(Error::Argument("an architecture without a tree".into())),
        input: InputSize::DEFAULT,
    };
}

impl InputSize {
    /// What most networks were made for; they take any size.
    pub(super) const DEFAULT: InputSize = InputSize { crop: 224, smallest: 1, smallest_train: 1 };
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

/// A network of that name with torchvision's random weights, its head's among them:
/// [`torchvision.models.get_model`](https://docs.pytorch.org/vision/stable/generated/torchvision.models.get_model.html).
/// For a network to be trained on, [`initialize_model`](super::initialize_model) does more.
///
/// # Errors
/// [`Error::UnknownModel`]; [`Error::Argument`] for no classes; [`Error::Torch`] when the device does
/// not exist or has no room.
pub fn get_model(name: &str, num_classes: usize, device: Device) -> Result<Model> {
    build(name, num_classes, device)
}

/// [`get_model`].
pub(super) fn build(name: &str, num_classes: usize, device: Device) -> Result<Model> {
    let architecture = architecture(name)?;
    let classes = check_classes(name, num_classes)?;
    Model::of(architecture, (architecture.tree)(classes)?, num_classes, device)
}

/// The number of classes as libtorch takes it.
pub(super) fn check_classes(name: &str, num_classes: usize) -> Result<i64> {
    i64::try_from(num_classes).ok().filter(|&classes| classes > 0).ok_or_else(|| {
        Error::Argument(format!("{name} cannot have {num_classes} classes: give it the number of folders"))
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_told_the_nearest() {
        let told = architecture("ResNet-18").unwrap_err().to_string();
        assert!(told.contains("did you mean \"resnet18\"?"), "{told}");
        assert!(told.contains("resnet152") && told.contains("resnet (= resnet18)"), "{told}");
        let told = architecture("transformer").unwrap_err().to_string();
        assert!(!told.contains("did you mean"), "{told}");
    }

    /// A weights file named as in the catalog is found for its own network and for no other.
    #[test]
    fn there_are_weights_for_every_network() {
        let mut listed: Vec<&str> =
            crate::weights::list().weights().iter().map(|weights| weights.model()).collect();
        listed.dedup();
        let mut known = known_models();
        listed.sort_unstable();
        known.sort_unstable();
        assert_eq!(listed, known);
    }
}
