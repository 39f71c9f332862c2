//! A model's values: out of it, into it, and from one device to another.

use tch::Device;

use super::module::{Module, Role, walk};
use super::{Model, StateDict, Strictness};
use crate::weights::{LoadReport, load_into};
use crate::{Error, Result};

impl Model {
    /// All tensors, learned and kept, in PyTorch's order. They share the model's memory: see
    /// [`StateDict`].
    pub fn state_dict(&self) -> StateDict {
        // Detached, as PyTorch's are: the values are shared, the gradients are not.
        self.owned().into_iter().map(|(name, tensor, _)| (name, tensor.detach())).collect()
    }

    /// Puts the values of `state` into the model, in place: optimizers made before keep working.
    /// Everything is checked before the first value is changed. Another floating type is converted
    /// to the model's, and the report says so. `num_batches_tracked` may be missing, as in PyTorch.
    ///
    /// # Errors
    /// [`Error::StateDict`] in [`Strictness::Strict`] when a key is missing, unexpected or has another
    /// shape or type; [`Error::Torch`] when a conversion fails. The model is then as it was.
    pub fn load_state_dict(&mut self, state: &StateDict, strictness: Strictness) -> Result<LoadReport> {
        load_into(self.name(), &self.state_dict(), state, strictness)
    }

    /// Moves the weights (and gradients) to `device`, in place: optimizers made before keep working
    /// on the same tensors.
    ///
    /// # Errors
    /// [`Error::Argument`] when there is no such GPU, [`Error::Torch`] when it has no room; nothing is
    /// moved then.
    pub fn to(&mut self, device: Device) -> Result<()> {
        move_to(self.module(), device)?;
        self.device = device;
        Ok(())
    }
}

/// Keeps the weights of convolutions in memory with the channels innermost, as PyTorch's
/// `to(memory_format=torch.channels_last)`: the convolutions then use this layout, which is 15 to
/// 30 % faster on a CPU. Shapes and values are the same.
pub(super) fn put_channels_last(module: &dyn Module) -> Result<()> {
    let mut weights = Vec::new();
    walk(module, "", &mut |_, module| {
        let own = module.tensors().into_iter().filter(|named| named.role == Role::Parameter);
        weights.extend(own.map(|named| named.tensor.shallow_clone()).filter(|tensor| tensor.dim() == 4));
    });
    for mut tensor in weights {
        let values = tensor.f_detach()?.f_permute([0, 2, 3, 1])?.f_contiguous()?;
        tensor.f_set_data(&values.f_permute([0, 3, 1, 2])?)?;
    }
    Ok(())
}

/// Moves all tensors of a tree, and their gradients, or none.
pub(super) fn move_to(module: &dyn Module, device: Device) -> Result<()> {
    check_gpu(device)?;
    let mut tensors = Vec::new();
    walk(module, "", &mut |_, module| {
        tensors.extend(module.tensors().into_iter().map(|named| named.tensor.shallow_clone()));
    });
    let mut moves = Vec::new();
    for tensor in tensors {
        let gradient = tensor.f_grad()?;
        let held = if gradient.defined() { vec![tensor, gradient] } else { vec![tensor] };
        for tensor in held {
            moves.push((tensor.f_detach()?.f_to_device(device)?, tensor));
        }
    }
    for (moved, mut tensor) in moves {
        tensor.f_set_data(&moved)?;
    }
    Ok(())
}

fn check_gpu(device: Device) -> Result<()> {
    let found = tch::Cuda::device_count();
    match device {
        Device::Cuda(index) if i64::try_from(index).is_ok_and(|index| index >= found) => {
            Err(Error::Argument(format!(
                "there is no CUDA device {index}, {found} were found: `Device::cuda_if_available()` takes \
                an available one"
            )))
        }
        _ => Ok(()),
    }
}
