//! Loss functions.

use std::fmt;

use tch::{Kind, Reduction, Tensor};

use crate::{Error, Result};

/// PyTorch's index of labels that do not count.
const IGNORE_INDEX: i64 = -100;

/// The loss that [`train_model`](crate::train::train_model) minimises.
pub trait Criterion: fmt::Debug {
    /// The mean loss of a batch, a single value with its gradient, from `logits` (N, C) and
    /// `labels` (N,) int64 of 0..C.
    ///
    /// # Errors
    /// Each criterion's own, when the shapes or labels do not match.
    fn forward(&self, logits: &Tensor, labels: &Tensor) -> Result<Tensor>;
}

/// The negative logarithm of the probability that the softmax of the logits gives to the right
/// class, averaged over the batch:
/// [`torch.nn.CrossEntropyLoss`](https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html).
///
/// For C classes and an untrained network it is about `ln(C)`: 4.6 for 102 classes.
#[derive(Clone, Default, PartialEq)]
pub struct CrossEntropyLoss {
    /// Share of the target that is spread over all classes, 0 to 1: 0.
    pub label_smoothing: f64,
    /// How much each class counts, for data sets with rare classes; one number of 0 or more per
    /// class, by default all 1. The mean is weighted, as in PyTorch, except where a batch has only classes of
    /// weight 0: its loss is 0. PyTorch's is 0/0, NaN, which would end a training although such a batch just
    /// has nothing to teach.
    pub weight: Option<Vec<f32>>,
}

impl CrossEntropyLoss {
    /// Without smoothing or weights.
    pub fn new() -> Self {
        CrossEntropyLoss::default()
    }

    /// The loss, a single value, of `logits` (N, C) for `labels` (N,) int64 of 0..C.
    ///
    /// # Errors
    /// [`Error::Loss`] when the shapes do not match, a label is not one of the C classes, or
    /// an option is out of its range.
    pub fn forward(&self, logits: &Tensor, labels: &Tensor) -> Result<Tensor> {
        let classes = check_shapes(logits, labels)?;
        self.check_options(classes)?;
        check_labels(logits, labels, classes)?;
        let weight = match &self.weight {
            Some(weight) => {
                Some(Tensor::f_from_slice(weight)?.f_to_device(logits.device())?.f_to_kind(logits.kind())?)
            }
            None => None,
        };
        if let Some(weight) = &weight
            && self.is_without_weight(weight, labels)?
        {
            return Ok(logits.f_sum(logits.kind())?.f_mul_scalar(0.0)?);
        }
        Ok(logits.f_cross_entropy_loss(
            labels,
            weight,
            Reduction::Mean,
            IGNORE_INDEX,
            self.label_smoothing,
        )?)
    }

    /// Whether no label of a batch counts. Reading the sum waits for a GPU, so it is only read where some weight is 0.
    fn is_without_weight(&self, weight: &Tensor, labels: &Tensor) -> Result<bool> {
        if self.weight.as_ref().is_none_or(|weight| !weight.contains(&0.0)) {
            return Ok(false);
        }
        Ok(weight.f_index_select(0, labels)?.f_sum(Kind::Float)?.f_double_value(&[])? == 0.0)
    }

    fn check_options(&self, classes: i64) -> Result<()> {
        if !(0.0..=1.0).contains(&self.label_smoothing) {
            return Err(refuse(format!(
                "label_smoothing is {}: it must be from 0 to 1",
                self.label_smoothing
            )));
        }
        match &self.weight {
            Some(weight) if weight.len() as i64 != classes => {
                Err(refuse(format!("{} class weights for {classes} classes", weight.len())))
            }
            Some(weight) if weight.iter().any(|weight| *weight < 0.0 || weight.is_nan()) => {
                Err(refuse("a class weight is below 0 or not a number".into()))
            }
            Some(weight) if weight.iter().all(|weight| *weight == 0.0) => {
                Err(refuse("all class weights are 0: there is nothing to learn".into()))
            }
            _ => Ok(()),
        }
    }
}

impl Criterion for CrossEntropyLoss {
    fn forward(&self, logits: &Tensor, labels: &Tensor) -> Result<Tensor> {
        CrossEntropyLoss::forward(self, logits, labels)
    }
}

/// The number of classes, once the shapes are right.
fn check_shapes(logits: &Tensor, labels: &Tensor) -> Result<i64> {
    let (&[predictions, classes], &[targets]) = (logits.size().as_slice(), labels.size().as_slice()) else {
        return Err(refuse(format!(
            "logits must be (N, C) and labels (N,), got {:?} and {:?}",
            logits.size(),
            labels.size()
        )));
    };
    if predictions != targets {
        return Err(refuse(format!(
            "{predictions} predictions for {targets} labels: they must be of one batch"
        )));
    }
    if predictions == 0 || classes == 0 {
        return Err(refuse(format!(
            "{predictions} predictions for {classes} classes: there is nothing to learn from"
        )));
    }
    if labels.kind() != Kind::Int64 {
        let kind = labels.kind();
        return Err(refuse(format!(
            "labels are {kind:?}, class indices must be Int64: `to_kind(Kind::Int64)`"
        )));
    }
    if logits.device() != labels.device() {
        let (logits, labels) = (logits.device(), labels.device());
        return Err(refuse(format!("logits are on {logits:?}, labels on {labels:?}: move one of them")));
    }
    Ok(classes)
}

