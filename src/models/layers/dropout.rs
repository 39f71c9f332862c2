//! Dropout, any shape ([Hinton et al. 2012](https://arxiv.org/abs/1207.0580)):
//! [`torch.nn.Dropout`](https://docs.pytorch.org/docs/stable/generated/torch.nn.Dropout.html).

use tch::Tensor;

use super::python_bool;
use crate::models::{Mode, Module, Pass};
use crate::{Error, Result};

/// In train mode each value becomes 0 with probability `p`, and the others grow by `1 / (1 − p)`.
#[derive(Debug, Clone, Copy)]
pub struct Dropout {
    p: f64,
}

impl Dropout {
    /// With the probability `p`, 0 to 1.
    ///
    /// # Errors
    /// [`Error::Argument`] when `p` is no probability.
    pub fn new(p: f64) -> Result<Dropout> {
        if !(0.0..=1.0).contains(&p) {
            return Err(Error::Argument(format!("Dropout({p}): a probability is from 0 to 1")));
        }
        Ok(Dropout { p })
    }
}

impl Module for Dropout {
    fn kind(&self) -> &'static str {
        "Dropout"
    }

    fn extra_repr(&self) -> String {
        format!("p={:?}, inplace={}", self.p, python_bool(false))
    }

    fn forward(&self, input: &Tensor, pass: Pass) -> Result<Tensor> {
        Ok(input.f_dropout(self.p, pass.mode == Mode::Train)?)
    }
}
