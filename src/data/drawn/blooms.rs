//! The petals of each species: shape, number, arrangement and centre.

use std::f32::consts::{PI, TAU};

use fastrand::Rng;

use super::canvas::{mix, scale};
use super::centre::Centre;
use super::palette::{Colours, between, hsv};
use super::petal::{Mark, Outline, Petal};

/// A flower ready to paint: petals from the lowest to the topmost, then the middle.
pub(super) struct Bloom {
    pub(super) petals: Vec<Petal>,
    pub(super) centre: Centre,
}

/// A petal from the middle outwards with the flower's own colours.
pub(super) fn petal(
    rng: &mut Rng,
    colours: Colours,
    outline: Outline,
    angle: f32,
    length: f32,
    width: f32,
) -> Petal {
    Petal {
        outline,
        angle,
        from: [0.0, 0.0],
        length: length * between(rng, 0.95, 1.05),
        width: width * between(rng, 0.93, 1.07),
        bend: between(rng, -0.05, 0.05),
        root: colours.root,
        tip: scale(colours.tip, between(rng, 0.96, 1.03)),
        mark: Mark::Plain,
        hollow: 0.6,
        phase: between(rng, 0.0, TAU),
    }
}

/// A whorl: `count` petals at equal angles, each a little off its place; `turn` is in whole petals.
pub(super) fn whorl(
    rng: &mut Rng,
    colours: Colours,
    outline: Outline,
    count: u32,
    turn: f32,
    size: (f32, f32),
) -> Vec<Petal> {
    (0..count)
        .map(|i| {
            let angle = TAU * (i as f32 + turn + between(rng, -0.07, 0.07)) / count as f32;
            petal(rng, colours, outline, angle, size.0, size.1)
        })
        .collect()
}

pub(super) fn golden(rng: &mut Rng) -> [f32; 3] {
    hsv(between(rng, 0.10, 0.15), between(rng, 0.65, 0.9), between(rng, 0.78, 0.95))
}

/// Five heart-shaped petals around a star-shaped eye.
pub(super) fn primrose(rng: &mut Rng, colours: Colours) -> Bloom {
    let outline =
        Outline { root: 0.16, widest: 0.68, blunt: 2.6, notch: between(rng, 0.17, 0.27), ..Outline::ROUND };
    let width = between(rng, 0.92, 1.1);
    let mut petals = whorl(rng, colours, outline, 5, 0.0, (1.0, width));
    let eye = golden(rng);
    petals.iter_mut().for_each(|petal| petal.mark = Mark::Eye(eye, 0.34));
    Bloom { petals, centre: Centre::Disc { radius: 0.07, colour: hsv(0.2, 0.6, 0.6) } }
}

/// Five broad, wavy, overlapping petals, a dark throat and a long column.
pub(super) fn hibiscus(rng: &mut Rng, colours: Colours) -> Bloom {
    let outline =
        Outline { root: 0.2, widest: 0.66, blunt: 2.3, ruffle: 0.09, slant: 0.12, ..Outline::ROUND };
    let width = between(rng, 1.05, 1.25);
    let mut petals = whorl(rng, colours, outline, 5, 0.0, (1.0, width));
    let throat = hsv(between(rng, 0.94, 1.0), 0.85, between(rng, 0.35, 0.5));
    petals.iter_mut().for_each(|petal| petal.mark = Mark::Eye(throat, 0.3));
    let colour = mix(throat, [1.0, 0.85, 0.7], 0.65);
    let column = Centre::Column { length: between(rng, 0.7, 0.9), angle: between(rng, 0.0, TAU), colour };
    Bloom { petals, centre: column }
}

/// Five petals cut aslant, like a propeller, around a tiny pale eye.
pub(super) fn periwinkle(rng: &mut Rng, colours: Colours) -> Bloom {
    let outline = Outline { root: 0.1, widest: 0.76, blunt: 4.5, slant: 0.55, ..Outline::ROUND };
    let width = between(rng, 0.62, 0.74);
    let mut petals = whorl(rng, colours, outline, 5, 0.0, (1.0, width));
    let eye = mix(colours.tip, [1.0, 1.0, 0.95], 0.8);
    for petal in &mut petals {
        petal.mark = Mark::Eye(eye, 0.2);
        petal.bend = 0.1;
    }
    Bloom { petals, centre: Centre::Disc { radius: 0.055, colour: golden(rng) } }
}

