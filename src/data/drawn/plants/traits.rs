//! The parameters of a species, and how they are drawn.

use std::f32::consts::PI;

use fastrand::Rng;

use crate::data::drawn::palette::{
    APRICOT, BLUE, CREAM, Dye, LAVENDER, LIME, MAGENTA, PURPLE, ROSE, RUST, SCARLET, SKY, WHITE, WINE,
    YELLOW, between,
};
use crate::data::drawn::petal::Outline;

/// All parameters of a species. Everything else (place, size, view, light, background, the shade of the
/// colours) varies from picture to picture.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Traits {
    pub(super) arrangement: Arrangement,
    pub(super) outline: Outline,
    /// Width of a petal, in its lengths.
    pub(super) width: f32,
    /// How far petals curve sideways, in their lengths.
    pub(super) bend: f32,
    /// How hollow (positive) or arched (negative) they are.
    pub(super) hollow: f32,
    pub(super) pattern: Pattern,
    pub(super) pattern_tint: Tint,
    pub(super) middle: Middle,
    pub(super) middle_tint: Tint,
    pub(super) habit: Habit,
    pub(super) foliage: Foliage,
    /// The colours that it comes in.
    pub(super) dyes: Vec<Dye>,
}

/// How the petals of a bloom stand.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Arrangement {
    /// Rows of `count` petals at equal angles, each row in the gaps of the one before it and `shrink` times as long.
    Whorls { count: u32, rows: u32, shrink: f32 },
    /// One above the other, each turned by the golden angle and shorter; the innermost is `inner` times the
    /// outermost.
    Spiral { count: u32, inner: f32 },
    /// Mirror-symmetric, with a top that differs from the bottom.
    TwoSided { limbs: Vec<Limb> },
}

/// A petal of a two-sided bloom, with its mirror image unless it stands upright or hangs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Limb {
    /// From straight up, 0 to π.
    pub(super) angle: f32,
    /// In flower radii.
    pub(super) length: f32,
    /// In its lengths.
    pub(super) width: f32,
    /// Whether it has the accent's colour.
    pub(super) tinted: bool,
}

/// What is on a petal; numbers as in [`Mark`](crate::data::drawn::petal::Mark).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Pattern {
    Plain,
    Band(f32),
    Eye(f32),
    Rim,
    Spots,
    Tip(f32),
    Veins(f32),
    Belt(f32),
}

/// What is in the middle; lengths in flower radii, as in [`Centre`](crate::data::drawn::centre::Centre).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Middle {
    Hidden,
    Disc(f32),
    Rimmed(f32),
    Stamens { count: u32, length: f32, button: f32 },
    Crown { count: u32, length: f32 },
    Trumpet(f32),
    Column(f32),
}

/// A colour, by what it is to the bloom.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Tint {
    Golden,
    Dark,
    Pale,
    Green,
    /// Darker than pale petals, paler than dark ones.
    Accent,
    /// One of the dyes, the same in each bloom of the species.
    Fixed(Dye),
}

/// How many blooms a plant bears, and how they stand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Habit {
    Solitary,
    /// Up to so many, each on a stem.
    Few(u32),
    /// So many small ones close together in a dome.
    Head(u32),
    /// So many small ones along an upright stem.
    Spike(u32),
}

/// Leaves along the stem.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Foliage {
    /// The most that there are.
    pub(super) count: u32,
    pub(super) shape: LeafShape,
    /// In flower radii.
    pub(super) length: f32,
    pub(super) outline: Outline,
    /// In its lengths.
    pub(super) width: f32,
    /// Hue, saturation and value of the green.
    pub(super) green: [f32; 3],
    /// Half-width of a paler band along the middle; 0 for none.
    pub(super) band: f32,
}

/// How a leaf is divided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum LeafShape {
    Simple,
    /// So many pairs of leaflets along a rib.
    Feather(u32),
    /// So many leaflets from one point.
    Hand(u32),
}

const DYES: [Dye; 14] =
    [WHITE, CREAM, YELLOW, APRICOT, SCARLET, ROSE, MAGENTA, PURPLE, LAVENDER, BLUE, LIME, SKY, WINE, RUST];

