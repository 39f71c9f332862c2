//! A picture seen through an affine or a perspective map: `transform`.

use image::RgbImage;

use crate::nearest::{coordinate, nearest};
use crate::size::check_size;
use crate::{Resampling, Result};

/// Where in the input an output pixel (x, y) comes from, both measured at centres of pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Map {
    /// (m0·x + m1·y + m2, m3·x + m4·y + m5): Pillow's `Image.Transform.AFFINE`.
    Affine([f64; 6]),
    /// ((c0·x + c1·y + c2) / d, (c3·x + c4·y + c5) / d), with d = c6·x + c7·y + 1: Pillow's
    /// `Image.Transform.PERSPECTIVE`.
    Perspective([f64; 8]),
}

impl Map {
    /// The position in the input of the centre of output pixel (x, y).
    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let (x, y) = (x + 0.5, y + 0.5);
        match self {
            Map::Affine(m) => (m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5]),
            Map::Perspective(c) => {
                let divisor = c[6] * x + c[7] * y + 1.0;
                ((c[0] * x + c[1] * y + c[2]) / divisor, (c[3] * x + c[4] * y + c[5]) / divisor)
            }
        }
    }
}

/// `picture` seen through `map` at `size` = (width, height), with `fill` where the map leads outside: Pillow's
/// `Image.transform(size, map, data, resampling, fillcolor=fill)`.
///
/// Unlike [`resize`](crate::resize()) it does not antialias, and its cubic is steeper (a = -1).
///
/// # Errors
/// [`Error::Size`](crate::Error::Size) when the size is another than the picture's, and above
/// [`MAX_IMAGE_PIXELS`](crate::MAX_IMAGE_PIXELS).
///
/// ```
/// use pillow_pixels::{Map, Resampling, transform};
///
/// let picture = image::RgbImage::from_raw(2, 1, vec![10, 10, 10, 20, 20, 20]).unwrap();
/// let to_the_left = Map::Affine([1.0, 0.0, 0.5, 0.0, 1.0, 0.0]);
/// let out = transform(&picture, (2, 1), to_the_left, Resampling::Bilinear, [0; 3])?;
/// assert_eq!(out.as_raw()[..], [15, 15, 15, 0, 0, 0]);
/// # Ok::<(), pillow_pixels::Error>(())
/// ```
pub fn transform(
    picture: &RgbImage,
    size: (u32, u32),
    map: Map,
    resampling: Resampling,
    fill: [u8; 3],
) -> Result<RgbImage> {
    if size.0 == 0 || size.1 == 0 {
        return Ok(RgbImage::new(size.0, size.1));
    }
    if size != picture.dimensions() {
        check_size(size.0.into(), size.1.into())?;
    }
    if let (Map::Affine(matrix), Resampling::Nearest) = (map, resampling) {
        return Ok(nearest(picture, size, matrix, fill));
    }
    let mut out = RgbImage::new(size.0, size.1);
    let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
    let pixels: &mut [u8] = &mut out;
    let rows = pixels.as_chunks_mut::<3>().0.chunks_exact_mut(size.0 as usize);
    let source = Source {
        pixels: picture.as_raw().as_chunks().0,
        width: picture.width() as usize,
        right: i64::from(picture.width()) - 1,
        bottom: i64::from(picture.height()) - 1,
    };
    for (y, row) in rows.enumerate() {
        for (x, pixel) in row.iter_mut().enumerate() {
            let (from_x, from_y) = map.at(x as f64, y as f64);
            // Written so that what is not a number counts as outside.
            let inside = from_x >= 0.0 && from_x < width && from_y >= 0.0 && from_y < height;
            *pixel = match resampling {
                _ if !inside => fill,
                Resampling::Nearest => source.row(coordinate(from_y).into())[coordinate(from_x) as usize],
                Resampling::Bilinear => source.bilinear(from_x - 0.5, from_y - 0.5),
                Resampling::Bicubic => source.bicubic(from_x - 0.5, from_y - 0.5),
            };
        }
    }
    Ok(out)
}

struct Source<'a> {
    pixels: &'a [[u8; 3]],
    width: usize,
    right: i64,
    bottom: i64,
}

impl Source<'_> {
    /// Row `y`, the nearest one where that is outside.
    fn row(&self, y: i64) -> &[[u8; 3]] {
        &self.pixels[y.clamp(0, self.bottom) as usize * self.width..][..self.width]
    }

    /// Between the 2 × 2 pixels around; positions are measured at centres. Pillow's single steps in double
    /// precision, and its cutting off of the fraction.
    fn bilinear(&self, x: f64, y: f64) -> [u8; 3] {
        let (left, top) = (x.floor(), y.floor());
        let (dx, dy) = (x - left, y - top);
        let columns = [0, 1].map(|i| (left as i64 + i).clamp(0, self.right) as usize);
        let rows = [0, 1].map(|i| self.row(top as i64 + i));
        std::array::from_fn(|channel| {
            let between = |from: f64, to: f64, part: f64| from + (to - from) * part;
            let [upper, lower] = rows.map(|row| {
                let [a, b] = columns.map(|column| f64::from(row[column][channel]));
                between(a, b, dx)
            });
            between(upper, lower, dy) as u8
        })
    }

    /// A cubic through the 4 × 4 pixels around, clipped.
    fn bicubic(&self, x: f64, y: f64) -> [u8; 3] {
        let (left, top) = (x.floor(), y.floor());
        let (dx, dy) = (x - left, y - top);
        let columns = [-1, 0, 1, 2].map(|i| (left as i64 + i).clamp(0, self.right) as usize);
        let rows = [-1, 0, 1, 2].map(|i| self.row(top as i64 + i));
        std::array::from_fn(|channel| {
            let across = rows.map(|row| cubic(columns.map(|column| f64::from(row[column][channel])), dx));
            cubic(across, dy) as u8
        })
    }
}

/// Pillow's cubic (a = -1) through four neighbours, at `d` of the way from the second to the third.
fn cubic([v1, v2, v3, v4]: [f64; 4], d: f64) -> f64 {
    let p1 = v2;
    let p2 = -v1 + v3;
    let p3 = 2.0 * (v1 - v2) + v3 - v4;
    let p4 = -v1 + v2 - v3 + v4;
    p1 + d * (p2 + d * (p3 + d * p4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identity_changes_nothing() {
        let picture = RgbImage::from_fn(7, 5, |x, y| image::Rgb([x as u8 * 30, y as u8 * 50, 7]));
        let affine = Map::Affine([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
        let perspective = Map::Perspective([1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
        for map in [affine, perspective] {
            for mode in [Resampling::Nearest, Resampling::Bilinear, Resampling::Bicubic] {
                assert_eq!(transform(&picture, (7, 5), map, mode, [0; 3]).unwrap(), picture, "{mode:?}");
            }
        }
    }

    /// A map that divides by zero leads nowhere.
    #[test]
    fn what_is_not_a_number_is_outside() {
        let picture = RgbImage::from_pixel(3, 3, image::Rgb([5; 3]));
        let map = Map::Perspective([f64::NAN, 0.0, 0.0, 0.0, 1.0, 0.0, -2.0, 0.0]);
        let out = transform(&picture, (3, 3), map, Resampling::Bilinear, [9; 3]).unwrap();
        assert!(out.pixels().all(|pixel| pixel.0 == [9; 3]));
    }
}
