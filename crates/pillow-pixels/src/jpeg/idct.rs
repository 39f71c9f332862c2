//! From coefficients to samples: the inverse discrete cosine transform.
//!
//! The integer arithmetic of libjpeg's "slow" method (Loeffler, Ligtenberg and Moschytz 1989), so that
//! samples are equal to libjpeg-turbo's, which Pillow uses; and its reduced forms, which give half, a
//! quarter or an eighth of the size at once.

const CONST_BITS: i32 = 13;
const PASS1_BITS: i32 = 2;

/// A block's coefficients or quantizers, in rows of 8.
pub(super) type Block = [i16; 64];

/// The full transform of `block` times `quantizers`: 8 × 8 samples into `out`, rows `stride` apart.
#[inline(always)]
pub(super) fn full(block: &Block, quantizers: &Block, out: &mut [u8], stride: usize) {
    let (mut a, mut b) = ([0; 64], [0; 64]);
    for ((value, &coefficient), &quantizer) in a.iter_mut().zip(block).zip(quantizers) {
        *value = coefficient.wrapping_mul(quantizer);
    }
    pass::<{ CONST_BITS - PASS1_BITS }>(&a, &mut b);
    transpose(&mut b, &mut a);
    pass::<{ CONST_BITS + PASS1_BITS + 3 }>(&a, &mut b);
    let (mut samples, mut turned) = ([0; 64], [0; 64]);
    for (sample, &value) in samples.iter_mut().zip(&b) {
        *sample = value.saturating_add(128).clamp(0, 255) as u8;
    }
    transpose(&mut samples, &mut turned);
    for (line, values) in out.chunks_mut(stride).zip(turned.as_chunks::<8>().0) {
        line[..8].copy_from_slice(values);
    }
}

/// `from`, 8 × 8, with rows and columns exchanged, into `to`.
///
/// Three times, the upper half is interleaved with the lower half.
#[inline(always)]
fn transpose<T: Copy>(from: &mut [T; 64], to: &mut [T; 64]) {
    mix(from, to);
    mix(to, from);
    mix(from, to);
}

#[inline(always)]
fn mix<T: Copy>(from: &[T; 64], to: &mut [T; 64]) {
    let (upper, lower) = from.split_at(32);
    for ((pair, &a), &b) in to.as_chunks_mut::<2>().0.iter_mut().zip(upper).zip(lower) {
        *pair = [a, b];
    }
}

/// One dimension of the transform, down each of the eight columns of `from`; rounded by `SHIFT` bits.
///
/// Sums of two products of 16-bit numbers throughout, and the columns in one loop: this becomes vector
/// instructions. (Nothing overflows; `wrapping_…` keeps this fast in builds with overflow checks.)
#[inline(always)]
fn pass<const SHIFT: i32>(from: &Block, to: &mut Block) {
    let products = |a: i16, b: i16, first: i16, second: i16| {
        i32::from(a).wrapping_mul(first.into()).wrapping_add(i32::from(b).wrapping_mul(second.into()))
    };
    let rounded = |value: i32| {
        (value.wrapping_add(1 << (SHIFT - 1)) >> SHIFT).clamp(i16::MIN.into(), i16::MAX.into()) as i16
    };
    for i in 0..8 {
        let x: [i16; 8] = std::array::from_fn(|row| from[row * 8 + i]);
        // The even half.
        let tmp0 = i32::from(x[0]).wrapping_add(x[4].into()) << CONST_BITS;
        let tmp1 = i32::from(x[0]).wrapping_sub(x[4].into()) << CONST_BITS;
        let tmp2 = products(x[2], x[6], 4433, 4433 - 15137);
        let tmp3 = products(x[2], x[6], 4433 + 6270, 4433);
        let (tmp10, tmp13) = (tmp0.wrapping_add(tmp3), tmp0.wrapping_sub(tmp3));
        let (tmp11, tmp12) = (tmp1.wrapping_add(tmp2), tmp1.wrapping_sub(tmp2));
        // The odd half.
        let (sum3, sum4) = (x[7].wrapping_add(x[3]), x[5].wrapping_add(x[1]));
        let z3 = products(sum3, sum4, 9633 - 16069, 9633);
        let z4 = products(sum3, sum4, 9633, 9633 - 3196);
        let odd0 = products(x[7], x[1], 2446 - 7373, -7373).wrapping_add(z3);
        let odd1 = products(x[5], x[3], 16819 - 20995, -20995).wrapping_add(z4);
        let odd2 = products(x[5], x[3], -20995, 25172 - 20995).wrapping_add(z3);
        let odd3 = products(x[7], x[1], -7373, 12299 - 7373).wrapping_add(z4);
        to[i] = rounded(tmp10.wrapping_add(odd3));
        to[8 + i] = rounded(tmp11.wrapping_add(odd2));
        to[16 + i] = rounded(tmp12.wrapping_add(odd1));
        to[24 + i] = rounded(tmp13.wrapping_add(odd0));
        to[32 + i] = rounded(tmp13.wrapping_sub(odd0));
        to[40 + i] = rounded(tmp12.wrapping_sub(odd1));
        to[48 + i] = rounded(tmp11.wrapping_sub(odd2));
        to[56 + i] = rounded(tmp10.wrapping_sub(odd3));
    }
}

