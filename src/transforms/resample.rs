//! Pillow's two-pass resampling with antialiasing, in its own fixed-point arithmetic.
//!
//! Each output pixel is a weighted mean of the input pixels under a filter as wide as the scale: a
//! triangle of one pixel to each side, or a cubic of two, or wider where the picture shrinks. The
//! weights are rounded to 22 bits, and the result of the horizontal pass is rounded to 8 bits before
//! the vertical pass: this is what makes results equal to Pillow's `Image.resize` bit by bit.

use image::RgbImage;

/// Pillow's PRECISION_BITS: 32 less 8 for the result and 2 against overflow.
const PRECISION_BITS: u32 = 32 - 8 - 2;
/// Half of what becomes one step of the result.
const HALF: i32 = 1 << (PRECISION_BITS - 1);
const CHANNELS: usize = 3;

/// The curve that neighbours are weighted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    /// Pillow's BILINEAR.
    Triangle,
    /// Pillow's BICUBIC, with a = -1/2.
    Cubic,
}

impl Filter {
    /// How far the curve reaches to each side, in pixels.
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
        // Enlarging interpolates between neighbours, shrinking widens the curve.
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
    fn iter(&self) -> impl Iterator<Item = (usize, &[i32])> {
        let mut rest = self.values.as_slice();
        self.spans.iter().map(move |&(first, count)| {
            let (weights, others) = rest.split_at(count);
            rest = others;
            (first, weights)
        })
    }

    /// The input pixels that any output pixel needs.
    fn range(&self) -> std::ops::Range<usize> {
        let first = self.spans.first().map_or(0, |span| span.0);
        let end = self.spans.last().map_or(0, |span| span.0 + span.1);
        first..end
    }
}

/// `picture` at `width` × `height` pixels, both at least 1.
pub(super) fn resample(picture: &RgbImage, width: u32, height: u32, filter: Filter) -> RgbImage {
    let (in_width, in_height) = (picture.width() as usize, picture.height() as usize);
    let (out_width, out_height) = (width as usize, height as usize);
    let columns = (in_width != out_width).then(|| Weights::new(filter, in_width, out_width));
    let rows = (in_height != out_height).then(|| Weights::new(filter, in_height, out_height));

    let source = picture.as_raw().as_slice();
    let pixels = match (columns, rows) {
        (None, None) => source.to_vec(),
        (Some(columns), None) => horizontal(source, in_width, &columns),
        (None, Some(rows)) => vertical(source, in_width * CHANNELS, &rows, 0),
        (Some(columns), Some(rows)) => {
            let used = rows.range();
            let stride = in_width * CHANNELS;
            let narrowed = horizontal(&source[used.start * stride..used.end * stride], in_width, &columns);
            vertical(&narrowed, out_width * CHANNELS, &rows, used.start)
        }
    };
    RgbImage::from_raw(width, height, pixels).expect("the passes give width * height pixels")
}

/// Resamples every row.
///
/// A few rows are laid side by side, so that one weight meets a run of neighbouring bytes: compilers
/// turn that into vector instructions.
fn horizontal(source: &[u8], in_width: usize, weights: &Weights) -> Vec<u8> {
    const ROWS: usize = 8;
    let (in_stride, out_stride) = (in_width * CHANNELS, weights.spans.len() * CHANNELS);
    let mut out = vec![0; source.len() / in_stride * out_stride];
    let mut columns = vec![[0; ROWS * CHANNELS]; in_width];
    for (source, out) in source.chunks(ROWS * in_stride).zip(out.chunks_mut(ROWS * out_stride)) {
        for (place, row) in source.chunks_exact(in_stride).enumerate() {
            for (column, pixel) in columns.iter_mut().zip(row.as_chunks::<CHANNELS>().0) {
                column[place * CHANNELS..][..CHANNELS].copy_from_slice(pixel);
            }
        }
        for (x, (first, weights)) in weights.iter().enumerate() {
            let mut sums = Sums::default();
            for (column, weight) in columns[first..].iter().zip(weights) {
                sums.add(*column, *weight);
            }
            let bytes = sums.bytes();
            for (row, pixel) in out.chunks_exact_mut(out_stride).zip(bytes.as_chunks::<CHANNELS>().0) {
                row[x * CHANNELS..][..CHANNELS].copy_from_slice(pixel);
            }
        }
    }
    out
}

/// Resamples every column. `source` begins at row `offset` of the input; a row is `stride` bytes.
fn vertical(source: &[u8], stride: usize, weights: &Weights, offset: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(weights.spans.len() * stride);
    let mut sums = vec![0; stride];
    for (first, weights) in weights.iter() {
        sums.fill(HALF);
        let rows = source[(first - offset) * stride..].chunks_exact(stride);
        for (row, weight) in rows.zip(weights) {
            for (sum, byte) in sums.iter_mut().zip(row) {
                *sum = sum.wrapping_add(i32::from(*byte).wrapping_mul(*weight));
            }
        }
        out.extend(sums.iter().map(|&sum| to_byte(sum)));
    }
    out
}

/// Weighted sums of `N` neighbouring bytes.
///
/// A weight of 22 bits is added as its upper and its lower half, which with a byte fit the 16-bit
/// multiplication that every x86-64 and ARM processor has in vector form, and give the same sum. (Nothing
/// overflows; `wrapping_…` keeps the loops quick where overflow is checked for.)
struct Sums<const N: usize> {
    upper: [i32; N],
    lower: [i32; N],
}

/// How many bits the lower half of a weight has.
const LOWER_BITS: u32 = PRECISION_BITS / 2;

impl<const N: usize> Default for Sums<N> {
    fn default() -> Self {
        Sums { upper: [0; N], lower: [HALF; N] }
    }
}

impl<const N: usize> Sums<N> {
    #[inline(always)]
    fn add(&mut self, bytes: [u8; N], weight: i32) {
        let (upper, lower) = ((weight >> LOWER_BITS) as i16, (weight & ((1 << LOWER_BITS) - 1)) as i16);
        for (sum, byte) in self.upper.iter_mut().zip(&bytes) {
            *sum = sum.wrapping_add(i32::from(*byte).wrapping_mul(upper.into()));
        }
        for (sum, byte) in self.lower.iter_mut().zip(&bytes) {
            *sum = sum.wrapping_add(i32::from(*byte).wrapping_mul(lower.into()));
        }
    }

    /// The sums as bytes.
    #[inline(always)]
    fn bytes(&self) -> [u8; N] {
        let mut out = [0; N];
        for (byte, (upper, lower)) in out.iter_mut().zip(self.upper.iter().zip(&self.lower)) {
            *byte = to_byte((upper << LOWER_BITS).wrapping_add(*lower));
        }
        out
    }
}

/// A weighted sum as a byte, clipped: a cubic overshoots.
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
                let out = resample(&picture, width, height, filter);
                assert!(out.pixels().all(|p| p.0 == [255, 128, 3]), "{width}x{height} {filter:?}");
            }
        }
    }
}
