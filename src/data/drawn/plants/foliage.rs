//! Stems and leaves of a species.

use std::f32::consts::PI;

use fastrand::Rng;

use super::traits::{Foliage, LeafShape};
use crate::data::drawn::canvas::{Canvas, Rgb, scale};
use crate::data::drawn::palette::{between, hsv};
use crate::data::drawn::petal::{Mark, Petal};
use crate::data::drawn::pose::{Pose, turn};

/// A curved stem between two points, in pixels.
#[derive(Clone, Copy)]
pub(super) struct Stem {
    pub(super) top: [f32; 2],
    pub(super) foot: [f32; 2],
    /// How far its middle is off the straight line.
    pub(super) bow: f32,
}

impl Stem {
    /// A point of it: 0 is the top, 1 the foot.
    pub(super) fn at(&self, t: f32) -> [f32; 2] {
        let x = self.top[0] + (self.foot[0] - self.top[0]) * t + self.bow * (t * PI).sin();
        [x, self.top[1] + (self.foot[1] - self.top[1]) * t]
    }

    pub(super) fn paint(&self, canvas: &mut Canvas, thick: f32, colour: Rgb) {
        const PIECES: usize = 14;
        for i in 0..PIECES {
            let (from, to) = (i as f32 / PIECES as f32, (i + 1) as f32 / PIECES as f32);
            canvas.stroke(self.at(from), self.at(to), thick, thick, colour);
        }
    }
}

impl Foliage {
    /// The green of one plant.
    pub(super) fn colour(&self, rng: &mut Rng) -> Rgb {
        let [hue, saturation, value] = self.green;
        hsv(hue + between(rng, -0.02, 0.02), saturation, value * between(rng, 0.8, 1.2))
    }

    /// Leaves along a stem, as long as the species' are for a flower of `radius` pixels.
    pub(super) fn paint(
        &self,
        canvas: &mut Canvas,
        stem: Stem,
        radius: f32,
        colour: Rgb,
        light: [f32; 2],
        rng: &mut Rng,
    ) {
        for _ in 0..rng.u32(self.count / 2..=self.count) {
            let at = stem.at(between(rng, 0.25, 0.95));
            let rise = between(rng, 0.0, 1.0);
            let angle = if rng.bool() { PI + rise } else { -rise };
            let length = radius * self.length * between(rng, 0.8, 1.2);
            let pose = Pose { centre: at, radius: length, rotation: 0.0, squash: 1.0, towards: 0.0 };
            self.leaf(canvas, pose, angle, colour, light, rng);
        }
    }

    fn leaf(&self, canvas: &mut Canvas, pose: Pose, angle: f32, colour: Rgb, light: [f32; 2], rng: &mut Rng) {
        match self.shape {
            LeafShape::Simple => self.blade(colour, angle, [0.0; 2], 1.0, rng).paint(canvas, pose, light),
            LeafShape::Hand(count) => {
                for i in 0..count {
                    let spread = 2.2 * (i as f32 / (count - 1) as f32 - 0.5);
                    let length = 1.0 - 0.2 * spread.abs();
                    let leaflet = self.blade(colour, angle + spread, [0.0; 2], length * 0.8, rng);
                    leaflet.paint(canvas, pose, light);
                }
            }
            LeafShape::Feather(pairs) => {
                let tip = pose.to_image(turn([1.0, 0.0], angle));
                let thick = (0.03 * pose.radius).max(1.5);
                canvas.stroke(pose.centre, tip, thick, thick * 0.5, scale(colour, 0.8));
                for i in 0..pairs {
                    let along = 0.2 + 0.7 * i as f32 / pairs as f32;
                    let from = turn([along, 0.0], angle);
                    let length = 0.42 * (1.15 - along);
                    for side in [-0.9, 0.9] {
                        self.blade(colour, angle + side, from, length, rng).paint(canvas, pose, light);
                    }
                }
                let from = turn([0.85, 0.0], angle);
                self.blade(colour, angle, from, 0.25, rng).paint(canvas, pose, light);
            }
        }
    }

    fn blade(&self, colour: Rgb, angle: f32, from: [f32; 2], length: f32, rng: &mut Rng) -> Petal {
        let paler = scale(colour, 1.45);
        Petal {
            outline: self.outline,
            angle,
            from,
            length,
            width: self.width * length,
            bend: between(rng, -0.2, 0.2),
            root: scale(colour, 0.8),
            tip: scale(colour, between(rng, 0.9, 1.25)),
            mark: if self.band > 0.0 { Mark::Band(paler, self.band) } else { Mark::Plain },
            hollow: 0.5,
            phase: between(rng, 0.0, 2.0 * PI),
        }
    }
}
