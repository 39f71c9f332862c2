//! One picture of a plant: setting, stems and leaves, blooms, light.

use std::f32::consts::TAU;

use fastrand::Rng;
use image::RgbImage;
use image::imageops::{FilterType, resize};

use super::foliage::Stem;
use super::setting;
use super::traits::{Habit, Traits};
use crate::data::drawn::canvas::{Canvas, scale};
use crate::data::drawn::palette::{Colours, between};
use crate::data::drawn::picture::{SIDE, light};
use crate::data::drawn::pose::Pose;

/// Paints one plant, `side` pixels wide and high; the same seed paints the same picture.
pub(super) fn portrait(traits: &Traits, seed: u64, side: u32) -> RgbImage {
    let mut rng = Rng::with_seed(seed);
    let rng = &mut rng;
    let mut canvas = Canvas::new(SIDE);
    let light = light(rng);
    let colours = traits.colours(rng);
    setting::paint(&mut canvas, light, rng);
    let blooms = traits.places(rng);
    traits.paint_green(&mut canvas, &blooms, light, rng);
    for pose in &blooms {
        traits.paint_bloom(&mut canvas, *pose, colours, light, rng);
    }
    setting::develop(&mut canvas, light, rng);
    let image = canvas.into_image();
    if side as usize == SIDE { image } else { resize(&image, side, side, FilterType::Triangle) }
}

impl Traits {
    /// Where the blooms are, the hindmost first.
    fn places(&self, rng: &mut Rng) -> Vec<Pose> {
        let side = SIDE as f32;
        let middle = [side * between(rng, 0.36, 0.64), side * between(rng, 0.34, 0.62)];
        match self.habit {
            Habit::Solitary => {
                let radius = side * between(rng, 0.22, 0.45);
                vec![self.pose(middle, radius, rng)]
            }
            Habit::Few(count) => (0..rng.u32(2..=count))
                .map(|_| {
                    let at = [side * between(rng, 0.18, 0.82), side * between(rng, 0.16, 0.72)];
                    let radius = side * between(rng, 0.15, 0.28);
                    self.pose(at, radius, rng)
                })
                .collect(),
            Habit::Head(count) => {
                let dome = side * between(rng, 0.2, 0.34);
                (0..count)
                    .map(|i| {
                        // From the rim to the middle, in the sunflower's spiral.
                        let out = dome * (1.0 - i as f32 / count as f32).sqrt();
                        let angle = i as f32 * 2.399_963 + between(rng, -0.2, 0.2);
                        let at = [middle[0] + out * angle.cos(), middle[1] + 0.8 * out * angle.sin()];
                        let radius = dome * 1.5 / (count as f32).sqrt() * between(rng, 0.8, 1.1);
                        self.pose(at, radius, rng)
                    })
                    .collect()
            }
            Habit::Spike(count) => {
                let (height, lean) = (side * between(rng, 0.55, 0.85), between(rng, -0.25, 0.25));
                (0..count)
                    .map(|i| {
                        let down = i as f32 / count as f32;
                        let swing = if i % 2 == 0 { -1.0 } else { 1.0 };
                        let radius = height * (0.07 + 0.11 * down) * between(rng, 0.85, 1.15);
                        let x = middle[0] + lean * height * (0.5 - down) + swing * 0.55 * radius;
                        let y = middle[1] + height * (down - 0.5);
                        self.pose([x, y], radius, rng)
                    })
                    .collect()
            }
        }
    }

    /// How a bloom of `radius` pixels at that place is turned.
    fn pose(&self, centre: [f32; 2], radius: f32, rng: &mut Rng) -> Pose {
        let upright = self.is_two_sided();
        let rotation = if upright { between(rng, -0.5, 0.5) } else { between(rng, 0.0, TAU) };
        Pose { centre, radius, rotation, squash: between(rng, 0.58, 1.0), towards: between(rng, 0.0, TAU) }
    }

    /// Stems and leaves, behind all blooms.
    fn paint_green(&self, canvas: &mut Canvas, blooms: &[Pose], light: [f32; 2], rng: &mut Rng) {
        let side = SIDE as f32;
        let colour = self.foliage.colour(rng);
        let foot = [side * between(rng, 0.2, 0.8), side * 1.06];
        let one_stem = matches!(self.habit, Habit::Head(_) | Habit::Spike(_));
        let stems: Vec<(Stem, f32)> = match blooms {
            [first, .., last] if one_stem => {
                let reach = if matches!(self.habit, Habit::Head(_)) { 2.2 } else { 3.0 };
                let top = if matches!(self.habit, Habit::Head(_)) { last.centre } else { first.centre };
                let bow = if reach > 2.5 { 0.0 } else { side * between(rng, -0.08, 0.08) };
                vec![(Stem { top, foot, bow }, reach * last.radius)]
            }
            _ => blooms
                .iter()
                .map(|pose| {
                    let bow = side * between(rng, -0.12, 0.12);
                    (Stem { top: pose.centre, foot, bow }, pose.radius)
                })
                .collect(),
        };
        for (stem, radius) in &stems {
            stem.paint(canvas, 0.07 * radius + 1.5, scale(colour, 0.95));
        }
        for (stem, radius) in stems {
            self.foliage.paint(canvas, stem, radius, colour, light, rng);
        }
    }

    fn paint_bloom(&self, canvas: &mut Canvas, pose: Pose, colours: Colours, light: [f32; 2], rng: &mut Rng) {
        let bloom = self.bloom(colours, rng);
        for petal in &bloom.petals {
            petal.paint(canvas, pose, light);
        }
        bloom.centre.paint(canvas, pose, light, rng);
    }
}
