//! From torchvision's server, or a mirror, into the cache folder.

use std::env;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{PretrainedWeights, ROWS};
use crate::download::{Checksum, DownloadOptions, Downloaded, bytes, download};
use crate::files::variable;
use crate::weights::find::cache_folder;
use crate::{Error, Result};

const SERVER: &str = "https://download.pytorch.org/models";
const MIRROR: &str = "HERBARIUM_WEIGHTS_URL";
const OFFLINE: &str = "HERBARIUM_OFFLINE";

/// How long a server may take to answer before it counts as unreachable.
const FIRST_TRY: Duration = Duration::from_secs(4);
/// The same after a failed attempt: a notebook with six networks must not wait six times.
const NEXT_TRY: Duration = Duration::from_secs(1);

/// Where a file is fetched from.
pub(super) fn url(weights: &PretrainedWeights) -> String {
    let mirror = env::var(MIRROR).ok().filter(|mirror| !mirror.is_empty());
    let base = mirror.as_deref().unwrap_or(SERVER).trim_end_matches('/');
    format!("{base}/{}", weights.file())
}

/// Whether nothing may be fetched.
pub(crate) fn offline() -> bool {
    variable(OFFLINE).is_some_and(|value| value != "0")
}

/// Fetches a file, unless it is there.
pub(super) fn fetch(weights: &PretrainedWeights) -> Result<Downloaded> {
    fetch_with(weights, &weights.url(), None)
}

/// [`fetch`] that soon knows whether there is a network, and shows nothing until then.
///
/// # Errors
/// As [`download`](super::download()).
pub(super) fn fetch_if_reachable(weights: &PretrainedWeights, url: &str) -> Result<Downloaded> {
    static IN_VAIN: AtomicBool = AtomicBool::new(false);
    let wait = if IN_VAIN.load(Ordering::Relaxed) { NEXT_TRY } else { FIRST_TRY };
    let fetched = fetch_with(weights, url, Some(wait));
    match &fetched {
        Ok(_) => IN_VAIN.store(false, Ordering::Relaxed),
        Err(Error::Download { .. }) => IN_VAIN.store(true, Ordering::Relaxed),
        Err(_) => {}
    }
    fetched
}

fn fetch_with(weights: &PretrainedWeights, url: &str, first_answer: Option<Duration>) -> Result<Downloaded> {
    let options = DownloadOptions {
        checksum: Some(Checksum::Sha256(weights.checksum().into())),
        // torchvision states the length to a thousandth of a mebibyte.
        at_most: Some(weights.bytes() + (1 << 20)),
        first_answer,
        ..Default::default()
    };
    let local = weights.local();
    if let Some(path) = &local
        && options.checksum.as_ref().is_some_and(|checksum| checksum.fits_file(path).unwrap_or(false))
    {
        let length = std::fs::metadata(path).map_err(Error::io("reading", path))?.len();
        return Ok(Downloaded { path: path.clone(), length, fetched: 0 });
    }
    let cached = cache_folder().map(|folder| folder.join(weights.file()));
    // A damaged file is replaced where it lies: a right one in the cache folder would not be found before it.
    let to = local.clone().or_else(|| cached.clone()).ok_or(Error::NoCacheFolder)?;
    if offline() {
        let reason = format!("{OFFLINE} is set: unset it, or fetch the file elsewhere and put it there");
        return Err(Error::Download { url: url.to_owned(), path: to, reason });
    }
    download(url, &to, &options).map_err(|error| match (error, cached) {
        (Error::Io { source, .. }, Some(cached)) if local.is_some() && cached != to => {
            let reason = format!(
                "the file that is there is damaged and cannot be replaced ({source}): delete it, so that {} is \
                 fetched instead",
                cached.display()
            );
            Error::Download { url: url.to_owned(), path: to.clone(), reason }
        }
        (error, _) => error,
    })
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

#[cfg(test)]
mod tests {
    use std::process::Command;

    use sha2::{Digest, Sha256};

    use super::super::Row;
    use super::*;
    use crate::server::{Answer, Server};

    const TEST: &str = "weights::catalog::fetch::tests::a_file_is_fetched_resumed_and_found";

    fn body() -> Vec<u8> {
        (0..50_000u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
    }

    /// The row of a network whose file is [`body`].
    fn weights_of_body() -> PretrainedWeights {
        let digest: String = Sha256::digest(body()).iter().map(|byte| format!("{byte:02x}")).collect();
        let row = Row {
            file: "alexnet-7be5be79.pth",
            checksum: Box::leak(digest[..8].to_owned().into_boxed_str()),
            mebibytes: 0.05,
            ..*crate::weights::named("alexnet").unwrap().0
        };
        PretrainedWeights(Box::leak(Box::new(row)))
    }

    /// A damaged file in `HERBARIUM_WEIGHTS`, which is found before the cache folder's, is replaced there.
    #[test]
    fn a_damaged_file_is_replaced_where_it_lies() {
        const TEST: &str = "weights::catalog::fetch::tests::a_damaged_file_is_replaced_where_it_lies";
        let Some(url) = variable("HERBARIUM_TEST_URL") else {
            let (cache, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            let file = own.path().join("alexnet-7be5be79.pth");
            std::fs::write(&file, "damaged").unwrap();
            let server = Server::new(body(), None, vec![]);
            let output = Command::new(std::env::current_exe().unwrap())
                .args([TEST, "--exact", "--nocapture"])
                .env("HERBARIUM_TEST_URL", server.url("w"))
                .env("XDG_CACHE_HOME", cache.path())
                .env("HERBARIUM_WEIGHTS", own.path())
                .env_remove(OFFLINE)
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            assert_eq!(std::fs::read(&file).unwrap(), body());
            return;
        };
        let got = fetch_with(&weights_of_body(), &url.to_string_lossy(), None).unwrap();
        assert_eq!(crate::weights::find("alexnet"), Some(got.path));
    }

    /// A file that breaks off in the middle is continued, compared with its checksum, and found from then on.
    #[test]
    fn a_file_is_fetched_resumed_and_found() {
        let Some(url) = variable("HERBARIUM_TEST_URL") else {
            let cache = tempfile::tempdir().unwrap();
            let answers = vec![Answer::BreaksOffAfter(20_000), Answer::Well];
            let server = Server::new(body(), Some("\"1\""), answers);
            let output = Command::new(std::env::current_exe().unwrap())
                .args([TEST, "--exact", "--nocapture"])
                .env("HERBARIUM_TEST_URL", server.url("w"))
                .env("XDG_CACHE_HOME", cache.path())
                .env_remove("HERBARIUM_WEIGHTS")
                .env_remove(OFFLINE)
                .output()
                .unwrap();
            let told = String::from_utf8_lossy(&output.stdout);
            assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
            assert_eq!(server.ranges(), ["-", "bytes=20000-"], "{told}");
            assert!(told.contains("Downloading: ") && told.contains("trying again"), "{told}");
            return;
        };
        let weights = weights_of_body();
        let url = url.to_string_lossy();
        let got = fetch_if_reachable(&weights, &url).unwrap();
        assert_eq!((got.length, got.fetched), (50_000, 50_000));
        assert_eq!(std::fs::read(&got.path).unwrap(), body());
        assert_eq!(crate::weights::find("alexnet"), Some(got.path));
        assert_eq!(fetch_if_reachable(&weights, &url).unwrap().fetched, 0);
    }
}
