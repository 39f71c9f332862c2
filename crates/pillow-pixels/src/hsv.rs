//! Hue, saturation and value, 8 bits each: Pillow's `convert("HSV")`.

use image::RgbImage;

use crate::vectors::widest;

/// How many pixels are converted at once: a few vectors' worth.
const SIDE_BY_SIDE: usize = 64;

/// Turns the colour circle by `steps` of 256, wrapping around: what `convert("HSV")`, an addition to its first channel,
/// and `convert("RGB")` give. (A byte of 255 is a whole turn there as 0 is.)
pub fn shift_hue(picture: &mut RgbImage, steps: u8) {
    let sectors: [Sector; 256] = std::array::from_fn(|hue| Sector::of(hue as u8));
    let pixels: &mut [u8] = picture;
    let (blocks, rest) = pixels.as_chunks_mut::<3>().0.as_chunks_mut::<SIDE_BY_SIDE>();
    widest(
        #[inline(always)]
        || {
            for block in blocks {
                turn(block, steps, &sectors);
            }
            let mut last = [[0; 3]; SIDE_BY_SIDE];
            last[..rest.len()].copy_from_slice(rest);
            turn(&mut last, steps, &sectors);
            rest.copy_from_slice(&last[..rest.len()]);
        },
    );
}

/// Consecutive branch-free loops compile to vector instructions; branches on a colour's sixth would be
/// unpredictable.
#[inline(always)]
fn turn(pixels: &mut [[u8; 3]; SIDE_BY_SIDE], steps: u8, sectors: &[Sector; 256]) {
    let mut hsv = [[0u8; SIDE_BY_SIDE]; 3];
    for (at, pixel) in pixels.iter().enumerate() {
        [hsv[0][at], hsv[1][at], hsv[2][at]] = from_rgb(*pixel);
    }
    let (mut fades, mut indices) = ([0f64; SIDE_BY_SIDE], [0u8; SIDE_BY_SIDE]);
    for at in 0..SIDE_BY_SIDE {
        let sector = &sectors[usize::from(hsv[0][at].wrapping_add(steps))];
        (fades[at], indices[at]) = (sector.fade, sector.index);
    }
    for (at, pixel) in pixels.iter_mut().enumerate() {
        *pixel = of_sector(Sector { index: indices[at], fade: fades[at] }, hsv[1][at], hsv[2][at]);
    }
}

/// Red, green and blue to hue, saturation and value, 0..=255 each: `colorsys` in single precision, scaled to 255 and
/// truncated.
#[inline(always)]
pub fn from_rgb([red, green, blue]: [u8; 3]) -> [u8; 3] {
    let (most, least) = (red.max(green).max(blue), red.min(green).min(blue));
    // A grey has no hue, so any divisor but zero will do.
    let range = f32::from((most - least).max(1));
    let saturation = f32::from(most - least) / f32::from(most.max(1));
    let [to_red, to_green, to_blue] = [red, green, blue].map(
        #[inline(always)]
        |value| f32::from(most - value) / range,
    );
    let of_red = to_blue - to_green;
    let of_green = (2.0 + f64::from(to_red) - f64::from(to_blue)) as f32;
    let of_blue = (4.0 + f64::from(to_green) - f64::from(to_red)) as f32;
    let of_others = if green == most { of_green } else { of_blue };
    let hue = if red == most { of_red } else { of_others };
    // A sixth of the hue plus one lies in 5/6..2, so its remainder by 1 needs no division.
    let turn = f64::from(hue) / 6.0 + 1.0;
    let turn = (turn - if turn >= 1.0 { 1.0 } else { 0.0 }) as f32;
    let gray = most == least;
    let scaled = [f64::from(turn) * 255.0, f64::from(saturation) * 255.0].map(whole);
    [if gray { 0 } else { scaled[0] as u8 }, scaled[1] as u8, most]
}

/// Without its fraction; for values of 0.0..256.0.
#[inline(always)]
fn whole(value: f64) -> i32 {
    value as i32
}

