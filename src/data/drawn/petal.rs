//! One petal or leaf: its outline, its colours, the light on it and the shadow under it.

use super::canvas::{Canvas, Rgb, mix, scale, smoothstep};
use super::pose::{Local, Pose, turn};

/// An outline, in the petal's own length and width: it runs from `u = 0` at its root to `u = 1` at
/// its tip, and its half-width is at most 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Outline {
    /// Half-width at the root.
    pub(super) root: f32,
    /// Where it is widest, 0 to 1.
    pub(super) widest: f32,
    /// How the tip closes: 1 is a straight point, 2 round, 4 and more blunt.
    pub(super) blunt: f32,
    /// Depth of a notch in the middle of the tip, as in a heart.
    pub(super) notch: f32,
    /// Number of teeth along the tip.
    pub(super) teeth: f32,
    /// How far the edge waves in and out.
    pub(super) ruffle: f32,
    /// How far one side reaches beyond the other, as in a propeller.
    pub(super) slant: f32,
}

impl Outline {
    pub(super) const ROUND: Self =
        Self { root: 0.25, widest: 0.6, blunt: 2.0, notch: 0.0, teeth: 0.0, ruffle: 0.0, slant: 0.0 };

    fn half_width(&self, u: f32) -> f32 {
        if u < self.widest {
            let t = (u / self.widest).max(0.0);
            self.root + (1.0 - self.root) * (t * std::f32::consts::FRAC_PI_2).sin()
        } else {
            let t = ((u - self.widest) / (1.0 - self.widest)).min(1.0);
            // An exponent of 1 closes in a point, 2 and more as an ellipse and blunter ones do.
            let power = self.blunt.max(1.3);
            (1.0 - t.powf(power)).powf(1.0 / self.blunt.min(2.0))
        }
    }

    /// Where the petal ends along `u` at the distance `v` from its middle line.
    fn tip(&self, v: f32) -> f32 {
        let notch = if self.notch > 0.0 { self.notch * (-(v / 0.3).powi(2)).exp() } else { 0.0 };
        let teeth = if self.teeth > 0.0 { 0.05 * (1.0 - (v * self.teeth * 2.0).cos()) } else { 0.0 };
        1.0 - notch - teeth
    }
}

/// A pattern on a petal, besides its two colours.
#[derive(Clone, Copy)]
pub(super) enum Mark {
    Plain,
    /// A band along the middle, of this half-width.
    Band(Rgb, f32),
    /// A patch at the root as long as this part of the petal.
    Eye(Rgb, f32),
    /// A rim of another colour.
    Rim(Rgb),
    /// Spots on the half next to the root.
    Spots(Rgb),
    /// A tip of another colour, as long as this part of the petal.
    Tip(Rgb, f32),
    /// So many lines from the root that fade towards the tip.
    Veins(Rgb, f32),
    /// A belt across the petal, around this part of its length.
    Belt(Rgb, f32),
}

/// A petal as it lies in the flower's plane.
#[derive(Clone, Copy)]
pub(super) struct Petal {
    pub(super) outline: Outline,
    /// Direction from the flower's middle, in radians.
    pub(super) angle: f32,
    /// Where its root is, in flower radii.
    pub(super) from: [f32; 2],
    /// In flower radii.
    pub(super) length: f32,
    /// The whole width where it is widest, in flower radii.
    pub(super) width: f32,
    /// How far it curves sideways, in its own lengths.
    pub(super) bend: f32,
    /// Colour at the root and at the tip.
    pub(super) root: Rgb,
    pub(super) tip: Rgb,
    pub(super) mark: Mark,
    /// How hollow (positive) or arched (negative) it is, for the shading.
    pub(super) hollow: f32,
    /// Shifts the waves, veins and spots, so that no two petals are alike.
    pub(super) phase: f32,
}

/// Pixels over which a petal's shadow fades.
const SHADOW_REACH: f32 = 7.0;

