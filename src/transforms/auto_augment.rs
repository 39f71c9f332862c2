//! `RandAugment`, `TrivialAugmentWide` and `AutoAugment`: chosen augmentations of chosen strength.

use std::fmt;

use fastrand::Rng;
use image::RgbImage;
use serde_json::{Value, json};

use super::affine::{Affine, affine};
use super::color::{adjust_brightness, adjust_contrast, adjust_saturation};
use super::filters::adjust_sharpness;
use super::json::{Arguments, arguments, step};
use super::lookup_tables::{autocontrast, equalize, invert, posterize, solarize};
use super::options::{Options, Setting};
use super::rotation::{RotationOptions, rotate};
use super::{Interpolation, Sample, Transform, TransformOp};
use crate::Result;

/// torchvision's `RandAugment()`: two consecutive augmentations, each drawn from 14, at strength 9 of 30.
/// "RandAugment",
/// <https://arxiv.org/abs/1909.13719>.
///
/// Options: [`num_ops`](Transform::num_ops), [`magnitude`](Transform::magnitude),
/// [`num_magnitude_bins`](Transform::num_magnitude_bins), [`interpolation`](Transform::interpolation),
/// [`fill`](Transform::fill) (default black, which torchvision prints as None).
pub fn rand_augment() -> Transform {
    Transform::with_options(RandAugment {
        num_ops: 2,
        magnitude: 9,
        num_magnitude_bins: 31,
        interpolation: Interpolation::Nearest,
        fill: None,
    })
}

/// torchvision's `TrivialAugmentWide()`: one augmentation drawn from 14, of a strength drawn from 31.
/// "TrivialAugment", <https://arxiv.org/abs/2103.10158>.
///
/// Options: [`num_magnitude_bins`](Transform::num_magnitude_bins), [`interpolation`](Transform::interpolation),
/// [`fill`](Transform::fill).
pub fn trivial_augment_wide() -> Transform {
    let interpolation = Interpolation::Nearest;
    Transform::with_options(TrivialAugmentWide { num_magnitude_bins: 31, interpolation, fill: None })
}

/// torchvision's `AutoAugment()` with the policy that was found on ImageNet: one of 25 pairs of augmentations,
/// each with its own probability and strength. "AutoAugment", <https://arxiv.org/abs/1805.09501>.
pub fn auto_augment() -> Transform {
    Transform::new(AutoAugment)
}

/// One augmentation. The names are torchvision's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Augmentation {
    /// Nothing.
    Identity,
    /// Sheared along x: the tangent of the angle.
    ShearX,
    /// Sheared along y.
    ShearY,
    /// Shifted to the right, in pixels.
    TranslateX,
    /// Shifted down, in pixels.
    TranslateY,
    /// Turned, in degrees.
    Rotate,
    /// The factor of brightness less 1.
    Brightness,
    /// The factor of saturation less 1.
    Color,
    /// The factor of contrast less 1.
    Contrast,
    /// The factor of sharpness less 1.
    Sharpness,
    /// The bits that are kept.
    Posterize,
    /// The threshold.
    Solarize,
    /// Stretched contrast.
    AutoContrast,
    /// An even histogram.
    Equalize,
    /// The negative.
    Invert,
}

use Augmentation::*;

/// What RandAugment and TrivialAugment choose from, in torchvision's order.
const CHOICES: [Augmentation; 14] = [
    Identity,
    ShearX,
    ShearY,
    TranslateX,
    TranslateY,
    Rotate,
    Brightness,
    Color,
    Contrast,
    Sharpness,
    Posterize,
    Solarize,
    AutoContrast,
    Equalize,
];

/// The largest strengths.
struct Space {
    shear: f64,
    /// Shifts across and down, in pixels.
    translate: [f64; 2],
    rotate: f64,
    factor: f64,
    /// The bits that posterizing takes away.
    bits: f64,
}

impl Space {
    /// RandAugment's and AutoAugment's, for a picture of this size.
    fn for_picture(picture: &RgbImage) -> Self {
        let shift = |size: u32| 150.0 / 331.0 * f64::from(size);
        let translate = [shift(picture.width()), shift(picture.height())];
        Space { shear: 0.3, translate, rotate: 30.0, factor: 0.9, bits: 4.0 }
    }

    const WIDE: Space = Space { shear: 0.99, translate: [32.0; 2], rotate: 135.0, factor: 0.99, bits: 6.0 };

