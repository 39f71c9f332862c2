//! A picture seen through an affine or a perspective map: `transform`.

use image::RgbImage;

use crate::nearest::{coordinate, nearest};
use crate::size::check_size;
use crate::vectors::wide;
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
    // Each pair of map and resampling is a loop by itself: nothing is decided for a pixel.
    let source = Source::of(picture);
    Ok(match (map, resampling) {
        (Map::Affine(matrix), Resampling::Nearest) => nearest(picture, size, matrix, fill),
        (Map::Affine(m), Resampling::Bilinear) => render(&source, size, fill, affine(m), Source::bilinear),
        (Map::Affine(m), Resampling::Bicubic) => render(&source, size, fill, affine(m), Source::bicubic),
        (Map::Perspective(c), Resampling::Nearest) => {
            render(&source, size, fill, perspective(c), Source::nearest)
        }
        (Map::Perspective(c), Resampling::Bilinear) => {
            render(&source, size, fill, perspective(c), Source::bilinear)
        }
        (Map::Perspective(c), Resampling::Bicubic) => {
            render(&source, size, fill, perspective(c), Source::bicubic)
        }
    })
}

/// The position in the input of a position in the output.
fn affine(m: [f64; 6]) -> impl Fn(f64, f64) -> (f64, f64) {
    #[inline(always)]
    move |x, y| (m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5])
}

/// The same through a perspective.
fn perspective(c: [f64; 8]) -> impl Fn(f64, f64) -> (f64, f64) {
    #[inline(always)]
    move |x, y| {
        let divisor = c[6] * x + c[7] * y + 1.0;
        ((c[0] * x + c[1] * y + c[2]) / divisor, (c[3] * x + c[4] * y + c[5]) / divisor)
    }
}

/// Each output pixel is the `sample` at where `position` leads from its centre. (With wider vectors comes an
/// instruction for `floor`, which is a function's call without.)
fn render<'a>(
    source: &Source<'a>,
    size: (u32, u32),
    fill: [u8; 3],
    position: impl Fn(f64, f64) -> (f64, f64),
    sample: impl Fn(&Source<'a>, f64, f64) -> [u8; 3],
) -> RgbImage {
    let mut out = RgbImage::new(size.0, size.1);
    let (width, height) = (source.width as f64, source.height as f64);
    let pixels: &mut [u8] = &mut out;
    let rows = pixels.as_chunks_mut::<3>().0.chunks_exact_mut(size.0 as usize);
    wide(
        #[inline(always)]
        || {
            for (y, row) in rows.enumerate() {
                for (x, pixel) in row.iter_mut().enumerate() {
                    let (x, y) = position(x as f64 + 0.5, y as f64 + 0.5);
                    // Written so that NaN counts as outside.
                    let inside = x >= 0.0 && x < width && y >= 0.0 && y < height;
                    *pixel = if inside { sample(source, x, y) } else { fill };
                }
            }
        },
    );
    out
}

struct Source<'a> {
    pixels: &'a [[u8; 3]],
    width: usize,
    height: usize,
}

impl<'a> Source<'a> {
    fn of(picture: &'a RgbImage) -> Self {
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        Source { pixels: picture.as_raw().as_chunks().0, width, height }
    }

    /// Row `y`, the nearest one where that is outside.
    #[inline(always)]
    fn row(&self, y: i64) -> &[[u8; 3]] {
        &self.pixels[y.clamp(0, self.height as i64 - 1) as usize * self.width..][..self.width]
    }

    /// Column `x`, the nearest one where that is outside.
    #[inline(always)]
    fn column(&self, x: i64) -> usize {
        x.clamp(0, self.width as i64 - 1) as usize
    }

    /// The pixel that holds the position.
    #[inline(always)]
    fn nearest(&self, x: f64, y: f64) -> [u8; 3] {
        self.row(coordinate(y).into())[coordinate(x) as usize]
    }

    /// Between the 2 × 2 pixels whose centres are around. Pillow's single steps in double precision, and its cutting off
    /// of the fraction.
    #[inline(always)]
    fn bilinear(&self, x: f64, y: f64) -> [u8; 3] {
        let ((left, dx), (top, dy)) = (split(x), split(y));
        let (left, right) = (self.column(left), self.column(left + 1));
        let (upper, lower) = (self.row(top), self.row(top + 1));
        let (a, b, c, d) = (upper[left], upper[right], lower[left], lower[right]);
        let mut out = [0; 3];
        for channel in 0..3 {
            let upper = between(a[channel].into(), b[channel].into(), dx);
            let lower = between(c[channel].into(), d[channel].into(), dx);
            out[channel] = between(upper, lower, dy) as u8;
        }
        out
    }

    /// A cubic through the 4 × 4 pixels around, clipped.
    #[inline(always)]
    fn bicubic(&self, x: f64, y: f64) -> [u8; 3] {
        let ((left, dx), (top, dy)) = (split(x), split(y));
        let mut across = [[0.0; 4]; 3];
        for (i, line) in (-1..3).enumerate() {
            let row = self.row(top + line);
            let pixels = [-1, 0, 1, 2].map(|column| row[self.column(left + column)]);
            for (channel, across) in across.iter_mut().enumerate() {
                across[i] = cubic(pixels.map(|pixel| pixel[channel].into()), dx);
            }
        }
        across.map(|rows| cubic(rows, dy) as u8)
    }
}

#[inline(always)]
fn between(from: f64, to: f64, part: f64) -> f64 {
    from + (to - from) * part
}

/// The last pixel whose centre is not beyond a position, and how far the position is from there.
#[inline(always)]
fn split(position: f64) -> (i64, f64) {
    let from_centres = position - 0.5;
    let before = from_centres.floor();
    (before as i64, from_centres - before)
}

/// Pillow's cubic (a = -1) through four neighbours, at `d` of the way from the second to the third.
#[inline(always)]
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

    /// Where a map divides by zero, the pixel is outside.
    #[test]
    fn what_is_not_a_number_is_outside() {
        let picture = RgbImage::from_pixel(3, 3, image::Rgb([5; 3]));
        let map = Map::Perspective([f64::NAN, 0.0, 0.0, 0.0, 1.0, 0.0, -2.0, 0.0]);
        let out = transform(&picture, (3, 3), map, Resampling::Bilinear, [9; 3]).unwrap();
        assert!(out.pixels().all(|pixel| pixel.0 == [9; 3]));
    }
}
