//! Weights that ship with the crate, for use without a weights file and without internet access.
//!
//! They lie beside the sources and are read from there, not compiled in: cells link the crate, and twelve megabytes
//! more would have to be mapped and hashed with it. `make pretrain` writes them (docs/pretraining.md).

use std::path::{Path, PathBuf};

use super::{load, load_safetensors};
use crate::Result;
use crate::files::variable;
use crate::weights::StateDict;

/// Weights of one network that the crate carries.
pub(crate) struct Bundled {
    /// What they are, as the end of a sentence: "pretrained on 300 painted species, not on ImageNet".
    pub about: String,
    /// The network's tensors under torchvision's names, without those of its head.
    pub state: StateDict,
}

/// The metadata of such a file that says what its weights are.
const ABOUT: &str = "about";

/// The weights that the crate carries for a network (`resnet18`), if it does.
///
/// # Errors
/// [`Error::Weights`](crate::Error::Weights) when they cannot be read.
pub(crate) fn bundled(model: &str) -> Result<Option<Bundled>> {
    let path = crate_folder().join("weights").join(format!("{model}-painted.safetensors"));
    if !path.exists() {
        return Ok(None);
    }
    let about = load_safetensors(&path)?.1.remove(ABOUT);
    let about = about.unwrap_or_else(|| format!("from {}", path.display()));
    Ok(Some(Bundled { about, state: load(&path)? }))
}

/// The checkout of the crate: `HERBARIUM_CRATE`, which the kernel sets, else where it was compiled.
fn crate_folder() -> PathBuf {
    variable("HERBARIUM_CRATE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).to_owned(), PathBuf::from)
}