impl Traits {
    /// Draws a species.
    pub(super) fn draw(rng: &mut Rng) -> Traits {
        let habit = habit(rng);
        let small = matches!(habit, Habit::Head(_) | Habit::Spike(_));
        let arrangement = arrangement(rng, small);
        let outline = outline(rng);
        let width = match &arrangement {
            Arrangement::Whorls { count, .. } => {
                // From gaps as wide as the petals to petals that lie half over each other.
                let around = 2.0 * PI * outline.widest / *count as f32;
                (around * between(rng, 0.5, 1.7)).clamp(0.07, 1.3)
            }
            Arrangement::Spiral { .. } => between(rng, 0.22, 0.95),
            Arrangement::TwoSided { .. } => 1.0,
        };
        Traits {
            outline,
            width,
            bend: if rng.u8(..4) == 0 { between(rng, -0.3, 0.3) } else { between(rng, -0.04, 0.04) },
            hollow: between(rng, -1.0, 1.3),
            pattern: pattern(rng),
            pattern_tint: tint(rng),
            middle: middle(rng, &arrangement, small),
            middle_tint: tint(rng),
            habit,
            foliage: foliage(rng),
            dyes: dyes(rng),
            arrangement,
        }
    }
}

fn one_of<T: Copy>(rng: &mut Rng, all: &[T]) -> T {
    all[rng.usize(..all.len())]
}

fn habit(rng: &mut Rng) -> Habit {
    match rng.u8(..20) {
        0..=11 => Habit::Solitary,
        12..=15 => Habit::Few(rng.u32(2..=4)),
        16..=17 => Habit::Head(rng.u32(6..=13)),
        _ => Habit::Spike(rng.u32(7..=12)),
    }
}

fn arrangement(rng: &mut Rng, small: bool) -> Arrangement {
    match rng.u8(..20) {
        _ if small && rng.u8(..4) > 0 => {
            Arrangement::Whorls { count: one_of(rng, &[3, 4, 4, 5, 6, 8]), rows: 1, shrink: 1.0 }
        }
        0..=9 => {
            let count = one_of(rng, &[3, 4, 4, 5, 5, 6, 7, 8, 9, 10, 12, 14, 17, 20, 24, 30, 36]);
            let rows = one_of(rng, &[1, 1, 1, 2]);
            Arrangement::Whorls { count, rows, shrink: between(rng, 0.5, 0.9) }
        }
        10..=12 => {
            let count = one_of(rng, &[4, 5, 6, 8, 10, 13, 16]);
            Arrangement::Whorls { count, rows: rng.u32(3..=5), shrink: between(rng, 0.62, 0.84) }
        }
        13..=15 => Arrangement::Spiral { count: rng.u32(9..=34), inner: between(rng, 0.1, 0.5) },
        _ => Arrangement::TwoSided { limbs: limbs(rng) },
    }
}

/// An upper pair or petal, one pair or two at the sides, and a lower petal or pair.
fn limbs(rng: &mut Rng) -> Vec<Limb> {
    let limb = |rng: &mut Rng, angle: f32, tinted: bool| {
        let (length, width) = (between(rng, 0.5, 1.0), between(rng, 0.35, 1.05));
        Limb { angle, length, width, tinted }
    };
    let tinted = rng.u8(..3);
    let upper = if rng.bool() { 0.0 } else { between(rng, 0.2, 0.6) };
    let lower = if rng.bool() { PI } else { PI - between(rng, 0.2, 0.55) };
    let mut limbs = vec![limb(rng, upper, tinted == 0)];
    for angle in [1.1, 1.9].into_iter().take(rng.usize(1..=2)) {
        let angle = angle + between(rng, -0.25, 0.35);
        limbs.push(limb(rng, angle, false));
    }
    limbs.push(limb(rng, lower, tinted == 1));
    limbs
}