/// Eight to eleven rounded petals, a dark button and a ring of dark stamens.
pub(super) fn windflower(rng: &mut Rng, colours: Colours) -> Bloom {
    let outline = Outline { root: 0.3, widest: 0.58, blunt: 2.0, ruffle: 0.03, ..Outline::ROUND };
    let count = rng.u32(8..=11);
    let mut petals = whorl(rng, colours, outline, count, 0.0, (1.0, 0.6));
    petals.extend(whorl(rng, colours, outline, count / 2, 0.5, (0.9, 0.56)));
    let pale = mix(colours.tip, [1.0; 3], 0.75);
    petals.iter_mut().for_each(|petal| petal.mark = Mark::Eye(pale, 0.3));
    let dark = hsv(between(rng, 0.65, 0.8), 0.4, between(rng, 0.14, 0.24));
    let centre =
        Centre::Stamens { count: 26, length: 0.31, colour: dark, anther: scale(dark, 0.8), button: 0.14 };
    Bloom { petals, centre }
}

/// Eight wedges with toothed ends around a small yellow disc.
pub(super) fn cosmos(rng: &mut Rng, colours: Colours) -> Bloom {
    let outline = Outline { root: 0.14, widest: 0.8, blunt: 5.0, teeth: 3.0, ..Outline::ROUND };
    let width = between(rng, 0.62, 0.74);
    let petals = whorl(rng, colours, outline, 8, 0.0, (1.0, width));
    Bloom { petals, centre: Centre::Disc { radius: between(rng, 0.13, 0.17), colour: golden(rng) } }
}

/// Six to eight broad pointed petals with a band along each, and a spider of pale stamens.
pub(super) fn clematis(rng: &mut Rng, colours: Colours) -> Bloom {
    let outline = Outline { root: 0.2, widest: 0.5, blunt: 1.0, ruffle: 0.05, ..Outline::ROUND };
    let count = rng.u32(6..=8);
    let mut petals = whorl(rng, colours, outline, count, 0.0, (1.0, 4.0 / count as f32));
    petals.iter_mut().for_each(|petal| petal.mark = Mark::Band(colours.accent, 0.3));
    let pale = hsv(between(rng, 0.12, 0.2), between(rng, 0.1, 0.35), 0.95);
    let anther = if rng.bool() { pale } else { hsv(0.85, 0.5, 0.45) };
    Bloom { petals, centre: Centre::Stamens { count: 22, length: 0.25, colour: pale, anther, button: 0.06 } }
}

/// Two whorls of many narrow petals around a broad disc.
pub(super) fn gerbera(rng: &mut Rng, colours: Colours) -> Bloom {
    let outline = Outline { root: 0.4, widest: 0.55, blunt: 2.0, ..Outline::ROUND };
    let count = rng.u32(19..=26);
    let width = 5.6 / count as f32;
    let mut petals = whorl(rng, colours, outline, count, 0.0, (1.0, width));
    petals.extend(whorl(rng, colours, outline, count, 0.5, (0.86, width)));
    let dark = rng.bool();
    let colour = if dark { hsv(0.08, 0.55, between(rng, 0.2, 0.32)) } else { golden(rng) };
    Bloom { petals, centre: Centre::Disc { radius: between(rng, 0.22, 0.3), colour } }
}

/// Pointed petals in rings to the very middle.
pub(super) fn dahlia(rng: &mut Rng, colours: Colours) -> Bloom {
    let outline = Outline { root: 0.3, widest: 0.5, blunt: 1.1, ..Outline::ROUND };
    let rings = 6;
    let mut petals = Vec::new();
    for ring in 0..rings {
        let inwards = ring as f32 / rings as f32;
        let count = 18 - 2 * ring;
        let size = (1.0 - 0.82 * inwards, 0.36 - 0.2 * inwards);
        let mut round = whorl(rng, colours, outline, count, 0.5 * (ring % 2) as f32, size);
        for petal in &mut round {
            petal.tip = mix(petal.tip, colours.accent, 0.45 * inwards);
            petal.root = scale(petal.root, 0.85);
            petal.hollow = 1.0;
        }
        petals.extend(round);
    }
    Bloom { petals, centre: Centre::Hidden }
}

