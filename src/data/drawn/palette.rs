//! The colours of flowers. Species share them, so that colour alone identifies none.

use fastrand::Rng;

use super::canvas::{Rgb, mix, scale};

/// Turns hue (in turns), saturation and value, each 0 to 1, into a colour.
pub(super) fn hsv(hue: f32, saturation: f32, value: f32) -> Rgb {
    let channel = |shift: f32| {
        let k = (shift + hue.rem_euclid(1.0) * 6.0) % 6.0;
        value - value * saturation * k.min(4.0 - k).clamp(0.0, 1.0)
    };
    [channel(5.0), channel(3.0), channel(1.0)]
}

/// A number between two bounds.
pub(super) fn between(rng: &mut Rng, low: f32, high: f32) -> f32 {
    low + (high - low) * rng.f32()
}

/// A colour that petals can have: hue, saturation and value at the tip.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Dye(f32, f32, f32);

pub(super) const WHITE: Dye = Dye(0.12, 0.05, 0.97);
pub(super) const CREAM: Dye = Dye(0.14, 0.22, 0.97);
pub(super) const YELLOW: Dye = Dye(0.145, 0.78, 0.98);
pub(super) const APRICOT: Dye = Dye(0.075, 0.68, 0.97);
pub(super) const SCARLET: Dye = Dye(0.01, 0.84, 0.86);
pub(super) const ROSE: Dye = Dye(0.95, 0.40, 0.95);
pub(super) const MAGENTA: Dye = Dye(0.89, 0.70, 0.82);
pub(super) const PURPLE: Dye = Dye(0.78, 0.60, 0.66);
pub(super) const LAVENDER: Dye = Dye(0.73, 0.32, 0.90);
pub(super) const BLUE: Dye = Dye(0.64, 0.52, 0.86);
// Of the large set alone.
pub(super) const LIME: Dye = Dye(0.22, 0.50, 0.80);
pub(super) const SKY: Dye = Dye(0.56, 0.38, 0.92);
pub(super) const WINE: Dye = Dye(0.96, 0.80, 0.45);
pub(super) const RUST: Dye = Dye(0.05, 0.78, 0.66);

/// The colours of one flower.
#[derive(Clone, Copy)]
pub(super) struct Colours {
    /// At the petals' tips.
    pub(super) tip: Rgb,
    /// At their roots.
    pub(super) root: Rgb,
    /// For bands, rims and eyes: darker than the petals where they are light, and the reverse.
    pub(super) accent: Rgb,
}

impl Colours {
    /// One of the dyes, in a random shade.
    pub(super) fn pick(rng: &mut Rng, dyes: &[Dye]) -> Self {
        let Dye(hue, saturation, value) = dyes[rng.usize(..dyes.len())];
        let hue = hue + between(rng, -0.022, 0.022);
        let saturation = (saturation * between(rng, 0.75, 1.2)).clamp(0.0, 0.95);
        let value = (value * between(rng, 0.9, 1.05)).min(1.0);
        let tip = hsv(hue, saturation, value);
        let root = match rng.u8(..3) {
            0 => mix(tip, [1.0, 1.0, 0.92], between(rng, 0.3, 0.65)),
            1 => hsv(hue + between(rng, -0.04, 0.04), (saturation + 0.2).min(1.0), value * 0.78),
            _ => scale(tip, 0.92),
        };
        let accent = if value * (1.0 - 0.6 * saturation) > 0.62 {
            hsv(hue + between(rng, -0.06, 0.02), (saturation + 0.4).clamp(0.5, 0.9), value * 0.62)
        } else {
            mix(tip, [1.0, 0.96, 0.88], 0.6)
        };
        Self { tip, root, accent }
    }
}
