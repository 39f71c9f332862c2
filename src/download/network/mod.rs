//! What fetches a file: requests, one after another, until it is there.

mod agent;
mod fetch;
mod meter;
mod partial_file;
mod reply;

use std::path::Path;
use std::time::{Duration, Instant};

use super::{DownloadOptions, Downloaded, present};
use crate::notebook::{interrupted, take_interrupt};
use crate::{Error, Result};
use fetch::{Failure, Outcome};
use meter::Meter;
use partial_file::{Claim, PartialFile};

/// Fetches a file that is not there, or is another one.
pub(super) fn fetch(url: &str, to: &Path, options: &DownloadOptions) -> Result<Downloaded> {
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
