//! `adjust_hue`, by way of Pillow's 8-bit HSV.

use image::RgbImage;

use crate::{Error, Result};

/// Turns the colour circle: by `factor` of a whole turn, -0.5..=0.5.
///
/// The hue is a byte that wraps around, as in torchvision on a PIL image: a turn of 0.1 is 25 steps of
/// 255, and the way to HSV and back itself moves a colour by a little.
///
/// # Errors
/// When `factor` is out of range.
pub fn adjust_hue(picture: &RgbImage, factor: f64) -> Result<RgbImage> {
    if !(-0.5..=0.5).contains(&factor) {
        let problem = format!("hue factor is {factor}: it must lie in -0.5..=0.5");
        return Err(Error::Transform { transform: "adjust_hue".into(), problem });
    }
    let mut out = picture.clone();
    hue_in_place(&mut out, factor);
    Ok(out)
}

pub(super) fn hue_in_place(picture: &mut RgbImage, factor: f64) {
    // Truncated, then modulo 256.
    let shift = (factor * 255.0) as i32 as u8;
    let sectors: [Sector; 256] = std::array::from_fn(|hue| Sector::of(hue as u8));
    let pixels: &mut [u8] = picture;
    for pixel in pixels.as_chunks_mut::<3>().0 {
        let (hue, saturation, value) = to_hsv(*pixel);
        *pixel = to_rgb(&sectors[usize::from(hue.wrapping_add(shift))], saturation, value);
    }
}

/// Pillow's `convert("HSV")` of one pixel: `colorsys` in single precision, scaled to 255 and truncated.
fn to_hsv([red, green, blue]: [u8; 3]) -> (u8, u8, u8) {
    let (most, least) = (red.max(green).max(blue), red.min(green).min(blue));
    if most == least {
        return (0, 0, most);
    }
    let range = f32::from(most - least);
    let saturation = range / f32::from(most);
    let distance = |value: u8| f32::from(most - value) / range;
    let hue = if red == most {
        distance(blue) - distance(green)
    } else if green == most {
        (2.0 + f64::from(distance(red)) - f64::from(distance(blue))) as f32
    } else {
        (4.0 + f64::from(distance(green)) - f64::from(distance(red))) as f32
    };
    // A sixth of the hue plus one lies in 5/6..2, so its remainder by 1 needs no division.
    let turn = f64::from(hue) / 6.0 + 1.0;
    let turn = (if turn >= 1.0 { turn - 1.0 } else { turn }) as f32;
    ((f64::from(turn) * 255.0) as u8, (f64::from(saturation) * 255.0) as u8, most)
}

/// What the way back to RGB needs to know of a hue.
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

/// Pillow's conversion of one pixel back to RGB.
fn to_rgb(sector: &Sector, saturation: u8, value: u8) -> [u8; 3] {
    if saturation == 0 {
        return [value; 3];
    }
    let strength = (f64::from(saturation) / 255.0) as f32;
    let odd = sector.index % 2 == 1;
    // Pillow multiplies the odd sixths' fade in single precision, the even ones' in double.
    let faded =
        if odd { f64::from(strength * sector.fade as f32) } else { f64::from(strength) * sector.fade };
    let weakest = rounded(f64::from(value) * (1.0 - f64::from(strength)));
    let middle = rounded(f64::from(value) * (1.0 - faded));
    match sector.index {
        0 => [value, middle, weakest],
        1 => [middle, value, weakest],
        2 => [weakest, value, middle],
        3 => [weakest, middle, value],
        4 => [middle, weakest, value],
        _ => [value, weakest, middle],
    }
}

/// A value of 0..=255 to the nearest byte, halves up.
fn rounded(value: f64) -> u8 {
    let whole = value as u8;
    if value - f64::from(whole) >= 0.5 { whole + 1 } else { whole }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected: Pillow's `convert("HSV")` of single colours.
    #[test]
    fn hsv_of_colours() {
        for (colour, expected) in [
            ([255, 0, 0], (0, 255, 255)),
            ([0, 255, 0], (85, 255, 255)),
            ([0, 0, 255], (170, 255, 255)),
            ([200, 100, 50], (14, 191, 200)),
            ([10, 20, 30], (148, 170, 30)),
            ([7, 7, 7], (0, 0, 7)),
        ] {
            assert_eq!(to_hsv(colour), expected, "{colour:?}");
        }
    }

    /// With no turn, the way there and back moves each channel by a few steps at most.
    #[test]
    fn there_and_back() {
        for red in (0..=255).step_by(15) {
            for green in (0..=255).step_by(15) {
                for blue in (0..=255).step_by(15) {
                    let colour = [red as u8, green as u8, blue as u8];
                    let (hue, saturation, value) = to_hsv(colour);
                    let back = to_rgb(&Sector::of(hue), saturation, value);
                    for (a, b) in colour.iter().zip(back) {
                        assert!(a.abs_diff(b) <= 7, "{colour:?} became {back:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn factors_out_of_range() {
        assert!(adjust_hue(&RgbImage::new(1, 1), 0.51).is_err());
        assert!(adjust_hue(&RgbImage::new(1, 1), f64::NAN).is_err());
    }
}
