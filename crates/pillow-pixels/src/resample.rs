//! Pillow's two-pass resampling with antialiasing, in its own fixed-point arithmetic.
//!
//! Each output pixel is a weighted mean of the input pixels under a filter as wide as the scale: a
//! triangle of one pixel to each side, or a cubic of two, or wider where the picture shrinks. The
//! weights are rounded to 22 bits, and the result of the horizontal pass is rounded to 8 bits before
//! the vertical pass: this is what makes results equal to Pillow's `Image.resize` bit by bit.

use image::RgbImage;

use crate::jpeg::Pixel;
use crate::scratch::Scratch;
use crate::size::MAX_FILE_PIXELS;
use crate::vectors::widest;
use crate::{Error, Result};

/// Pillow's PRECISION_BITS: 32 less 8 for the result and 2 against overflow.
const PRECISION_BITS: u32 = 32 - 8 - 2;
/// Half a step of the result, for rounding.
const HALF: i32 = 1 << (PRECISION_BITS - 1);
const CHANNELS: usize = 3;

/// The filter that weights neighbouring pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filter {
    /// Pillow's BILINEAR.
    Triangle,
    /// Pillow's BICUBIC, with a = -1/2.
    Cubic,
}

impl Filter {
    /// The filter's reach to each side, in pixels.
    fn support(self) -> f64 {
        match self {
            Filter::Triangle => 1.0,
            Filter::Cubic => 2.0,
        }
    }

    fn at(self, distance: f64) -> f64 {
        let x = distance.abs();
        match self {
            Filter::Triangle => (1.0 - x).max(0.0),
            Filter::Cubic if x < 1.0 => (1.5 * x - 2.5) * x * x + 1.0,
            Filter::Cubic if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * -0.5,
            Filter::Cubic => 0.0,
        }
    }
}

/// The weights of every output pixel along one axis.
struct Weights {
    /// First input pixel and number of input pixels of each output pixel.
    spans: Vec<(usize, usize)>,
    /// The weights of all output pixels, one after another.
    values: Vec<i32>,
}

impl Weights {
    /// `filter` from `input` to `output` pixels.
    fn new(filter: Filter, input: usize, output: usize) -> Self {
        let scale = input as f64 / output as f64;
        // Enlarging interpolates between neighbours, shrinking widens the filter.
        let spread = scale.max(1.0);
        let support = filter.support() * spread;
        let mut weights = Weights { spans: Vec::with_capacity(output), values: Vec::new() };
        let mut exact = Vec::new();
        for position in 0..output {
            let center = (position as f64 + 0.5) * scale;
            let first = (center - support + 0.5).max(0.0) as usize;
            let last = ((center + support + 0.5) as usize).min(input);
            exact.clear();
            exact.extend((first..last).map(|i| filter.at((i as f64 - center + 0.5) * (1.0 / spread))));
            let sum: f64 = exact.iter().sum();
            let unit = f64::from(1 << PRECISION_BITS);
            // Rounded, halves away from 0.
            weights.values.extend(exact.iter().map(|w| {
                let weight = w / sum * unit;
                (weight + if weight < 0.0 { -0.5 } else { 0.5 }) as i32
            }));
            weights.spans.push((first, last - first));
        }
        weights
    }

    /// Per output pixel: its first input pixel and its weights.
    #[inline(always)]
    fn iter(&self) -> impl Iterator<Item = (usize, &[i32])> {
        let mut rest = self.values.as_slice();
        self.spans.iter().map(move |&(first, count)| {
            let (weights, others) = rest.split_at(count);
            rest = others;
            (first, weights)
        })
    }
}

/// `picture` at `width` × `height` pixels, both at least 1.
pub(crate) fn resample(picture: &RgbImage, width: u32, height: u32, filter: Filter) -> Result<RgbImage> {
    let mut resizer = RowResizer::new(picture.dimensions(), (width, height), filter)?;
    let mut pixels = vec![[0; 4]; picture.width() as usize];
    for row in picture.as_raw().chunks_exact(picture.width() as usize * CHANNELS) {
        for (pixel, &[red, green, blue]) in pixels.iter_mut().zip(row.as_chunks::<CHANNELS>().0) {
            *pixel = [red, green, blue, 0];
        }
        resizer.row(&pixels);
    }
    Ok(resizer.finish())
}

/// The most pixels of a picture that is resampled in one direction only.
const MAX_BETWEEN: u64 = 2 * MAX_FILE_PIXELS;
/// Rows resampled together horizontally.
const ROWS: usize = 8;

/// Resamples a picture row by row as it arrives, so that the whole is never in memory.
pub(crate) struct RowResizer {
    columns: Weights,
    rows: Weights,
    /// How many rows came.
    count: usize,
    /// Several rows interleaved, so that one weight applies to adjacent bytes, which compilers
    /// vectorise.
    strip: Vec<[u8; ROWS * 4]>,
    /// The rows so far, at their new width, four bytes per pixel.
    narrowed: Scratch,
}

impl RowResizer {
    /// From one (width, height) to another, all at least 1. Fails where the picture would be too large between the two
    /// passes, at its new width and its old height.
    pub(crate) fn new(
        (in_width, in_height): (u32, u32),
        (width, height): (u32, u32),
        filter: Filter,
    ) -> Result<Self> {
        if u64::from(width) * u64::from(in_height) > MAX_BETWEEN {
            return Err(Error::Size { width: width.into(), height: in_height.into() });
        }
        let (in_width, in_height) = (in_width as usize, in_height as usize);
        let columns = Weights::new(filter, in_width, width as usize);
        let rows = Weights::new(filter, in_height, height as usize);
        let narrowed = Scratch::new(in_height.next_multiple_of(ROWS) * width as usize * 4);
        Ok(RowResizer { columns, rows, count: 0, strip: vec![[0; ROWS * 4]; in_width], narrowed })
    }

