//! Activations, any shape, element by element:
//! [`torch.nn.ReLU`](https://docs.pytorch.org/docs/stable/generated/torch.nn.ReLU.html) and
//! [`torch.nn.ReLU6`](https://docs.pytorch.org/docs/stable/generated/torch.nn.ReLU6.html).
//! Both work in place, as torchvision's networks have them: their input is another layer's output
//! that nobody else reads.

use tch::Tensor;

use super::python_bool;
use crate::Result;
use crate::models::{Module, Pass};

/// `max(0, x)`.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReLU;

impl Module for ReLU {
    fn kind(&self) -> &'static str {
        "ReLU"
    }

    fn extra_repr(&self) -> String {
        format!("inplace={}", python_bool(true))
    }

    fn forward(&self, input: &Tensor, _: Pass) -> Result<Tensor> {
        Ok(input.shallow_clone().f_relu_()?)
    }
}

/// `min(max(0, x), 6)`.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReLU6;

impl Module for ReLU6 {
    fn kind(&self) -> &'static str {
        "ReLU6"
    }

    fn extra_repr(&self) -> String {
        format!("inplace={}", python_bool(true))
    }

    fn forward(&self, input: &Tensor, _: Pass) -> Result<Tensor> {
        Ok(input.shallow_clone().f_relu6_()?)
    }
}
