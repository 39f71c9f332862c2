//! A model's predictions for all pictures of a data set.

use std::fmt;
use std::path::PathBuf;

use tch::{Kind, Tensor};

use super::metrics::Metrics;
use crate::{Error, Result};

/// The result of [`evaluate`](super::evaluate) and [`predict_all`](super::predict_all): the means,
/// and the values of each picture. All lists have the same order.
pub struct Evaluation {
    /// Mean loss of a picture, by the criterion that was given.
    pub loss: f64,
    /// Share of the pictures that were right, 0 to 1.
    pub accuracy: f64,
    /// How many were right.
    pub corrects: usize,
    /// How many there were.
    pub images: usize,
    /// How long it took in seconds, loading included.
    pub seconds: f64,
    /// The logits (N, C), float32 on the CPU.
    pub logits: Tensor,
    /// Their softmax (N, C): the probability of each class.
    pub probabilities: Tensor,
    /// The likeliest class of each picture, an index into [`class_names`](Evaluation::class_names).
    pub predictions: Vec<usize>,
    /// The true class of each picture.
    pub labels: Vec<usize>,
    /// The cross entropy of each picture: `-ln` of the probability of its true class.
    pub losses: Vec<f64>,
    /// The file of each picture (empty where it has none).
    pub paths: Vec<PathBuf>,
    /// The classes' names, in the order of the labels.
    pub class_names: Vec<String>,
}

impl Evaluation {
    /// From logits (N, C) and the classes 0..C of N pictures.
    pub(super) fn new(
        logits: Tensor,
        labels: Vec<usize>,
        paths: Vec<PathBuf>,
        class_names: Vec<String>,
        loss: f64,
        seconds: f64,
    ) -> Result<Evaluation> {
        let probabilities = logits.f_softmax(-1, Kind::Float)?;
        let best = Vec::<i64>::try_from(logits.f_argmax(1, false)?)?;
        let predictions: Vec<usize> = best.into_iter().map(|class| class as usize).collect();
        let of_label = Tensor::f_from_slice(&labels.iter().map(|&label| label as i64).collect::<Vec<_>>())?;
        let right = logits.f_log_softmax(-1, Kind::Double)?.f_gather(1, &of_label.f_unsqueeze(1)?, false)?;
        let losses = Vec::<f64>::try_from(right.f_neg()?.f_squeeze_dim(1)?)?;
        let corrects =
            predictions.iter().zip(&labels).filter(|(predicted, label)| predicted == label).count();
        let images = labels.len();
        Ok(Evaluation {
            loss,
            accuracy: corrects as f64 / images as f64,
            corrects,
            images,
            seconds,
            logits,
            probabilities,
            predictions,
            labels,
            losses,
            paths,
            class_names,
        })
    }

    /// Adds the probabilities of another version of the same pictures, in any order.
    pub(super) fn plus(self, other: &Evaluation) -> Result<Evaluation> {
        let differ = || {
            Error::Argument(
                "the passes did not see the same pictures: each picture needs its own file, and the loader \
                must leave none out (no drop_last)"
                    .into(),
            )
        };
        let order = |of: &Evaluation| {
            let mut order: Vec<usize> = (0..of.images).collect();
            order.sort_by(|&a, &b| of.paths[a].cmp(&of.paths[b]));
            order
        };
        let (own, others) = (order(&self), order(other));
        let twice = own.windows(2).any(|pair| self.paths[pair[0]] == self.paths[pair[1]]);
        if own.len() != others.len() || twice {
            return Err(differ());
        }
        let mut from = vec![0i64; own.len()];
        for (&to, &place) in own.iter().zip(&others) {
            if self.paths[to] != other.paths[place] || self.labels[to] != other.labels[place] {
                return Err(differ());
            }
            from[to] = place as i64;
        }
        let moved = other.probabilities.f_index_select(0, &Tensor::f_from_slice(&from)?)?;
        Ok(Evaluation { probabilities: self.probabilities.f_add(&moved)?, ..self })
    }

    /// Accuracies, and precision, recall and F1 of every class.
    ///
    /// # Errors
    /// libtorch's, when memory runs out.
    pub fn metrics(&self) -> Result<Metrics> {
        Metrics::of(self)
    }

    /// How many pictures of each class (row) were taken for each class (column).
    pub fn confusion(&self) -> Vec<Vec<usize>> {
        let classes = self.logits.size()[1] as usize;
        let mut counts = vec![vec![0; classes]; classes];
        for (&label, &predicted) in self.labels.iter().zip(&self.predictions) {
            counts[label][predicted] += 1;
        }
        counts
    }

    /// The places of the `count` pictures with the highest loss, the worst first: what to look at.
    pub fn worst(&self, count: usize) -> Vec<usize> {
        let mut places: Vec<usize> = (0..self.images).collect();
        places.sort_by(|&a, &b| self.losses[b].total_cmp(&self.losses[a]));
        places.truncate(count);
        places
    }

    /// The name of a class, its number where it has none.
    pub fn class_name(&self, class: usize) -> String {
        self.class_names.get(class).cloned().unwrap_or_else(|| class.to_string())
    }
}

impl Clone for Evaluation {
    /// Another handle on the same tensors.
    fn clone(&self) -> Self {
        Evaluation {
            logits: self.logits.shallow_clone(),
            probabilities: self.probabilities.shallow_clone(),
            predictions: self.predictions.clone(),
            labels: self.labels.clone(),
            losses: self.losses.clone(),
            paths: self.paths.clone(),
            class_names: self.class_names.clone(),
            ..*self
        }
    }
}

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Evaluation { loss, accuracy, corrects, images, seconds, .. } = self;
        let speed = *images as f64 / seconds;
        write!(f, "Loss: {loss:.4} Acc: {accuracy:.4} ({corrects} of {images} right, {speed:.0} images/s)")
    }
}

impl fmt::Debug for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

crate::notebook::rich_by_debug!(Evaluation);
