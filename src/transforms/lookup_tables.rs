//! Tables that give every byte another: invert, posterize, solarize, autocontrast, equalize.
//!
//! The arithmetic of Pillow's `ImageOps`.

use std::fmt;

use fastrand::Rng;
use image::RgbImage;
use serde_json::{Value, json};

use super::json::{Args, step};
use super::repr::PyFloat;
use super::transform::probability_fault;
use super::{Sample, Transform, TransformOp};
use crate::{Error, Result};

/// torchvision's `RandomInvert(p)`: the negative, with probability `p`.
pub fn random_invert(p: f64) -> Transform {
    Transform::new(RandomTone { tone: Tone::Invert, p })
}

/// torchvision's `RandomPosterize(bits, p)`: only the upper `bits` (1..=8) bits of each byte are kept, with
/// probability `p`.
pub fn random_posterize(bits: i64, p: f64) -> Transform {
    Transform::new(RandomTone { tone: Tone::Posterize { bits }, p })
}

/// torchvision's `RandomSolarize(threshold, p)`: bytes not below `threshold` (0..=255 and beyond) are
/// inverted, with probability `p`.
pub fn random_solarize(threshold: f64, p: f64) -> Transform {
    Transform::new(RandomTone { tone: Tone::Solarize { threshold }, p })
}

/// torchvision's `RandomAutocontrast(p)`: each channel stretched to 0..=255, with probability `p`.
pub fn random_autocontrast(p: f64) -> Transform {
    Transform::new(RandomTone { tone: Tone::Autocontrast, p })
}

/// torchvision's `RandomEqualize(p)`: the histogram of each channel made even, with probability `p`.
pub fn random_equalize(p: f64) -> Transform {
    Transform::new(RandomTone { tone: Tone::Equalize, p })
}

/// The negative.
pub fn invert(picture: &RgbImage) -> RgbImage {
    changed(picture, Tone::Invert)
}

/// Only the upper `bits` bits of each byte.
///
/// # Errors
/// When `bits` is not in 1..=8.
pub fn posterize(picture: &RgbImage, bits: i64) -> Result<RgbImage> {
    let tone = Tone::Posterize { bits };
    match tone.fault() {
        Some(problem) => Err(Error::Transform { transform: "posterize".into(), problem }),
        None => Ok(changed(picture, tone)),
    }
}

/// Bytes not below `threshold` inverted.
pub fn solarize(picture: &RgbImage, threshold: f64) -> RgbImage {
    changed(picture, Tone::Solarize { threshold })
}

/// Each channel stretched so that its darkest byte becomes 0 and its lightest 255.
pub fn autocontrast(picture: &RgbImage) -> RgbImage {
    changed(picture, Tone::Autocontrast)
}

/// The histogram of each channel made even.
pub fn equalize(picture: &RgbImage) -> RgbImage {
    changed(picture, Tone::Equalize)
}

fn changed(picture: &RgbImage, tone: Tone) -> RgbImage {
    let mut out = picture.clone();
    tone.apply(&mut out);
    out
}

type Table = [u8; 256];

#[derive(Clone, Copy)]
enum Tone {
    Invert,
    Posterize { bits: i64 },
    Solarize { threshold: f64 },
    Autocontrast,
    Equalize,
}

impl Tone {
    fn apply(self, picture: &mut RgbImage) {
        let tables = match self {
            Tone::Invert => [std::array::from_fn(|value| 255 - value as u8); 3],
            Tone::Posterize { bits } => {
                let mask = 0xFFu8.checked_shl(8 - bits.clamp(1, 8) as u32).unwrap_or(0);
                [std::array::from_fn(|value| value as u8 & mask); 3]
            }
            Tone::Solarize { threshold } => {
                [std::array::from_fn(|value| {
                    if (value as f64) < threshold { value as u8 } else { 255 - value as u8 }
                }); 3]
            }
            Tone::Autocontrast => histograms(picture).map(|histogram| stretched(&histogram)),
            Tone::Equalize => histograms(picture).map(|histogram| evened(&histogram)),
        };
        let pixels: &mut [u8] = picture;
        for pixel in pixels.as_chunks_mut::<3>().0 {
            for (value, table) in pixel.iter_mut().zip(&tables) {
                *value = table[usize::from(*value)];
            }
        }
    }

    fn fault(self) -> Option<String> {
        match self {
            Tone::Posterize { bits } if !(1..=8).contains(&bits) => {
                Some(format!("bits is {bits}: it must be 1 to 8"))
            }
            Tone::Solarize { threshold } if !threshold.is_finite() => {
                Some(format!("threshold is {threshold}: it must be a number"))
            }
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Tone::Invert => "RandomInvert",
            Tone::Posterize { .. } => "RandomPosterize",
            Tone::Solarize { .. } => "RandomSolarize",
            Tone::Autocontrast => "RandomAutocontrast",
            Tone::Equalize => "RandomEqualize",
        }
    }
}

