//! A picture through an affine matrix, nearest neighbour: what `rotate`, `affine` and `resize` share.

use std::ops::Range;

use image::RgbImage;

/// Output pixel (x, y) shows input pixel (m0·x + m1·y + m2, m3·x + m4·y + m5), both measured at centres.
pub(crate) type Matrix = [f64; 6];

/// `picture` seen through `matrix` at `size` = (width, height), nearest neighbour, `fill` outside: Pillow's
/// `transform(size, AFFINE, matrix, NEAREST)` with its three ways of stepping through the picture.
pub(crate) fn nearest(picture: &RgbImage, size: (u32, u32), matrix: Matrix, fill: [u8; 3]) -> RgbImage {
    let source = Source {
        pixels: picture.as_raw().as_chunks().0,
        width: picture.width() as usize,
        height: picture.height() as usize,
    };
    let mut out = RgbImage::new(size.0, size.1);
    if size.0 == 0 || size.1 == 0 {
        return out;
    }
    let pixels: &mut [u8] = &mut out;
    let mut target = Target { pixels: pixels.as_chunks_mut().0, width: size.0 as usize, fill };
    if matrix[1] == 0.0 && matrix[3] == 0.0 {
        scaled(&source, &mut target, matrix);
    } else if fits_fixed_point(matrix, f64::from(size.0), f64::from(size.1)) {
        fixed_point(&source, &mut target, matrix);
    } else {
        floating_point(&source, &mut target, matrix);
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

struct Target<'a> {
    pixels: &'a mut [[u8; 3]],
    width: usize,
    fill: [u8; 3],
}

impl Target<'_> {
    fn rows(&mut self) -> impl Iterator<Item = &mut [[u8; 3]]> {
        self.pixels.chunks_exact_mut(self.width)
    }
}

