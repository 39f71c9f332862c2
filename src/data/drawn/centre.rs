//! The middle of a flower: discs, stamens, trumpets.

use std::f32::consts::TAU;

use fastrand::Rng;

use super::canvas::{Canvas, Rgb, scale, smoothstep};
use super::palette::between;
use super::pose::Pose;

/// The centre of a flower; lengths in flower radii.
#[derive(Clone, Copy)]
pub(super) enum Centre {
    /// The petals close over it.
    Hidden,
    /// A domed disc of many small florets, darker in its own middle.
    Disc { radius: f32, colour: Rgb },
    /// Threads around a small button.
    Stamens { count: u32, length: f32, colour: Rgb, anther: Rgb, button: f32 },
    /// A deep cup with a wavy mouth.
    Trumpet { radius: f32, colour: Rgb },
    /// A disc with a rim of another colour, which is darker or paler florets around the inner ones.
    Rimmed { radius: f32, colour: Rgb, rim: Rgb },
    /// A crown of fine threads of two colours around a small button.
    Crown { count: u32, length: f32, colour: Rgb, inner: Rgb },
    /// One long thread to the side, with anthers along it.
    Column { length: f32, angle: f32, colour: Rgb },
}

impl Centre {
    pub(super) fn paint(&self, canvas: &mut Canvas, pose: Pose, light: [f32; 2], rng: &mut Rng) {
        match *self {
            Centre::Hidden => {}
            Centre::Disc { radius, colour } => disc(canvas, pose, light, radius, colour, rng),
            Centre::Stamens { count, length, colour, anther, button } => {
                for i in 0..count {
                    let angle = TAU * (i as f32 + between(rng, -0.3, 0.3)) / count as f32;
                    let reach = length * between(rng, 0.75, 1.1);
                    let tip = pose.to_image([reach * angle.cos(), reach * angle.sin()]);
                    let thin = 0.022 * pose.radius;
                    canvas.stroke(pose.centre, tip, thin, thin * 0.8, colour);
                    canvas.spot([tip[0] - 1.0, tip[1] + 1.5], 0.045 * pose.radius, 2.0, [0.0; 3], 0.25);
                    canvas.spot(tip, 0.04 * pose.radius, 1.0, scale(anther, between(rng, 0.85, 1.1)), 1.0);
                }
                if button > 0.0 {
                    disc(canvas, pose, light, button, colour, rng);
                }
            }
            Centre::Rimmed { radius, colour, rim } => {
                disc(canvas, pose, light, radius, rim, rng);
                disc(canvas, pose, light, 0.6 * radius, colour, rng);
            }
            Centre::Crown { count, length, colour, inner } => {
                for i in 0..count {
                    let angle = TAU * (i as f32 + between(rng, -0.2, 0.2)) / count as f32;
                    let reach = length * between(rng, 0.9, 1.05);
                    let at = |out: f32| pose.to_image([out * angle.cos(), out * angle.sin()]);
                    let thin = (0.02 * pose.radius).max(1.0);
                    canvas.stroke(at(0.5 * reach), at(reach), thin, thin * 0.7, colour);
                    canvas.stroke(at(0.1 * reach), at(0.5 * reach), thin, thin, inner);
                }
                disc(canvas, pose, light, 0.2 * length, colour, rng);
            }
            Centre::Trumpet { radius, colour } => trumpet(canvas, pose, light, radius, colour, rng),
            Centre::Column { length, angle, colour } => column(canvas, pose, length, angle, colour, rng),
        }
    }
}

