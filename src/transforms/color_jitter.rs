//! `ColorJitter`.

use std::fmt;

use fastrand::Rng;
use image::RgbImage;
use serde_json::{Value, json};

use super::arguments::NumberOrRange;
use super::color::{brightness_in_place, contrast_in_place, hue_in_place, saturation_in_place};
use super::json::{Args, step};
use super::repr::py_tuple;
use super::transform::{range_fault, uniform};
use super::{Sample, Transform, TransformOp};
use crate::Result;

/// torchvision's `ColorJitter(brightness, contrast, saturation, hue)`, in random order.
///
/// One number x of the first three, at least 0, draws a factor from 1 - x to 1 + x (not below 0); a `hue` of 0 to 0.5
/// turns the colour circle by up to that part either way; 0 leaves a property alone. `[smallest, largest]` is the
/// range of the factor, at least 0, or of the turn, within ±0.5.
pub fn color_jitter(
    brightness: impl Into<NumberOrRange>,
    contrast: impl Into<NumberOrRange>,
    saturation: impl Into<NumberOrRange>,
    hue: impl Into<NumberOrRange>,
) -> Transform {
    Transform::new(ColorJitter::by([brightness.into(), contrast.into(), saturation.into()], hue.into()))
}

struct ColorJitter {
    /// Ranges of the factors.
    brightness: [f64; 2],
    contrast: [f64; 2],
    saturation: [f64; 2],
    /// The range of the turn as a part of the colour circle.
    hue: [f64; 2],
    /// What is wrong with an amount of one number.
    fault: Option<String>,
}

impl ColorJitter {
    fn by([brightness, contrast, saturation]: [NumberOrRange; 3], hue: NumberOrRange) -> Self {
        let (brightness, brightness_fault) = brightness.around_one("brightness");
        let (contrast, contrast_fault) = contrast.around_one("contrast");
        let (saturation, saturation_fault) = saturation.around_one("saturation");
        let hue_fault = match hue {
            NumberOrRange::Number(hue) if !(0.0..=0.5).contains(&hue) => {
                Some(format!("hue is {hue}: it must be between 0 and 0.5"))
            }
            _ => None,
        };
        let (hue, _) = hue.either_way("hue");
        let fault = brightness_fault.or(contrast_fault).or(saturation_fault).or(hue_fault);
        ColorJitter { brightness, contrast, saturation, hue, fault }
    }

    /// The range of each property, or nothing where it stays as it is.
    fn steps(&self) -> [Option<[f64; 2]>; 4] {
        let ColorJitter { brightness, contrast, saturation, hue, .. } = *self;
        let unless = |range: [f64; 2], still: f64| (range != [still; 2]).then_some(range);
        [unless(brightness, 1.0), unless(contrast, 1.0), unless(saturation, 1.0), unless(hue, 0.0)]
    }

    /// The four properties in random order, by their place in [`ColorJitter::steps`], each with what is drawn
    /// for it.
    fn draw(&self, rng: &mut Rng) -> [(usize, Option<f64>); 4] {
        let mut order = [0, 1, 2, 3];
        rng.shuffle(&mut order);
        let ranges = self.steps();
        order.map(|property| (property, ranges[property].map(|[low, high]| uniform(rng, low, high))))
    }
}

pub(super) fn from_json(args: &mut Args) -> Result<Transform> {
    Ok(Transform::new(ColorJitter {
        brightness: args.take::<Option<_>>("brightness")?.unwrap_or([1.0; 2]),
        contrast: args.take::<Option<_>>("contrast")?.unwrap_or([1.0; 2]),
        saturation: args.take::<Option<_>>("saturation")?.unwrap_or([1.0; 2]),
        hue: args.take::<Option<_>>("hue")?.unwrap_or([0.0; 2]),
        fault: None,
    }))
}

impl TransformOp for ColorJitter {
    fn apply(&self, sample: Sample, rng: &mut Rng) -> Result<Sample> {
        const ADJUST: [fn(&mut RgbImage, f64); 4] =
            [brightness_in_place, contrast_in_place, saturation_in_place, hue_in_place];
        let mut picture = Transform::picture(sample, "ColorJitter")?;
        for (property, amount) in self.draw(rng) {
            if let Some(amount) = amount {
                ADJUST[property](&mut picture, amount);
            }
        }
        Ok(Sample::Picture(picture))
    }

    fn fault(&self) -> Option<String> {
        let ColorJitter { brightness, contrast, saturation, hue: [low, high], .. } = *self;
        self.fault
            .clone()
            .or_else(|| range_fault("brightness", brightness, 0.0))
            .or_else(|| range_fault("contrast", contrast, 0.0))
            .or_else(|| range_fault("saturation", saturation, 0.0))
            .or_else(|| {
                let good = -0.5 <= low && low <= high && high <= 0.5;
                (!good).then(|| format!("hue is [{low}, {high}]: it must be [smallest, largest] within ±0.5"))
            })
    }

    fn to_json(&self) -> Option<Value> {
        let [brightness, contrast, saturation, hue] = self.steps();
        Some(step(
            "ColorJitter",
            json!({
                "brightness": brightness, "contrast": contrast, "saturation": saturation, "hue": hue,
            }),
        ))
    }
}

impl fmt::Display for ColorJitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [brightness, contrast, saturation, hue] =
            self.steps().map(|range| range.map_or_else(|| "None".into(), |range: [f64; 2]| py_tuple(&range)));
        write!(
            f,
            "ColorJitter(brightness={brightness}, contrast={contrast}, saturation={saturation}, hue={hue})"
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

    /// torchvision: `randperm(4)`, and each factor uniform in its range.
    #[test]
    fn draws_are_uniform() {
        let factors = [[0.5, 1.5], [0.0, 3.0], [1.0, 1.0]].map(NumberOrRange::from);
        let jitter = ColorJitter::by(factors, [-0.25, 0.25].into());
        let mut rng = Rng::with_seed(11);
        let (mut orders, mut sums) = (std::collections::BTreeMap::new(), [[0.0; 2]; 4]);
        let draws = 24_000;
        for _ in 0..draws {
            let drawn = jitter.draw(&mut rng);
            *orders.entry(drawn.map(|(property, _)| property)).or_insert(0) += 1;
            for (property, amount) in drawn {
                assert_eq!(amount.is_none(), property == 2);
                let amount = amount.unwrap_or(0.0);
                sums[property] = [sums[property][0] + amount, sums[property][1] + amount * amount];
            }
        }
        assert_eq!(orders.len(), 24);
        assert!(orders.values().all(|&count| (870..1130).contains(&count)), "{orders:?}");
        for (property, [low, high]) in [(0, [0.5, 1.5]), (1, [0.0, 3.0]), (3, [-0.25, 0.25])] {
            let [sum, squares] = sums[property].map(|sum: f64| sum / f64::from(draws));
            let width: f64 = high - low;
            assert!((sum - (low + high) / 2.0).abs() < 0.01 * width, "{property}: mean {sum}");
            let variance = squares - sum * sum;
            assert!(
                (variance / (width * width / 12.0) - 1.0).abs() < 0.03,
                "{property}: variance {variance}"
            );
        }
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
