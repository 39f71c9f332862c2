//! Weights that travel with the crate, for where there is neither a file nor a network.

use crate::Result;
use crate::models::StateDict;

/// Weights of one network that the crate carries.
pub(crate) struct Bundled {
    /// What they are, as the end of a sentence: "pretrained on 300 painted species, not on ImageNet".
    pub about: &'static str,
    /// The network's tensors under torchvision's names, without those of its head.
    pub state: StateDict,
}

/// The weights that the crate carries for a network (`resnet18`), if it does.
///
/// # Errors
/// [`Error::Weights`](crate::Error::Weights) when they cannot be read.
pub(crate) fn bundled(_model: &str) -> Result<Option<Bundled>> {
    Ok(None)
}
