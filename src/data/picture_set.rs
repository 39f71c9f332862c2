//! The common part of data sets of picture files.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fastrand::Rng;
use image::RgbImage;
use pillow_pixels::Decoded;
use tch::Tensor;

use super::picture_warning::warn;
use super::read_image::read_without_warning;
use super::{ClassCounts, Decoding, FixedSteps, ReadOptions, SplitOptions, Splits, TwoSteps};
use crate::notebook::MimeBundle;
use crate::notebook::html::escape;
use crate::transforms::Compose;
use crate::{Error, Result};

/// Picture files with their classes, and what is done to each. Cloning shares the lists.
#[derive(Clone)]
pub(super) struct PictureSet {
    pub(super) classes: Arc<[String]>,
    pub(super) samples: Arc<[(PathBuf, i64)]>,
    pub(super) transform: Compose,
    /// Further lines of the head when it prints.
    notes: Vec<String>,
    fixed: FixedSteps,
    varying: Compose,
}

impl PictureSet {
    /// The pictures of a data set whose files belong to the folder `root`.
    ///
    /// # Errors
    /// When a transform was made with wrong arguments.
    pub(super) fn new(
        root: &Path,
        classes: impl Into<Arc<[String]>>,
        samples: Vec<(PathBuf, i64)>,
        transform: Compose,
    ) -> Result<Self> {
        transform.check()?;
        let (fixed, varying) = FixedSteps::split(root, &transform);
        let notes = Vec::new();
        Ok(PictureSet { classes: classes.into(), samples: samples.into(), transform, notes, fixed, varying })
    }

    /// The pictures of a list of files and labels; the classes are the labels, sorted as text.
    ///
    /// # Errors
    /// When a transform was made with wrong arguments.
    pub(super) fn labelled(root: &Path, lines: Vec<(PathBuf, String)>, transform: Compose) -> Result<Self> {
        let labels: BTreeSet<&str> = lines.iter().map(|(_, label)| label.as_str()).collect();
        let classes: Vec<String> = labels.into_iter().map(String::from).collect();
        let samples = lines
            .into_iter()
            .map(|(path, label)| {
                let place = classes.binary_search(&label).unwrap_or_else(|place| place);
                (path, place as i64)
            })
            .collect();
        Self::new(root, classes, samples, transform)
    }

    /// With a further line in its head.
    pub(super) fn noted(mut self, note: String) -> Self {
        self.notes.push(note);
        self
    }

    /// The samples with these numbers, under their own transform.
    ///
    /// # Errors
    /// When there is no such sample, or a transform was made with wrong arguments.
    pub(super) fn part(&self, indices: &[usize], transform: Compose) -> Result<Self> {
        let samples = indices.iter().map(|&index| self.sample(index).cloned()).collect::<Result<_>>()?;
        let part = Self::new(self.fixed.root(), self.classes.clone(), samples, transform)?;
        Ok(PictureSet { notes: self.notes.clone(), ..part })
    }

    /// The samples with these numbers.
    ///
    /// # Errors
    /// When there is no such sample.
    pub(super) fn subset(&self, indices: &[usize]) -> Result<Self> {
        let note = format!("Subset: {} of {} datapoints", indices.len(), self.samples.len());
        Ok(self.part(indices, self.transform.clone())?.noted(note))
    }

    /// Splits every class at random into two parts.
    ///
    /// # Errors
    /// When the share is impossible, a class has too few pictures, or a transform was made with wrong
    /// arguments.
    pub(super) fn split(&self, options: SplitOptions, transforms: &Splits<Compose>) -> Result<Splits<Self>> {
        let parts = options.indices(&self.classes, &self.labels())?;
        let part = |name: &str, indices: &[usize], transform: &Compose| -> Result<Self> {
            let (count, all, seed) = (indices.len(), self.samples.len(), options.seed);
            let note =
                format!("Split: {name}, {count} of {all} datapoints (valid={}, seed={seed})", options.valid);
            Ok(self.part(indices, transform.clone())?.noted(note))
        };
        Ok(Splits {
            train: part("train", &parts.train, &transforms.train)?,
            valid: part("valid", &parts.valid, &transforms.valid)?,
        })
    }

