//! The values that the parity fixtures give to weights and inputs by a formula (`models/manifest.json`).

use herbarium::models::StateDict;
use tch::{Device, Kind, Tensor};

/// How many values are worked on at once: the largest weights have a hundred million.
const PIECE: i64 = 1 << 22;

/// The manifest's `noise(n, k)`: element i is 2 frac(43758.5453 sin(12.9898 i + 78.233 k)) − 1.
pub fn noise(n: i64, k: i64) -> Tensor {
    noise_from(0, n, k)
}

/// The elements of `noise(n, k)` from `start` to `end`.
fn noise_from(start: i64, end: i64, k: i64) -> Tensor {
    let i = Tensor::arange_start(start, end, (Kind::Double, Device::Cpu));
    let wave = (i * 12.9898 + 78.233 * k as f64).sin() * 43758.5453;
    wave.frac().remainder(1.0) * 2.0 - 1.0
}

/// The manifest's `weights`.
pub fn formula_weights(own: &StateDict, gain: f64) -> StateDict {
    let values = |(k, (name, tensor)): (usize, &(String, Tensor))| {
        if !tensor.is_floating_point() {
            return (name.clone(), tensor.shallow_clone());
        }
        let (size, numel) = (tensor.size(), tensor.numel() as i64);
        let (scale, shift) = match size.as_slice() {
            _ if name.ends_with("running_var") => (0.2, 1.0),
            _ if name.ends_with("running_mean") => (0.1, 0.0),
            [_] if name.ends_with("weight") => (0.1, 1.0),
            [_] => (0.05, 0.0),
            shape => ((gain / (numel as f64 / shape[0] as f64)).sqrt(), 0.0),
        };
        let piece = |start: i64| {
            let s = noise_from(start, (start + PIECE).min(numel), k as i64);
            (s * scale + shift).to_kind(Kind::Float)
        };
        let pieces: Vec<Tensor> = (0..numel).step_by(PIECE as usize).map(piece).collect();
        (name.clone(), Tensor::cat(&pieces, 0).reshape(size))
    };
    own.iter().enumerate().map(values).collect()
}

#[test]
fn the_noise_is_the_formulas() {
    let direct = |i: i64, k: i64| {
        let wave = 43758.5453 * (12.9898 * i as f64 + 78.233 * k as f64).sin();
        2.0 * (wave - wave.floor()) - 1.0
    };
    for (start, values) in [(0, noise(1000, 1000)), (99_999_000, noise_from(99_999_000, 100_000_000, 1000))] {
        for i in 0..1000 {
            assert!((values.double_value(&[i]) - direct(start + i, 1000)).abs() < 1e-9);
        }
    }
}
