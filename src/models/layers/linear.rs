//! A fully connected layer, `(N, in) -> (N, out)`, `y = x Wᵀ + b`:
//! [`torch.nn.Linear`](https://docs.pytorch.org/docs/stable/generated/torch.nn.Linear.html).

use tch::Tensor;

use super::python_bool;
use crate::models::init::{default_bias, default_weight};
use crate::models::{Module, NamedTensor, Pass, fast_path};
use crate::{Error, Result};

/// A fully connected layer with weight `(out, in)` and bias `(out,)`.
#[derive(Debug)]
pub struct Linear {
    in_features: i64,
    out_features: i64,
    weight: Tensor,
    bias: Tensor,
}

impl Linear {
    /// With PyTorch's default random weights: uniform within ±1/√in.
    ///
    /// # Errors
    /// [`Error::Argument`] when a size is not positive.
    pub fn new(in_features: i64, out_features: i64) -> Result<Linear> {
        if in_features < 1 || out_features < 1 {
            return Err(Error::Argument(format!(
                "Linear({in_features}, {out_features}): both sizes must be positive"
            )));
        }
        let shape = [out_features, in_features];
        Ok(Linear { in_features, out_features, weight: default_weight(&shape)?, bias: default_bias(&shape)? })
    }

    /// How many values come in.
    pub fn in_features(&self) -> i64 {
        self.in_features
    }

    /// How many values go out.
    pub fn out_features(&self) -> i64 {
        self.out_features
    }

    /// The weight, `(out, in)`.
    pub fn weight(&self) -> &Tensor {
        &self.weight
    }

    /// The bias, `(out,)`.
    pub fn bias(&self) -> &Tensor {
        &self.bias
    }
}

impl Module for Linear {
    fn kind(&self) -> &'static str {
        "Linear"
    }

    fn extra_repr(&self) -> String {
        let bias = python_bool(true);
        format!("in_features={}, out_features={}, bias={bias}", self.in_features, self.out_features)
    }

    fn forward(&self, input: &Tensor, _: Pass) -> Result<Tensor> {
        Ok(fast_path::dense(input)?.f_linear(&self.weight, Some(&self.bias))?)
    }

    fn tensors(&self) -> Vec<NamedTensor<'_>> {
        vec![NamedTensor::parameter("weight", &self.weight), NamedTensor::parameter("bias", &self.bias)]
    }
}
