//! A bloom of a species' traits.

use std::f32::consts::PI;

use fastrand::Rng;

use super::traits::{Arrangement, Limb, Middle, Pattern, Tint, Traits};
use crate::data::drawn::blooms::{Bloom, golden, petal, whorl};
use crate::data::drawn::canvas::{Rgb, mix, scale};
use crate::data::drawn::centre::Centre;
use crate::data::drawn::palette::{Colours, between, hsv};
use crate::data::drawn::petal::{Mark, Petal};

impl Traits {
    /// The colours of one plant.
    pub(super) fn colours(&self, rng: &mut Rng) -> Colours {
        Colours::pick(rng, &self.dyes)
    }

    /// One bloom of a plant with these colours.
    pub(super) fn bloom(&self, colours: Colours, rng: &mut Rng) -> Bloom {
        let mark = self.mark(colours, rng);
        let mut petals = self.petals(colours, rng);
        for petal in &mut petals {
            petal.bend += self.bend;
            petal.hollow = self.hollow;
            petal.mark = mark;
        }
        Bloom { petals, centre: self.centre(colours, rng) }
    }

    fn petals(&self, colours: Colours, rng: &mut Rng) -> Vec<Petal> {
        let mut petals = Vec::new();
        match &self.arrangement {
            Arrangement::Whorls { count, rows, shrink } => {
                // With many petals, the number varies by one.
                let count = if *count > 11 { count + rng.u32(..3) - 1 } else { *count };
                for row in 0..*rows {
                    let length = shrink.powi(row as i32);
                    let turn = 0.5 * (row % 2) as f32;
                    let size = (length, self.width * length.sqrt());
                    petals.extend(whorl(rng, colours, self.outline, count, turn, size));
                }
            }
            Arrangement::Spiral { count, inner } => {
                for i in 0..*count {
                    let inwards = i as f32 / *count as f32;
                    let length = 1.0 - (1.0 - inner) * inwards;
                    let angle = i as f32 * 2.399_963;
                    petals.push(petal(rng, colours, self.outline, angle, length, self.width * length));
                }
            }
            Arrangement::TwoSided { limbs } => {
                for limb in limbs {
                    petals.extend(self.limb(limb, colours, rng));
                }
            }
        }
        petals
    }

    /// The petal, or the petal and its mirror image.
    fn limb(&self, limb: &Limb, colours: Colours, rng: &mut Rng) -> Vec<Petal> {
        let tint = Colours { tip: colours.accent, root: scale(colours.accent, 0.8), ..colours };
        let colours = if limb.tinted { tint } else { colours };
        let single = limb.angle < 0.05 || limb.angle > PI - 0.05;
        let sides: &[f32] = if single { &[1.0] } else { &[1.0, -1.0] };
        let grown = sides.iter().map(|side| {
            let angle = side * limb.angle - PI / 2.0;
            petal(rng, colours, self.outline, angle, limb.length, limb.width * limb.length)
        });
        grown.collect()
    }

    fn mark(&self, colours: Colours, rng: &mut Rng) -> Mark {
        let tint = self.pattern_tint.colour(colours, rng);
        match self.pattern {
            Pattern::Plain => Mark::Plain,
            Pattern::Band(half) => Mark::Band(tint, half),
            Pattern::Eye(length) => Mark::Eye(tint, length),
            Pattern::Rim => Mark::Rim(tint),
            Pattern::Spots => Mark::Spots(tint),
            Pattern::Tip(length) => Mark::Tip(tint, length),
            Pattern::Veins(count) => Mark::Veins(tint, count),
            Pattern::Belt(at) => Mark::Belt(tint, at),
        }
    }

    fn centre(&self, colours: Colours, rng: &mut Rng) -> Centre {
        let colour = self.middle_tint.colour(colours, rng);
        let second = mix(colour, colours.accent, 0.8);
        match self.middle {
            Middle::Hidden => Centre::Hidden,
            Middle::Disc(radius) => Centre::Disc { radius, colour },
            Middle::Rimmed(radius) => Centre::Rimmed { radius, colour, rim: second },
            Middle::Stamens { count, length, button } => {
                let anther = if button > 0.1 { scale(colour, 0.7) } else { golden(rng) };
                Centre::Stamens { count, length, colour, anther, button }
            }
            Middle::Crown { count, length } => Centre::Crown { count, length, colour, inner: second },
            Middle::Trumpet(radius) => Centre::Trumpet { radius, colour },
            Middle::Column(length) => Centre::Column { length, angle: between(rng, 0.0, 2.0 * PI), colour },
        }
    }
}

impl Tint {
    fn colour(self, colours: Colours, rng: &mut Rng) -> Rgb {
        match self {
            Tint::Golden => golden(rng),
            Tint::Dark => hsv(between(rng, 0.7, 1.05), 0.5, between(rng, 0.14, 0.3)),
            Tint::Pale => mix(colours.tip, [1.0, 0.99, 0.93], 0.82),
            Tint::Green => hsv(between(rng, 0.2, 0.28), 0.6, between(rng, 0.5, 0.75)),
            Tint::Accent => colours.accent,
            Tint::Fixed(dye) => Colours::pick(rng, &[dye]).tip,
        }
    }
}