    /// The strength number `bin` of `bins`, and whether it goes both ways; nothing where there is no strength.
    fn magnitude(&self, augmentation: Augmentation, bin: usize, bins: usize) -> Option<(f64, bool)> {
        // torchvision's tables are in single precision.
        let part = |largest: f64| f64::from((largest * bin as f64 / (bins - 1) as f64) as f32);
        Some(match augmentation {
            ShearX | ShearY => (part(self.shear), true),
            TranslateX => (part(self.translate[0]), true),
            TranslateY => (part(self.translate[1]), true),
            Rotate => (part(self.rotate), true),
            Brightness | Color | Contrast | Sharpness => (part(self.factor), true),
            Posterize => (8.0 - (bin as f64 / ((bins - 1) as f64 / self.bits)).round_ties_even(), false),
            Solarize => (255.0 - part(255.0), false),
            Identity | AutoContrast | Equalize | Invert => return None,
        })
    }
}

/// `picture` augmented with strength `magnitude`, whose meaning [`Augmentation`] documents: torchvision's
/// `_apply_op`.
///
/// # Errors
/// When the strength is out of the range that the operation allows.
pub fn augment(
    picture: &RgbImage,
    augmentation: Augmentation,
    magnitude: f64,
    interpolation: Interpolation,
    fill: [u8; 3],
) -> Result<RgbImage> {
    let moved = |how: Affine| affine(picture, Affine { interpolation, fill, ..how });
    let sheared = |shear: [f64; 2]| moved(Affine { shear, center: Some([0.0, 0.0]), ..Default::default() });
    let shifted = |translate: [i64; 2]| moved(Affine { translate, ..Default::default() });
    let angle = magnitude.atan().to_degrees();
    match augmentation {
        Identity => Ok(picture.clone()),
        ShearX => sheared([angle, 0.0]),
        ShearY => sheared([0.0, angle]),
        TranslateX => shifted([magnitude as i64, 0]),
        TranslateY => shifted([0, magnitude as i64]),
        Rotate => rotate(picture, magnitude, RotationOptions { interpolation, fill, ..Default::default() }),
        Brightness => adjust_brightness(picture, 1.0 + magnitude),
        Color => adjust_saturation(picture, 1.0 + magnitude),
        Contrast => adjust_contrast(picture, 1.0 + magnitude),
        Sharpness => adjust_sharpness(picture, 1.0 + magnitude),
        Posterize => posterize(picture, magnitude as i64),
        Solarize => Ok(solarize(picture, magnitude)),
        AutoContrast => Ok(autocontrast(picture)),
        Equalize => Ok(equalize(picture)),
        Invert => Ok(invert(picture)),
    }
}

/// A strength with a sign drawn where it goes both ways.
fn signed(magnitude: Option<(f64, bool)>, rng: &mut Rng) -> f64 {
    match magnitude {
        Some((magnitude, true)) if rng.bool() => -magnitude,
        Some((magnitude, _)) => magnitude,
        None => 0.0,
    }
}

fn bins_fault(bins: usize) -> Option<String> {
    (!(2..=10_000).contains(&bins)).then(|| format!("num_magnitude_bins is {bins}: it must be at least 2"))
}

fn py_fill(fill: Option<[u8; 3]>) -> String {
    fill.map_or_else(|| "None".into(), |fill| format!("{fill:?}"))
}

fn py_interpolation(interpolation: Interpolation) -> &'static str {
    match interpolation {
        Interpolation::Nearest => "InterpolationMode.NEAREST",
        Interpolation::Bilinear => "InterpolationMode.BILINEAR",
        Interpolation::Bicubic => "InterpolationMode.BICUBIC",
    }
}

#[derive(Clone)]
pub(super) struct RandAugment {
    num_ops: usize,
    magnitude: usize,
    num_magnitude_bins: usize,
    interpolation: Interpolation,
    fill: Option<[u8; 3]>,
}

arguments!(RandAugment { num_ops, magnitude, num_magnitude_bins, interpolation, fill });

impl Options for RandAugment {
    fn set(&mut self, setting: Setting) -> bool {
        match setting {
            Setting::NumOps(num_ops) => self.num_ops = num_ops,
            Setting::Magnitude(magnitude) => self.magnitude = magnitude,
            Setting::NumMagnitudeBins(bins) => self.num_magnitude_bins = bins,
            Setting::Interpolation(interpolation) => self.interpolation = interpolation,
            Setting::Fill(fill) => self.fill = Some(fill),
            _ => return false,
        }
        true
    }
}

