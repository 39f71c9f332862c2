//! Layers that change the shape of a tensor, or nothing at all.

use tch::Tensor;

use crate::Result;
use crate::models::{Module, Pass};

/// All dimensions after the first become one, `(N, C, H, W) -> (N, C · H · W)`:
/// [`torch.nn.Flatten`](https://docs.pytorch.org/docs/stable/generated/torch.nn.Flatten.html).
#[derive(Debug, Clone, Copy, Default)]
pub struct Flatten;

impl Module for Flatten {
    fn kind(&self) -> &'static str {
        "Flatten"
    }

    fn extra_repr(&self) -> String {
        "start_dim=1, end_dim=-1".into()
    }

    fn forward(&self, input: &Tensor, _: Pass) -> Result<Tensor> {
        Ok(input.f_flatten(1, -1)?)
    }
}

/// The four dimensions of a batch of pictures in another order: torchvision's `Permute`.
#[derive(Debug, Clone, Copy)]
pub struct Permute {
    /// Which dimension of the input each one of the output is.
    pub dims: [i64; 4],
}

impl Module for Permute {
    fn kind(&self) -> &'static str {
        "Permute"
    }

    fn forward(&self, input: &Tensor, _: Pass) -> Result<Tensor> {
        Ok(input.f_permute(self.dims)?)
    }
}

/// Returns its input, any shape: replace a part by this to remove it.
/// [`torch.nn.Identity`](https://docs.pytorch.org/docs/stable/generated/torch.nn.Identity.html).
#[derive(Debug, Clone, Copy, Default)]
pub struct Identity;

impl Module for Identity {
    fn kind(&self) -> &'static str {
        "Identity"
    }

    fn forward(&self, input: &Tensor, _: Pass) -> Result<Tensor> {
        Ok(input.shallow_clone())
    }
}