fn outline(rng: &mut Rng) -> Outline {
    let mut outline = Outline {
        root: between(rng, 0.05, 0.55),
        widest: between(rng, 0.28, 0.84),
        blunt: one_of(rng, &[1.0, 1.0, 1.2, 1.4, 1.8, 2.2, 3.0, 5.0]),
        ..Outline::ROUND
    };
    match rng.u8(..12) {
        0 | 1 => outline.notch = between(rng, 0.1, 0.4),
        2 | 3 => outline.teeth = one_of(rng, &[2.0, 3.0, 5.0]),
        4 | 5 => outline.ruffle = between(rng, 0.06, 0.15),
        6 => outline.slant = between(rng, 0.25, 0.6) * one_of(rng, &[-1.0, 1.0]),
        _ => {}
    }
    outline
}

fn pattern(rng: &mut Rng) -> Pattern {
    match rng.u8(..11) {
        0..=2 => Pattern::Plain,
        3 => Pattern::Band(between(rng, 0.15, 0.45)),
        4 | 5 => Pattern::Eye(between(rng, 0.2, 0.6)),
        6 => Pattern::Rim,
        7 => Pattern::Spots,
        8 => Pattern::Tip(between(rng, 0.2, 0.5)),
        9 => Pattern::Veins(one_of(rng, &[2.0, 3.0, 4.0])),
        _ => Pattern::Belt(between(rng, 0.35, 0.7)),
    }
}

fn tint(rng: &mut Rng) -> Tint {
    match rng.u8(..8) {
        0 | 1 => Tint::Golden,
        2 => Tint::Dark,
        3 => Tint::Pale,
        4 => Tint::Green,
        5 | 6 => Tint::Accent,
        _ => Tint::Fixed(one_of(rng, &DYES)),
    }
}

fn middle(rng: &mut Rng, arrangement: &Arrangement, small: bool) -> Middle {
    let closed = match arrangement {
        Arrangement::Spiral { .. } => true,
        Arrangement::Whorls { rows, .. } => *rows > 2,
        Arrangement::TwoSided { .. } => false,
    };
    match rng.u8(..12) {
        _ if closed && rng.bool() => Middle::Hidden,
        _ if small => Middle::Disc(between(rng, 0.1, 0.3)),
        0..=2 => Middle::Disc(between(rng, 0.06, 0.42)),
        3 | 4 => Middle::Rimmed(between(rng, 0.16, 0.42)),
        5 | 6 => Middle::Stamens {
            count: one_of(rng, &[3, 5, 8, 12, 18, 30]),
            length: between(rng, 0.18, 0.55),
            button: one_of(rng, &[0.0, 0.08, 0.14]),
        },
        7 | 8 => Middle::Crown { count: rng.u32(24..=60), length: between(rng, 0.3, 0.7) },
        9 | 10 => Middle::Trumpet(between(rng, 0.18, 0.7)),
        _ => Middle::Column(between(rng, 0.4, 0.9)),
    }
}

fn foliage(rng: &mut Rng) -> Foliage {
    let shape = match rng.u8(..6) {
        0 => LeafShape::Feather(rng.u32(3..=7)),
        1 => LeafShape::Hand(one_of(rng, &[3, 5, 7])),
        _ => LeafShape::Simple,
    };
    Foliage {
        count: rng.u32(..=6),
        shape,
        length: between(rng, 0.6, 1.4),
        outline: Outline {
            root: between(rng, 0.05, 0.3),
            widest: between(rng, 0.25, 0.7),
            blunt: one_of(rng, &[1.0, 1.4, 2.0, 3.0]),
            ruffle: one_of(rng, &[0.0, 0.03, 0.12]),
            teeth: one_of(rng, &[0.0, 0.0, 3.0]),
            ..Outline::ROUND
        },
        width: between(rng, 0.08, 0.75),
        green: [between(rng, 0.19, 0.43), between(rng, 0.25, 0.75), between(rng, 0.25, 0.65)],
        band: one_of(rng, &[0.0, 0.07, 0.3]),
    }
}

/// One to four of the colours, so that none belongs to one species alone.
fn dyes(rng: &mut Rng) -> Vec<Dye> {
    (0..rng.u32(2..=4)).map(|_| one_of(rng, &DYES)).collect()
}
