//! The values that the parity fixtures give to weights and inputs by a formula (`models/manifest.json`).

use herbarium::models::StateDict;
use tch::{Kind, Tensor};

/// The manifest's `noise(n, k)`: element i is 2 frac(43758.5453 sin(12.9898 i + 78.233 k)) − 1.
pub fn noise(n: i64, k: i64) -> Tensor {
    let value = |i: i64| {
        let wave = 43758.5453 * (12.9898 * i as f64 + 78.233 * k as f64).sin();
        2.0 * (wave - wave.floor()) - 1.0
    };
    Tensor::from_slice(&(0..n).map(value).collect::<Vec<f64>>())
}

/// The manifest's `weights`.
pub fn formula_weights(own: &StateDict, gain: f64) -> StateDict {
    let values = |(k, (name, tensor)): (usize, &(String, Tensor))| {
        if !tensor.is_floating_point() {
            return (name.clone(), tensor.shallow_clone());
        }
        let s = noise(tensor.numel() as i64, k as i64).reshape(tensor.size());
        let values = match tensor.size().as_slice() {
            _ if name.ends_with("running_var") => s * 0.2 + 1.0,
            _ if name.ends_with("running_mean") => s * 0.1,
            [_] if name.ends_with("weight") => s * 0.1 + 1.0,
            [_] => s * 0.05,
            shape => s * (gain / (tensor.numel() as f64 / shape[0] as f64)).sqrt(),
        };
        (name.clone(), values.to_kind(Kind::Float))
    };
    own.iter().enumerate().map(values).collect()
}
