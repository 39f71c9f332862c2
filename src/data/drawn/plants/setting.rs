//! What stands behind a plant, and the light on all of it; drawn without regard to the species.

use std::f32::consts::{PI, TAU};

use fastrand::Rng;

use crate::data::drawn::backdrop;
use crate::data::drawn::canvas::{Canvas, Rgb, mix, scale, smoothstep};
use crate::data::drawn::palette::{between, hsv};
use crate::data::drawn::petal::{Mark, Outline, Petal};
use crate::data::drawn::pose::Pose;

/// Fills the picture: half of the time with a setting of the default set, else with one of five others.
pub(super) fn paint(canvas: &mut Canvas, light: [f32; 2], rng: &mut Rng) {
    match rng.u8(..10) {
        0 => grass(canvas, rng),
        1 => leaves(canvas, light, rng),
        2 => planks(canvas, rng),
        3 => water(canvas, rng),
        4 => studio(canvas, rng),
        _ => backdrop::paint(canvas, rng),
    }
}

fn green(rng: &mut Rng, value: f32) -> Rgb {
    hsv(between(rng, 0.2, 0.38), between(rng, 0.35, 0.75), value * between(rng, 0.75, 1.25))
}

/// Blades of grass, in focus or a little out of it.
fn grass(canvas: &mut Canvas, rng: &mut Rng) {
    let side = canvas.side() as f32;
    let (top, bottom) = (green(rng, 0.5), green(rng, 0.22));
    canvas.map(|_, y, _| mix(top, bottom, y));
    for _ in 0..rng.u32(50..110) {
        let foot = [between(rng, -0.1, 1.1) * side, between(rng, 0.4, 1.2) * side];
        let height = between(rng, 0.2, 0.8) * side;
        let tip = [foot[0] + between(rng, -0.4, 0.4) * height, foot[1] - height];
        let colour = green(rng, 0.45);
        canvas.stroke(foot, tip, between(rng, 3.0, 8.0), 1.0, colour);
    }
    canvas.blur(rng.usize(1..5));
}

/// Large leaves one over the other.
fn leaves(canvas: &mut Canvas, light: [f32; 2], rng: &mut Rng) {
    let side = canvas.side() as f32;
    let ground = green(rng, 0.18);
    canvas.map(|_, _, _| ground);
    let outline = Outline {
        root: 0.15,
        widest: between(rng, 0.3, 0.6),
        blunt: between(rng, 1.0, 2.5),
        ruffle: between(rng, 0.0, 0.08),
        ..Outline::ROUND
    };
    let (width, tone) = (between(rng, 0.3, 0.8), between(rng, 0.25, 0.5));
    for _ in 0..rng.u32(10..22) {
        let colour = green(rng, tone);
        let leaf = Petal {
            outline,
            angle: between(rng, 0.0, TAU),
            from: [0.0; 2],
            length: 1.0,
            width,
            bend: between(rng, -0.2, 0.2),
            root: scale(colour, 0.8),
            tip: colour,
            mark: Mark::Band(scale(colour, 1.4), 0.08),
            hollow: 0.5,
            phase: between(rng, 0.0, TAU),
        };
        let centre = [between(rng, -0.1, 1.1) * side, between(rng, -0.1, 1.1) * side];
        let radius = between(rng, 0.25, 0.5) * side;
        leaf.paint(canvas, Pose { centre, radius, rotation: 0.0, squash: 1.0, towards: 0.0 }, light);
    }
    canvas.blur(rng.usize(1..5));
}

/// A fence or a table of wood.
fn planks(canvas: &mut Canvas, rng: &mut Rng) {
    let wood = hsv(between(rng, 0.04, 0.11), between(rng, 0.15, 0.6), between(rng, 0.3, 0.8));
    let (count, upright) = (between(rng, 3.0, 7.0), rng.bool());
    let (phase, grain) = (between(rng, 0.0, TAU), between(rng, 20.0, 60.0));
    canvas.map(|x, y, _| {
        let (across, along) = if upright { (x, y) } else { (y, x) };
        let plank = (across * count).floor();
        let gap = smoothstep(0.03, 0.06, (across * count - plank - 0.5).abs() - 0.44);
        let tone = 1.0 + 0.15 * (plank * 2.4 + phase).sin();
        let fibres = 0.07 * (across * grain * PI + 2.0 * (along * 5.0 + plank * 1.7).sin()).sin();
        scale(wood, (tone + fibres) * (1.0 - 0.6 * gap))
    });
    canvas.blur(rng.usize(1..4));
}

/// A pond with ripples.
fn water(canvas: &mut Canvas, rng: &mut Rng) {
    let deep = hsv(between(rng, 0.45, 0.62), between(rng, 0.3, 0.7), between(rng, 0.2, 0.5));
    let (waves, phase, slope) = (between(rng, 8.0, 25.0), between(rng, 0.0, TAU), between(rng, -0.3, 0.3));
    canvas.map(|x, y, _| {
        let ripple = ((y + slope * x) * waves * TAU / (0.6 + y) + 1.5 * (x * 6.0 + phase).sin()).sin();
        mix(scale(deep, 0.9 + 0.25 * ripple), [0.8, 0.9, 0.95], 0.3 * (1.0 - y))
    });
    canvas.blur(rng.usize(1..4));
}

/// Plain paper of any colour, from white to black.
fn studio(canvas: &mut Canvas, rng: &mut Rng) {
    let paper = hsv(rng.f32(), between(rng, 0.0, 0.5), between(rng, 0.05, 1.0));
    let fall = between(rng, 0.5, 1.0);
    canvas.map(|_, y, _| scale(paper, 1.0 + (fall - 1.0) * y));
}

/// Exposure, contrast, the colour of the light, shade of what stands before it, darker corners and the sensor's grain.
pub(super) fn develop(canvas: &mut Canvas, light: [f32; 2], rng: &mut Rng) {
    let exposure = between(rng, 0.7, 1.25);
    let gamma = between(rng, 0.85, 1.25);
    let warmth = if rng.bool() { [1.0, 0.92, 0.76] } else { [0.84, 0.93, 1.0] };
    let tint = between(rng, 0.0, 0.5);
    let grain = between(rng, 0.003, 0.025);
    // Three pictures of ten have the shadow of a leaf or a fence across them.
    let depth = if rng.u8(..10) < 3 { between(rng, 0.15, 0.45) } else { 0.0 };
    let (angle, at, wide) = (between(rng, 0.0, TAU), between(rng, -0.4, 0.4), between(rng, 0.05, 0.3));
    let (sin, cos) = angle.sin_cos();
    if rng.u8(..5) == 0 {
        canvas.blur(1);
    }
    canvas.map(|x, y, colour| {
        let (dx, dy) = (x - 0.5, y - 0.5);
        let fall = 1.0 - 0.45 * (dx * dx + dy * dy) + 0.2 * (dx * light[0] + dy * light[1]);
        let across = (dx * cos + dy * sin - at).abs() + 0.02 * ((dy * cos - dx * sin) * 14.0).sin();
        let shadow = 1.0 - depth * smoothstep(wide + 0.04, wide - 0.04, across);
        let lit = scale(colour, exposure * fall * shadow).map(|channel| channel.powf(gamma));
        let tinted = mix(lit, std::array::from_fn(|i| lit[i] * warmth[i]), tint);
        // The sum of two uniform distributions is close enough to a normal one.
        let noise = grain * (rng.f32() + rng.f32() - 1.0) * 2.0;
        tinted.map(|channel| channel + noise)
    });
}
