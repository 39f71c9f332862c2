//! `ColorJitter`.

use std::fmt;

use fastrand::Rng;

use super::color::{brightness_in_place, contrast_in_place, saturation_in_place};
use super::hsv::hue_in_place;
use super::repr::py_tuple;
use super::transform::uniform;
use super::{Sample, Transform, TransformOp};
use crate::Result;

/// torchvision's `ColorJitter(brightness, contrast, saturation, hue)`, in random order.
///
/// The first three, at least 0, draw a factor from 1 - x to 1 + x (not below 0); `hue`, 0 to 0.5,
/// turns the colour circle by up to that part either way. 0 leaves a property alone.
pub fn color_jitter(brightness: f64, contrast: f64, saturation: f64, hue: f64) -> Transform {
    Transform::new(ColorJitter { brightness, contrast, saturation, hue })
}

struct ColorJitter {
    brightness: f64,
    contrast: f64,
    saturation: f64,
    hue: f64,
}

/// The range of a factor around 1, or nothing where it is always 1.
fn factors(amount: f64) -> Option<[f64; 2]> {
    let range = [(1.0 - amount).max(0.0), 1.0 + amount];
    (range != [1.0, 1.0]).then_some(range)
}

/// The range of a turn, or nothing where it is always 0.
fn turns(hue: f64) -> Option<[f64; 2]> {
    (hue != 0.0).then_some([-hue, hue])
}

impl TransformOp for ColorJitter {
    fn apply(&self, sample: Sample, rng: &mut Rng) -> Result<Sample> {
        let mut picture = Transform::picture(sample, "ColorJitter")?;
        let mut steps = [
            (factors(self.brightness), brightness_in_place as fn(&mut _, f64)),
            (factors(self.contrast), contrast_in_place),
            (factors(self.saturation), saturation_in_place),
            (turns(self.hue), hue_in_place),
        ];
        rng.shuffle(&mut steps);
        for (range, adjust) in steps {
            if let Some([low, high]) = range {
                adjust(&mut picture, uniform(rng, low, high));
            }
        }
        Ok(Sample::Picture(picture))
    }

    fn fault(&self) -> Option<String> {
        let amounts =
            [("brightness", self.brightness), ("contrast", self.contrast), ("saturation", self.saturation)];
        if let Some((name, amount)) =
            amounts.iter().find(|(_, amount)| !(*amount >= 0.0 && amount.is_finite()))
        {
            return Some(format!("{name} is {amount}: it must be 0 or more"));
        }
        let hue = self.hue;
        (!(0.0..=0.5).contains(&hue)).then(|| format!("hue is {hue}: it must lie between 0 and 0.5"))
    }
}

impl fmt::Display for ColorJitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |range: Option<[f64; 2]>| range.map_or_else(|| "None".into(), |range| py_tuple(&range));
        write!(
            f,
            "ColorJitter(brightness={}, contrast={}, saturation={}, hue={})",
            text(factors(self.brightness)),
            text(factors(self.contrast)),
            text(factors(self.saturation)),
            text(turns(self.hue))
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected: torchvision 0.28.
    #[test]
    fn prints_as_torchvision() {
        assert_eq!(
            color_jitter(0.2, 0.1, 0.1, 0.1).to_string(),
            "ColorJitter(brightness=(0.8, 1.2), contrast=(0.9, 1.1), saturation=(0.9, 1.1), hue=(-0.1, 0.1))"
        );
        assert_eq!(
            color_jitter(1.5, 0.0, 0.0, 0.0).to_string(),
            "ColorJitter(brightness=(0.0, 2.5), contrast=None, saturation=None, hue=None)"
        );
    }

    #[test]
    fn wrong_amounts() {
        for transform in [
            color_jitter(-0.1, 0.0, 0.0, 0.0),
            color_jitter(0.0, f64::NAN, 0.0, 0.0),
            color_jitter(0.0, 0.0, 0.0, 0.6),
            color_jitter(0.0, 0.0, 0.0, -0.1),
        ] {
            assert!(transform.check().unwrap_err().to_string().starts_with("ColorJitter"), "{transform}");
        }
    }
}