/// Six long petals that curl back, spotted, with long stamens.
pub(super) fn lily(rng: &mut Rng, colours: Colours) -> Bloom {
    let outline = Outline { root: 0.22, widest: 0.46, blunt: 1.0, ruffle: 0.06, ..Outline::ROUND };
    let width = between(rng, 0.4, 0.5);
    let mut petals = whorl(rng, colours, outline, 3, 0.0, (1.0, width * 0.8));
    petals.extend(whorl(rng, colours, outline, 3, 0.5, (0.97, width)));
    let spots = scale(mix(colours.accent, [0.35, 0.08, 0.05], 0.7), 0.8);
    for petal in &mut petals {
        petal.mark = Mark::Spots(spots);
        petal.bend = between(rng, -0.14, 0.14);
        petal.hollow = -0.9;
    }
    let centre = Centre::Stamens {
        count: 6,
        length: between(rng, 0.42, 0.52),
        colour: hsv(0.2, 0.35, 0.8),
        anther: hsv(0.05, 0.8, 0.42),
        button: 0.0,
    };
    Bloom { petals, centre }
}

/// Six oval petals behind a trumpet.
pub(super) fn daffodil(rng: &mut Rng, colours: Colours) -> Bloom {
    let outline = Outline { root: 0.3, widest: 0.45, blunt: 1.35, ..Outline::ROUND };
    let width = between(rng, 0.55, 0.68);
    let mut petals = whorl(rng, colours, outline, 3, 0.0, (1.0, width));
    petals.extend(whorl(rng, colours, outline, 3, 0.5, (0.96, width)));
    let colour = hsv(between(rng, 0.05, 0.15), between(rng, 0.7, 0.95), between(rng, 0.88, 1.0));
    Bloom { petals, centre: Centre::Trumpet { radius: between(rng, 0.3, 0.4), colour } }
}

/// Three narrow sepals behind, two broad wings at the sides, a small coloured lip below.
pub(super) fn orchid(rng: &mut Rng, colours: Colours) -> Bloom {
    let sepal = Outline { root: 0.3, widest: 0.55, blunt: 1.5, ..Outline::ROUND };
    let wing = Outline { root: 0.12, widest: 0.58, blunt: 2.4, ruffle: 0.02, ..Outline::ROUND };
    let lip = Outline { root: 0.5, widest: 0.5, blunt: 1.2, notch: 0.12, ..Outline::ROUND };
    let mut petals: Vec<Petal> = [-PI / 2.0, PI / 5.2, PI - PI / 5.2]
        .map(|angle| petal(rng, colours, sepal, angle, 0.95, 0.55))
        .into_iter()
        .collect();
    petals.extend([-0.22, PI + 0.22].map(|angle| petal(rng, colours, wing, angle, 1.0, 1.0)));
    let tint = Colours { tip: colours.accent, root: scale(colours.accent, 0.8), ..colours };
    for (angle, length, width) in [(0.5, 0.3, 0.24), (PI - 0.5, 0.3, 0.24), (PI / 2.0, 0.52, 0.3)] {
        petals.push(petal(rng, tint, lip, angle, length, width));
    }
    for petal in &mut petals {
        petal.hollow = 0.3;
    }
    Bloom { petals, centre: Centre::Disc { radius: 0.09, colour: mix(golden(rng), colours.tip, 0.3) } }
}

/// Broad rounded petals, one over the other in a spiral to a closed heart.
pub(super) fn camellia(rng: &mut Rng, colours: Colours) -> Bloom {
    let outline = Outline { root: 0.5, widest: 0.55, blunt: 2.2, ruffle: 0.02, ..Outline::ROUND };
    let count = rng.u32(24..=32);
    let mark = if rng.u8(..3) == 0 { Mark::Rim(colours.accent) } else { Mark::Plain };
    let petals = (0..count)
        .map(|i| {
            let inwards = i as f32 / count as f32;
            let length = 1.0 - 0.86 * inwards.powf(0.85);
            let mut petal = petal(rng, colours, outline, i as f32 * 2.399_963, length, 0.92 * length);
            petal.root = scale(colours.root, 0.8);
            petal.hollow = 1.1;
            petal.mark = mark;
            petal
        })
        .collect();
    Bloom { petals, centre: Centre::Hidden }
}
