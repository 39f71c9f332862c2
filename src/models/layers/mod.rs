//! The layers that networks are made of, one file each, as in
//! [`torch.nn`](https://docs.pytorch.org/docs/stable/nn.html).

mod activation;
mod batch_norm;
mod conv;
mod conv_norm;
mod dropout;
mod layer_norm;
mod linear;
mod pooling;
mod sequential;
mod shape;
mod squeeze_excitation;

pub use activation::{Gelu, Hardsigmoid, Hardswish, ReLU, ReLU6, SiLU, Sigmoid};
pub use batch_norm::BatchNorm2d;
pub use conv::{Conv2d, ConvOptions};
pub(crate) use conv_norm::{conv_norm, make_divisible, same_size};
pub use dropout::{Dropout, StochasticDepth};
pub use layer_norm::LayerNorm;
pub use linear::Linear;
pub use pooling::{AdaptiveAvgPool2d, AvgPool2d, MaxPool2d};
pub use sequential::Sequential;
pub use shape::{Flatten, Identity, Permute};
pub use squeeze_excitation::SqueezeExcitation;

/// A bool as Python prints it.
fn python_bool(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}

/// A number as Python prints it: `1e-05`, `0.001`.
fn python_float(value: f64) -> String {
    let scientific = format!("{value:e}");
    match scientific.split_once("e-") {
        Some((digits, exponent)) if exponent.parse().is_ok_and(|exponent: u32| exponent > 4) => {
            format!("{digits}e-{exponent:0>2}")
        }
        _ => format!("{value:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::python_float;

    #[test]
    fn prints_floats_as_python() {
        assert_eq!(
            [1e-5, 1e-3, 2.5e-7, 0.1, 1.0].map(python_float),
            ["1e-05", "0.001", "2.5e-07", "0.1", "1.0"]
        );
    }
}
