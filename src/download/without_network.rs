//! What is in the network's place in a build without the feature `download`.

use std::path::Path;

use super::{DownloadOptions, Downloaded};
use crate::{Error, Result};

/// Fetches nothing.
pub(super) fn fetch(url: &str, to: &Path, _options: &DownloadOptions) -> Result<Downloaded> {
    let reason =
        "herbarium was built without its feature `download`: fetch the file elsewhere and put it there";
    Err(Error::Download { url: url.to_owned(), path: to.to_owned(), reason: reason.into() })
}
