//! `Compose`: a pipeline.

use std::fmt;
use std::sync::Arc;

use fastrand::Rng;
use image::RgbImage;
use serde_json::{Value, json};

use super::json::{step, steps};
use super::tensor::{ByteToFloat, append_tensor};
use super::{Sample, Transform, TransformOp};
use crate::{Error, Result};

/// Transforms, one after another: torchvision's `Compose`. Cloning it is cheap.
///
/// A pipeline that ends in `to_tensor()`, or in `to_tensor()` and `normalize(…)`, does these in one pass.
#[derive(Clone)]
pub struct Compose {
    transforms: Arc<[Transform]>,
    /// How many transforms come before the one-pass end, and that end.
    ending: Option<(usize, Arc<ByteToFloat>)>,
}

impl Compose {
    /// The pipeline of `transforms`, in order.
    pub fn new(transforms: Vec<Transform>) -> Self {
        let ending = [2, 1].into_iter().find_map(|length| {
            let front = transforms.len().checked_sub(length)?;
            Some((front, Arc::new(ByteToFloat::of(&transforms[front..])?)))
        });
        Compose { transforms: transforms.into(), ending }
    }

    /// The transforms, in order.
    pub fn transforms(&self) -> &[Transform] {
        &self.transforms
    }

    /// How many transforms at the front are deterministic: their result is the same in every epoch.
    pub fn deterministic_front(&self) -> usize {
        self.transforms.iter().take_while(|transform| transform.is_deterministic()).count()
    }

    /// Whether every transform was made with arguments that can work.
    ///
    /// # Errors
    /// Names the first one that was not, and the argument.
    pub fn check(&self) -> Result<()> {
        self.transforms.iter().try_for_each(Transform::check)
    }

    /// Sends one sample through. The same seed of `rng` gives the same result.
    ///
    /// # Errors
    /// When a transform was made with wrong arguments, or is given a sample of the wrong kind or size.
    pub fn apply(&self, sample: Sample, rng: &mut Rng) -> Result<Sample> {
        let Some((front, ending)) = &self.ending else {
            return Self::run(&self.transforms, sample, rng);
        };
        self.check()?;
        match Self::run(&self.transforms[..*front], sample, rng)? {
            Sample::Picture(picture) => Ok(Sample::Tensor(ending.tensor(&picture)?)),
            tensor => Self::run(&self.transforms[*front..], tensor, rng),
        }
    }

    /// Sends a picture through and appends the resulting tensor's values to `out`; gives its shape
    /// (3, H, W); after [`five_crop`](super::five_crop) and [`ten_crop`](super::ten_crop) (crops · 3, H, W),
    /// the crops one after another.
    ///
    /// # Errors
    /// As [`Compose::apply`], and when no `to_tensor()` makes a tensor of these dimensions.
    pub fn apply_into(&self, picture: RgbImage, rng: &mut Rng, out: &mut Vec<f32>) -> Result<[i64; 3]> {
        let sample = match &self.ending {
            None => Self::run(&self.transforms, Sample::Picture(picture), rng)?,
            Some((front, ending)) => {
                self.check()?;
                match Self::run(&self.transforms[..*front], Sample::Picture(picture), rng)? {
                    Sample::Picture(picture) => {
                        ending.append(&picture, out);
                        return Ok([3, i64::from(picture.height()), i64::from(picture.width())]);
                    }
                    tensor => Self::run(&self.transforms[*front..], tensor, rng)?,
                }
            }
        };
        let problem = match &sample {
            Sample::Picture(_) | Sample::Pictures(_) => {
                "the result is still a picture: put to_tensor() at the end".to_string()
            }
            Sample::Tensor(tensor) => match tensor.size()[..] {
                [c, h, w] => {
                    append_tensor(tensor, out)?;
                    return Ok([c, h, w]);
                }
                // The crops of one picture, one after another, as their channels.
                [crops, c, h, w] => {
                    append_tensor(tensor, out)?;
                    return Ok([crops * c, h, w]);
                }
                ref size => format!("the result has shape {size:?}: (C, H, W) is needed"),
            },
        };
        Err(Error::Transform { transform: "Compose".into(), problem })
    }

    fn run(transforms: &[Transform], sample: Sample, rng: &mut Rng) -> Result<Sample> {
        transforms.iter().try_fold(sample, |sample, transform| transform.apply(sample, rng))
    }
}

/// A pipeline may be a step of another.
impl From<Compose> for Transform {
    fn from(compose: Compose) -> Self {
        Transform::new(compose)
    }
}

impl TransformOp for Compose {
    fn apply(&self, sample: Sample, rng: &mut Rng) -> Result<Sample> {
        Compose::apply(self, sample, rng)
    }

    fn is_deterministic(&self) -> bool {
        self.deterministic_front() == self.transforms.len()
    }

    fn fault(&self) -> Option<String> {
        self.check().err().map(|error| error.to_string())
    }

    fn to_json(&self) -> Option<Value> {
        Some(step("Compose", json!({ "transforms": steps(&self.transforms)? })))
    }
}

impl fmt::Display for Compose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Compose(")?;
        for transform in self.transforms.iter() {
            write!(f, "\n    {transform}")?;
        }
        f.write_str("\n)")
    }
}

impl fmt::Debug for Compose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