impl TransformOp for RandAugment {
    fn apply(&self, sample: Sample, rng: &mut Rng) -> Result<Sample> {
        let mut picture = Transform::picture(sample, "RandAugment")?;
        let RandAugment { num_ops, magnitude, num_magnitude_bins, interpolation, fill } = *self;
        let space = Space::for_picture(&picture);
        for _ in 0..num_ops {
            let augmentation = CHOICES[rng.usize(0..CHOICES.len())];
            let strength = signed(space.magnitude(augmentation, magnitude, num_magnitude_bins), rng);
            picture = augment(&picture, augmentation, strength, interpolation, fill.unwrap_or_default())?;
        }
        Ok(Sample::Picture(picture))
    }

    fn fault(&self) -> Option<String> {
        let RandAugment { num_ops, magnitude, num_magnitude_bins, .. } = *self;
        bins_fault(num_magnitude_bins)
            .or_else(|| {
                (magnitude >= num_magnitude_bins).then(|| {
                    format!(
                        "magnitude is {magnitude}: it must be below num_magnitude_bins = {num_magnitude_bins}"
                    )
                })
            })
            .or_else(|| (num_ops > 1000).then(|| format!("num_ops is {num_ops}: 1000 are the most")))
    }

    fn to_json(&self) -> Option<Value> {
        Some(step("RandAugment", self.arguments()))
    }
}

impl fmt::Display for RandAugment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RandAugment { num_ops, magnitude, num_magnitude_bins, interpolation, fill } = *self;
        write!(
            f,
            "RandAugment(num_ops={num_ops}, magnitude={magnitude}, num_magnitude_bins={num_magnitude_bins}, \
             interpolation={}, fill={})",
            py_interpolation(interpolation),
            py_fill(fill)
        )
    }
}

#[derive(Clone)]
pub(super) struct TrivialAugmentWide {
    num_magnitude_bins: usize,
    interpolation: Interpolation,
    fill: Option<[u8; 3]>,
}

arguments!(TrivialAugmentWide { num_magnitude_bins, interpolation, fill });

impl Options for TrivialAugmentWide {
    fn set(&mut self, setting: Setting) -> bool {
        match setting {
            Setting::NumMagnitudeBins(bins) => self.num_magnitude_bins = bins,
            Setting::Interpolation(interpolation) => self.interpolation = interpolation,
            Setting::Fill(fill) => self.fill = Some(fill),
            _ => return false,
        }
        true
    }
}

impl TransformOp for TrivialAugmentWide {
    fn apply(&self, sample: Sample, rng: &mut Rng) -> Result<Sample> {
        let picture = Transform::picture(sample, "TrivialAugmentWide")?;
        let augmentation = CHOICES[rng.usize(0..CHOICES.len())];
        let bin = rng.usize(0..self.num_magnitude_bins);
        let strength = signed(Space::WIDE.magnitude(augmentation, bin, self.num_magnitude_bins), rng);
        let fill = self.fill.unwrap_or_default();
        Ok(Sample::Picture(augment(&picture, augmentation, strength, self.interpolation, fill)?))
    }

    fn fault(&self) -> Option<String> {
        bins_fault(self.num_magnitude_bins)
    }

    fn to_json(&self) -> Option<Value> {
        Some(step("TrivialAugmentWide", self.arguments()))
    }
}

impl fmt::Display for TrivialAugmentWide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mode, fill) = (py_interpolation(self.interpolation), py_fill(self.fill));
        let bins = self.num_magnitude_bins;
        write!(f, "TrivialAugmentWide(num_magnitude_bins={bins}, interpolation={mode}, fill={fill})")
    }
}

/// An augmentation of a policy: its probability, and its strength of 0..10.
type Step = (Augmentation, f64, usize);

/// The policy found on ImageNet. Operations without a strength have 0.
const IMAGENET: [[Step; 2]; 25] = [
    [(Posterize, 0.4, 8), (Rotate, 0.6, 9)],
    [(Solarize, 0.6, 5), (AutoContrast, 0.6, 0)],
    [(Equalize, 0.8, 0), (Equalize, 0.6, 0)],
    [(Posterize, 0.6, 7), (Posterize, 0.6, 6)],
    [(Equalize, 0.4, 0), (Solarize, 0.2, 4)],
    [(Equalize, 0.4, 0), (Rotate, 0.8, 8)],
    [(Solarize, 0.6, 3), (Equalize, 0.6, 0)],
    [(Posterize, 0.8, 5), (Equalize, 1.0, 0)],
    [(Rotate, 0.2, 3), (Solarize, 0.6, 8)],
    [(Equalize, 0.6, 0), (Posterize, 0.4, 6)],
    [(Rotate, 0.8, 8), (Color, 0.4, 0)],
    [(Rotate, 0.4, 9), (Equalize, 0.6, 0)],
    [(Equalize, 0.0, 0), (Equalize, 0.8, 0)],
    [(Invert, 0.6, 0), (Equalize, 1.0, 0)],
    [(Color, 0.6, 4), (Contrast, 1.0, 8)],
    [(Rotate, 0.8, 8), (Color, 1.0, 2)],
    [(Color, 0.8, 8), (Solarize, 0.8, 7)],
    [(Sharpness, 0.4, 7), (Invert, 0.6, 0)],
    [(ShearX, 0.6, 5), (Equalize, 1.0, 0)],
    [(Color, 0.4, 0), (Equalize, 0.6, 0)],
    [(Equalize, 0.4, 0), (Solarize, 0.2, 4)],
    [(Solarize, 0.6, 5), (AutoContrast, 0.6, 0)],
    [(Invert, 0.6, 0), (Equalize, 1.0, 0)],
    [(Color, 0.6, 4), (Contrast, 1.0, 8)],
    [(Equalize, 0.8, 0), (Equalize, 0.6, 0)],
];