/// A block with only a DC coefficient, at any size.
#[inline(always)]
pub(super) fn flat(block: &Block, quantizers: &Block, out: &mut [u8], stride: usize, size: usize) {
    let mean = i32::from(block[0].wrapping_mul(quantizers[0]));
    let value = sample((mean + 4) >> 3);
    for line in out.chunks_mut(stride).take(size) {
        line[..size].fill(value);
    }
}

#[inline(always)]
fn sample(value: i32) -> u8 {
    (value + 128).clamp(0, 255) as u8
}

#[inline(always)]
fn descale(value: i32, shift: i32) -> i32 {
    value.wrapping_add(1 << (shift - 1)) >> shift
}

/// Half the size: 4 × 4 samples.
#[inline(always)]
pub(super) fn half(block: &Block, quantizers: &Block, out: &mut [u8], stride: usize) {
    let at = |row: usize, column: usize| {
        i32::from(block[row * 8 + column]).wrapping_mul(i32::from(quantizers[row * 8 + column]))
    };
    let mut columns = [[0; 8]; 4];
    for column in [0, 1, 2, 3, 5, 6, 7] {
        let values = four(std::array::from_fn(|row| at(row, column)), CONST_BITS - PASS1_BITS + 1);
        for (line, value) in columns.iter_mut().zip(values) {
            line[column] = value;
        }
    }
    for (line, values) in out.chunks_mut(stride).zip(columns) {
        let values = four(values, CONST_BITS + PASS1_BITS + 3 + 1);
        line[..4].copy_from_slice(&values.map(sample));
    }
}

#[inline(always)]
fn four(x: [i32; 8], shift: i32) -> [i32; 4] {
    let sum =
        |terms: &[(i32, i32)]| terms.iter().fold(0i32, |sum, &(a, b)| sum.wrapping_add(a.wrapping_mul(b)));
    let tmp0 = x[0].wrapping_shl(CONST_BITS as u32 + 1);
    let tmp2 = sum(&[(x[2], 15137), (x[6], -6270)]);
    let (tmp10, tmp12) = (tmp0.wrapping_add(tmp2), tmp0.wrapping_sub(tmp2));
    let tmp0 = sum(&[(x[7], -1730), (x[5], 11893), (x[3], -17799), (x[1], 8697)]);
    let tmp2 = sum(&[(x[7], -4176), (x[5], -4926), (x[3], 7373), (x[1], 20995)]);
    [
        descale(tmp10.wrapping_add(tmp2), shift),
        descale(tmp12.wrapping_add(tmp0), shift),
        descale(tmp12.wrapping_sub(tmp0), shift),
        descale(tmp10.wrapping_sub(tmp2), shift),
    ]
}

/// The two values that each column becomes at a quarter of the size.
pub(super) type Halves = [[i32; 8]; 2];

