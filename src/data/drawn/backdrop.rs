//! What stands behind a flower: out-of-focus leaves, meadow, sky or a plain wall; stem and leaves.

use std::f32::consts::{PI, TAU};

use fastrand::Rng;

use super::canvas::{Canvas, Rgb, mix, scale};
use super::palette::{between, hsv};
use super::petal::{Mark, Outline, Petal};
use super::pose::Pose;

/// Fills the picture with one of five settings, drawn without regard to the species.
pub(super) fn paint(canvas: &mut Canvas, rng: &mut Rng) {
    let (top, bottom, blobs, blur) = match rng.u8(..5) {
        0 => (green(rng, 0.16), green(rng, 0.28), 46, 5),
        1 => (green(rng, 0.62), green(rng, 0.42), 34, 6),
        2 => (hsv(between(rng, 0.53, 0.62), between(rng, 0.15, 0.45), 0.9), green(rng, 0.48), 20, 8),
        3 => (hsv(between(rng, 0.05, 0.10), 0.35, 0.42), hsv(between(rng, 0.06, 0.11), 0.45, 0.26), 40, 4),
        _ => {
            let wall = hsv(rng.f32(), between(rng, 0.02, 0.18), between(rng, 0.15, 0.85));
            (wall, scale(wall, 0.65), 3, 9)
        }
    };
    canvas.map(|_, y, _| mix(top, bottom, y));
    for _ in 0..blobs {
        blob(canvas, top, bottom, rng);
    }
    canvas.blur(blur);
    for _ in 0..rng.u32(..9) {
        // Out-of-focus highlights.
        let at = [between(rng, 0.0, 256.0), between(rng, 0.0, 256.0)];
        let colour = mix(top, [1.0, 1.0, 0.85], 0.6);
        let (radius, alpha) = (between(rng, 5.0, 17.0), between(rng, 0.06, 0.2));
        canvas.spot(at, radius, 3.0, colour, alpha);
    }
}

/// A leaf, a clod, a far flower: an ellipse in a related tone, to be blurred.
fn blob(canvas: &mut Canvas, top: Rgb, bottom: Rgb, rng: &mut Rng) {
    let side = canvas.side() as f32;
    let from = [between(rng, -0.1, 1.1) * side, between(rng, -0.1, 1.1) * side];
    let (angle, length) = (between(rng, 0.0, TAU), between(rng, 0.08, 0.34) * side);
    let to = [from[0] + length * angle.cos(), from[1] + length * angle.sin()];
    let own = mix(top, bottom, rng.f32());
    let colour = match rng.u8(..20) {
        0 => mix(own, hsv(rng.f32(), 0.6, 0.85), 0.6),
        1..=3 => scale(own, 1.55),
        4..=8 => scale(own, 0.6),
        _ => scale(own, between(rng, 0.75, 1.3)),
    };
    let width = between(rng, 0.03, 0.12) * side;
    canvas.stroke(from, to, width, width * 0.4, colour);
}

fn green(rng: &mut Rng, value: f32) -> Rgb {
    hsv(between(rng, 0.23, 0.39), between(rng, 0.35, 0.7), value * between(rng, 0.8, 1.2))
}

/// A stem from the flower's middle to the lower edge, with up to three leaves.
pub(super) fn stem(canvas: &mut Canvas, pose: Pose, light: [f32; 2], rng: &mut Rng) {
    let side = canvas.side() as f32;
    let colour = green(rng, 0.5);
    let lean = between(rng, -0.35, 0.35) * side;
    let (start, bend) = (pose.centre, between(rng, -0.15, 0.15) * side);
    let at = |t: f32| {
        let x = start[0] + lean * t + bend * (t * PI).sin();
        [x, start[1] + (side * 1.05 - start[1]) * t]
    };
    // Drawn row by row: it goes down steadily, so each row crosses it once.
    let (half, rows) = (0.035 * pose.radius + 1.0, (side * 1.05 - start[1]).max(1.0));
    for y in start[1].max(0.0) as usize..canvas.side() {
        let t = (y as f32 + 0.5 - start[1]) / rows;
        let slope = (lean + bend * PI * (t * PI).cos()) / rows;
        for x in 0..canvas.side() {
            let across = (x as f32 + 0.5 - at(t)[0]) / slope.hypot(1.0);
            let cover = (half - across.abs() + 0.5).clamp(0.0, 1.0);
            if cover > 0.0 {
                let facing = across / half;
                let tone = 1.0 - 0.3 * facing * facing + 0.25 * facing * light[0];
                canvas.blend(x, y, scale(colour, tone), cover);
            }
        }
    }
    for _ in 0..rng.u32(..4) {
        let root = at(between(rng, 0.35, 0.95));
        let leftwards = rng.bool();
        let rise = between(rng, 0.1, 0.9);
        let angle = if leftwards { PI + rise } else { -rise };
        leaf(colour, angle, rng).paint(canvas, leaf_pose(root, pose.radius * between(rng, 0.7, 1.2)), light);
    }
}

fn leaf_pose(root: [f32; 2], radius: f32) -> Pose {
    Pose { centre: root, radius, rotation: 0.0, squash: 1.0, towards: 0.0 }
}

fn leaf(colour: Rgb, angle: f32, rng: &mut Rng) -> Petal {
    let outline = Outline { root: 0.1, widest: 0.4, blunt: 1.4, ruffle: 0.03, ..Outline::ROUND };
    Petal {
        outline,
        angle,
        from: [0.0, 0.0],
        length: 1.0,
        width: between(rng, 0.26, 0.5),
        bend: between(rng, -0.25, 0.25),
        root: scale(colour, 0.8),
        tip: scale(colour, between(rng, 0.9, 1.25)),
        mark: Mark::Band(scale(colour, 1.45), 0.07),
        hollow: 0.5,
        phase: between(rng, 0.0, TAU),
    }
}
