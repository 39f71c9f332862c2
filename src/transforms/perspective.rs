//! `perspective` and `RandomPerspective`.

use std::fmt;

use fastrand::Rng;
use image::RgbImage;
use pillow_pixels::{Map, transform};
use serde_json::Value;

use super::json::{Arguments, arguments, step};
use super::options::{Options, Setting};
use super::repr::PyFloat;
use super::transform::probability_fault;
use super::{Interpolation, Sample, Transform, TransformOp};
use crate::{Error, Result};

/// Draws of corners for one picture until there is a view that brings it there.
const MOST_DRAWS: usize = 100;

/// The four corners of a picture in pixels, each [right, down]: upper left, upper right, lower right, lower left.
pub type Corners = [[i64; 2]; 4];

/// torchvision's `RandomPerspective(distortion_scale, p)`: seen from the side with probability `p`. Each
/// corner moves inwards by up to `distortion_scale` (0..=1) of half the width and half the height.
///
/// Options: [`interpolation`](Transform::interpolation), [`fill`](Transform::fill).
pub fn random_perspective(distortion_scale: f64, p: f64) -> Transform {
    let options = PerspectiveOptions::default();
    Transform::with_options(RandomPerspective { distortion_scale, p, options })
}

/// How [`functional::perspective`](super::functional::perspective) fills a picture, with torchvision's defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PerspectiveOptions {
    /// How values between pixels are computed. Default bilinear.
    pub interpolation: Interpolation,
    /// The colour of new areas. Default black.
    pub fill: [u8; 3],
}

impl Default for PerspectiveOptions {
    fn default() -> Self {
        PerspectiveOptions { interpolation: Interpolation::Bilinear, fill: [0; 3] }
    }
}

/// The picture seen so that what is at `start` comes to lie at `end`; same size.
///
/// # Errors
/// When three of the corners are on one line, so that no such view exists.
pub fn perspective(
    picture: &RgbImage,
    start: Corners,
    end: Corners,
    options: PerspectiveOptions,
) -> Result<RgbImage> {
    let error = |problem: String| Error::Transform { transform: "perspective".into(), problem };
    let coefficients = coefficients(start, end).ok_or_else(|| {
        error(format!("no view brings the corners {start:?} to {end:?}: three of them lie on one line"))
    })?;
    let PerspectiveOptions { interpolation, fill } = options;
    let map = Map::Perspective(coefficients);
    transform(picture, picture.dimensions(), map, interpolation.resampling(), fill)
        .map_err(|problem| error(problem.to_string()))
}

/// The map from `end` to `start`, rounded to single precision as torchvision's is; `None` where there is none.
///
/// Eight equations x' (c6·x + c7·y + 1) = c0·x + c1·y + c2, and the like for y', by Gauss's elimination with
/// the largest pivot.
fn coefficients(start: Corners, end: Corners) -> Option<[f64; 8]> {
    let mut rows = Vec::with_capacity(8);
    for ([x, y], [to_x, to_y]) in end.into_iter().zip(start) {
        let [x, y, to_x, to_y] = [x, y, to_x, to_y].map(|value| value as f64);
        rows.push([x, y, 1.0, 0.0, 0.0, 0.0, -to_x * x, -to_x * y, to_x]);
        rows.push([0.0, 0.0, 0.0, x, y, 1.0, -to_y * x, -to_y * y, to_y]);
    }
    for column in 0..8 {
        let pivot = (column..8).max_by(|&a, &b| rows[a][column].abs().total_cmp(&rows[b][column].abs()))?;
        rows.swap(column, pivot);
        let row = rows[column];
        if row[column].abs() < 1e-9 {
            return None;
        }
        for (other, values) in rows.iter_mut().enumerate() {
            let factor = values[column] / row[column];
            if other != column && factor != 0.0 {
                for (value, from) in values.iter_mut().zip(row) {
                    *value -= factor * from;
                }
            }
        }
    }
    Some(std::array::from_fn(|i| f64::from((rows[i][8] / rows[i][i]) as f32)))
}

#[derive(Clone)]
pub(super) struct RandomPerspective {
    distortion_scale: f64,
    p: f64,
    options: PerspectiveOptions,
}

arguments!(PerspectiveOptions { interpolation, fill });
arguments!(RandomPerspective { distortion_scale, p, ..options });

impl Options for RandomPerspective {
    fn set(&mut self, setting: Setting) -> bool {
        match setting {
            Setting::Interpolation(interpolation) => self.options.interpolation = interpolation,
            Setting::Fill(fill) => self.options.fill = fill,
            _ => return false,
        }
        true
    }
}