/// A place on or near a petal.
struct PetalPoint {
    /// Along the petal, 0 to 1 on it.
    u: f32,
    /// Across it, -1 to 1 on it.
    v: f32,
    /// Pixels to the outline, negative inside.
    distance: f32,
}

/// A petal placed in a picture, with everything precomputed that is the same for all its pixels.
struct Ground<'a> {
    petal: &'a Petal,
    local: Local,
    /// Pixels per flower radius.
    pixels: f32,
    /// Half-widths at `u = i / STEPS`, and one more.
    widths: [f32; STEPS + 2],
}

/// Pieces into which the outline is cut.
const STEPS: usize = 48;

impl<'a> Ground<'a> {
    fn new(petal: &'a Petal, pose: Pose) -> Self {
        let widths = std::array::from_fn(|i| petal.outline.half_width(i as f32 / STEPS as f32));
        Self { petal, local: pose.local(petal.from, petal.angle), pixels: pose.pixels(), widths }
    }

    /// Half-width at `u` and how fast it changes there.
    fn width(&self, u: f32) -> (f32, f32) {
        let at = u.clamp(0.0, 1.0) * STEPS as f32;
        let (left, right) = (self.widths[at as usize], self.widths[at as usize + 1]);
        (left + (right - left) * at.fract(), (right - left) * STEPS as f32)
    }

    /// Where a pixel is on the petal; `None` where it is too far away for even a shadow.
    fn place(&self, pixel: [f32; 2]) -> Option<PetalPoint> {
        let (petal, shape) = (self.petal, &self.petal.outline);
        let [x, y] = self.local.of(pixel);
        let (u, half) = (x / petal.length, 0.5 * petal.width);
        let across = (y - petal.bend * petal.length * u * u) / half;
        let reach = SHADOW_REACH / self.pixels;
        let widest = 1.0 + shape.slant.abs() + 2.0 * shape.ruffle;
        if x < -reach || x > 1.1 * petal.length + reach || across.abs() > widest + 2.0 * reach / half {
            return None;
        }
        let wave = if shape.ruffle > 0.0 {
            shape.ruffle * (u * 13.0 + petal.phase + across).sin() * smoothstep(0.2, 0.7, u)
        } else {
            0.0
        };
        let lean = 1.0 + shape.slant * across.signum() * u.clamp(0.0, 1.0);
        let (width, growth) = self.width(u);
        let wide = width * lean * (1.0 + wave);
        // The slope of the outline turns a distance across the petal into one to its edge.
        let slope = growth * half / petal.length;
        let side = (across.abs() - wide) * half * self.pixels / slope.hypot(1.0).min(4.0);
        let cut = shape.slant.abs() * 0.25 * (1.0 - across * shape.slant.signum());
        let tip = (u - (shape.tip(across) + 0.4 * wave - cut)) * petal.length * self.pixels;
        let root = -x * self.pixels;
        let distance = side.max(tip).max(root);
        (distance < SHADOW_REACH).then_some(PetalPoint { u, v: across / wide.max(0.05), distance })
    }
}

impl Petal {
    /// Paints the shadow and the petal; `light` is the direction light comes from in the picture.
    pub(super) fn paint(&self, canvas: &mut Canvas, pose: Pose, light: [f32; 2]) {
        let (low, high) = self.bounds(pose);
        let (columns, rows) = canvas.window(low, high);
        let ground = Ground::new(self, pose);
        let turned = turn(pose.direction(light), -self.angle);
        for y in rows {
            for x in columns.clone() {
                let pixel = [x as f32 + 0.5, y as f32 + 0.5];
                let place = ground.place(pixel);
                let cover = place.as_ref().map_or(0.0, |place| (0.5 - place.distance).clamp(0.0, 1.0));
                if cover < 1.0 {
                    let lit_through = [pixel[0] + 2.5 * light[0], pixel[1] + 2.5 * light[1]];
                    if let Some(place) = ground.place(lit_through) {
                        canvas.shade(x, y, 0.34 * smoothstep(SHADOW_REACH, -SHADOW_REACH, place.distance));
                    }
                }
                if cover > 0.0
                    && let Some(place) = place
                {
                    canvas.blend(x, y, self.colour(&place, turned), cover);
                }
            }
        }
    }

