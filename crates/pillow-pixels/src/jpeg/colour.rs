//! From components to RGB: libjpeg's fixed-point arithmetic, and Pillow's for CMYK.

/// Pixels processed at once.
const LANES: usize = 16;

/// What the components of a picture are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colours {
    Grey,
    Rgb,
    YCbCr,
    Cmyk,
    Ycck,
}

/// Red, green, blue, and an unused byte.
pub(crate) type Pixel = [u8; 4];

/// Writes one row: `components` have one sample for each pixel of `out`.
#[inline(always)]
pub(super) fn convert(colours: Colours, components: [&[u8]; 4], out: &mut [Pixel]) {
    let [first, second, third, fourth] = components;
    match colours {
        Colours::Grey => {
            for (pixel, &grey) in out.iter_mut().zip(first) {
                *pixel = [grey, grey, grey, 0];
            }
        }
        Colours::Rgb => {
            for (((pixel, &red), &green), &blue) in out.iter_mut().zip(first).zip(second).zip(third) {
                *pixel = [red, green, blue, 0];
            }
        }
        Colours::YCbCr => ycc_row(first, second, third, out),
        Colours::Cmyk | Colours::Ycck => {
            if colours == Colours::Ycck {
                // The luminance and chrominance encode inverted CMY.
                ycc_row(first, second, third, out);
            }
            for (place, pixel) in out.iter_mut().enumerate() {
                let inks = match colours {
                    Colours::Cmyk => [first[place], second[place], third[place]].map(|ink| 255 - ink),
                    _ => [pixel[0], pixel[1], pixel[2]],
                };
                let [red, green, blue] = under_black(inks, fourth[place]);
                *pixel = [red, green, blue, 0];
            }
        }
    }
}

/// Pillow's conversion of CMYK as Adobe's programs store it, inverted: `light` is 255 less the black.
fn under_black(inks: [u8; 3], light: u8) -> [u8; 3] {
    inks.map(|ink| {
        let product = u32::from(ink) * u32::from(light) + 128;
        light.saturating_sub((((product >> 8) + product) >> 8) as u8)
    })
}

#[inline(always)]
fn ycc_row(y: &[u8], cb: &[u8], cr: &[u8], out: &mut [Pixel]) {
    let whole = out.len() / LANES * LANES;
    let (chunks, rest) = out.as_chunks_mut::<LANES>();
    let parts = y.as_chunks::<LANES>().0.iter().zip(cb.as_chunks::<LANES>().0).zip(cr.as_chunks::<LANES>().0);
    for (pixels, ((y, cb), cr)) in chunks.iter_mut().zip(parts) {
        *pixels = ycc(y, cb, cr).map(u32::to_le_bytes);
    }
    if !rest.is_empty() {
        let mut tails = [[0; LANES]; 3];
        for (tail, samples) in tails.iter_mut().zip([y, cb, cr]) {
            tail[..rest.len()].copy_from_slice(&samples[whole..whole + rest.len()]);
        }
        let pixels = ycc(&tails[0], &tails[1], &tails[2]).map(u32::to_le_bytes);
        rest.copy_from_slice(&pixels[..rest.len()]);
    }
}

