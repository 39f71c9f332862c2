//! A picture through an affine matrix, nearest neighbour: what `rotate` and `affine` share.

use image::RgbImage;

/// Output pixel (x, y) shows input pixel (m0·x + m1·y + m2, m3·x + m4·y + m5), both measured at centres.
pub(super) type Matrix = [f64; 6];

/// `picture` seen through `matrix`, same size, nearest neighbour, black outside: Pillow's
/// `transform(size, AFFINE, matrix, NEAREST)` with its three ways of stepping through the picture.
pub(super) fn nearest(picture: &RgbImage, matrix: Matrix) -> RgbImage {
    let (width, height) = picture.dimensions();
    let source =
        Source { pixels: picture.as_raw().as_chunks().0, width: width as usize, height: height as usize };
    let mut out = RgbImage::new(width, height);
    let pixels: &mut [u8] = &mut out;
    let target = pixels.as_chunks_mut().0;
    if width == 0 || height == 0 {
        return out;
    }
    if matrix[1] == 0.0 && matrix[3] == 0.0 {
        scaled(&source, target, matrix);
    } else if fits_fixed_point(matrix, f64::from(width), f64::from(height)) {
        fixed_point(&source, target, matrix);
    } else {
        floating_point(&source, target, matrix);
    }
    out
}

struct Source<'a> {
    pixels: &'a [[u8; 3]],
    width: usize,
    height: usize,
}

impl Source<'_> {
    /// The pixel at (x, y), if that is inside.
    fn get(&self, x: i32, y: i32) -> Option<[u8; 3]> {
        // A negative coordinate becomes a huge one.
        let (x, y) = (x as u32 as usize, y as u32 as usize);
        if x < self.width && y < self.height { self.pixels.get(y * self.width + x).copied() } else { None }
    }
}

/// Without rotation or shear, a column or row comes from one column or row.
fn scaled(source: &Source, target: &mut [[u8; 3]], m: Matrix) {
    let mut x = m[2] + m[0] * 0.5;
    let columns: Vec<i32> = (0..source.width)
        .map(|_| {
            let column = coordinate(x);
            x += m[0];
            column
        })
        .collect();
    let mut y = m[5] + m[4] * 0.5;
    for row in target.chunks_exact_mut(source.width) {
        let from = coordinate(y);
        for (pixel, &column) in row.iter_mut().zip(&columns) {
            *pixel = source.get(column, from).unwrap_or_default();
        }
        y += m[4];
    }
}

/// Whether all four corners stay within 16.16 fixed point.
fn fits_fixed_point(m: Matrix, width: f64, height: f64) -> bool {
    [(0.0, 0.0), (width, height), (0.0, height), (width, 0.0)].iter().all(|(x, y)| {
        (x * m[0] + y * m[1] + m[2]).abs() < 32768.0 && (x * m[3] + y * m[4] + m[5]).abs() < 32768.0
    })
}

/// The usual way: steps in 16.16 fixed point.
fn fixed_point(source: &Source, target: &mut [[u8; 3]], m: Matrix) {
    let fix = |value: f64| (value * 65536.0 + 0.5).floor() as i32;
    let (dx_column, dx_row) = (fix(m[0]), fix(m[1]));
    let (dy_column, dy_row) = (fix(m[3]), fix(m[4]));
    let mut x_row = fix(m[2] + m[0] * 0.5 + m[1] * 0.5);
    let mut y_row = fix(m[5] + m[3] * 0.5 + m[4] * 0.5);
    for row in target.chunks_exact_mut(source.width) {
        let (mut x, mut y) = (x_row, y_row);
        for pixel in row {
            *pixel = source.get(x >> 16, y >> 16).unwrap_or_default();
            x = x.wrapping_add(dx_column);
            y = y.wrapping_add(dy_column);
        }
        x_row = x_row.wrapping_add(dx_row);
        y_row = y_row.wrapping_add(dy_row);
    }
}

/// For pictures too large for fixed point.
fn floating_point(source: &Source, target: &mut [[u8; 3]], m: Matrix) {
    let mut x_row = m[2] + m[1] * 0.5 + m[0] * 0.5;
    let mut y_row = m[5] + m[4] * 0.5 + m[3] * 0.5;
    for row in target.chunks_exact_mut(source.width) {
        let (mut x, mut y) = (x_row, y_row);
        for pixel in row {
            *pixel = source.get(coordinate(x), coordinate(y)).unwrap_or_default();
            x += m[0];
            y += m[3];
        }
        x_row += m[1];
        y_row += m[4];
    }
}

/// The pixel that holds a position; -1 for all that lies before the first.
fn coordinate(position: f64) -> i32 {
    if position < 0.0 { -1 } else { position as i32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where both apply, fixed point and floating point show the same pixels up to the rounding of an edge.
    #[test]
    fn the_ways_of_stepping_agree() {
        let picture = RgbImage::from_fn(60, 40, |x, y| image::Rgb([x as u8 + 1, y as u8 + 1, 7]));
        let (sin, cos) = 20f64.to_radians().sin_cos();
        let matrix = [cos, sin, 30.0 - 30.0 * cos - 20.0 * sin, -sin, cos, 20.0 + 30.0 * sin - 20.0 * cos];
        let source = Source { pixels: picture.as_raw().as_chunks().0, width: 60, height: 40 };
        let (mut fixed, mut floating) = (vec![[0u8; 3]; 2400], vec![[0u8; 3]; 2400]);
        fixed_point(&source, &mut fixed, matrix);
        floating_point(&source, &mut floating, matrix);
        assert!(fixed.iter().zip(&floating).filter(|(a, b)| a != b).count() < 5);
    }

    /// Twice the size about the upper left corner: each pixel four times.
    #[test]
    fn scaling_repeats_pixels() {
        let picture = RgbImage::from_fn(6, 4, |x, y| image::Rgb([x as u8, y as u8, 7]));
        let out = nearest(&picture, [0.5, 0.0, 0.0, 0.0, 0.5, 0.0]);
        assert!(out.enumerate_pixels().all(|(x, y, pixel)| pixel == picture.get_pixel(x / 2, y / 2)));
    }
}