struct AutoAugment;

impl TransformOp for AutoAugment {
    fn apply(&self, sample: Sample, rng: &mut Rng) -> Result<Sample> {
        let mut picture = Transform::picture(sample, "AutoAugment")?;
        let space = Space::for_picture(&picture);
        for (augmentation, p, bin) in IMAGENET[rng.usize(0..IMAGENET.len())] {
            let strength = signed(space.magnitude(augmentation, bin, 10), rng);
            if rng.f64() < p {
                picture = augment(&picture, augmentation, strength, Interpolation::Nearest, [0; 3])?;
            }
        }
        Ok(Sample::Picture(picture))
    }

    fn to_json(&self) -> Option<Value> {
        Some(step("AutoAugment", json!({})))
    }
}

impl fmt::Display for AutoAugment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AutoAugment(policy=AutoAugmentPolicy.IMAGENET, fill=None)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected: torchvision's `_augmentation_space`.
    #[test]
    fn strengths() {
        let picture = RgbImage::new(331, 662);
        let space = Space::for_picture(&picture);
        let at = |augmentation, bin| space.magnitude(augmentation, bin, 31).unwrap();
        assert_eq!(at(ShearX, 30), (f64::from(0.3f32), true));
        assert_eq!(at(TranslateX, 30), (150.0, true));
        assert_eq!(at(TranslateY, 15), (150.0, true));
        assert_eq!(at(Rotate, 9), (9.0, true));
        assert_eq!(at(Solarize, 0), (255.0, false));
        assert_eq!(at(Solarize, 9), (178.5, false));
        let bits: Vec<f64> = (0..10).map(|bin| space.magnitude(Posterize, bin, 10).unwrap().0).collect();
        assert_eq!(bits, [8.0, 8.0, 7.0, 7.0, 6.0, 6.0, 5.0, 5.0, 4.0, 4.0]);
        assert_eq!(Space::WIDE.magnitude(Posterize, 30, 31), Some((2.0, false)));
        assert_eq!(space.magnitude(Equalize, 3, 31), None);
    }

    /// Every choice is drawn about as often as the others.
    #[test]
    fn all_choices_are_drawn() {
        let picture =
            RgbImage::from_fn(32, 32, |x, y| image::Rgb([(x * 7) as u8, (y * 7) as u8, (x * y) as u8]));
        let mut rng = Rng::with_seed(4);
        let transform = trivial_augment_wide();
        let unchanged = (0..3000)
            .filter(|_| match transform.apply(Sample::Picture(picture.clone()), &mut rng) {
                Ok(Sample::Picture(out)) => out == picture,
                other => panic!("{other:?}"),
            })
            .count();
        // Identity, and operations that do nothing at their weakest.
        assert!((3000 / 14..3000 / 5).contains(&unchanged), "{unchanged}");
        for transform in [rand_augment(), auto_augment()] {
            for _ in 0..200 {
                assert!(transform.apply(Sample::Picture(picture.clone()), &mut rng).is_ok());
            }
        }
    }

    /// Expected: torchvision 0.28.
    #[test]
    fn prints_as_torchvision() {
        assert_eq!(
            rand_augment().to_string(),
            "RandAugment(num_ops=2, magnitude=9, num_magnitude_bins=31, \
             interpolation=InterpolationMode.NEAREST, fill=None)"
        );
        assert_eq!(
            trivial_augment_wide().to_string(),
            "TrivialAugmentWide(num_magnitude_bins=31, interpolation=InterpolationMode.NEAREST, fill=None)"
        );
        assert!(rand_augment().magnitude(31).check().is_err());
        assert!(trivial_augment_wide().num_magnitude_bins(1).check().is_err());
    }
}