impl RandomPerspective {
    /// Where the corners come to lie: torchvision's `get_params`.
    fn draw(&self, width: i64, height: i64, rng: &mut Rng) -> Corners {
        let most = |size: i64| (self.distortion_scale * (size / 2) as f64) as i64;
        let (across, down) = (most(width), most(height));
        let mut near = |most: i64| rng.i64(0..=most);
        let upper_left = [near(across), near(down)];
        let upper_right = [width - 1 - near(across), near(down)];
        let lower_right = [width - 1 - near(across), height - 1 - near(down)];
        let lower_left = [near(across), height - 1 - near(down)];
        [upper_left, upper_right, lower_right, lower_left]
    }

    /// [`draw`](Self::draw) for the picture with the corners `start`, again where three corners lie on one line: in
    /// small pictures and at large scales they sometimes do.
    fn corners(&self, start: Corners, rng: &mut Rng) -> Corners {
        let [width, height] = start[2].map(|last| last + 1);
        let mut end = self.draw(width, height, rng);
        for _ in 1..MOST_DRAWS {
            if coefficients(start, end).is_some() {
                break;
            }
            end = self.draw(width, height, rng);
        }
        end
    }
}

impl TransformOp for RandomPerspective {
    fn apply(&self, sample: Sample, rng: &mut Rng) -> Result<Sample> {
        let picture = Transform::picture(sample, "RandomPerspective")?;
        if rng.f64() >= self.p {
            return Ok(Sample::Picture(picture));
        }
        let (width, height) = (i64::from(picture.width()), i64::from(picture.height()));
        let start = [[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]];
        let end = self.corners(start, rng);
        Ok(Sample::Picture(perspective(&picture, start, end, self.options)?))
    }

    fn fault(&self) -> Option<String> {
        let scale = self.distortion_scale;
        let fault = (!(0.0..=1.0).contains(&scale))
            .then(|| format!("distortion_scale is {scale}: it must be between 0 and 1"));
        fault.or_else(|| probability_fault(self.p))
    }

    fn to_json(&self) -> Option<Value> {
        Some(step("RandomPerspective", self.arguments()))
    }
}

impl fmt::Display for RandomPerspective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RandomPerspective(p={})", PyFloat(self.p))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The map brings each corner to its place.
    #[test]
    fn coefficients_of_corners() {
        let start = [[0, 0], [46, 0], [46, 32], [0, 32]];
        let end = [[3, 2], [40, 5], [44, 30], [1, 27]];
        let got = coefficients(start, end).unwrap();
        for (point, to) in end.iter().zip(start) {
            let [x, y] = point.map(|value| value as f64);
            let divisor = got[6] * x + got[7] * y + 1.0;
            assert!(((got[0] * x + got[1] * y + got[2]) / divisor - to[0] as f64).abs() < 1e-4);
            assert!(((got[3] * x + got[4] * y + got[5]) / divisor - to[1] as f64).abs() < 1e-4);
        }
        assert!(coefficients(start, [[0, 0], [1, 1], [2, 2], [0, 5]]).is_none());
    }

    #[test]
    fn draws_lie_in_the_ranges() {
        let mut rng = Rng::with_seed(2);
        let transform = RandomPerspective { distortion_scale: 0.5, p: 1.0, options: Default::default() };
        let mut seen = [i64::MAX, i64::MIN];
        for _ in 0..2000 {
            let [[a, b], [c, d], [e, f], [g, h]] = transform.draw(101, 61, &mut rng);
            assert!(
                [a, g].iter().all(|x| (0..=25).contains(x)) && [c, e].iter().all(|x| (75..=100).contains(x))
            );
            assert!(
                [b, d].iter().all(|y| (0..=15).contains(y)) && [f, h].iter().all(|y| (45..=60).contains(y))
            );
            seen = [seen[0].min(a), seen[1].max(a)];
        }
        assert_eq!(seen, [0, 25]);
        let tiny = RandomPerspective { distortion_scale: 1.0, p: 1.0, options: Default::default() };
        assert_eq!(tiny.draw(1, 1, &mut rng), [[0, 0]; 4]);
    }

    #[test]
    fn corners_on_one_line_are_drawn_again() {
        let transform = RandomPerspective { distortion_scale: 1.0, p: 1.0, options: Default::default() };
        let start = [[0, 0], [31, 0], [31, 31], [0, 31]];
        let mut rng = Rng::with_seed(3);
        let mut again = 0;
        for _ in 0..20_000 {
            let first = transform.draw(32, 32, &mut rng.clone());
            let corners = transform.corners(start, &mut rng);
            assert!(coefficients(start, corners).is_some(), "{corners:?}");
            again += usize::from(corners != first);
        }
        assert!((1..2000).contains(&again), "{again}");
    }
}