/// Florets in the sunflower's spiral: each turned by the golden angle from the one before.
fn disc(canvas: &mut Canvas, pose: Pose, light: [f32; 2], radius: f32, colour: Rgb, rng: &mut Rng) {
    let size = radius * pose.radius;
    let shadow = [pose.centre[0] - 2.0 * light[0], pose.centre[1] - 2.0 * light[1]];
    canvas.spot(shadow, size * 1.05, 6.0, [0.05, 0.03, 0.02], 0.45);
    canvas.spot(pose.centre, size, 1.2, scale(colour, 0.72), 1.0);
    let florets = (size * size * 0.32).clamp(10.0, 260.0) as u32;
    for i in 0..florets {
        let out = (i as f32 / florets as f32).sqrt();
        let angle = i as f32 * 2.399_963;
        let (x, y) = (out * angle.cos(), out * angle.sin());
        let at = pose.to_image([radius * x, radius * y]);
        let towards = pose.direction(light);
        let dome = 0.92 + 0.3 * (x * towards[0] + y * towards[1]) - 0.3 * smoothstep(0.45, 0.0, out);
        let dot = size / (florets as f32).sqrt() * 0.72;
        canvas.spot(at, dot, 1.2, scale(colour, dome * between(rng, 0.85, 1.12)), 0.95);
    }
}

fn trumpet(canvas: &mut Canvas, pose: Pose, light: [f32; 2], radius: f32, colour: Rgb, rng: &mut Rng) {
    let phase = between(rng, 0.0, TAU);
    let pixels = pose.pixels();
    let reach = radius * pose.radius * 1.3 + 8.0;
    let (low, high) = (pose.centre.map(|at| at - reach), pose.centre.map(|at| at + reach));
    let (columns, rows) = canvas.window(low, high);
    let towards = pose.direction(light);
    for y in rows {
        for x in columns.clone() {
            let [px, py] = pose.to_flower([x as f32 + 0.5, y as f32 + 0.5]);
            let (out, angle) = (px.hypot(py), py.atan2(px));
            let mouth =
                radius * (1.0 + 0.07 * (angle * 9.0 + phase).sin() + 0.04 * (angle * 5.0 - phase).sin());
            let distance = (out - mouth) * pixels;
            canvas.shade(x, y, 0.4 * smoothstep(7.0, -2.0, distance));
            let cover = (0.5 - distance).clamp(0.0, 1.0);
            if cover > 0.0 {
                let depth = out / mouth;
                let facing = (px * towards[0] + py * towards[1]) / mouth;
                let rim = smoothstep(0.72, 0.95, depth);
                let ribs = 0.05 * (angle * 18.0 + phase).sin() * smoothstep(0.2, 0.6, depth);
                let tone = 0.42 + 0.5 * depth - 0.28 * facing * (1.0 - rim) + 0.2 * rim + ribs;
                canvas.blend(x, y, scale(colour, tone), cover);
            }
        }
    }
}

fn column(canvas: &mut Canvas, pose: Pose, length: f32, angle: f32, colour: Rgb, rng: &mut Rng) {
    // It stands up from the flower, so foreshortening does not touch its thickness.
    let at = |t: f32| {
        let bend = 0.12 * length * t * t;
        pose.to_image([
            length * t * angle.cos() - bend * angle.sin(),
            length * t * angle.sin() + bend * angle.cos(),
        ])
    };
    let thick = 0.07 * pose.radius;
    for i in 0..8 {
        let (from, to) = (at(i as f32 / 8.0), at((i + 1) as f32 / 8.0));
        canvas.stroke(
            [from[0] - 2.0, from[1] + 4.0],
            [to[0] - 2.0, to[1] + 4.0],
            thick,
            thick,
            [0.25, 0.05, 0.08],
        );
    }
    for i in 0..8 {
        canvas.stroke(at(i as f32 / 8.0), at((i + 1) as f32 / 8.0), thick, thick * 0.85, colour);
    }
    for i in 0..26 {
        let t = 0.42 + 0.6 * i as f32 / 26.0;
        let [x, y] = at(t);
        let (side, out) = (between(rng, 0.0, TAU), between(rng, 0.02, 0.085) * pose.radius);
        let spot = [x + out * side.cos(), y + out * side.sin()];
        canvas.spot(spot, 0.024 * pose.radius, 1.0, scale([0.98, 0.84, 0.30], between(rng, 0.8, 1.05)), 1.0);
    }
}
