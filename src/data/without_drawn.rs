//! What is in the drawn flowers' place in a build without the feature `painted`.

use std::path::PathBuf;

use crate::{Error, Result};

/// No folder.
pub(super) fn cached_flowers() -> Result<PathBuf> {
    let reason = "herbarium was built without its feature `painted`, so there are no drawn flowers: set HERBARIUM_DATA to a \
                  folder with `train` and `valid`";
    Err(Error::Argument(reason.into()))
}
