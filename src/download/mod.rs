//! The downloader for weights and data sets, over HTTPS or HTTP.
//!
//! It shows progress, resumes interrupted downloads, checks length and checksum, and puts the file
//! in place only once it is complete. The unfinished part lies beside it, as `.NAME.part`, until
//! then.
//!
//! Certificates are Mozilla's, and those of `SSL_CERT_FILE` where it is set, for networks that intercept
//! HTTPS. `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` are respected.

mod checksum;
#[cfg(feature = "download")]
mod network;
#[cfg(not(feature = "download"))]
#[path = "without_network.rs"]
mod network;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use checksum::Checksum;

use crate::{Error, Result};

/// What is known of a file before it is fetched, and how patiently it is fetched.
#[derive(Debug, Clone, PartialEq)]
pub struct DownloadOptions {
    /// The length in bytes that the file must have; any by default.
    pub length: Option<u64>,
    /// The most bytes that it may have, where the length is known roughly; any by default.
    pub at_most: Option<u64>,
    /// The checksum that it must have; without one only the length is checked.
    pub checksum: Option<Checksum>,
    /// How often to try again after a broken connection or a busy server: 5 times. A try that got
    /// further than the previous one does not count.
    pub retries: u32,
    /// How long nothing may arrive before a connection counts as broken: 30 s.
    pub patience: Duration,
    /// The longest wait for the server to begin: until then there is one try, nothing is shown, and a failure
    /// means that there is no network. By default [`None`]: as long as `retries` and `patience` allow.
    pub first_answer: Option<Duration>,
    /// Whether to show the progress: yes.
    pub verbose: bool,
}

impl Default for DownloadOptions {
    fn default() -> Self {
        DownloadOptions {
            length: None,
            at_most: None,
            checksum: None,
            retries: 5,
            patience: Duration::from_secs(30),
            first_answer: None,
            verbose: true,
        }
    }
}

/// A file that is there, and how it came.
#[derive(Clone, PartialEq, Eq)]
pub struct Downloaded {
    /// The file.
    pub path: PathBuf,
    /// Its length in bytes.
    pub length: u64,
    /// How many bytes were fetched for it now: 0 when it was there, less than `length` when an
    /// earlier download was continued.
    pub fetched: u64,
}

impl fmt::Display for Downloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, size) = (self.path.display(), bytes(self.length));
        match self.fetched {
            0 => write!(f, "{path} ({size}, already there)"),
            fetched if fetched < self.length => {
                write!(f, "{path} ({size}, continued from {})", bytes(self.length - fetched))
            }
            _ => write!(f, "{path} ({size})"),
        }
    }
}

impl fmt::Debug for Downloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Fetches `url` (`https://` or `http://`) into the file `to`; folders on the way are made. A file that
/// is there and is the right one, as far as `options` tell, is left as it is. Two processes may do this
/// at once: the second waits for the first.
///
/// # Errors
/// [`Error::Download`] with what went wrong, where the part is kept that is there, and what to do,
/// also where the crate was built without its feature `download`;
/// [`Error::Interrupted`] within a moment of the stop button;
/// [`Error::Argument`] when `to` is a folder;
/// [`Error::Io`] when the file cannot be written. The file `to` is then as it was.
pub fn download(url: &str, to: impl AsRef<Path>, options: &DownloadOptions) -> Result<Downloaded> {
    let to = to.as_ref();
    if to.is_dir() {
        return Err(Error::Argument(format!(
            "{} is a folder: give the name of the file in it too",
            to.display()
        )));
    }
    if let Some(length) = present(to, options)? {
        return Ok(Downloaded { path: to.to_owned(), length, fetched: 0 });
    }
    network::fetch(url, to, options)
}

/// The length of the file if it is there and right.
fn present(to: &Path, options: &DownloadOptions) -> Result<Option<u64>> {
    let Ok(metadata) = std::fs::metadata(to) else { return Ok(None) };
    let length = metadata.len();
    if !metadata.is_file() || options.length.is_some_and(|expected| expected != length) {
        return Ok(None);
    }
    match &options.checksum {
        Some(checksum) if !checksum.fits_file(to)? => Ok(None),
        _ => Ok(Some(length)),
    }
}

/// A number of bytes for people: `44.7 MB`, in powers of 1000.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if count < 1000 {
        return format!("{count} bytes");
    }
    let (mut value, mut unit) = (count as f64 / 1e3, 0);
    while value >= 999.95 && unit + 1 < UNITS.len() {
        (value, unit) = (value / 1e3, unit + 1);
    }
    format!("{value:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn sizes_for_people() {
        assert_eq!(bytes(999), "999 bytes");
        assert_eq!(bytes(1000), "1.0 kB");
        assert_eq!(bytes(999_999), "1.0 MB");
        assert_eq!(bytes(46_830_571), "46.8 MB");
    }
}
