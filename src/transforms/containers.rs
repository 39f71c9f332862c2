//! `RandomApply`, `RandomChoice` and `RandomOrder`: other transforms applied at random.

use std::fmt;

use fastrand::Rng;
use serde_json::{Value, json};

use super::json::{Args, step, steps};
use super::options::{Options, Setting};
use super::repr::{PyFloat, py_list};
use super::transform::probability_fault;
use super::{Sample, Transform, TransformOp};
use crate::Result;

/// torchvision's `RandomApply(transforms, p)`: all of them, in order, with probability `p`; else none.
pub fn random_apply(transforms: Vec<Transform>, p: f64) -> Transform {
    Transform::new(RandomApply { transforms, p })
}

/// torchvision's `RandomChoice(transforms)`: one of them, each as likely as the others.
///
/// Options: [`p`](Transform::p), a weight for each.
pub fn random_choice(transforms: Vec<Transform>) -> Transform {
    Transform::with_options(RandomChoice { transforms, weights: None })
}

/// torchvision's `RandomOrder(transforms)`: all of them, in random order.
pub fn random_order(transforms: Vec<Transform>) -> Transform {
    Transform::new(RandomOrder { transforms })
}

/// The first fault among `transforms`, with its step's name.
fn first_fault(transforms: &[Transform]) -> Option<String> {
    transforms.iter().find_map(|transform| transform.check().err()).map(|error| error.to_string())
}

fn write_steps(f: &mut fmt::Formatter<'_>, transforms: &[Transform]) -> fmt::Result {
    for transform in transforms {
        // Python does not indent the further lines of a step that has several.
        write!(f, "\n    {transform}")?;
    }
    f.write_str("\n)")
}

struct RandomApply {
    transforms: Vec<Transform>,
    p: f64,
}

impl TransformOp for RandomApply {
    fn apply(&self, sample: Sample, rng: &mut Rng) -> Result<Sample> {
        if rng.f64() >= self.p {
            return Ok(sample);
        }
        self.transforms.iter().try_fold(sample, |sample, transform| transform.apply(sample, rng))
    }

    fn fault(&self) -> Option<String> {
        probability_fault(self.p).or_else(|| first_fault(&self.transforms))
    }

    fn to_json(&self) -> Option<Value> {
        Some(step("RandomApply", json!({ "transforms": steps(&self.transforms)?, "p": self.p })))
    }
}

impl fmt::Display for RandomApply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RandomApply(\n    p={}", PyFloat(self.p))?;
        write_steps(f, &self.transforms)
    }
}

#[derive(Clone)]
struct RandomChoice {
    transforms: Vec<Transform>,
    weights: Option<Vec<f64>>,
}

impl Options for RandomChoice {
    fn set(&mut self, setting: Setting) -> bool {
        match setting {
            Setting::P(weights) => self.weights = Some(weights),
            _ => return false,
        }
        true
    }
}

pub(super) fn choice_from_json(args: &mut Args) -> Result<Transform> {
    let transforms = args.transforms()?;
    Ok(Transform::with_options(RandomChoice { transforms, weights: args.take("p")? }))
}

impl TransformOp for RandomChoice {
    fn apply(&self, sample: Sample, rng: &mut Rng) -> Result<Sample> {
        let index = match &self.weights {
            None => rng.usize(0..self.transforms.len()),
            Some(weights) => {
                let place = rng.f64() * weights.iter().sum::<f64>();
                let ends = weights.iter().scan(0.0, |end, weight| {
                    *end += weight;
                    Some(*end)
                });
                // Rounding could put the position at the very end.
                ends.take_while(|end| *end <= place).count().min(weights.len() - 1)
            }
        };
        self.transforms[index].apply(sample, rng)
    }

    fn fault(&self) -> Option<String> {
        if self.transforms.is_empty() {
            return Some("there is nothing to choose from: give at least one transform".into());
        }
        let weights_fault = self.weights.as_ref().and_then(|weights| {
            if weights.len() != self.transforms.len() {
                return Some(format!(
                    "there are {} weights for {} transforms: give one for each",
                    weights.len(),
                    self.transforms.len()
                ));
            }
            let sum: f64 = weights.iter().sum();
            let good = weights.iter().all(|&weight| weight >= 0.0) && sum > 0.0 && sum.is_finite();
            (!good).then(|| "the weights must be 0 or more, and not all 0".to_string())
        });
        weights_fault.or_else(|| first_fault(&self.transforms))
    }

