//! A trained model with everything that a prediction needs: its classes, their names and the transforms of
//! its input. It is saved as one file and loads ready to predict.

mod file;
mod prediction;
mod torchscript;

use std::fmt;
use std::path::Path;

use fastrand::Rng;
use image::RgbImage;
use tch::{Device, Tensor};

use crate::data::{CategoryNames, read_image};
use crate::models::{Model, Pretrained, Strictness, initialize_model, known_models};
use crate::transforms::Compose;
use crate::weights;
use crate::{Error, Result};
pub use prediction::{Answer, Prediction};

/// How many of the likeliest classes a prediction shows.
const TOP: usize = 5;

/// A model that classifies photographs.
///
/// ```no_run
/// # use herbarium::prelude::*;
/// # use herbarium::models::resnet18;
/// # fn main() -> herbarium::Result<()> {
/// # let (model_ft, class_names) = (resnet18(2, tch::Device::Cpu)?, vec!["1".to_string(), "10".to_string()]);
/// # let cat_to_name = CategoryNames::from_classes(&class_names);
/// # let valid = Compose::new(vec![]);
/// let classifier = Classifier::new(&model_ft, &class_names, &cat_to_name, &valid)?;
/// classifier.save("flowers.safetensors")?;
///
/// let classifier = Classifier::load("flowers.safetensors")?; // elsewhere, later
/// classifier.predict("photo.jpg")?
/// # ; Ok(())
/// # }
/// ```
pub struct Classifier {
    model: Model,
    class_names: Vec<String>,
    category_names: Vec<String>,
    transforms: Compose,
}

impl Classifier {
    /// A copy of a trained model, with its classes in the order of its outputs, their names, and the
    /// transforms of the validation pictures. The model itself stays as it is.
    ///
    /// # Errors
    /// [`Error::Argument`] when the number of classes is not the model's, when the transforms are random (those
    /// for training) or do not end in a tensor, or when the model's architecture is not one of
    /// [`initialize_model`]'s; the error of [`CategoryNames::name`] for a class without a name.
    pub fn new(
        model: &Model,
        class_names: &[String],
        cat_to_name: &CategoryNames,
        transforms: &Compose,
    ) -> Result<Classifier> {
        let names = class_names.iter().map(|class| cat_to_name.name(class).map(str::to_owned));
        let names = names.collect::<Result<Vec<_>>>()?;
        Classifier::of(copy(model)?, class_names.to_vec(), names, transforms.clone())
    }

    /// A complete torchvision network with pretrained weights, for ImageNet's 1000 classes. The weights are
    /// looked for as in [`initialize_model`]; [`weights::download`] fetches them.
    ///
    /// # Errors
    /// [`Error::UnknownModel`]; [`Error::WeightsNotFound`], with the line that fetches them; [`Error::Weights`]
    /// when the file is damaged or another network's.
    pub fn pretrained(name: &str, device: Device) -> Result<Classifier> {
        let classes = weights::imagenet_classes();
        let model = initialize_model(name, classes.len(), Pretrained::Required, device)?;
        let transforms = weights::named(model.name())?.transforms();
        Classifier::of(model, classes.clone(), classes, transforms)
    }

    fn of(
        mut model: Model,
        class_names: Vec<String>,
        category_names: Vec<String>,
        transforms: Compose,
    ) -> Result<Classifier> {
        if class_names.len() != model.num_classes() || category_names.len() != class_names.len() {
            return Err(Error::Argument(format!(
                "the model has {} classes, class_names has {}: give the classes of the data set that it \
                 was trained on",
                model.num_classes(),
                class_names.len()
            )));
        }
        transforms.check()?;
        if transforms.deterministic_front() < transforms.transforms().len() {
            return Err(Error::Argument(format!(
                "these transforms are random: give those of the validation pictures, not\n{transforms}"
            )));
        }
        model.eval();
        let classifier = Classifier { model, class_names, category_names, transforms };
        // Try a prediction now: otherwise a mistake would show only after the file has been passed
        // on.
        classifier.tensor(RgbImage::from_pixel(512, 512, image::Rgb([128; 3]))).map(|_| classifier)
    }

    /// The network, in eval mode.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The classes, in the order of the network's outputs.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// What the classes are called, in the same order.
    pub fn category_names(&self) -> &[String] {
        &self.category_names
    }

