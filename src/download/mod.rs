//! The downloader for weights and data sets, over HTTPS or HTTP.
//!
//! It shows progress, resumes interrupted downloads, checks length and checksum, and puts the file
//! in place only once it is complete. The unfinished part lies beside it, as `.NAME.part`, until
//! then.
//!
//! Certificates are Mozilla's, and those of `SSL_CERT_FILE` where it is set, for networks that intercept
//! HTTPS. `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` are respected.

mod agent;
mod checksum;
mod fetch;
mod meter;
mod partial_file;
mod reply;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use checksum::Checksum;
use fetch::{Failure, Outcome};
use meter::Meter;
pub(crate) use meter::bytes;
use partial_file::{Claim, PartialFile};

use crate::notebook::{interrupted, take_interrupt};
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
        let (path, size) = (self.path.display(), meter::bytes(self.length));
        match self.fetched {
            0 => write!(f, "{path} ({size}, already there)"),
            fetched if fetched < self.length => {
                write!(f, "{path} ({size}, continued from {})", meter::bytes(self.length - fetched))
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
/// [`Error::Download`] with what went wrong, where the part is kept that is there, and what to do;
/// [`Error::Interrupted`] within a moment of the stop button; [`Error::Io`] when the file cannot be
/// written. The file `to` is then as it was.
pub fn download(url: &str, to: impl AsRef<Path>, options: &DownloadOptions) -> Result<Downloaded> {
    let to = to.as_ref();
    if let Some(length) = present(to, options)? {
        return Ok(Downloaded { path: to.to_owned(), length, fetched: 0 });
    }
    let mut part = match PartialFile::claim(to)? {
        Claim::Mine(part) => part,
        // Another process was downloading it, and has finished.
        Claim::Waited(part) => match present(to, options)? {
            Some(length) => {
                part.discard();
                return Ok(Downloaded { path: to.to_owned(), length, fetched: 0 });
            }
            None => part,
        },
    };
    part.keep_only_what_can_go_on(url, options.checksum.is_some())?;
    let fetched = fetch_all(url, to, &mut part, options)?;
    let length = part.length();
    part.put_in_place(to)?;
    Ok(Downloaded { path: to.to_owned(), length, fetched })
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

/// Tries until the part is the whole file and checked; gives how many bytes came.
fn fetch_all(url: &str, to: &Path, part: &mut PartialFile, options: &DownloadOptions) -> Result<u64> {
    let refuse = |part: &PartialFile, reason: String| Error::Download {
        url: url.to_owned(),
        path: to.to_owned(),
        reason: format!("{reason}{}", part.story()),
    };
    let agent = agent::agent(options.patience)?;
    let mut meter = Meter::new(url, to, part.length(), options);
    let (mut fetched, mut tries, mut began_anew) = (0, 0, part.length() == 0);
    loop {
        let before = part.length();
        let outcome = fetch::attempt(&agent, url, part, options, &mut meter);
        let without_answer = options.first_answer.is_some() && !meter.has_begun();
        fetched += part.length().saturating_sub(before);
        let (failure, wait) = match outcome {
            Outcome::Whole => match wrong(part, options)? {
                None => return Ok(fetched),
                // The continued part may have been of another file: start again from zero.
                Some(_) if !began_anew => {
                    part.empty()?;
                    (began_anew, fetched) = (true, 0);
                    continue;
                }
                Some(reason) => {
                    part.empty()?;
                    return Err(refuse(part, reason));
                }
            },
            Outcome::Interrupted => {
                take_interrupt();
                return Err(Error::Interrupted);
            }
            Outcome::Failed(Failure::Disk(error)) => return Err(error),
            Outcome::Failed(Failure::Final(reason)) => return Err(refuse(part, reason)),
            Outcome::Failed(Failure::Passing(reason, _)) if without_answer => {
                return Err(refuse(part, reason));
            }
            Outcome::Failed(Failure::Passing(reason, wait)) => (reason, wait),
        };
        tries = if part.length() > before { 0 } else { tries + 1 };
        if tries > options.retries {
            return Err(refuse(part, format!("{failure}, even after {} more tries", options.retries)));
        }
        meter.note(&failure);
        if !pause(wait.unwrap_or(Duration::from_millis(500 << tries.min(6)))) {
            take_interrupt();
            return Err(Error::Interrupted);
        }
    }
}

/// What is wrong with a part that has come to its end.
fn wrong(part: &PartialFile, options: &DownloadOptions) -> Result<Option<String>> {
    if let Some(expected) = options.length.filter(|&expected| expected != part.length()) {
        let got = part.length();
        return Ok(Some(format!("it has {got} bytes and should have {expected}{}", part.what_it_is()?)));
    }
    match &options.checksum {
        Some(checksum) => Ok(match checksum.complaint(part.path())? {
            Some(complaint) => Some(format!("{complaint}{}", part.what_it_is()?)),
            None => None,
        }),
        None => Ok(None),
    }
}

/// Waits, and says whether nobody pressed the stop button meanwhile.
fn pause(duration: Duration) -> bool {
    let end = Instant::now() + duration;
    while Instant::now() < end {
        if interrupted() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(50).min(end.saturating_duration_since(Instant::now())));
    }
    true
}
