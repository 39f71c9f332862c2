//! The colours of all pictures, distinguishable with red-green colour blindness.

use image::Rgb;

/// Writing.
pub(crate) const INK: Rgb<u8> = Rgb([45, 45, 45]);
/// Smaller text, and less important elements.
pub(crate) const GREY: Rgb<u8> = Rgb([110, 110, 110]);
/// Grid lines and frames.
pub(crate) const FAINT: Rgb<u8> = Rgb([228, 228, 228]);
pub(crate) const WHITE: Rgb<u8> = Rgb([255; 3]);
/// Matplotlib's first blue, here for training and for all that is only counted.
pub(crate) const BLUE: Rgb<u8> = Rgb([31, 119, 180]);
/// For validation, and for what should stand out.
pub(crate) const ORANGE: Rgb<u8> = Rgb([225, 92, 20]);
pub(crate) const PURPLE: Rgb<u8> = Rgb([112, 72, 160]);
/// Matplotlib's "green", and a red as dark as it: right and wrong. A mark always says the same.
pub(crate) const GREEN: Rgb<u8> = Rgb([0, 128, 0]);
pub(crate) const RED: Rgb<u8> = Rgb([208, 0, 0]);

/// Colours for groups, in the order of Paul Tol's "bright" and "muted" schemes, the darker ones.
const GROUPS: [[u8; 3]; 12] = [
    [68, 119, 170],
    [238, 102, 119],
    [34, 136, 51],
    [204, 187, 68],
    [102, 204, 238],
    [170, 51, 119],
    [153, 153, 51],
    [136, 34, 85],
    [51, 34, 136],
    [68, 170, 153],
    [221, 119, 51],
    [119, 119, 119],
];

/// The colour of a group; they repeat after twelve.
pub(crate) fn group(index: usize) -> Rgb<u8> {
    Rgb(GROUPS[index % GROUPS.len()])
}

/// The nine steps of ColorBrewer's "Blues", from white to dark.
const BLUES: [[u8; 3]; 9] = [
    [255, 255, 255],
    [222, 235, 247],
    [198, 219, 239],
    [158, 202, 225],
    [107, 174, 214],
    [66, 146, 198],
    [33, 113, 181],
    [8, 81, 156],
    [8, 48, 107],
];

/// ColorBrewer's "Oranges" from white, as bright as its "Blues" step by step.
const ORANGES: [[u8; 3]; 9] = [
    [255, 255, 255],
    [254, 230, 206],
    [253, 208, 162],
    [253, 174, 107],
    [253, 141, 60],
    [241, 105, 19],
    [217, 72, 1],
    [166, 54, 3],
    [127, 39, 4],
];

/// Matplotlib's "inferno" at eighths: even in brightness, from black over red to pale yellow.
const INFERNO: [[u8; 3]; 9] = [
    [0, 0, 4],
    [32, 12, 74],
    [87, 16, 110],
    [138, 34, 106],
    [188, 55, 84],
    [228, 89, 50],
    [249, 140, 10],
    [246, 200, 64],
    [252, 255, 164],
];

/// Matplotlib's "viridis" at eighths.
const VIRIDIS: [[u8; 3]; 9] = [
    [68, 1, 84],
    [71, 45, 123],
    [59, 82, 139],
    [44, 114, 142],
    [33, 144, 141],
    [39, 173, 129],
    [92, 200, 99],
    [170, 220, 50],
    [253, 231, 37],
];

/// ColorBrewer's "RdBu" the other way round: blue below, white in the middle, red above.
const BLUE_RED: [[u8; 3]; 9] = [
    [33, 102, 172],
    [67, 147, 195],
    [146, 197, 222],
    [209, 229, 240],
    [247, 247, 247],
    [253, 219, 199],
    [244, 165, 130],
    [214, 96, 77],
    [178, 24, 43],
];

/// For counts and shares: 0 is white, 1 dark blue.
pub(crate) fn blues(t: f64) -> Rgb<u8> {
    ramp(&BLUES, t)
}

/// For what is wrong: 0 is white, 1 dark orange.
pub(crate) fn oranges(t: f64) -> Rgb<u8> {
    ramp(&ORANGES, t)
}

/// For warmth over a photograph.
pub(crate) fn inferno(t: f64) -> Rgb<u8> {
    ramp(&INFERNO, t)
}

/// For values without a middle.
pub(crate) fn viridis(t: f64) -> Rgb<u8> {
    ramp(&VIRIDIS, t)
}

/// For values around 0, which is at `t = 0.5`.
pub(crate) fn blue_red(t: f64) -> Rgb<u8> {
    ramp(&BLUE_RED, t)
}

/// Between the steps, linearly; NaN is grey.
fn ramp(steps: &[[u8; 3]; 9], t: f64) -> Rgb<u8> {
    if t.is_nan() {
        return Rgb([190; 3]);
    }
    let place = t.clamp(0.0, 1.0) * 8.0;
    let (index, share) = ((place.floor() as usize).min(7), place - place.floor().min(7.0));
    let mixed = |c: usize| {
        let (low, high) = (f64::from(steps[index][c]), f64::from(steps[index + 1][c]));
        (low + (high - low) * share).round() as u8
    };
    Rgb([mixed(0), mixed(1), mixed(2)])
}

/// White or ink, whichever is more readable on a colour (WCAG's relative luminance).
pub(crate) fn ink_on(ground: Rgb<u8>) -> Rgb<u8> {
    let linear = |value: u8| (f64::from(value) / 255.0).powf(2.2);
    let [r, g, b] = ground.0.map(linear);
    if 0.2126 * r + 0.7152 * g + 0.0722 * b < 0.22 { WHITE } else { INK }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ramps_go_through_their_steps() {
        assert_eq!(blues(0.0), WHITE);
        assert_eq!(blues(1.0).0, [8, 48, 107]);
        assert_eq!(blues(0.5).0, [107, 174, 214]);
        assert_eq!(blues(7.0), blues(1.0));
        assert_eq!(blue_red(0.5).0, [247; 3]);
        assert_eq!(inferno(f64::NAN).0, [190; 3]);
        assert_eq!(ink_on(blues(1.0)), WHITE);
        assert_eq!(ink_on(blues(0.2)), INK);
    }
}