    pub(super) fn in_two_steps(&self, index: usize) -> Option<TwoSteps<'_>> {
        let (path, label) = self.samples.get(index)?;
        Some(TwoSteps { path, label: *label, fixed: &self.fixed, varying: &self.varying })
    }

    /// The class of every sample.
    pub(super) fn labels(&self) -> Vec<i64> {
        self.samples.iter().map(|(_, label)| *label).collect()
    }

    pub(super) fn sample(&self, index: usize) -> Result<&(PathBuf, i64)> {
        self.samples.get(index).ok_or_else(|| {
            Error::Argument(format!("there is no sample {index}: the data set has {}", self.samples.len()))
        })
    }

    pub(super) fn picture(&self, index: usize) -> Result<RgbImage> {
        let path = &self.sample(index)?.0;
        let Decoded { picture, warning } = read_without_warning(path, ReadOptions::default())?;
        warn(warning, Some(self.fixed.root()), path);
        Ok(picture)
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
        let picture = self.fixed.read(path, Decoding::Exact)?;
        let shape = self
            .varying
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
        for line in extra.iter().chain(&self.notes) {
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

/// What data sets of picture files offer alike: they have a field `set`, and `Display`.
macro_rules! picture_data_set {
    ($name:ident) => {
        impl $name {
            /// How many pictures there are.
            pub fn len(&self) -> usize {
                self.set.samples.len()
            }

            /// Whether there is no picture; only a subset can be empty.
            pub fn is_empty(&self) -> bool {
                self.set.samples.is_empty()
            }

            /// The classes, sorted as text; a label is an index into them.
            pub fn classes(&self) -> Vec<String> {
                self.set.classes.to_vec()
            }

            /// The label of a class, where it is one: torchvision's `class_to_idx`.
            pub fn class_to_idx(&self, class: &str) -> Option<i64> {
                self.set.classes.iter().position(|name| name == class).map(|index| index as i64)
            }

            /// Every file with its label, in order: torchvision's `samples`.
            pub fn samples(&self) -> &[(std::path::PathBuf, i64)] {
                &self.set.samples
            }

            /// The label of every picture, in order: torchvision's `targets`.
            pub fn targets(&self) -> Vec<i64> {
                self.set.labels()
            }

            /// What is done to each picture.
            pub fn transform(&self) -> &$crate::transforms::Compose {
                &self.set.transform
            }

            /// Picture `index` as it is on disk, not transformed.
            ///
            /// # Errors
            /// When there is no such picture or it cannot be read.
            pub fn picture(&self, index: usize) -> $crate::Result<image::RgbImage> {
                self.set.picture(index)
            }

            /// How many pictures each class has, with weights that balance them.
            ///
            /// # Errors
            /// None: pictures always have a class.
            pub fn class_counts(&self) -> $crate::Result<$crate::data::ClassCounts> {
                $crate::data::ClassCounts::of(self)
            }

            /// Reads every file once, on all cores, and reports what the data set is made of and what is
            /// wrong with it: unreadable files, duplicates (the same bytes, or the same pixels), modes other
            /// than RGB, rare classes.
            ///
            /// # Errors
            /// When it is interrupted.
            pub fn check(&self) -> $crate::Result<$crate::data::Health> {
                $crate::data::Health::of(&[("", self)])
            }

            /// The pictures with these numbers, in this order: `torch.utils.data.Subset`.
            ///
            /// # Errors
            /// When there is no such picture.
            pub fn subset(&self, indices: &[usize]) -> $crate::Result<Self> {
                Ok($name { set: self.set.subset(indices)?, ..self.clone() })
            }

            /// Shows the data set as the value of a cell's last expression.
            pub fn evcxr_display(&self) {
                $crate::notebook::result(self);
            }
        }

        impl $crate::data::Dataset for $name {
            fn len(&self) -> usize {
                self.len()
            }

            fn get(&self, index: usize, rng: &mut fastrand::Rng) -> $crate::Result<(tch::Tensor, i64)> {
                self.set.get(index, rng)
            }

            fn get_into(
                &self,
                index: usize,
                rng: &mut fastrand::Rng,
                values: &mut Vec<f32>,
            ) -> $crate::Result<([i64; 3], i64)> {
                self.set.get_into(index, rng, values)
            }

            fn in_two_steps(&self, index: usize) -> Option<$crate::data::TwoSteps<'_>> {
                self.set.in_two_steps(index)
            }

            fn path(&self, index: usize) -> Option<&std::path::Path> {
                self.set.samples.get(index).map(|(path, _)| path.as_path())
            }

            fn classes(&self) -> Vec<String> {
                self.classes()
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }

        impl $crate::notebook::Show for $name {
            /// torchvision's text; on a page with the pictures of each class below, folded.
            fn bundle(&self) -> $crate::notebook::MimeBundle {
                $crate::data::picture_set::bundle(&[("", &self.set)], self.to_string())
            }
        }

        impl $crate::data::Splits<$name> {
            /// Reads every file of both once, as `check` of one of them does, and finds pictures that are in
            /// both.
            ///
            /// # Errors
            /// When it is interrupted.
            pub fn check(&self) -> $crate::Result<$crate::data::Health> {
                $crate::data::Health::of(&[("train", &self.train), ("valid", &self.valid)])
            }

            /// Shows both data sets as the value of a cell's last expression.
            pub fn evcxr_display(&self) {
                $crate::notebook::result(self);
            }
        }

        impl $crate::notebook::Show for $crate::data::Splits<$name> {
            fn bundle(&self) -> $crate::notebook::MimeBundle {
                let parts = [("train", &self.train.set), ("valid", &self.valid.set)];
                $crate::data::picture_set::bundle(&parts, self.to_string())
            }
        }
    };
}
pub(super) use picture_data_set;

/// Data sets as a notebook shows them: `text` in a terminal; on a page the text of each, and below it how
/// many pictures each class has.
pub(super) fn bundle(parts: &[(&str, &PictureSet)], text: String) -> MimeBundle {
    let mut html = format!("<pre>{}</pre>", escape(&text));
    for (name, set) in parts {
        let mut counts = vec![0; set.classes.len()];
        for (_, label) in set.samples.iter() {
            if let Some(count) = usize::try_from(*label).ok().and_then(|label| counts.get_mut(label)) {
                *count += 1;
            }
        }
        let counts = ClassCounts { classes: set.classes.to_vec(), counts };
        let head = if name.is_empty() { String::new() } else { format!("{name}: ") };
        html += &format!("<details><summary>{head}{}</summary>{}</details>", counts.summary(), counts.html());
    }
    MimeBundle::text(text).with_html(html)
}
