//! torchvision's ImageNet weights: which there are, and how to get them.

mod fetch;
mod names;
mod rows;
mod table;

use std::fmt;
use std::path::PathBuf;

use crate::download::Downloaded;
use crate::transforms::{
    Compose, IMAGENET_MEAN, IMAGENET_STD, Interpolation, center_crop, normalize, resize, to_tensor,
};
use crate::{Error, Result};

pub(crate) use fetch::{how_to_get, offline};
pub use names::imagenet_classes;
use rows::ROWS;
pub use table::WeightsTable;

/// torchvision's data about one weights file.
#[derive(Debug, PartialEq)]
struct Row {
    model: &'static str,
    version: &'static str,
    default: bool,
    file: &'static str,
    checksum: &'static str,
    mebibytes: f64,
    parameters: u64,
    acc1: f64,
    acc5: f64,
    resize: i64,
    crop: i64,
    bicubic: bool,
    licence: &'static str,
}

/// Weights of one network, trained on ImageNet's 1000 classes, as torchvision gives them out.
#[derive(Clone, Copy, PartialEq)]
pub struct PretrainedWeights(&'static Row);

impl PretrainedWeights {
    /// The network: `resnet50`.
    pub fn model(&self) -> &'static str {
        self.0.model
    }

    /// torchvision's name of this version: `IMAGENET1K_V2`.
    pub fn version(&self) -> &'static str {
        self.0.version
    }

    /// Whether it is what torchvision takes for `weights="DEFAULT"`: the best that there is.
    pub fn is_default(&self) -> bool {
        self.0.default
    }

    /// The file's name: `resnet50-11ad3fa6.pth`.
    pub fn file(&self) -> &'static str {
        self.0.file
    }

    /// The first eight digits of the file's SHA-256.
    pub fn checksum(&self) -> &'static str {
        self.0.checksum
    }

    /// About how many bytes it has; torchvision states thousandths of a mebibyte.
    pub fn bytes(&self) -> u64 {
        (self.0.mebibytes * f64::from(1 << 20)) as u64
    }

    /// How many values the network has.
    pub fn parameters(&self) -> u64 {
        self.0.parameters
    }

    /// The share of ImageNet's validation pictures whose class is the likeliest, in percent.
    pub fn acc1(&self) -> f64 {
        self.0.acc1
    }

    /// The share of ImageNet's validation pictures whose class is among the five likeliest, in percent.
    pub fn acc5(&self) -> f64 {
        self.0.acc5
    }

    /// The side of the square pictures it was measured on, in pixels.
    pub fn input_size(&self) -> i64 {
        self.0.crop
    }

    /// The licence of the weights. ImageNet's pictures have their own terms (research, not commerce);
    /// whether these bind who uses weights made from them is not settled.
    pub fn licence(&self) -> &'static str {
        self.0.licence
    }

    /// How pictures are made smaller for it.
    pub fn interpolation(&self) -> Interpolation {
        if self.0.bicubic { Interpolation::Bicubic } else { Interpolation::Bilinear }
    }

    /// What is done to pictures before this network sees them: torchvision's `weights.transforms()`.
    pub fn transforms(&self) -> Compose {
        Compose::new(vec![
            resize(self.0.resize).interpolation(self.interpolation()),
            center_crop(self.0.crop),
            to_tensor(),
            normalize(IMAGENET_MEAN, IMAGENET_STD),
        ])
    }

    /// Where it comes from: torchvision's server, or the mirror that `HERBARIUM_WEIGHTS_URL` names.
    pub fn url(&self) -> String {
        fetch::url(self)
    }

    /// The file in one of the [`search_folders`](super::search_folders), if it is there.
    pub fn local(&self) -> Option<PathBuf> {
        let files = super::search_folders().into_iter().map(|folder| folder.join(self.0.file));
        files.into_iter().find(|file| file.is_file())
    }

    /// [`download`](PretrainedWeights::download) that knows within 5 seconds whether there is a network.
    ///
    /// # Errors
    /// As [`download`].
    pub(crate) fn download_if_reachable(&self) -> Result<Downloaded> {
        fetch::fetch_if_reachable(self, &self.url())
    }

    /// Fetches the file into the cache folder; see [`download`].
    ///
    /// # Errors
    /// As [`download`].
    pub fn download(&self) -> Result<Downloaded> {
        fetch::fetch(self)
    }
}

