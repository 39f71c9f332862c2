//! `pad` and `Pad`: borders.

use std::fmt;

use fastrand::Rng;
use image::RgbImage;
use serde_json::Value;

use super::arguments::Padding;
use super::crop::crop_filled;
use super::json::{Arguments, arguments, step};
use super::options::{Options, Setting};
use super::repr::{py_colour, py_padding};
use super::size::checked_size;
use super::{Sample, Transform, TransformOp};
use crate::{Error, Result};

/// What a border shows: torchvision's `padding_mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum PaddingMode {
    /// One colour.
    #[default]
    Constant,
    /// The outermost pixel, repeated.
    Edge,
    /// The picture mirrored about its outermost pixel, which is not repeated.
    Reflect,
    /// The picture mirrored at its edge: the outermost pixel is repeated.
    Symmetric,
}

impl PaddingMode {
    /// torchvision's name, `"reflect"`.
    pub(super) fn name(self) -> &'static str {
        match self {
            PaddingMode::Constant => "constant",
            PaddingMode::Edge => "edge",
            PaddingMode::Reflect => "reflect",
            PaddingMode::Symmetric => "symmetric",
        }
    }

    /// What torchvision calls `name`.
    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::Constant, Self::Edge, Self::Reflect, Self::Symmetric]
            .into_iter()
            .find(|mode| mode.name() == name)
    }

    /// The pixel of 0..`size` that place `at` shows.
    fn source(self, at: i64, size: i64) -> i64 {
        let mirrored = |period: i64, turn: i64| {
            let place = at.rem_euclid(period);
            if place < size { place } else { turn - place }
        };
        match self {
            PaddingMode::Constant | PaddingMode::Edge => at.clamp(0, size - 1),
            PaddingMode::Reflect if size == 1 => 0,
            PaddingMode::Reflect => mirrored(2 * size - 2, 2 * size - 2),
            PaddingMode::Symmetric => mirrored(2 * size, 2 * size - 1),
        }
    }
}

impl fmt::Display for PaddingMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the borders of [`functional::pad`](super::functional::pad) show. Default black.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PadOptions {
    /// The colour of [`PaddingMode::Constant`]. Default black.
    pub fill: [u8; 3],
    /// What the borders show. Default one colour.
    pub padding_mode: PaddingMode,
}

/// torchvision's `Pad(padding)`: black borders, every one of so many pixels, `[left and right, top and bottom]`, or
/// `[left, top, right, bottom]`. A negative one crops.
///
/// Options: [`fill`](Transform::fill), [`padding_mode`](Transform::padding_mode).
pub fn pad(padding: impl Into<Padding>) -> Transform {
    Pad::of(padding.into())
}

/// `picture` with borders of so many pixels: of one number all four, of two `[left and right, top and bottom]`, of four
/// `[left, top, right, bottom]`. A negative border crops.
///
/// # Errors
/// When nothing is left, or more than [`MAX_IMAGE_PIXELS`](super::MAX_IMAGE_PIXELS).
pub fn pad_picture(picture: &RgbImage, padding: impl Into<Padding>, options: PadOptions) -> Result<RgbImage> {
    padded(picture, padding.into().0, options)
}

/// `picture` with borders of [left, top, right, bottom] pixels.
pub(super) fn padded(picture: &RgbImage, padding: [i64; 4], options: PadOptions) -> Result<RgbImage> {
    let [left, top, right, bottom] = padding;
    let error = |problem: String| Error::Transform { transform: "pad".into(), problem };
    let sum = |size: u32, before: i64, after: i64| i64::from(size).checked_add(before)?.checked_add(after);
    let (Some(height), Some(width), true) = (
        sum(picture.height(), top, bottom),
        sum(picture.width(), left, right),
        left > i64::MIN && top > i64::MIN,
    ) else {
        return Err(error(format!("padding is ({left}, {top}, {right}, {bottom}): the sum is out of range")));
    };
    if options.padding_mode == PaddingMode::Constant {
        return crop_filled(picture, [-top, -left, height, width], options.fill);
    }
    // Pixels cut off by a negative border are not mirrored.
    let cut = padding.map(|border| (-border).max(0));
    let kept = crop_filled(
        picture,
        [
            cut[1],
            cut[0],
            i64::from(picture.height()) - cut[1] - cut[3],
            i64::from(picture.width()) - cut[0] - cut[2],
        ],
        [0; 3],
    )?;
    let (out_height, out_width) = checked_size(height, width).map_err(error)?;
    let mode = options.padding_mode;
    let columns: Vec<u32> =
        (0..width).map(|x| mode.source(x - left.max(0), i64::from(kept.width())) as u32).collect();
    Ok(RgbImage::from_fn(out_width, out_height, |x, y| {
        let row = mode.source(i64::from(y) - top.max(0), i64::from(kept.height()));
        *kept.get_pixel(columns[x as usize], row as u32)
    }))
}

