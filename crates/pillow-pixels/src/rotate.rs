//! `rotate`.

use image::RgbImage;

use crate::nearest::Matrix;
use crate::size::check_size;
use crate::{Error, Map, Resampling, Result, transform};

/// How [`rotate()`] turns. The defaults are Pillow's.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RotateOptions {
    /// How values between pixels are computed. Default nearest.
    pub resampling: Resampling,
    /// Whether the result is as large as the whole turned picture needs. Default no: the size stays.
    pub expand: bool,
    /// The point that the picture is turned about, [right, down] in pixels from the upper left corner, finite. Default
    /// the middle.
    pub center: Option<[f64; 2]>,
    /// The colour of what comes in at the corners. Default black.
    pub fill: [u8; 3],
}

/// `picture` turned counter-clockwise by `angle` degrees: Pillow's
/// `Image.rotate(angle, resampling, expand, center, fillcolor=fill)`.
///
/// Half a turn about the middle, and quarter turns of a square or with `expand`, move pixels exactly.
///
/// # Errors
/// [`Error::NotFinite`] when the angle or the centre is not finite, [`Error::Size`] when the expanded picture would have more than
/// [`MAX_IMAGE_PIXELS`](crate::MAX_IMAGE_PIXELS).
pub fn rotate(picture: &RgbImage, angle: f64, options: RotateOptions) -> Result<RgbImage> {
    if !angle.is_finite() {
        return Err(Error::NotFinite("the angle"));
    }
    if options.center.is_some_and(|center| center.iter().any(|value| !value.is_finite())) {
        return Err(Error::NotFinite("the centre"));
    }
    let angle = angle.rem_euclid(360.0);
    if options.center.is_none() {
        let whole = options.expand || picture.width() == picture.height();
        match angle {
            0.0 => return Ok(picture.clone()),
            180.0 => return Ok(half_turn(picture)),
            90.0 if whole => return Ok(image::imageops::rotate270(picture)),
            270.0 if whole => return Ok(image::imageops::rotate90(picture)),
            _ => {}
        }
    }
    let mut matrix = rotation_matrix(picture, angle, options.center);
    let mut size = picture.dimensions();
    if options.expand {
        size = expanded(size, &mut matrix)?;
    }
    transform(picture, size, Map::Affine(matrix), options.resampling, options.fill)
}

fn half_turn(picture: &RgbImage) -> RgbImage {
    let mut out = picture.clone();
    let pixels: &mut [u8] = &mut out;
    pixels.as_chunks_mut::<3>().0.reverse();
    out
}

/// Pillow's matrix from output to input; its sines and cosines are rounded to 15 decimals.
fn rotation_matrix(picture: &RgbImage, angle: f64, center: Option<[f64; 2]>) -> Matrix {
    let [x, y] = center.unwrap_or([f64::from(picture.width()) / 2.0, f64::from(picture.height()) / 2.0]);
    let angle = -angle.to_radians();
    let (cos, sin) = (fifteen_decimals(angle.cos()), fifteen_decimals(angle.sin()));
    let negative_sin = fifteen_decimals(-angle.sin());
    [cos, sin, cos * -x + sin * -y + 0.0 + x, negative_sin, cos, negative_sin * -x + cos * -y + 0.0 + y]
}

/// The size that the whole turned picture needs; the matrix is moved so that it lies in the middle.
fn expanded((width, height): (u32, u32), matrix: &mut Matrix) -> Result<(u32, u32)> {
    let (w, h) = (f64::from(width), f64::from(height));
    let through = |m: &Matrix, x: f64, y: f64| [m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5]];
    let corners = [(0.0, 0.0), (w, 0.0), (w, h), (0.0, h)].map(|(x, y)| through(matrix, x, y));
    let extent = |axis: usize| {
        let values = corners.map(|corner| corner[axis]);
        values.into_iter().fold(f64::MIN, f64::max).ceil()
            - values.into_iter().fold(f64::MAX, f64::min).floor()
    };
    let (new_width, new_height) = (extent(0), extent(1));
    let size = check_size(new_width as i64, new_height as i64)?;
    let moved = through(matrix, -(new_width - w) / 2.0, -(new_height - h) / 2.0);
    (matrix[2], matrix[5]) = (moved[0], moved[1]);
    Ok(size)
}

/// Python's `round(value, 15)`.
fn fifteen_decimals(value: f64) -> f64 {
    format!("{value:.15}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coordinates(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8 + 1, y as u8 + 1, 7]))
    }

    fn turned(picture: &RgbImage, angle: f64) -> RgbImage {
        rotate(picture, angle, RotateOptions::default()).unwrap()
    }

    /// Counter-clockwise: the upper right corner goes to the upper left.
    #[test]
    fn quarter_turns_of_a_square() {
        let picture = coordinates(6, 6);
        let quarter = turned(&picture, 90.0);
        assert_eq!(quarter.get_pixel(0, 0), picture.get_pixel(5, 0));
        assert_eq!(turned(&picture, -90.0), turned(&picture, 270.0));
        assert_eq!(turned(&quarter, 270.0), picture);
        assert_eq!(turned(&quarter, 90.0), turned(&picture, 180.0));
        assert_eq!(turned(&picture, 720.0), picture);
    }

    /// A quarter turn of an oblong picture keeps its size: the ends are cut off, the sides are black.
    #[test]
    fn quarter_turn_of_an_oblong() {
        let out = turned(&coordinates(6, 4), 90.0);
        assert_eq!(out.dimensions(), (6, 4));
        assert_eq!(out.get_pixel(0, 0).0, [0, 0, 0]);
        assert_eq!(out.get_pixel(1, 0).0, [5, 1, 7]);
    }

    #[test]
    fn what_cannot_be_is_an_error() {
        let picture = coordinates(3, 2);
        for angle in [f64::INFINITY, f64::NAN] {
            assert!(matches!(
                rotate(&picture, angle, RotateOptions::default()),
                Err(Error::NotFinite("the angle"))
            ));
        }
        let center = Some([0.0, f64::NAN]);
        assert!(rotate(&picture, 1.0, RotateOptions { center, ..Default::default() }).is_err());
        let expand = RotateOptions { expand: true, ..Default::default() };
        assert!(matches!(rotate(&RgbImage::new(60_000, 1), 45.0, expand), Err(Error::Size { .. })));
    }
}
