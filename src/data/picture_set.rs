//! What data sets of picture files have in common.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fastrand::Rng;
use image::RgbImage;
use tch::Tensor;

use super::read_image;
use crate::transforms::Compose;
use crate::{Error, Result};

/// Picture files with their classes, and what is done to each. Cloning shares the lists.
#[derive(Clone)]
pub(super) struct PictureSet {
    pub(super) classes: Arc<[String]>,
    pub(super) samples: Arc<[(PathBuf, i64)]>,
    pub(super) transform: Compose,
}

impl PictureSet {
    /// # Errors
    /// When a transform was made with wrong arguments.
    pub(super) fn new(
        classes: Vec<String>,
        samples: Vec<(PathBuf, i64)>,
        transform: Compose,
    ) -> Result<Self> {
        transform.check()?;
        Ok(PictureSet { classes: classes.into(), samples: samples.into(), transform })
    }

    pub(super) fn sample(&self, index: usize) -> Result<&(PathBuf, i64)> {
        self.samples.get(index).ok_or_else(|| {
            Error::Argument(format!("there is no sample {index}: the data set has {}", self.samples.len()))
        })
    }

    pub(super) fn picture(&self, index: usize) -> Result<RgbImage> {
        read_image(&self.sample(index)?.0)
    }

    pub(super) fn get(&self, index: usize, rng: &mut Rng) -> Result<(Tensor, i64)> {
        let mut values = Vec::new();
        let (shape, label) = self.get_into(index, rng, &mut values)?;
        Ok((Tensor::f_from_slice(&values)?.f_view(shape)?, label))
    }

    pub(super) fn get_into(
        &self,
        index: usize,
        rng: &mut Rng,
        values: &mut Vec<f32>,
    ) -> Result<([i64; 3], i64)> {
        let (path, label) = self.sample(index)?;
        let picture = read_image(path)?;
        let shape = self
            .transform
            .apply_into(picture, rng, values)
            .map_err(|error| Error::Sample { path: path.clone(), source: Box::new(error) })?;
        Ok((shape, *label))
    }

    /// Prints as torchvision's `VisionDataset`. `extra` are further lines of its head.
    pub(super) fn describe(
        &self,
        f: &mut fmt::Formatter<'_>,
        name: &str,
        root: &Path,
        extra: &[String],
    ) -> fmt::Result {
        writeln!(f, "Dataset {name}")?;
        writeln!(f, "    Number of datapoints: {}", self.samples.len())?;
        writeln!(f, "    Root location: {}", root.display())?;
        for line in extra {
            writeln!(f, "    {line}")?;
        }
        // Python indents the first line of StandardTransform's text only.
        writeln!(f, "    StandardTransform")?;
        let head = "Transform: ";
        let indent = format!("\n{:width$}", "", width = head.len());
        write!(f, "{head}{}", self.transform.to_string().replace('\n', &indent))
    }
}

/// # Errors
/// When the classes of training and validation differ: a label would mean two things.
pub(super) fn check_same_classes(train: &PictureSet, valid: &PictureSet) -> Result<()> {
    let only_in = |one: &PictureSet, other: &PictureSet| -> Vec<String> {
        one.classes.iter().filter(|class| !other.classes.contains(class)).cloned().collect()
    };
    let (train_only, valid_only) = (only_in(train, valid), only_in(valid, train));
    if train_only.is_empty() && valid_only.is_empty() {
        return Ok(());
    }
    let part = |name: &str, classes: Vec<String>| {
        (!classes.is_empty()).then(|| format!("only {name} has {}", classes.join(", ")))
    };
    let parts: Vec<String> =
        [part("train", train_only), part("valid", valid_only)].into_iter().flatten().collect();
    Err(Error::DifferentClasses(parts.join("; ")))
}