    /// What is done to a picture before the network sees it.
    pub fn transforms(&self) -> &Compose {
        &self.transforms
    }

    /// Moves the network to another device.
    ///
    /// # Errors
    /// As [`Model::to`].
    pub fn to(&mut self, device: Device) -> Result<()> {
        self.model.to(device)
    }

    /// What a photograph (JPEG, PNG or WebP) shows.
    ///
    /// # Errors
    /// Those of [`read_image`]; [`Error::Sample`] when it is too small for the transforms or the network.
    pub fn predict(&self, path: impl AsRef<Path>) -> Result<Prediction> {
        let path = path.as_ref();
        let picture = read_image(path)?;
        let mut prediction = self.predict_picture(&picture).map_err(|error| match error {
            error @ (Error::Argument(_) | Error::Transform { .. } | Error::Torch(_)) => {
                Error::Sample { path: path.to_owned(), source: Box::new(error) }
            }
            other => other,
        })?;
        prediction.path = Some(path.to_owned());
        Ok(prediction)
    }

    /// What a picture shows that is in memory already.
    ///
    /// # Errors
    /// As [`predict`](Classifier::predict).
    pub fn predict_picture(&self, picture: &RgbImage) -> Result<Prediction> {
        let input = self.tensor(picture.clone())?.f_unsqueeze(0)?;
        let predictions = self.model.predict(&input)?;
        let answer = |guess: crate::models::Guess| Answer {
            class: guess.class,
            label: self.class_names.get(guess.class).cloned().unwrap_or_default(),
            name: self.category_names.get(guess.class).cloned().unwrap_or_default(),
            probability: guess.confidence,
        };
        let answers = predictions.top_k(0, TOP)?.into_iter().map(answer).collect();
        Ok(Prediction::new(picture, answers))
    }

    /// The network's input `(3, H, W)` for a picture.
    fn tensor(&self, picture: RgbImage) -> Result<Tensor> {
        let mut values = Vec::new();
        let shape = self.transforms.apply_into(picture, &mut Rng::with_seed(0), &mut values)?;
        Ok(Tensor::f_from_slice(&values)?.f_reshape(shape)?)
    }

    /// Writes everything to one `.safetensors` file, whole or not at all. The tensors have torchvision's
    /// names, so that any reader of the format can use them; the rest is metadata.
    ///
    /// # Errors
    /// [`Error::Weights`] when the file is not called `.safetensors`; [`Error::Transform`] when a transform is
    /// a custom one, which cannot be saved; [`Error::Io`] when it cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        file::save(self, path.as_ref())
    }

    /// Reads a classifier; it is on the CPU.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be read; [`Error::Weights`] when it is damaged, not a classifier, or from a
    /// later version of this library.
    pub fn load(path: impl AsRef<Path>) -> Result<Classifier> {
        file::load(path.as_ref())
    }
}

/// A freshly built network with the same values: if it can be rebuilt now, it can be rebuilt from a
/// file.
fn copy(model: &Model) -> Result<Model> {
    if !known_models().contains(&model.name()) {
        return Err(Error::Argument(format!(
            "{} is a custom network, which cannot be rebuilt from a file: only those of initialize_model \
            can be \
             exported",
            model.name()
        )));
    }
    let mut copy = initialize_model(model.name(), model.num_classes(), Pretrained::No, Device::Cpu)?;
    copy.load_state_dict(&model.state_dict(), Strictness::Strict).map_err(|error| {
        Error::Argument(format!(
            "this model is not as initialize_model(\"{}\", {}, …) makes it, so it could not be rebuilt from \
            a file: {error}",
            model.name(),
            model.num_classes()
        ))
    })?;
    if let Some(transform_input) = model.transform_input() {
        copy.set_transform_input(transform_input)?;
    }
    copy.to(model.device())?;
    Ok(copy)
}

impl fmt::Display for Classifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Classifier: {} for {} classes", self.model.name(), self.class_names.len())?;
        if let (Some(first), Some(last)) = (self.category_names.first(), self.category_names.last()) {
            write!(f, " ({first} … {last})")?;
        }
        write!(f, "\n{}", self.transforms)
    }
}

impl fmt::Debug for Classifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

crate::notebook::rich_by_debug!(Classifier);
