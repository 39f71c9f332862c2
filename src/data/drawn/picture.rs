//! One picture of the drawn set: setting, flower, light, grain.

use std::f32::consts::TAU;

use fastrand::Rng;
use image::RgbImage;

use super::backdrop;
use super::canvas::{Canvas, mix, scale};
use super::palette::between;
use super::pose::Pose;
use super::species::Species;

/// Width and height of a picture in pixels.
pub(super) const SIDE: usize = 256;

/// Paints one flower; the same seed paints the same picture.
pub(super) fn picture(species: &Species, seed: u64) -> RgbImage {
    let mut rng = Rng::with_seed(seed);
    let mut canvas = Canvas::new(SIDE);
    let light = light(&mut rng);
    let pose = pose(species, &mut rng);
    backdrop::paint(&mut canvas, &mut rng);
    backdrop::stem(&mut canvas, pose, light, &mut rng);
    let bloom = species.grow(&mut rng);
    for petal in &bloom.petals {
        petal.paint(&mut canvas, pose, light);
    }
    bloom.centre.paint(&mut canvas, pose, light, &mut rng);
    develop(&mut canvas, light, &mut rng);
    canvas.into_image()
}

/// The direction light comes from: from above, more or less to one side.
pub(super) fn light(rng: &mut Rng) -> [f32; 2] {
    let angle = between(rng, -2.6, -0.55);
    [angle.cos(), angle.sin()]
}

fn pose(species: &Species, rng: &mut Rng) -> Pose {
    let side = SIDE as f32;
    let turned = if species.upright { between(rng, -0.5, 0.5) } else { between(rng, 0.0, TAU) };
    Pose {
        centre: [side * between(rng, 0.41, 0.59), side * between(rng, 0.39, 0.57)],
        radius: side * between(rng, 0.27, 0.42),
        rotation: turned,
        squash: between(rng, 0.66, 1.0),
        towards: between(rng, 0.0, TAU),
    }
}

/// Exposure, the colour of the light, darker corners and the sensor's grain.
fn develop(canvas: &mut Canvas, light: [f32; 2], rng: &mut Rng) {
    let exposure = between(rng, 0.82, 1.14);
    let warmth = if rng.bool() { [1.0, 0.93, 0.78] } else { [0.86, 0.94, 1.0] };
    let tint = between(rng, 0.0, 0.22);
    let grain = between(rng, 0.004, 0.02);
    canvas.map(|x, y, colour| {
        let (dx, dy) = (x - 0.5, y - 0.5);
        let fall = 1.0 - 0.45 * (dx * dx + dy * dy) + 0.16 * (dx * light[0] + dy * light[1]);
        let lit = scale(colour, exposure * fall);
        let tinted = mix(lit, std::array::from_fn(|i| lit[i] * warmth[i]), tint * 2.0);
        // The sum of two uniform distributions is close enough to a normal one.
        let noise = grain * (rng.f32() + rng.f32() - 1.0) * 2.0;
        tinted.map(|channel| channel + noise)
    });
}
