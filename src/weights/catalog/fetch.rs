//! From torchvision's server, or a mirror, into the cache folder.

use std::env;

use super::{PretrainedWeights, ROWS};
use crate::download::{Checksum, DownloadOptions, Downloaded, bytes, download};
use crate::weights::find::{cache_folder, set};
use crate::{Error, Result};

const SERVER: &str = "https://download.pytorch.org/models";
const MIRROR: &str = "HERBARIUM_WEIGHTS_URL";
const OFFLINE: &str = "HERBARIUM_OFFLINE";

/// Where a file is fetched from.
pub(super) fn url(weights: &PretrainedWeights) -> String {
    let mirror = env::var(MIRROR).ok().filter(|mirror| !mirror.is_empty());
    let base = mirror.as_deref().unwrap_or(SERVER).trim_end_matches('/');
    format!("{base}/{}", weights.file())
}

/// Whether nothing may be fetched.
fn offline() -> bool {
    set(OFFLINE).is_some_and(|value| value.as_os_str() != "0")
}

/// Fetches a file, unless it is there.
pub(super) fn fetch(weights: &PretrainedWeights) -> Result<Downloaded> {
    let options = DownloadOptions {
        checksum: Some(Checksum::Sha256(weights.checksum().into())),
        // torchvision tells the length to a thousandth of a mebibyte.
        at_most: Some(weights.bytes() + (1 << 20)),
        ..Default::default()
    };
    if let Some(path) = weights.local()
        && options.checksum.as_ref().is_some_and(|checksum| checksum.fits_file(&path).unwrap_or(false))
    {
        let length = std::fs::metadata(&path).map_err(Error::io("reading", &path))?.len();
        return Ok(Downloaded { path, length, fetched: 0 });
    }
    let to = cache_folder().ok_or(Error::NoCacheFolder)?.join(weights.file());
    if offline() {
        let reason = format!("{OFFLINE} is set: unset it, or fetch the file elsewhere and put it there");
        return Err(Error::Download { url: weights.url(), path: to, reason });
    }
    download(&weights.url(), to, &options)
}

/// The line that fetches a network's weights, and how much that is; for a network that torchvision has
/// none for, what else can be done.
pub(crate) fn how_to_get(model: &str) -> String {
    match ROWS.iter().find(|row| row.model == model && row.default) {
        Some(row) => {
            let size = bytes(PretrainedWeights(row).bytes());
            format!("`weights::download(\"{model}\")?` fetches them ({size})")
        }
        None => "torchvision has none of this name".into(),
    }
}
