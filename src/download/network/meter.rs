//! The progress display of a download.

use std::path::Path;

use crate::download::{DownloadOptions, bytes};
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
