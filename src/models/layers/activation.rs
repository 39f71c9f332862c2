//! Activations, any shape, element by element: what PyTorch calls
//! [non-linear activations](https://docs.pytorch.org/docs/stable/nn.html#non-linear-activations-weighted-sum-nonlinearity).
//!
//! Those "in place" overwrite their input, which saves memory if nothing else reads it.

use tch::Tensor;

use super::python_bool;
use crate::Result;
use crate::models::{Module, Pass};

/// `max(0, x)`: [`torch.nn.ReLU`](https://docs.pytorch.org/docs/stable/generated/torch.nn.ReLU.html).
#[derive(Debug, Clone, Copy, Default)]
pub struct ReLU {
    /// Whether the input is overwritten.
    pub inplace: bool,
}

impl ReLU {
    /// The one that overwrites its input, as torchvision's networks have it after each layer.
    pub const INPLACE: ReLU = ReLU { inplace: true };
}

impl Module for ReLU {
    fn kind(&self) -> &'static str {
        "ReLU"
    }

    fn extra_repr(&self) -> String {
        inplace_repr(self.inplace)
    }

    fn forward(&self, input: &Tensor, _: Pass) -> Result<Tensor> {
        Ok(if self.inplace { input.shallow_clone().f_relu_()? } else { input.f_relu()? })
    }
}

/// `min(max(0, x), 6)`: [`torch.nn.ReLU6`](https://docs.pytorch.org/docs/stable/generated/torch.nn.ReLU6.html).
#[derive(Debug, Clone, Copy, Default)]
pub struct ReLU6 {
    /// Whether the input is overwritten.
    pub inplace: bool,
}

impl ReLU6 {
    /// The one that overwrites its input.
    pub const INPLACE: ReLU6 = ReLU6 { inplace: true };
}

impl Module for ReLU6 {
    fn kind(&self) -> &'static str {
        "ReLU6"
    }

    fn extra_repr(&self) -> String {
        inplace_repr(self.inplace)
    }

    fn forward(&self, input: &Tensor, _: Pass) -> Result<Tensor> {
        Ok(if self.inplace { input.shallow_clone().f_relu6_()? } else { input.f_relu6()? })
    }
}

/// `x · sigmoid(x)`: [`torch.nn.SiLU`](https://docs.pytorch.org/docs/stable/generated/torch.nn.SiLU.html).
#[derive(Debug, Clone, Copy, Default)]
pub struct SiLU {
    /// Whether the input is overwritten.
    pub inplace: bool,
}

impl SiLU {
    /// The one that overwrites its input.
    pub const INPLACE: SiLU = SiLU { inplace: true };
}

impl Module for SiLU {
    fn kind(&self) -> &'static str {
        "SiLU"
    }

    fn extra_repr(&self) -> String {
        inplace_repr(self.inplace)
    }

    fn forward(&self, input: &Tensor, _: Pass) -> Result<Tensor> {
        Ok(if self.inplace { input.shallow_clone().f_silu_()? } else { input.f_silu()? })
    }
}

/// `x · min(max(0, x + 3), 6) / 6`, in place:
/// [`torch.nn.Hardswish`](https://docs.pytorch.org/docs/stable/generated/torch.nn.Hardswish.html).
#[derive(Debug, Clone, Copy, Default)]
pub struct Hardswish;

impl Module for Hardswish {
    fn kind(&self) -> &'static str {
        "Hardswish"
    }

    fn forward(&self, input: &Tensor, _: Pass) -> Result<Tensor> {
        Ok(input.shallow_clone().f_hardswish_()?)
    }
}

/// `min(max(0, x + 3), 6) / 6`:
/// [`torch.nn.Hardsigmoid`](https://docs.pytorch.org/docs/stable/generated/torch.nn.Hardsigmoid.html).
#[derive(Debug, Clone, Copy, Default)]
pub struct Hardsigmoid;

impl Module for Hardsigmoid {
    fn kind(&self) -> &'static str {
        "Hardsigmoid"
    }

    fn forward(&self, input: &Tensor, _: Pass) -> Result<Tensor> {
        Ok(input.f_hardsigmoid()?)
    }
}

/// `1 / (1 + e⁻ˣ)`: [`torch.nn.Sigmoid`](https://docs.pytorch.org/docs/stable/generated/torch.nn.Sigmoid.html).
#[derive(Debug, Clone, Copy, Default)]
pub struct Sigmoid;

impl Module for Sigmoid {
    fn kind(&self) -> &'static str {
        "Sigmoid"
    }

    fn forward(&self, input: &Tensor, _: Pass) -> Result<Tensor> {
        Ok(input.f_sigmoid()?)
    }
}

/// `x · Φ(x)`, with the normal distribution's Φ:
/// [`torch.nn.GELU`](https://docs.pytorch.org/docs/stable/generated/torch.nn.GELU.html).
#[derive(Debug, Clone, Copy, Default)]
pub struct Gelu;

impl Module for Gelu {
    fn kind(&self) -> &'static str {
        "GELU"
    }

    fn extra_repr(&self) -> String {
        "approximate='none'".into()
    }

    fn forward(&self, input: &Tensor, _: Pass) -> Result<Tensor> {
        Ok(input.f_gelu("none")?)
    }
}

fn inplace_repr(inplace: bool) -> String {
    if inplace { format!("inplace={}", python_bool(true)) } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against torch 2.13: `f(torch.tensor([-4., -1., 0.5, 7.]))`.
    #[test]
    fn values_are_pytorchs() -> Result<()> {
        let cases: [(&dyn Module, [f64; 4]); 7] = [
            (&ReLU::default(), [0.0, 0.0, 0.5, 7.0]),
            (&ReLU6::INPLACE, [0.0, 0.0, 0.5, 6.0]),
            (&SiLU::default(), [-0.071_945, -0.268_941, 0.311_230, 6.993_623]),
            (&Hardswish, [0.0, -1.0 / 3.0, 0.291_667, 7.0]),
            (&Hardsigmoid, [0.0, 1.0 / 3.0, 0.583_333, 1.0]),
            (&Sigmoid, [0.017_986, 0.268_941, 0.622_459, 0.999_089]),
            (&Gelu, [-0.000_127, -0.158_655, 0.345_731, 7.0]),
        ];
        for (layer, expected) in cases {
            let input = Tensor::from_slice(&[-4f32, -1.0, 0.5, 7.0]);
            let output = layer.forward(&input, Pass::default())?;
            for (index, expected) in expected.into_iter().enumerate() {
                let value = output.double_value(&[index as i64]);
                assert!((value - expected).abs() < 2e-6, "{}: {value} for {expected}", layer.kind());
            }
        }
        Ok(())
    }

    #[test]
    fn only_those_in_place_overwrite_their_input() -> Result<()> {
        let input = Tensor::from_slice(&[-1f32]);
        let _ = ReLU::default().forward(&input, Pass::EVAL)?;
        assert_eq!((input.double_value(&[0]), ReLU::default().extra_repr().as_str()), (-1.0, ""));
        let _ = ReLU::INPLACE.forward(&input, Pass::EVAL)?;
        assert_eq!((input.double_value(&[0]), ReLU::INPLACE.extra_repr().as_str()), (0.0, "inplace=True"));
        Ok(())
    }
}