    /// Adds the next row, as wide as the picture.
    pub(crate) fn row(&mut self, pixels: &[Pixel]) {
        let place = self.count % ROWS;
        for (column, pixel) in self.strip.iter_mut().zip(pixels) {
            column.as_chunks_mut::<4>().0[place] = *pixel;
        }
        self.count += 1;
        if self.count.is_multiple_of(ROWS) {
            self.narrow();
        }
    }

    /// The picture, once all rows have been added.
    pub(crate) fn finish(mut self) -> RgbImage {
        if !self.count.is_multiple_of(ROWS) {
            self.narrow();
        }
        let (width, height) = (self.columns.spans.len(), self.rows.spans.len());
        let mut out = Vec::with_capacity(width * height * CHANNELS);
        let mut row = vec![0; width * 4];
        for (first, weights) in self.rows.iter() {
            let narrowed = &self.narrowed[first * width * 4..];
            widest(
                #[inline(always)]
                || shorten(narrowed, weights, &mut row),
            );
            out.extend(row.as_chunks::<4>().0.iter().flat_map(|&[red, green, blue, _]| [red, green, blue]));
        }
        RgbImage::from_raw(width as u32, height as u32, out).expect("width * height pixels were made")
    }

    /// Resamples the rows of the strip horizontally.
    fn narrow(&mut self) {
        let size = self.columns.spans.len() * ROWS;
        let first = (self.count - 1) / ROWS * size;
        let Some(out) = self.narrowed.as_chunks_mut::<4>().0.get_mut(first..first + size) else { return };
        widest(
            #[inline(always)]
            || narrow(&self.strip, &self.columns, out),
        );
    }
}

/// Resamples the rows of a strip into `out`, one after another.
#[inline(always)]
fn narrow(strip: &[[u8; ROWS * 4]], weights: &Weights, out: &mut [Pixel]) {
    let width = weights.spans.len();
    for (x, (first, weights)) in weights.iter().enumerate() {
        let bytes = weighted(strip[first..].iter().zip(weights));
        for (row, pixel) in out.chunks_exact_mut(width).zip(bytes.as_chunks::<4>().0) {
            row[x] = *pixel;
        }
    }
}

/// Makes one row of the rows that begin with `narrowed`.
#[inline(always)]
fn shorten(narrowed: &[u8], weights: &[i32], out: &mut [u8]) {
    /// Bytes whose sums stay in registers.
    const LANES: usize = 32;
    let stride = out.len();
    let (parts, rest) = out.as_chunks_mut::<LANES>();
    for (part, out) in parts.iter_mut().enumerate() {
        let rows = narrowed.chunks_exact(stride).map(|row| &row.as_chunks::<LANES>().0[part]);
        *out = weighted(rows.zip(weights));
    }
    let rest = rest.as_chunks_mut::<4>().0;
    let done = stride / 4 - rest.len();
    for (part, out) in rest.iter_mut().enumerate() {
        let rows = narrowed.chunks_exact(stride).map(|row| &row.as_chunks::<4>().0[done + part]);
        *out = weighted(rows.zip(weights));
    }
}

/// The weighted sums of bytes, place by place, as bytes.
///
/// Nothing overflows; `wrapping_…` keeps the loops fast in builds with overflow checks.
#[inline(always)]
fn weighted<'a, const N: usize>(terms: impl Iterator<Item = (&'a [u8; N], &'a i32)>) -> [u8; N] {
    let mut sums = [HALF; N];
    for (bytes, &weight) in terms {
        for i in 0..N {
            sums[i] = sums[i].wrapping_add(i32::from(bytes[i]).wrapping_mul(weight));
        }
    }
    let mut out = [0; N];
    for i in 0..N {
        out[i] = to_byte(sums[i]);
    }
    out
}

/// A weighted sum as a byte, clipped: a cubic overshoots.
#[inline(always)]
fn to_byte(sum: i32) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Weights of a half-size axis by hand: triangle of support 2 over 4 pixels, at distances 3/4, 1/4, 1/4, 3/4.
    #[test]
    fn weights_of_halving() {
        let weights = Weights::new(Filter::Triangle, 8, 4);
        assert_eq!(weights.spans, [(0, 3), (1, 4), (3, 4), (5, 3)]);
        let unit = f64::from(1 << PRECISION_BITS);
        let eighths: Vec<f64> = weights.values[3..7].iter().map(|&w| f64::from(w) / unit * 8.0).collect();
        assert_eq!(eighths, [1.0, 3.0, 3.0, 1.0]);
    }

    #[test]
    fn a_flat_picture_stays_flat() {
        let picture = RgbImage::from_pixel(37, 23, image::Rgb([255, 128, 3]));
        for (width, height) in [(1, 1), (5, 40), (37, 7), (60, 23), (74, 46)] {
            for filter in [Filter::Triangle, Filter::Cubic] {
                let out = resample(&picture, width, height, filter).unwrap();
                assert!(out.pixels().all(|p| p.0 == [255, 128, 3]), "{width}x{height} {filter:?}");
            }
        }
    }
}