/// Pixels as red + green · 2⁸ + blue · 2¹⁶.
///
/// R = Y + 1.402 Cr, G = Y - 0.34414 Cb - 0.71414 Cr, B = Y + 1.772 Cb, with Cb and Cr around 0: 16 bits of
/// fraction, rounded. Written so that 16-bit multiplications do: 1.402 is 1 and 0.402, 1.772 is 2 less
/// 0.228, 0.71414 is 1 less 0.28586; a product's upper half of twice the number, plus 1, halved, is the
/// product rounded.
#[inline(always)]
fn ycc(y: &[u8; LANES], cb: &[u8; LANES], cr: &[u8; LANES]) -> [u32; LANES] {
    let upper_half = |a: i16, b: i16| (i32::from(a).wrapping_mul(b.into()) >> 16) as i16;
    let rounded = |twice: i16| twice.wrapping_add(1) >> 1;
    let byte = |value: i16| value.clamp(0, 255) as u16;
    let (mut low, mut high) = ([0u16; LANES], [0u16; LANES]);
    for i in 0..LANES {
        let y = i16::from(y[i]);
        let (cb, cr) = (i16::from(cb[i]).wrapping_sub(128), i16::from(cr[i]).wrapping_sub(128));
        let (cb_twice, cr_twice) = (cb.wrapping_add(cb), cr.wrapping_add(cr));
        let red = y.wrapping_add(cr).wrapping_add(rounded(upper_half(cr_twice, 26345)));
        let blue = y.wrapping_add(cb_twice).wrapping_add(rounded(upper_half(cb_twice, -14942)));
        let part = i32::from(cb).wrapping_mul(-22554).wrapping_add(i32::from(cr).wrapping_mul(18734));
        let green = y.wrapping_sub(cr).wrapping_add((part.wrapping_add(0x8000) >> 16) as i16);
        low[i] = byte(red) | byte(green) << 8;
        high[i] = byte(blue);
    }
    std::array::from_fn(|i| u32::from(low[i]) | u32::from(high[i]) << 16)
}

/// Four bytes a pixel to three, into as many pixels as `out` has room for.
pub(super) fn pack(pixels: &[Pixel], out: &mut [u8]) {
    let (pixels, last) = pixels.as_chunks::<4>();
    let (parts, rest) = out.as_chunks_mut::<12>();
    // Four pixels in two stores.
    for (bytes, pixels) in parts.iter_mut().zip(pixels) {
        let [a, b, c, d] = pixels.map(|[red, green, blue, _]| u32::from_le_bytes([red, green, blue, 0]));
        let front = u64::from(a) | u64::from(b) << 24 | u64::from(c) << 48;
        bytes[..8].copy_from_slice(&front.to_le_bytes());
        bytes[8..].copy_from_slice(&(c >> 16 | d << 8).to_le_bytes());
    }
    for (bytes, pixel) in rest.as_chunks_mut::<3>().0.iter_mut().zip(last) {
        *bytes = [pixel[0], pixel[1], pixel[2]];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every chrominance gives what libjpeg's tables give: products rounded, then added.
    #[test]
    fn all_chrominances() {
        for cb in 0..=255u8 {
            for cr in 0..=255u8 {
                let (u, v) = (i32::from(cb) - 128, i32::from(cr) - 128);
                let offsets = [
                    (91881 * v + 0x8000) >> 16,
                    (-22554 * u - 46802 * v + 0x8000) >> 16,
                    (116130 * u + 0x8000) >> 16,
                ];
                let mut out = [[0; 4]; 3];
                ycc_row(&[0, 128, 255], &[cb; 3], &[cr; 3], &mut out);
                for (pixel, y) in out.iter().zip([0, 128, 255]) {
                    let [red, green, blue] = offsets.map(|offset| (y + offset).clamp(0, 255) as u8);
                    assert_eq!(*pixel, [red, green, blue, 0], "{cb} {cr}");
                }
            }
        }
    }

    #[test]
    fn packed() {
        let pixels: [Pixel; 6] = std::array::from_fn(|i| [1, 2, 3, 9].map(|part| i as u8 * 10 + part));
        let mut out = [0; 18];
        pack(&pixels, &mut out);
        assert_eq!(out, [1, 2, 3, 11, 12, 13, 21, 22, 23, 31, 32, 33, 41, 42, 43, 51, 52, 53]);
    }

    /// Expected: Pillow's `Image.merge("CMYK", …).convert("RGB")` of the inverted bytes.
    #[test]
    fn inks() {
        assert_eq!(under_black([0, 0, 0], 255), [255; 3]);
        assert_eq!(under_black([255, 0, 128], 255), [0, 255, 127]);
        assert_eq!(under_black([10, 20, 30], 0), [0; 3]);
    }
}
