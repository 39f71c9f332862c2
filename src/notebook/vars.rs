//! How large a variable is, for the kernel's `:vars`: the shape of a tensor, the parameters of a model.

pub(crate) use herbarium_notebook::vars::counted;
pub use herbarium_notebook::vars::{Known, Of, Unknown, show};
use tch::Tensor;

use super::Here;

/// `torch.Size([128, 3, 64, 64]) Float`.
pub(crate) fn shape(tensor: &Tensor) -> String {
    if !tensor.defined() {
        return "undefined".into();
    }
    let kind = tensor.f_kind().map(|kind| format!(" {kind:?}")).unwrap_or_default();
    format!("torch.Size({:?}){kind}", tensor.size())
}

impl Known<Here> for Of<'_, Tensor> {
    fn size(&self) -> String {
        shape(self.0)
    }
}

/// [`Known`] for types with a `len`, and what they hold: `known_by_len!([] Predictions: "prediction";)`, beside the type.
macro_rules! known_by_len {
    ($([$($parameters:ident),*] $kind:ty: $what:literal;)*) => {
        $(impl<$($parameters),*> $crate::notebook::vars::Known<$crate::notebook::Here>
            for $crate::notebook::vars::Of<'_, $kind>
        {
            fn size(&self) -> String {
                $crate::notebook::vars::counted(self.0.len(), $what)
            }
        })*
    };
}
pub(crate) use known_by_len;

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    #[expect(clippy::needless_borrow, reason = "as the kernel writes it, for any type")]
    fn a_tensor_says_its_shape() {
        let tensor = Tensor::zeros([2, 3], (Kind::Float, Device::Cpu));
        assert_eq!((&Of(&tensor)).size(), "torch.Size([2, 3]) Float");
        assert_eq!((&Of(&1u16)).size(), "2 bytes");
    }
}