#[derive(Clone)]
pub(super) struct Pad {
    padding: [i64; 4],
    options: PadOptions,
}

arguments!(PadOptions { fill, padding_mode });
arguments!(Pad { padding, ..options });

impl Pad {
    fn of(Padding(padding): Padding) -> Transform {
        Transform::with_options(Pad { padding, options: PadOptions::default() })
    }
}

impl Options for Pad {
    fn set(&mut self, setting: Setting) -> bool {
        match setting {
            Setting::Fill(fill) => self.options.fill = fill,
            Setting::PaddingMode(padding_mode) => self.options.padding_mode = padding_mode,
            _ => return false,
        }
        true
    }
}

impl TransformOp for Pad {
    fn apply(&self, sample: Sample, _: &mut Rng) -> Result<Sample> {
        let picture = Transform::picture(sample, "Pad")?;
        Ok(Sample::Picture(padded(&picture, self.padding, self.options)?))
    }

    fn is_deterministic(&self) -> bool {
        true
    }

    fn to_json(&self) -> Option<Value> {
        Some(step("Pad", self.arguments()))
    }
}

impl fmt::Display for Pad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (padding, fill) = (py_padding(self.padding), py_colour(self.options.fill));
        write!(f, "Pad(padding={padding}, fill={fill}, padding_mode={})", self.options.padding_mode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders() {
        let black = PadOptions::default();
        let out =
            pad_picture(&RgbImage::from_pixel(2, 1, image::Rgb([9, 9, 9])), [1, 2, 3, 4], black).unwrap();
        assert_eq!(out.dimensions(), (6, 7));
        let lit: Vec<(u32, u32)> =
            out.enumerate_pixels().filter(|p| p.2.0 == [9, 9, 9]).map(|p| (p.0, p.1)).collect();
        assert_eq!(lit, [(1, 2), (2, 2)]);
        assert!(pad_picture(&out, [i64::MAX, 0, 0, 0], black).is_err());
        assert!(pad_picture(&out, [i64::MIN, 0, 0, 0], black).is_err());
    }

    /// Expected: `numpy.pad([0, 1, 2], (4, 5), mode)`.
    #[test]
    fn mirrored_borders() {
        let row = |mode: PaddingMode, size: i64| -> Vec<i64> {
            (-4..size + 5).map(|at| mode.source(at, size)).collect()
        };
        assert_eq!(row(PaddingMode::Edge, 3), [0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2, 2]);
        assert_eq!(row(PaddingMode::Reflect, 3), [0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2, 1]);
        assert_eq!(row(PaddingMode::Symmetric, 3), [2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0, 1]);
        assert_eq!(row(PaddingMode::Reflect, 1), [0; 10]);
    }

    /// A mirrored border of a picture of which nothing is left is an error, not an endless loop.
    #[test]
    fn nothing_to_mirror() {
        for padding_mode in [PaddingMode::Edge, PaddingMode::Reflect, PaddingMode::Symmetric] {
            let options = PadOptions { padding_mode, ..Default::default() };
            assert!(pad_picture(&RgbImage::new(2, 2), [-2, 5, 5, 5], options).is_err());
            assert!(pad_picture(&RgbImage::new(2, 2), [i64::MAX; 4], options).is_err());
        }
    }
}
