//! How far a download is, shown while it runs.

use std::path::Path;
use std::time::{Duration, Instant};

use super::DownloadOptions;
use crate::notebook::{DisplayHandle, MimeBundle, display};

/// The line that tells how far a download is.
pub(super) struct Meter {
    what: String,
    start: u64,
    whole: Option<u64>,
    began: Instant,
    shown: Option<(DisplayHandle, Instant)>,
    verbose: bool,
}

/// Time between two updates: often enough to look alive, seldom enough to cost nothing.
const EVERY: Duration = Duration::from_millis(250);

impl Meter {
    /// Of a download of which `start` bytes are there.
    pub fn new(url: &str, to: &Path, start: u64, options: &DownloadOptions) -> Meter {
        let name = to.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if options.verbose {
            let from = if start > 0 { format!(", going on from {}", bytes(start)) } else { String::new() };
            println!("Fetching {url}{from}\n      to {}", to.display());
        }
        Meter {
            what: name,
            start,
            whole: options.length,
            began: Instant::now(),
            shown: None,
            verbose: options.verbose,
        }
    }

    /// The length of the whole file, once the server tells.
    pub fn set_whole(&mut self, whole: Option<u64>) {
        self.whole = whole.or(self.whole);
    }

    /// Shows that `reached` bytes are there.
    pub fn show(&mut self, reached: u64) {
        if !self.verbose {
            return;
        }
        // From where this began, or began again.
        self.start = self.start.min(reached);
        let line = MimeBundle::text(line(&self.what, self.start, reached, self.whole, self.began.elapsed()));
        match &mut self.shown {
            None => self.shown = Some((display(&line), Instant::now())),
            Some((handle, last)) if last.elapsed() >= EVERY || self.whole == Some(reached) => {
                handle.update(&line);
                *last = Instant::now();
            }
            Some(_) => {}
        }
    }

    /// Tells why there is another try.
    pub fn note(&self, failure: &str) {
        if self.verbose {
            println!("{}: {failure}; trying again", self.what);
        }
    }
}

fn line(what: &str, start: u64, reached: u64, whole: Option<u64>, elapsed: Duration) -> String {
    let speed = (reached - start) as f64 / elapsed.as_secs_f64().max(1e-3);
    let rate = format!("{}/s", bytes(speed as u64));
    match whole.filter(|&whole| whole > 0) {
        Some(whole) => {
            let percent = 100.0 * reached as f64 / whole as f64;
            let left = whole.saturating_sub(reached) as f64 / speed;
            let left = if reached < whole && left.is_finite() {
                format!(", {left:.0} s left")
            } else {
                String::new()
            };
            format!("{what}: {percent:.0} %, {} of {}, {rate}{left}", bytes(reached), bytes(whole))
        }
        None => format!("{what}: {}, {rate}", bytes(reached)),
    }
}

/// A number of bytes for people: `44.7 MB`, in powers of 1000 as torchvision's tables.
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
    use super::*;

    #[test]
    fn a_line_says_how_far_how_quick_and_how_long() {
        let two_seconds = Duration::from_secs(2);
        assert_eq!(
            line("resnet18.pth", 0, 10_000_000, Some(40_000_000), two_seconds),
            "resnet18.pth: 25 %, 10.0 MB of 40.0 MB, 5.0 MB/s, 6 s left"
        );
        assert_eq!(line("a", 0, 500, None, two_seconds), "a: 500 bytes, 250 bytes/s");
        assert_eq!(
            line("a", 500, 500, Some(500), two_seconds),
            "a: 100 %, 500 bytes of 500 bytes, 0 bytes/s"
        );
        assert_eq!(
            (bytes(999), bytes(1000), bytes(999_999)),
            ("999 bytes".into(), "1.0 kB".into(), "1.0 MB".into())
        );
    }
}