impl fmt::Display for PretrainedWeights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&WeightsTable::of(vec![*self]), f)
    }
}

impl fmt::Debug for PretrainedWeights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// All weights of torchvision's for the networks here, as a table.
pub fn list() -> WeightsTable {
    WeightsTable::of(ROWS.iter().map(PretrainedWeights).collect())
}

/// The networks that there are weights for, torchvision's names.
pub(super) fn models() -> impl Iterator<Item = &'static str> {
    ROWS.iter().filter(|row| row.default).map(|row| row.model)
}

/// The weights of that name: a network's (`resnet50`) for torchvision's default, or with a version,
/// `resnet50/IMAGENET1K_V1` or `resnet50/V1`.
///
/// # Errors
/// [`Error::Argument`] that lists the available ones.
pub fn named(name: &str) -> Result<PretrainedWeights> {
    let (model, version) =
        name.split_once('/').map_or((name, None), |(model, version)| (model, Some(version)));
    let of_model: Vec<&'static Row> = ROWS.iter().filter(|row| row.model == model).collect();
    let wanted = |row: &&&Row| match version {
        None => row.default,
        Some(version) => {
            row.version.eq_ignore_ascii_case(version) || row.version.ends_with(&format!("_{version}"))
        }
    };
    if let Some(row) = of_model.iter().find(wanted) {
        return Ok(PretrainedWeights(row));
    }
    let known: Vec<String> = match of_model.is_empty() {
        true => models().map(str::to_owned).collect(),
        false => of_model.iter().map(|row| format!("{model}/{}", row.version)).collect(),
    };
    Err(Error::Argument(format!("there are no weights \"{name}\"; there are: {}", known.join(", "))))
}

/// Fetches torchvision's ImageNet weights for a network into the cache folder
/// (`$XDG_CACHE_HOME/herbarium/weights`, else `~/.cache/herbarium/weights`), where
/// [`initialize_model`](crate::models::initialize_model) finds them. An existing file in one of the
/// [`search_folders`](super::search_folders) is only checked, and replaced where it lies if it is damaged; an
/// interrupted download is resumed. `name` is as in [`named`].
///
/// `HERBARIUM_WEIGHTS_URL` is a mirror that replaces torchvision's server (the folder that has the files);
/// with `HERBARIUM_OFFLINE=1` nothing is fetched, and a missing file is an error that says where to put it.
///
/// # Errors
/// [`Error::Argument`] for an unknown name; [`Error::Download`] when it cannot be fetched, or is not the
/// file it should be; [`Error::NoCacheFolder`]; [`Error::Io`].
pub fn download(name: &str) -> Result<Downloaded> {
    named(name)?.download()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_found_by_name_and_version() {
        assert_eq!(named("resnet50").unwrap().file(), "resnet50-11ad3fa6.pth");
        assert_eq!(named("resnet50/V1").unwrap().file(), "resnet50-0676ba61.pth");
        assert_eq!(named("resnet50/IMAGENET1K_V1").unwrap().acc1(), 76.13);
        let told = named("resnet50/V3").unwrap_err().to_string();
        assert!(told.contains("resnet50/IMAGENET1K_V1, resnet50/IMAGENET1K_V2"), "{told}");
        let told = named("resnet").unwrap_err().to_string();
        assert!(told.contains("resnet18") && told.contains("convnext_tiny"), "{told}");
    }

    /// Expected: `EfficientNet_B0_Weights.DEFAULT.transforms()` and its metadata.
    #[test]
    fn transforms_are_those_of_the_weights() {
        let weights = named("efficientnet_b0").unwrap();
        let text = weights.transforms().to_string();
        assert!(text.contains("Resize(size=256, interpolation=bicubic"), "{text}");
        assert!(text.contains("CenterCrop(size=(224, 224))"), "{text}");
        assert_eq!((weights.bytes(), weights.input_size()), (21_444_427, 224));
        assert_eq!(named("inception_v3").unwrap().input_size(), 299);
    }

    #[test]
    fn every_network_has_one_default() {
        for row in ROWS {
            let of_model = ROWS.iter().filter(|other| other.model == row.model);
            assert_eq!(of_model.filter(|other| other.default).count(), 1, "{}", row.model);
            assert!(row.file.ends_with(&format!("-{}.pth", row.checksum)));
        }
    }
}