/// On a GPU a label out of range would crash the process, so labels are checked on every device.
fn check_labels(logits: &Tensor, labels: &Tensor, classes: i64) -> Result<()> {
    for label in [labels.f_max()?, labels.f_min()?] {
        let label = label.f_int64_value(&[])?;
        if !(0..classes).contains(&label) {
            let predictions = logits.size()[0];
            let reason = format!(
                "{predictions} predictions for {classes} classes but label {label} in the batch: labels go \
                 from 0 to {}; the model must be made for as many classes as the data set has",
                classes - 1
            );
            return Err(refuse(reason));
        }
    }
    Ok(())
}

fn refuse(reason: String) -> Error {
    Error::Loss { criterion: "CrossEntropyLoss", reason }
}

impl fmt::Display for CrossEntropyLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut options = Vec::new();
        if let Some(weight) = &self.weight {
            options.push(format!("weight of {} classes", weight.len()));
        }
        if self.label_smoothing != 0.0 {
            options.push(format!("label_smoothing={}", self.label_smoothing));
        }
        write!(f, "CrossEntropyLoss({})", options.join(", "))
    }
}

impl fmt::Debug for CrossEntropyLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logits() -> Tensor {
        Tensor::from_slice2(&[[2.0f32, 0.0, -1.0], [0.5, 0.5, 0.5]])
    }

    fn labels(labels: &[i64]) -> Tensor {
        Tensor::from_slice(labels)
    }

    /// -ln softmax of each row's right class, from the formula.
    fn losses() -> [f64; 2] {
        let sum = 2f64.exp() + 1.0 + (-1f64).exp();
        [sum.ln() - 2.0, 3f64.ln()]
    }

    fn value(criterion: CrossEntropyLoss) -> f64 {
        criterion.forward(&logits(), &labels(&[0, 2])).unwrap().double_value(&[])
    }

    #[test]
    fn is_the_mean_of_the_formula() {
        let [first, second] = losses();
        assert!((value(CrossEntropyLoss::new()) - (first + second) / 2.0).abs() < 1e-6);
    }

    #[test]
    fn class_weights_make_a_weighted_mean() {
        let [first, second] = losses();
        let weighted = CrossEntropyLoss { weight: Some(vec![1.0, 1.0, 3.0]), ..Default::default() };
        assert!((value(weighted) - (first + 3.0 * second) / 4.0).abs() < 1e-6);
    }

    /// PyTorch's weighted mean is 0/0 there.
    #[test]
    fn classes_of_weight_0_do_not_count() {
        let weighted = CrossEntropyLoss { weight: Some(vec![0.0, 3.0, 0.0]), ..Default::default() };
        let logits = logits().set_requires_grad(true);
        let second = weighted.forward(&logits, &labels(&[0, 1])).unwrap().double_value(&[]);
        assert!((second - losses()[1]).abs() < 1e-6, "{second}");
        let nothing = weighted.forward(&logits, &labels(&[0, 2])).unwrap();
        nothing.backward();
        assert_eq!(nothing.double_value(&[]), 0.0);
        assert_eq!(logits.grad().abs().sum(Kind::Float).double_value(&[]), 0.0);
    }

    /// PyTorch: (1 - s) times the right class's loss plus s times the mean over all classes.
    #[test]
    fn smoothing_spreads_the_target() {
        let [first, second] = losses();
        let sum = 2f64.exp() + 1.0 + (-1f64).exp();
        let all_of_first = (3.0 * sum.ln() - (2.0 + 0.0 - 1.0)) / 3.0;
        let expected = (0.9 * first + 0.1 * all_of_first + second) / 2.0;
        let smooth = CrossEntropyLoss { label_smoothing: 0.1, ..Default::default() };
        assert!((value(smooth) - expected).abs() < 1e-6);
    }

    #[test]
    fn what_does_not_go_together_is_said_in_words() {
        let refusal = |criterion: CrossEntropyLoss, logits: &Tensor, labels: &Tensor| {
            criterion.forward(logits, labels).unwrap_err().to_string()
        };
        let plain = CrossEntropyLoss::new;
        let text = refusal(plain(), &logits(), &labels(&[0, 57]));
        assert!(text.contains("2 predictions for 3 classes but label 57 in the batch"), "{text}");
        assert!(refusal(plain(), &logits(), &labels(&[-1, 0])).contains("label -1"));
        assert!(refusal(plain(), &logits(), &labels(&[0])).contains("2 predictions for 1 labels"));
        assert!(refusal(plain(), &logits().get(0), &labels(&[0])).contains("got [3] and [1]"));
        assert!(refusal(plain(), &logits(), &labels(&[0, 1]).to_kind(Kind::Float)).contains("Float"));
        assert!(refusal(plain(), &logits().narrow(0, 0, 0), &labels(&[])).contains("nothing to learn"));
        let weighted = CrossEntropyLoss { weight: Some(vec![1.0; 2]), ..Default::default() };
        assert!(refusal(weighted, &logits(), &labels(&[0, 1])).contains("2 class weights for 3 classes"));
        let of_nothing = CrossEntropyLoss { weight: Some(vec![0.0; 3]), ..Default::default() };
        assert!(refusal(of_nothing, &logits(), &labels(&[0, 1])).contains("all class weights are 0"));
        let smooth = CrossEntropyLoss { label_smoothing: 1.5, ..Default::default() };
        assert!(refusal(smooth, &logits(), &labels(&[0, 1])).contains("1.5"));
    }

    #[test]
    fn prints_as_in_python() {
        assert_eq!(CrossEntropyLoss::new().to_string(), "CrossEntropyLoss()");
        let smooth = CrossEntropyLoss { label_smoothing: 0.1, ..Default::default() };
        assert_eq!(smooth.to_string(), "CrossEntropyLoss(label_smoothing=0.1)");
    }
}