/// Without rotation or shear, a column or row comes from one column or row.
fn scaled(source: &Source, target: &mut Target, m: Matrix) {
    let mut x = m[2] + m[0] * 0.5;
    let columns: Vec<i32> = (0..target.width)
        .map(|_| {
            let column = coordinate(x);
            x += m[0];
            column
        })
        .collect();
    let mut y = m[5] + m[4] * 0.5;
    let fill = target.fill;
    for row in target.rows() {
        let from = coordinate(y);
        for (pixel, &column) in row.iter_mut().zip(&columns) {
            *pixel = source.get(column, from).unwrap_or(fill);
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

/// The usual case: steps in 16.16 fixed point.
fn fixed_point(source: &Source, target: &mut Target, m: Matrix) {
    let fix = |value: f64| (value * 65536.0 + 0.5).floor() as i32;
    let (dx_column, dx_row) = (fix(m[0]), fix(m[1]));
    let (dy_column, dy_row) = (fix(m[3]), fix(m[4]));
    let mut x_row = fix(m[2] + m[0] * 0.5 + m[1] * 0.5);
    let mut y_row = fix(m[5] + m[3] * 0.5 + m[4] * 0.5);
    let (width, fill) = (target.width, target.fill);
    for row in target.rows() {
        // The range of pixels that come from inside is computed beforehand, which saves a test per
        // pixel.
        let across = inside(x_row, dx_column, source.width, width);
        let down = inside(y_row, dy_column, source.height, width);
        let shown = across.start.max(down.start)..across.end.min(down.end);
        let shown = shown.start.min(shown.end)..shown.end;
        row[..shown.start].fill(fill);
        row[shown.end..].fill(fill);
        let steps = shown.start as i32;
        let mut x = x_row.wrapping_add(dx_column.wrapping_mul(steps));
        let mut y = y_row.wrapping_add(dy_column.wrapping_mul(steps));
        for pixel in &mut row[shown] {
            let place = (y >> 16) as u32 as usize * source.width + (x >> 16) as u32 as usize;
            *pixel = source.pixels.get(place).copied().unwrap_or(fill);
            x = x.wrapping_add(dx_column);
            y = y.wrapping_add(dy_column);
        }
        x_row = x_row.wrapping_add(dx_row);
        y_row = y_row.wrapping_add(dy_row);
    }
}

/// For which `i` below `count` the fixed-point position `start + i * step` lies in 0..`size` pixels.
fn inside(start: i32, step: i32, size: usize, count: usize) -> Range<usize> {
    let (start, step, end, count) = (i64::from(start), i64::from(step), (size as i64) << 16, count as i64);
    // The first i at which `from + i * step` is at least 0, for a positive step.
    let reached = |from: i64, step: i64| if from >= 0 { 0 } else { (-from + step - 1) / step };
    let (first, last) = match step {
        0 if (0..end).contains(&start) => (0, count),
        0 => (0, 0),
        1.. => (reached(start, step), reached(start - end, step)),
        // A negative step: the same from the other end.
        _ => (reached(end - 1 - start, -step), reached(-1 - start, -step)),
    };
    first.clamp(0, count) as usize..last.clamp(0, count) as usize
}

/// For pictures too large for fixed point.
fn floating_point(source: &Source, target: &mut Target, m: Matrix) {
    let mut x_row = m[2] + m[1] * 0.5 + m[0] * 0.5;
    let mut y_row = m[5] + m[4] * 0.5 + m[3] * 0.5;
    let fill = target.fill;
    for row in target.rows() {
        let (mut x, mut y) = (x_row, y_row);
        for pixel in row {
            *pixel = source.get(coordinate(x), coordinate(y)).unwrap_or(fill);
            x += m[0];
            y += m[3];
        }
        x_row += m[1];
        y_row += m[4];
    }
}

/// The pixel that holds a position; -1 for all that lies before the first.
pub(crate) fn coordinate(position: f64) -> i32 {
    if position < 0.0 { -1 } else { position as i32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where both apply, fixed point and floating point show the same pixels up to the rounding of an edge.
    #[test]
    fn the_ways_of_stepping_agree() {
        let picture = RgbImage::from_fn(60, 40, |x, y| image::Rgb([x as u8 + 1, y as u8 + 1, 7]));
        let source = Source { pixels: picture.as_raw().as_chunks().0, width: 60, height: 40 };
        for degrees in [-160.0, -70.0, -20.0, 20.0, 110.0, 200.0f64] {
            let (sin, cos) = degrees.to_radians().sin_cos();
            let matrix =
                [cos, sin, 30.0 - 30.0 * cos - 20.0 * sin, -sin, cos, 20.0 + 30.0 * sin - 20.0 * cos];
            let (mut fixed, mut floating) = (vec![[0u8; 3]; 2400], vec![[0u8; 3]; 2400]);
            fixed_point(&source, &mut Target { pixels: &mut fixed, width: 60, fill: [9; 3] }, matrix);
            floating_point(&source, &mut Target { pixels: &mut floating, width: 60, fill: [9; 3] }, matrix);
            let differing = fixed.iter().zip(&floating).filter(|(a, b)| a != b).count();
            assert!(differing < 5, "{degrees}: {differing}");
        }
    }

    #[test]
    fn ranges_inside() {
        for (start, step) in
            [(-70000, 3000), (5, 1), (900_000, -65536), (655_360, -1), (-1, 0), (1, 0), (-9, 70000)]
        {
            for size in [1, 10] {
                let shown = inside(start, step, size, 20);
                for i in 0..20usize {
                    let here = (start + i as i32 * step) >> 16;
                    assert_eq!(
                        shown.contains(&i),
                        (0..size as i32).contains(&here),
                        "{start} {step} {size} {i}"
                    );
                }
            }
        }
    }

    /// Twice the size about the upper left corner: each pixel four times.
    #[test]
    fn scaling_repeats_pixels() {
        let picture = RgbImage::from_fn(6, 4, |x, y| image::Rgb([x as u8, y as u8, 7]));
        let out = nearest(&picture, (6, 4), [0.5, 0.0, 0.0, 0.0, 0.5, 0.0], [0; 3]);
        assert!(out.enumerate_pixels().all(|(x, y, pixel)| pixel == picture.get_pixel(x / 2, y / 2)));
    }
}