    /// A box in the picture that holds the petal and its shadow.
    fn bounds(&self, pose: Pose) -> ([f32; 2], [f32; 2]) {
        let half = 0.5 * self.width * (1.0 + self.outline.slant.abs() + self.outline.ruffle);
        let side = half + (self.bend * self.length).abs();
        let (mut low, mut high) = ([f32::MAX; 2], [f32::MIN; 2]);
        for x in [0.0, self.length * 1.05] {
            for y in [-side, side] {
                let turned = turn([x, y], self.angle);
                let corner = pose.to_image([turned[0] + self.from[0], turned[1] + self.from[1]]);
                for i in 0..2 {
                    low[i] = low[i].min(corner[i] - SHADOW_REACH - 3.0);
                    high[i] = high[i].max(corner[i] + SHADOW_REACH + 3.0);
                }
            }
        }
        (low, high)
    }

    fn colour(&self, place: &PetalPoint, light: [f32; 2]) -> Rgb {
        let (u, v) = (place.u.clamp(0.0, 1.0), place.v.clamp(-1.0, 1.0));
        let mut colour = mix(self.root, self.tip, smoothstep(0.05, 0.85, u));
        colour = match self.mark {
            Mark::Plain => colour,
            Mark::Band(band, half) => mix(colour, band, 0.85 * smoothstep(half, half * 0.4, v.abs())),
            Mark::Eye(eye, length) => {
                let edge = length * (1.0 - 0.35 * v * v + 0.08 * (v * 9.0 + self.phase).sin());
                mix(colour, eye, smoothstep(edge + 0.07, edge - 0.07, u))
            }
            Mark::Rim(rim) => mix(colour, rim, smoothstep(0.72, 0.95, v.abs().max(u * u * 0.98))),
            Mark::Spots(spots) => mix(colour, spots, self.spots(u, v)),
            Mark::Tip(tip, length) => {
                let edge = 1.0 - length * (1.0 - 0.3 * v * v);
                mix(colour, tip, smoothstep(edge - 0.08, edge + 0.08, u))
            }
            Mark::Veins(vein, count) => {
                let line = smoothstep(0.45, 0.95, (v * count * std::f32::consts::PI).cos());
                mix(colour, vein, 0.8 * line * smoothstep(0.95, 0.35, u))
            }
            Mark::Belt(belt, at) => {
                let off = (u - at + 0.12 * v * v).abs();
                mix(colour, belt, smoothstep(0.13, 0.07, off))
            }
        };
        let veins = 0.035 * (v * 17.0 + self.phase).sin() * smoothstep(0.0, 0.4, u) * (1.0 - v * v);
        let relief = 0.16 * v * light[1] + 0.22 * self.hollow * (0.5 - u) * light[0];
        let rim = 0.10 * v.abs().powi(4);
        let depth = 0.28 * (1.0 - smoothstep(0.0, 0.45, u));
        scale(colour, 1.02 + veins + relief - rim - depth)
    }

    /// Spots on a crooked lattice, denser near the root.
    fn spots(&self, u: f32, v: f32) -> f32 {
        let (row, column) = (u * 11.0 + 0.6 * (v * 3.0 + self.phase).sin(), v * 2.6 + 0.5 * (u * 9.0).cos());
        let (r, c) = (row.fract() - 0.5, (column - column.floor()) - 0.5);
        let size = 0.34 * smoothstep(0.75, 0.35, u) * smoothstep(0.06, 0.15, u);
        0.85 * smoothstep(size, size * 0.5, r.hypot(c)) * f32::from(u8::from(size > 0.05))
    }
}
