//! The progress display of a download.

use std::path::Path;

use super::DownloadOptions;
use crate::notebook::Progress;

/// The bar of a download.
pub(super) struct Meter {
    what: String,
    /// The offset at which this download continues.
    start: u64,
    whole: Option<u64>,
    bar: Option<Progress>,
    verbose: bool,
    /// What is printed when the server begins, where nothing is shown before.
    head: Option<String>,
    begun: bool,
}

impl Meter {
    /// Of a download of which `start` bytes are there.
    pub fn new(url: &str, to: &Path, start: u64, options: &DownloadOptions) -> Meter {
        let name = to.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        // torch.hub's words.
        let mut head = format!("Downloading: \"{url}\" to {}", to.display());
        if start > 0 {
            head += &format!("\n  {} are already there, resuming", bytes(start));
        }
        let (whole, verbose) = (options.length, options.verbose);
        let mut meter =
            Meter { what: name, start, whole, bar: None, verbose, head: Some(head), begun: false };
        if options.first_answer.is_none() {
            meter.print_head();
        }
        meter
    }

    /// The server has begun to send the file.
    pub fn begin(&mut self) {
        self.begun = true;
        self.print_head();
    }

    /// Whether it has.
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    fn print_head(&mut self) {
        if let Some(head) = self.head.take().filter(|_| self.verbose) {
            println!("{head}");
        }
    }

    /// The length of the whole file, once the server states it.
    pub fn set_whole(&mut self, whole: Option<u64>) {
        self.whole = whole.or(self.whole);
    }

    /// Shows that `reached` bytes are there.
    pub fn show(&mut self, reached: u64) {
        if !self.verbose || self.head.is_some() {
            return;
        }
        // If the download restarted from zero, so does the bar.
        self.start = self.start.min(reached);
        let bar = self.bar.get_or_insert_with(|| Progress::unbounded(self.what.as_str()).bytes());
        if let Some(whole) = self.whole {
            bar.set_total(whole.saturating_sub(self.start));
        }
        bar.set_position(reached - self.start);
    }

    /// Tells why there is another try.
    pub fn note(&self, failure: &str) {
        if self.verbose {
            println!("{}: {failure}; trying again", self.what);
        }
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
