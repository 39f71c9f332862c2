//! A model's predictions for labelled pictures.

use std::fmt;
use std::path::PathBuf;

use tch::{Device, Kind, Tensor};

use crate::data::Batch;
use crate::models::Predictions;
use crate::train::Evaluation;
use crate::{Error, Result};

/// A model's answers about labelled pictures, one entry a picture in every list: what the pictures
/// of a model's mistakes are drawn from.
#[derive(Clone, Default, PartialEq)]
pub struct Answers {
    /// The true classes, as indices into `class_names`.
    pub labels: Vec<usize>,
    /// The likeliest classes, as indices into `class_names`.
    pub predicted: Vec<usize>,
    /// The probabilities of the likeliest classes, 0 to 1.
    pub confidences: Vec<f64>,
    /// The losses: −ln of the true classes' probabilities.
    pub losses: Vec<f64>,
    /// The files; empty paths where there are none.
    pub paths: Vec<PathBuf>,
}

/// What holds a model's answers: [`Answers`] themselves, or the result of an evaluation.
pub trait Answered {
    /// The answers.
    ///
    /// # Errors
    /// [`Error::Argument`] if predictions and labels do not match.
    fn answers(&self) -> Result<Answers>;
}

impl Answers {
    /// The predictions for one batch, with its labels and files.
    ///
    /// # Errors
    /// [`Error::Argument`] if they do not match.
    pub fn of(preds: &Predictions, batch: &Batch) -> Result<Answers> {
        Self::new(preds.probabilities(), &batch.labels, batch.paths.clone())
    }

    /// From probabilities `(N, C)`, labels `(N,)` and the files, of which there may be none.
    ///
    /// # Errors
    /// [`Error::Argument`] if they are not as many, or a label is not a class.
    pub fn new(probabilities: &Tensor, labels: &Tensor, mut paths: Vec<PathBuf>) -> Result<Answers> {
        let &[count, classes] = probabilities.size().as_slice() else {
            let told = format!("probabilities must be (N, C), got {:?}", probabilities.size());
            return Err(Error::Argument(told));
        };
        let labels = labels.f_detach()?.f_to_device(Device::Cpu)?.f_to_kind(Kind::Int64)?.f_reshape([-1])?;
        let own = Vec::<i64>::try_from(&labels)?;
        if own.len() as i64 != count {
            let told =
                format!("there are {count} predictions and {} labels, there must be as many", own.len());
            return Err(Error::Argument(told));
        }
        if let Some(label) = own.iter().find(|label| !(0..classes).contains(label)) {
            let told = format!(
                "label {label} is not a class: the model has {classes} classes, 0 to {}",
                classes - 1
            );
            return Err(Error::Argument(told));
        }
        paths.resize(own.len(), PathBuf::new());
        if own.is_empty() {
            return Ok(Answers::default());
        }
        let probabilities = probabilities.f_detach()?.f_to_device(Device::Cpu)?.f_to_kind(Kind::Double)?;
        let (confidences, predicted) = probabilities.f_max_dim(1, false)?;
        let true_ones = probabilities.f_gather(1, &labels.f_unsqueeze(1)?, false)?.f_reshape([-1])?;
        // Below the least positive float32 a probability is 0; its loss should still be a number.
        let losses = true_ones.f_clamp_min(1e-45)?.f_log()?.f_neg()?;
        let index = |value: i64| value as usize;
        Ok(Answers {
            labels: own.into_iter().map(index).collect(),
            predicted: Vec::<i64>::try_from(&predicted)?.into_iter().map(index).collect(),
            confidences: Vec::try_from(&confidences)?,
            losses: Vec::try_from(&losses)?,
            paths,
        })
    }

    /// How many pictures.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// How many answers are right.
    pub fn corrects(&self) -> usize {
        (0..self.len()).filter(|index| self.is_right(*index)).count()
    }

    /// Whether answer `index` is right; `false` for one that there is not.
    pub fn is_right(&self, index: usize) -> bool {
        self.labels.get(index).is_some_and(|label| self.predicted.get(index) == Some(label))
    }

    /// The fields are public: whether all lists are as long, and all classes among `classes`.
    pub(super) fn check(&self, classes: usize) -> Result<()> {
        let lengths = [self.predicted.len(), self.confidences.len(), self.losses.len(), self.paths.len()];
        if lengths.iter().any(|length| *length != self.len()) {
            let told = format!(
                "the lists of these answers differ in length: {} labels, {} predictions, {} confidences, {} \
                 losses, {} paths",
                self.len(),
                lengths[0],
                lengths[1],
                lengths[2],
                lengths[3]
            );
            return Err(Error::Argument(told));
        }
        match self.labels.iter().chain(&self.predicted).find(|class| **class >= classes) {
            Some(class) => Err(Error::Argument(format!(
                "class {class} is in the answers, but class_names has {classes}: give the class_names of the \
                 data set that the model was trained on"
            ))),
            None => Ok(()),
        }
    }
}

impl Answered for Answers {
    fn answers(&self) -> Result<Answers> {
        Ok(self.clone())
    }
}

/// What [`predict_all`](crate::train::predict_all) and [`evaluate`](crate::train::evaluate) give.
impl Answered for Evaluation {
    fn answers(&self) -> Result<Answers> {
        let confidences = if self.labels.is_empty() {
            Vec::new()
        } else {
            Vec::try_from(&self.probabilities.f_max_dim(1, false)?.0.f_to_kind(Kind::Double)?)?
        };
        Ok(Answers {
            labels: self.labels.clone(),
            predicted: self.predictions.clone(),
            confidences,
            losses: self.losses.clone(),
            paths: self.paths.clone(),
        })
    }
}

impl fmt::Display for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answers({} of {} right)", self.corrects(), self.len())
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_those_of_the_true_classes() -> Result<()> {
        let probabilities = Tensor::from_slice2(&[[0.7f32, 0.2, 0.1], [0.25, 0.5, 0.25]]);
        let answers = Answers::new(&probabilities, &Tensor::from_slice(&[0i64, 2]), Vec::new())?;
        assert_eq!((&answers.predicted[..], answers.corrects()), (&[0, 1][..], 1));
        assert!((answers.losses[0] - 0.356_675).abs() < 1e-6, "−ln 0.7");
        assert!((answers.losses[1] - 1.386_294).abs() < 1e-6, "−ln 0.25");
        assert_eq!(answers.paths.len(), 2);
        assert_eq!(format!("{answers:?}"), "Answers(1 of 2 right)");
        Ok(())
    }

    #[test]
    fn what_does_not_go_together_is_told() {
        let probabilities = Tensor::from_slice2(&[[0.7f32, 0.3]]);
        let told = |labels: &[i64]| {
            Answers::new(&probabilities, &Tensor::from_slice(labels), Vec::new()).unwrap_err().to_string()
        };
        assert!(told(&[0, 1]).contains("1 predictions and 2 labels"));
        assert!(told(&[2]).contains("label 2 is not a class"));
        assert!(told(&[-1]).contains("label -1 is not a class"));
        let odd = Answers { labels: vec![0], ..Default::default() };
        assert!(odd.check(3).unwrap_err().to_string().contains("1 labels, 0 predictions"));
    }
}
