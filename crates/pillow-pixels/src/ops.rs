//! Lookup tables, greyscale and flips: Pillow's `ImageOps`.

use image::RgbImage;

/// A lookup table.
type Table = [u8; 256];

/// The negative: `ImageOps.invert`.
pub fn invert(picture: &mut RgbImage) {
    look_up(picture, &[table(|value| 255 - value); 3]);
}

/// Only the upper `bits` bits of each byte, 0 to 8: `ImageOps.posterize`. More are 8.
pub fn posterize(picture: &mut RgbImage, bits: u32) {
    let mask = 0xFFu8.checked_shl(8 - bits.min(8)).unwrap_or(0);
    look_up(picture, &[table(|value| value & mask); 3]);
}

/// Bytes not below `threshold` inverted: `ImageOps.solarize`.
pub fn solarize(picture: &mut RgbImage, threshold: f64) {
    look_up(picture, &[table(|value| if f64::from(value) < threshold { value } else { 255 - value }); 3]);
}

/// Each channel stretched so that its darkest byte becomes 0 and its lightest 255: `ImageOps.autocontrast`, without
/// cutoff.
pub fn autocontrast(picture: &mut RgbImage) {
    let tables = histograms(picture).map(|histogram| stretched(&histogram));
    look_up(picture, &tables);
}

/// The histogram of each channel made even: `ImageOps.equalize`.
pub fn equalize(picture: &mut RgbImage) {
    let tables = histograms(picture).map(|histogram| evened(&histogram));
    look_up(picture, &tables);
}

/// Grey, with three equal channels: `ImageOps.grayscale`, and `convert("RGB")` again.
pub fn grayscale(picture: &mut RgbImage) {
    let pixels: &mut [u8] = picture;
    for pixel in pixels.as_chunks_mut().0 {
        *pixel = [luma(*pixel); 3];
    }
}

/// The grey of a pixel, as `convert("L")`: ITU-R 601-2 in 16-bit fixed point, rounded.
pub fn luma([red, green, blue]: [u8; 3]) -> u8 {
    ((u32::from(red) * 19595 + u32::from(green) * 38470 + u32::from(blue) * 7471 + 0x8000) >> 16) as u8
}

/// Left and right exchanged: `ImageOps.mirror`.
pub fn mirror(picture: &mut RgbImage) {
    let stride = picture.width() as usize * 3;
    if stride == 0 {
        return;
    }
    for row in picture.chunks_exact_mut(stride) {
        row.as_chunks_mut::<3>().0.reverse();
    }
}

/// Top and bottom exchanged: `ImageOps.flip`.
pub fn flip(picture: &mut RgbImage) {
    let (stride, height) = (picture.width() as usize * 3, picture.height() as usize);
    if stride == 0 {
        return;
    }
    let pixels: &mut [u8] = picture;
    let (top, bottom) = pixels.split_at_mut(height / 2 * stride);
    for (upper, lower) in top.chunks_exact_mut(stride).zip(bottom.chunks_exact_mut(stride).rev()) {
        upper.swap_with_slice(lower);
    }
}

fn table(of: impl Fn(u8) -> u8) -> Table {
    std::array::from_fn(|value| of(value as u8))
}

fn look_up(picture: &mut RgbImage, tables: &[Table; 3]) {
    let pixels: &mut [u8] = picture;
    for pixel in pixels.as_chunks_mut::<3>().0 {
        for (value, table) in pixel.iter_mut().zip(tables) {
            *value = table[usize::from(*value)];
        }
    }
}

fn histograms(picture: &RgbImage) -> [[u64; 256]; 3] {
    let mut counts = [[0; 256]; 3];
    for pixel in picture.as_raw().as_chunks::<3>().0 {
        for (counts, value) in counts.iter_mut().zip(pixel) {
            counts[usize::from(*value)] += 1;
        }
    }
    counts
}

/// The table of `autocontrast`.
fn stretched(histogram: &[u64; 256]) -> Table {
    let low = histogram.iter().position(|&count| count > 0).unwrap_or(0);
    let high = histogram.iter().rposition(|&count| count > 0).unwrap_or(0);
    if high <= low {
        return table(|value| value);
    }
    let scale = 255.0 / (high - low) as f64;
    let offset = -(low as f64) * scale;
    table(|value| (f64::from(value) * scale + offset) as u8)
}

/// The table of `equalize`.
fn evened(histogram: &[u64; 256]) -> Table {
    let last = histogram.iter().rev().find(|&&count| count > 0).copied().unwrap_or(0);
    let step = (histogram.iter().sum::<u64>() - last) / 255;
    if step == 0 {
        return table(|value| value);
    }
    let mut seen = step / 2;
    std::array::from_fn(|value| {
        let level = (seen / step).min(255) as u8;
        seen += histogram[value];
        level
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(picture: &RgbImage, change: impl Fn(&mut RgbImage)) -> RgbImage {
        let mut out = picture.clone();
        change(&mut out);
        out
    }

    /// Expected: Pillow's `ImageOps`, on the pixels (200, 100, 50) and (10, 20, 30).
    #[test]
    fn two_pixels() {
        let picture = RgbImage::from_raw(2, 1, vec![200, 100, 50, 10, 20, 30]).unwrap();
        let bytes = |change: &dyn Fn(&mut RgbImage)| changed(&picture, change).into_raw();
        assert_eq!(bytes(&invert), [55, 155, 205, 245, 235, 225]);
        assert_eq!(bytes(&|picture| posterize(picture, 2)), [192, 64, 0, 0, 0, 0]);
        assert_eq!(bytes(&|picture| posterize(picture, 8)), picture.as_raw()[..]);
        assert_eq!(bytes(&|picture| posterize(picture, 0)), [0; 6]);
        assert_eq!(bytes(&|picture| solarize(picture, 100.0)), [55, 155, 50, 10, 20, 30]);
        assert_eq!(bytes(&autocontrast), [255, 255, 255, 0, 0, 0]);
        assert_eq!(bytes(&equalize), picture.as_raw()[..]);
    }

    #[test]
    fn a_picture_without_pixels_stays() {
        for change in [invert, autocontrast, equalize, grayscale, mirror, flip] {
            assert_eq!(changed(&RgbImage::new(0, 0), change), RgbImage::new(0, 0));
        }
    }

    /// Expected: Pillow's `Image.new("RGB", (1, 1), colour).convert("L")`.
    #[test]
    fn luma_of_colours() {
        for (colour, expected) in
            [([255, 0, 0], 76), ([0, 255, 0], 150), ([0, 0, 255], 29), ([255, 255, 255], 255), ([1, 2, 3], 2)]
        {
            assert_eq!(luma(colour), expected, "{colour:?}");
        }
    }

    #[test]
    fn flips() {
        let picture = RgbImage::from_fn(3, 5, |x, y| image::Rgb([x as u8, y as u8, 1]));
        let (across, down) = (changed(&picture, mirror), changed(&picture, flip));
        for (x, y, pixel) in picture.enumerate_pixels() {
            assert_eq!(across.get_pixel(2 - x, y), pixel);
            assert_eq!(down.get_pixel(x, 4 - y), pixel);
        }
    }
}