/// What the conversion back to RGB needs to know about a hue.
#[derive(Clone, Copy)]
struct Sector {
    /// Which sixth of the colour circle, 0..6.
    index: u8,
    /// How far the middle channel is from the strongest: of an even sixth 1 - f, of an odd one f, with f
    /// the place within the sixth.
    fade: f64,
}

impl Sector {
    fn of(hue: u8) -> Self {
        let sixths = f64::from(hue) * 6.0 / 255.0;
        let index = sixths as u8;
        let place = (sixths - f64::from(index)) as f32;
        let odd = index % 2 == 1;
        let fade = if odd { f64::from(place) } else { 1.0 - f64::from(place) };
        // A hue of 255 is the whole circle: sixth 0 again.
        Sector { index: index % 6, fade }
    }
}

/// Hue, saturation and value, 0..=255 each, to red, green and blue: Pillow's `convert("RGB")` of an HSV picture.
pub fn to_rgb([hue, saturation, value]: [u8; 3]) -> [u8; 3] {
    of_sector(Sector::of(hue), saturation, value)
}

#[inline(always)]
fn of_sector(sector: Sector, saturation: u8, value: u8) -> [u8; 3] {
    let strength = (f64::from(saturation) / 255.0) as f32;
    // Pillow multiplies the odd sixths' fade in single precision, the even ones' in double.
    let (of_odd, of_even) = (f64::from(strength * sector.fade as f32), f64::from(strength) * sector.fade);
    let faded = if sector.index % 2 == 1 { of_odd } else { of_even };
    let weakest = rounded(f64::from(value) * (1.0 - f64::from(strength)));
    let middle = rounded(f64::from(value) * (1.0 - faded));
    let is = |one: u8, other: u8| sector.index == one || sector.index == other;
    // A grey has no saturation, which makes all three equal.
    [
        if is(0, 5) {
            value
        } else if is(1, 4) {
            middle
        } else {
            weakest
        },
        if is(1, 2) {
            value
        } else if is(0, 3) {
            middle
        } else {
            weakest
        },
        if is(3, 4) {
            value
        } else if is(2, 5) {
            middle
        } else {
            weakest
        },
    ]
}

/// A value of 0.0..=255.0 to the nearest byte, halves up.
#[inline(always)]
fn rounded(value: f64) -> u8 {
    let below = whole(value);
    (below + i32::from(value - f64::from(below) >= 0.5)) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected: Pillow's `convert("HSV")` of single colours.
    #[test]
    fn hsv_of_colours() {
        for (colour, expected) in [
            ([255, 0, 0], [0, 255, 255]),
            ([0, 255, 0], [85, 255, 255]),
            ([0, 0, 255], [170, 255, 255]),
            ([200, 100, 50], [14, 191, 200]),
            ([10, 20, 30], [148, 170, 30]),
            ([7, 7, 7], [0, 0, 7]),
        ] {
            assert_eq!(from_rgb(colour), expected, "{colour:?}");
        }
    }

    /// With no turn, the way there and back moves each channel by a few steps at most.
    #[test]
    fn there_and_back() {
        for red in (0..=255).step_by(15) {
            for green in (0..=255).step_by(15) {
                for blue in (0..=255).step_by(15) {
                    let colour = [red as u8, green as u8, blue as u8];
                    let back = to_rgb(from_rgb(colour));
                    for (a, b) in colour.iter().zip(back) {
                        assert!(a.abs_diff(b) <= 7, "{colour:?} became {back:?}");
                    }
                }
            }
        }
    }

    /// The vector loop gives what the functions of one pixel give, at the end of a picture too.
    #[test]
    fn pixels_side_by_side_are_as_one_by_one() {
        let picture =
            RgbImage::from_fn(13, 11, |x, y| image::Rgb([x as u8 * 19, y as u8 * 23, (x * y) as u8]));
        let mut turned = picture.clone();
        shift_hue(&mut turned, 231);
        for (before, after) in picture.pixels().zip(turned.pixels()) {
            let [hue, saturation, value] = from_rgb(before.0);
            assert_eq!(after.0, to_rgb([hue.wrapping_add(231), saturation, value]));
        }
    }
}