    fn to_json(&self) -> Option<Value> {
        Some(step("RandomChoice", json!({ "transforms": steps(&self.transforms)?, "p": self.weights })))
    }
}

impl fmt::Display for RandomChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RandomChoice(")?;
        write_steps(f, &self.transforms)?;
        let weights = self.weights.as_ref().map_or_else(|| "None".into(), |weights| py_list(weights));
        write!(f, "(p={weights})")
    }
}

struct RandomOrder {
    transforms: Vec<Transform>,
}

impl TransformOp for RandomOrder {
    fn apply(&self, sample: Sample, rng: &mut Rng) -> Result<Sample> {
        let mut order: Vec<&Transform> = self.transforms.iter().collect();
        rng.shuffle(&mut order);
        order.into_iter().try_fold(sample, |sample, transform| transform.apply(sample, rng))
    }

    fn fault(&self) -> Option<String> {
        first_fault(&self.transforms)
    }

    fn to_json(&self) -> Option<Value> {
        Some(step("RandomOrder", json!({ "transforms": steps(&self.transforms)? })))
    }
}

impl fmt::Display for RandomOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RandomOrder(")?;
        write_steps(f, &self.transforms)
    }
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::super::{pad, random_invert, resize};
    use super::*;

    fn size(transform: &Transform, rng: &mut Rng) -> (u32, u32) {
        let picture = RgbImage::from_pixel(4, 4, Rgb([1, 2, 3]));
        match transform.apply(Sample::Picture(picture), rng) {
            Ok(Sample::Picture(out)) => out.dimensions(),
            other => panic!("{other:?}"),
        }
    }

    fn share(transform: &Transform, wanted: (u32, u32)) -> f64 {
        let mut rng = Rng::with_seed(5);
        (0..4000).filter(|_| size(transform, &mut rng) == wanted).count() as f64 / 4000.0
    }

    #[test]
    fn chances() {
        let applied = random_apply(vec![resize([8, 8]), pad(1)], 0.3);
        assert!((share(&applied, (10, 10)) - 0.3).abs() < 0.03);
        let chosen = random_choice(vec![resize([8, 8]), resize([9, 9]), resize([7, 7])]);
        assert!((share(&chosen, (9, 9)) - 1.0 / 3.0).abs() < 0.03);
        let weighted = random_choice(vec![resize([8, 8]), resize([9, 9]), resize([7, 7])]).p([1.0, 0.0, 3.0]);
        assert!((share(&weighted, (7, 7)) - 0.75).abs() < 0.03);
        assert_eq!(share(&weighted, (9, 9)), 0.0);
        let ordered = random_order(vec![resize([8, 8]), pad(1)]);
        assert!((share(&ordered, (8, 8)) - 0.5).abs() < 0.03);
    }

    /// Expected: torchvision 0.28.
    #[test]
    fn prints_as_torchvision() {
        let steps = || vec![random_invert(0.5), random_invert(1.0)];
        let lines = "\n    RandomInvert(p=0.5)\n    RandomInvert(p=1.0)\n)";
        assert_eq!(random_order(steps()).to_string(), format!("RandomOrder({lines}"));
        assert_eq!(random_choice(steps()).to_string(), format!("RandomChoice({lines}(p=None)"));
        assert_eq!(
            random_choice(steps()).p([0.25, 0.75]).to_string(),
            format!("RandomChoice({lines}(p=[0.25, 0.75])")
        );
        assert_eq!(random_apply(steps(), 0.5).to_string(), format!("RandomApply(\n    p=0.5{lines}"));
    }

    #[test]
    fn what_cannot_be_is_an_error() {
        for (transform, told) in [
            (random_apply(vec![], 1.5), "p is 1.5"),
            (random_choice(vec![]), "nothing to choose"),
            (random_choice(vec![resize([2, 2])]).p([]), "0 weights for 1"),
            (random_choice(vec![resize([2, 2])]).p([-1.0]), "must be 0 or more"),
            (random_order(vec![resize([0, 2])]), "Resize"),
        ] {
            let message = transform.check().unwrap_err().to_string();
            assert!(message.contains(told), "{message}");
        }
    }
}
