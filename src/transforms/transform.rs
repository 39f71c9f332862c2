//! One step of a pipeline, whatever it does.

use std::any::Any;
use std::fmt::{self, Debug, Display};
use std::sync::Arc;

use fastrand::Rng;
use image::RgbImage;
use serde_json::Value;

use super::Sample;
use super::options::{Options, SetOption, Setting, set_option};
use crate::{Error, Result};

/// The interface of a pipeline step. Implement it for a custom step.
///
/// `Display` prints the step as torchvision prints it, `Resize(size=[96, 96], …)`.
pub trait TransformOp: Any + Display + Send + Sync {
    /// Transforms one sample. All randomness comes from `rng`, so that the same seed gives the same
    /// picture.
    ///
    /// # Errors
    /// When the sample is of the wrong kind (see [`Transform::picture`]) or size.
    fn apply(&self, sample: Sample, rng: &mut Rng) -> Result<Sample>;

    /// Whether the same picture always gives the same result, without drawing from `rng`: such steps at
    /// the front of a pipeline need to run once per picture only.
    fn is_deterministic(&self) -> bool {
        false
    }

    /// What is wrong with the arguments, if anything.
    fn fault(&self) -> Option<String> {
        None
    }

    /// The step as JSON, for [`Compose::to_json`](super::Compose::to_json): `None` if it cannot be saved, as
    /// is the default for custom steps.
    fn to_json(&self) -> Option<Value> {
        None
    }
}

/// One step of a pipeline. Cloning it shares it.
#[derive(Clone)]
pub struct Transform {
    op: Arc<dyn TransformOp>,
    set_option: Option<SetOption>,
    /// What is wrong with the arguments.
    fault: Option<Arc<str>>,
    /// An option that the step does not have.
    mistake: Option<Arc<str>>,
}

impl Transform {
    /// A custom step. Its arguments are checked here, once; see [`Transform::check`].
    pub fn new(op: impl TransformOp) -> Self {
        let fault = op.fault().map(Arc::from);
        Transform { op: Arc::new(op), set_option: None, fault, mistake: None }
    }

    /// A step with options.
    pub(super) fn with_options<T: Options>(op: T) -> Self {
        Transform { set_option: Some(set_option::<T>), ..Transform::new(op) }
    }

    /// The step with that option, where it has it.
    pub(super) fn set_option(&self, setting: Setting) -> Option<Transform> {
        self.set_option?(self, setting)
    }

    /// Records on the step that it was asked for an option it does not have.
    pub(super) fn with_mistake(self, mistake: String) -> Self {
        Transform { mistake: self.mistake.or_else(|| Some(mistake.into())), ..self }
    }

    /// The step with the recorded mistake of an `earlier` form of it.
    pub(super) fn keeping_mistake_of(self, earlier: &Transform) -> Self {
        Transform { mistake: earlier.mistake.clone(), ..self }
    }

    /// Whether the step was made with arguments that can work, and with options that it has.
    ///
    /// # Errors
    /// Names the step and the argument or option.
    pub fn check(&self) -> Result<()> {
        match self.mistake.as_ref().or(self.fault.as_ref()) {
            None => Ok(()),
            Some(fault) => Err(Error::Transform { transform: self.name(), problem: fault.to_string() }),
        }
    }

    /// Transforms one sample.
    ///
    /// # Errors
    /// When the step was made with wrong arguments, or the sample is of the wrong kind or size.
    pub fn apply(&self, sample: Sample, rng: &mut Rng) -> Result<Sample> {
        self.check()?;
        self.op.apply(sample, rng)
    }

    /// See [`TransformOp::is_deterministic`].
    pub fn is_deterministic(&self) -> bool {
        self.op.is_deterministic()
    }

    /// torchvision's name of the step: what it prints before the parenthesis.
    pub fn name(&self) -> String {
        let text = self.op.to_string();
        text.split('(').next().unwrap_or(&text).to_string()
    }

    pub(super) fn op(&self) -> &dyn TransformOp {
        self.op.as_ref()
    }

    /// The step itself, where it is a `T`.
    pub(super) fn downcast_ref<T: TransformOp>(&self) -> Option<&T> {
        (self.op.as_ref() as &dyn Any).downcast_ref()
    }

    /// The picture in `sample`, for a step called `name` that works on pictures.
    ///
    /// # Errors
    /// When the sample is a tensor already; the message says to move the step before `ToTensor()`.
    pub fn picture(sample: Sample, name: &str) -> Result<RgbImage> {
        match sample {
            Sample::Picture(picture) => Ok(picture),
            Sample::Pictures(crops) => Err(Error::Transform {
                transform: name.into(),
                problem: format!(
                    "works on one picture and was given {} crops: put it before FiveCrop() or TenCrop()",
                    crops.len()
                ),
            }),
            Sample::Tensor(_) => Err(Error::Transform {
                transform: name.into(),
                problem: "works on pictures and was given a tensor: put it before ToTensor()".into(),
            }),
        }
    }
}

impl Display for Transform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.op, f)
    }
}

impl Debug for Transform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.op, f)
    }
}

/// What is wrong with a probability, if anything.
pub(super) fn probability_fault(p: f64) -> Option<String> {
    (!(0.0..=1.0).contains(&p)).then(|| format!("p is {p}: a probability must be between 0 and 1"))
}

/// What is wrong with a range of factors, scales and the like, if anything: it must be `[low, high]`, finite.
pub(super) fn range_fault(name: &str, [low, high]: [f64; 2], least: f64) -> Option<String> {
    let good = low >= least && low <= high && high.is_finite();
    let bound = if least.is_finite() { format!(" and not below {least}") } else { String::new() };
    (!good).then(|| format!("{name} is [{low}, {high}]: it must be [smallest, largest], finite{bound}"))
}

/// A number drawn uniformly between `low` and `high`.
pub(super) fn uniform(rng: &mut Rng, low: f64, high: f64) -> f64 {
    low + (high - low) * rng.f64()
}
