//! A GPU beside the training: its [`memory`], the [`Backends`]' switches for TF32 and equal results, and [`autocast`]
//! for loops that are written out. The names are those of `torch.cuda`, `torch.backends` and `torch.amp`.
//!
//! ```no_run
//! use herbarium::cuda::{self, Backends};
//! # fn main() -> herbarium::Result<()> {
//!
//! // float32 matrix products in TF32 as well, not only convolutions.
//! Backends { matmul_allow_tf32: true, ..Default::default() }.apply()?;
//! println!("{}", cuda::memory(tch::Device::Cuda(0))?); // 5.0 of 80.0 GiB in use, tensors 1.0 GiB (at most 2.0)
//! # Ok(())
//! # }
//! ```

use tch::{Device, Kind};

pub use torch_accelerator::{Backends, Memory, has_cuda};

use crate::{Error, Result};

/// The memory of a GPU.
///
/// # Errors
/// [`Error::Torch`] when there is no such GPU; the CPU is not one.
pub fn memory(device: Device) -> Result<Memory> {
    Ok(torch_accelerator::memory(device)?)
}

/// Frees the GPU memory that libtorch holds but no tensor uses, so that other processes can have it.
///
/// # Errors
/// [`Error::Torch`] when there is no such GPU; the CPU is not one.
pub fn empty_cache(device: Device) -> Result<()> {
    Ok(torch_accelerator::empty_cache(device)?)
}

/// Runs a forward pass with automatic mixed precision, as `torch.autocast(device.type, dtype)`: matrix products and
/// convolutions take and give `kind`, [`Kind::BFloat16`] or [`Kind::Half`]. Compute the loss from logits in float32
/// (`logits.to_kind(Kind::Float)`); float16 needs a [`GradScaler`](crate::train::GradScaler) too.
///
/// # Errors
/// Those of `forward`; [`Error::Torch`] for another `kind`.
pub fn autocast<T>(device: Device, kind: Kind, forward: impl FnOnce() -> Result<T>) -> Result<T> {
    torch_accelerator::autocast(device, kind, forward)?
}

impl From<torch_accelerator::Error> for Error {
    fn from(error: torch_accelerator::Error) -> Self {
        tch::TchError::Torch(error.to_string()).into()
    }
}