fn histograms(picture: &RgbImage) -> [[u64; 256]; 3] {
    let mut counts = [[0; 256]; 3];
    for pixel in picture.as_raw().as_chunks::<3>().0 {
        for (counts, value) in counts.iter_mut().zip(pixel) {
            counts[usize::from(*value)] += 1;
        }
    }
    counts
}

const UNCHANGED: fn() -> Table = || std::array::from_fn(|value| value as u8);

/// Pillow's `autocontrast` without cutoff.
fn stretched(histogram: &[u64; 256]) -> Table {
    let (Some(low), Some(high)) =
        (histogram.iter().position(|&count| count > 0), histogram.iter().rposition(|&count| count > 0))
    else {
        return UNCHANGED();
    };
    if high <= low {
        return UNCHANGED();
    }
    let scale = 255.0 / (high - low) as f64;
    let offset = -(low as f64) * scale;
    std::array::from_fn(|value| (value as f64 * scale + offset) as u8)
}

/// Pillow's `equalize`.
fn evened(histogram: &[u64; 256]) -> Table {
    let last = histogram.iter().rev().find(|&&count| count > 0).copied().unwrap_or(0);
    let step = (histogram.iter().sum::<u64>() - last) / 255;
    if step == 0 {
        return UNCHANGED();
    }
    let mut seen = step / 2;
    std::array::from_fn(|value| {
        let level = (seen / step).min(255) as u8;
        seen += histogram[value];
        level
    })
}

struct RandomTone {
    tone: Tone,
    p: f64,
}

pub(super) fn from_json(args: &mut Args) -> Result<Transform> {
    let tone = match args.name() {
        "RandomInvert" => Tone::Invert,
        "RandomPosterize" => Tone::Posterize { bits: args.int("bits")? },
        "RandomSolarize" => Tone::Solarize { threshold: args.float("threshold")? },
        "RandomAutocontrast" => Tone::Autocontrast,
        _ => Tone::Equalize,
    };
    Ok(Transform::new(RandomTone { tone, p: args.float("p")? }))
}

impl TransformOp for RandomTone {
    fn apply(&self, sample: Sample, rng: &mut Rng) -> Result<Sample> {
        let mut picture = Transform::picture(sample, self.tone.name())?;
        if rng.f64() < self.p {
            self.tone.apply(&mut picture);
        }
        Ok(Sample::Picture(picture))
    }

    fn fault(&self) -> Option<String> {
        self.tone.fault().or_else(|| probability_fault(self.p))
    }

    fn to_json(&self) -> Option<Value> {
        let arguments = match self.tone {
            Tone::Posterize { bits } => json!({ "bits": bits, "p": self.p }),
            Tone::Solarize { threshold } => json!({ "threshold": threshold, "p": self.p }),
            _ => json!({ "p": self.p }),
        };
        Some(step(self.tone.name(), arguments))
    }
}

impl fmt::Display for RandomTone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, p) = (self.tone.name(), PyFloat(self.p));
        // torchvision leaves out the space here.
        match self.tone {
            Tone::Posterize { bits } => write!(f, "{name}(bits={bits},p={p})"),
            Tone::Solarize { threshold } => write!(f, "{name}(threshold={},p={p})", PyFloat(threshold)),
            _ => write!(f, "{name}(p={p})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected: Pillow's `ImageOps`, on the pixels (200, 100, 50) and (10, 20, 30).
    #[test]
    fn two_pixels() {
        let picture = RgbImage::from_raw(2, 1, vec![200, 100, 50, 10, 20, 30]).unwrap();
        assert_eq!(invert(&picture).into_raw(), [55, 155, 205, 245, 235, 225]);
        assert_eq!(posterize(&picture, 2).unwrap().into_raw(), [192, 64, 0, 0, 0, 0]);
        assert_eq!(posterize(&picture, 8).unwrap(), picture);
        assert_eq!(solarize(&picture, 100.0).into_raw(), [55, 155, 50, 10, 20, 30]);
        assert_eq!(autocontrast(&picture).into_raw(), [255, 255, 255, 0, 0, 0]);
        assert_eq!(equalize(&picture), picture);
    }

    #[test]
    fn what_cannot_be_is_an_error() {
        assert!(posterize(&RgbImage::new(1, 1), 0).is_err());
        assert!(random_posterize(9, 0.5).check().is_err());
        assert!(random_solarize(f64::NAN, 0.5).check().is_err());
        assert!(random_invert(1.1).check().is_err());
        assert_eq!(equalize(&RgbImage::new(0, 0)).dimensions(), (0, 0));
    }

    /// Expected: torchvision 0.28.
    #[test]
    fn prints_as_torchvision() {
        assert_eq!(random_posterize(2, 0.5).to_string(), "RandomPosterize(bits=2,p=0.5)");
        assert_eq!(random_solarize(192.0, 0.5).to_string(), "RandomSolarize(threshold=192.0,p=0.5)");
        assert_eq!(random_equalize(1.0).to_string(), "RandomEqualize(p=1.0)");
    }
}