/// The columns of the transform at a quarter of the size. All eight in one loop, which becomes vector
/// instructions, although not all are used.
#[inline(always)]
pub(super) fn quarter_columns(block: &Block, quantizers: &Block, out: &mut Halves) {
    let [upper, lower] = out;
    for column in 0..8 {
        let at = |row: usize| {
            i32::from(block[row * 8 + column]).wrapping_mul(i32::from(quantizers[row * 8 + column]))
        };
        let odd = at(7).wrapping_mul(TWO_ODD[7]).wrapping_add(at(5).wrapping_mul(TWO_ODD[5]));
        let odd =
            odd.wrapping_add(at(3).wrapping_mul(TWO_ODD[3])).wrapping_add(at(1).wrapping_mul(TWO_ODD[1]));
        let even = at(0).wrapping_shl(CONST_BITS as u32 + 2);
        upper[column] = descale(even.wrapping_add(odd), CONST_BITS - PASS1_BITS + 2);
        lower[column] = descale(even.wrapping_sub(odd), CONST_BITS - PASS1_BITS + 2);
    }
}

/// The rows after the columns, of `N` blocks: two lines of two samples from each.
#[inline(always)]
pub(super) fn quarter_rows<const N: usize>(columns: &[Halves; N], out: [&mut [[u8; 2]; N]; 2]) {
    for (row, line) in out.into_iter().enumerate() {
        let mut sums = [[0; 2]; N];
        for (sums, values) in sums.iter_mut().zip(columns) {
            let values = &values[row];
            let even = values[0].wrapping_shl(CONST_BITS as u32 + 2);
            let odd = [1, 3, 5, 7].map(|place| values[place].wrapping_mul(TWO_ODD[place]));
            let odd = odd.iter().fold(0i32, |sum, &term| sum.wrapping_add(term));
            *sums = [even.wrapping_add(odd), even.wrapping_sub(odd)];
        }
        for (out, sum) in line.as_flattened_mut().iter_mut().zip(sums.as_flattened()) {
            *out = sample(descale(*sum, CONST_BITS + PASS1_BITS + 3 + 2));
        }
    }
}

/// The weight of each position of a column or row in the odd half of two samples.
const TWO_ODD: [i32; 8] = [0, 29692, 0, -10426, 0, 6967, 0, -5906];

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition of the transform, in floating point.
    fn definition(block: &Block, x: usize, y: usize) -> f64 {
        let mut sum = 0.0;
        for v in 0..8 {
            for u in 0..8 {
                let scale = |i: usize| if i == 0 { 0.5f64.sqrt() } else { 1.0 };
                let cosine = |i: usize, at: usize| {
                    ((2 * at + 1) as f64 * i as f64 * std::f64::consts::PI / 16.0).cos()
                };
                sum += scale(u) * scale(v) * f64::from(block[v * 8 + u]) * cosine(u, x) * cosine(v, y) / 4.0;
            }
        }
        (sum + 128.0).clamp(0.0, 255.0)
    }

    #[test]
    fn close_to_the_definition() {
        let mut rng = fastrand::Rng::with_seed(1);
        for _ in 0..50 {
            let mut block = [0; 64];
            for _ in 0..12 {
                block[rng.usize(0..64)] = rng.i16(-60..60);
            }
            block[0] = rng.i16(-500..500);
            let mut out = [0; 64];
            full(&block, &[1; 64], &mut out, 8);
            for (place, &value) in out.iter().enumerate() {
                let exact = definition(&block, place % 8, place / 8);
                assert!((f64::from(value) - exact).abs() <= 1.0, "{place}: {value}, {exact}");
            }
        }
    }

    /// Every form gives the same result for a flat block.
    #[test]
    fn flat_blocks() {
        for mean in [-1024, -37, 0, 5, 600, 1023] {
            let mut block = [0; 64];
            block[0] = mean;
            let (mut expected, mut out) = ([0; 64], [0; 64]);
            flat(&block, &[1; 64], &mut expected, 8, 8);
            full(&block, &[1; 64], &mut out, 8);
            assert_eq!(out, expected);
            half(&block, &[1; 64], &mut out, 8);
            assert_eq!(out[..4], expected[..4]);
            let mut columns = [Halves::default()];
            quarter_columns(&block, &[1; 64], &mut columns[0]);
            let (mut upper, mut lower) = ([[0; 2]], [[0; 2]]);
            quarter_rows(&columns, [&mut upper, &mut lower]);
            assert_eq!([upper[0], lower[0]], [[expected[0]; 2]; 2]);
        }
    }
}
