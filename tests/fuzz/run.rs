//! Running a target: files one after another, panics caught, memory and time measured.

use std::fmt;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use fastrand::Rng;

/// A reader to be tried.
pub struct Target {
    /// What it is called on the command line.
    pub name: &'static str,
    /// Whole files to start from.
    pub seeds: Vec<Vec<u8>>,
    /// Makes a damaged file of one of them.
    pub damage: fn(&[Vec<u8>], &mut Rng) -> Vec<u8>,
    /// Reads a file; says whether it was accepted.
    pub read: fn(&[u8]) -> bool,
}

/// What came of a run.
#[derive(Debug, Default)]
pub struct Report {
    pub name: &'static str,
    pub files: u64,
    pub accepted: u64,
    pub panics: u64,
    pub largest_file: usize,
    /// How much more memory the process had at once than before, at most, in a batch of files.
    pub most_memory: u64,
    /// The same of the address space: what was asked for and never touched counts, too.
    pub most_address_space: u64,
    pub slowest: Duration,
    pub took: Duration,
}

/// Files between two looks at the memory.
const BATCH: u64 = 64;

pub fn run(target: &Target, runs: u64, first: u64) -> Report {
    let mut report = Report { name: target.name, ..Report::default() };
    // What is set up on first use (libtorch's own tables) is not caused by a file.
    for seed in &target.seeds {
        assert!((target.read)(seed), "a whole file is refused");
    }
    let began = Instant::now();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let mut number = first;
    while number < first + runs {
        forget_peak();
        let before = (memory("VmRSS:"), memory("VmSize:"));
        for number in number..(number + BATCH).min(first + runs) {
            one(target, number, &mut report);
        }
        number += BATCH;
        report.most_memory = report.most_memory.max(memory("VmHWM:").saturating_sub(before.0));
        let grown = memory("VmPeak:").max(memory("VmSize:")).saturating_sub(before.1);
        report.most_address_space = report.most_address_space.max(grown);
        if (number / BATCH).is_multiple_of(2048) {
            eprintln!(
                "{}: {} files, {} accepted, {} panics",
                target.name, report.files, report.accepted, report.panics
            );
        }
    }
    std::panic::set_hook(hook);
    report.took = began.elapsed();
    report
}

fn one(target: &Target, number: u64, report: &mut Report) {
    let file = (target.damage)(&target.seeds, &mut Rng::with_seed(number));
    report.files += 1;
    report.largest_file = report.largest_file.max(file.len());
    let began = Instant::now();
    match catch_unwind(AssertUnwindSafe(|| (target.read)(&file))) {
        Ok(accepted) => report.accepted += u64::from(accepted),
        Err(_) => {
            report.panics += 1;
            let path = Path::new("out/fuzz").join(format!("{}-{number}", target.name));
            let kept = fs::create_dir_all("out/fuzz").and_then(|()| fs::write(&path, &file));
            eprintln!("{} panics at file {number}; kept as {}: {kept:?}", target.name, path.display());
        }
    }
    report.slowest = report.slowest.max(began.elapsed());
}

/// A line of Linux' `/proc/self/status`, in bytes; 0 elsewhere.
fn memory(line: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = status
        .lines()
        .find_map(|text| text.strip_prefix(line)?.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

/// Resets `VmHWM` to what is in use now; without this it would be the peak so far.
fn forget_peak() {
    let _ = fs::write("/proc/self/clear_refs", "5");
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        write!(
            f,
            "{}: {} files, {} accepted, {} refused, {} panics; largest file {:.1} kB, most memory above the \
             start of {BATCH} files {:.1} MB, address space {:.1} MB; slowest file {:?}, all {:.1?}",
            self.name,
            self.files,
            self.accepted,
            self.files - self.accepted - self.panics,
            self.panics,
            self.largest_file as f64 / 1e3,
            megabytes(self.most_memory),
            megabytes(self.most_address_space),
            self.slowest,
            self.took
        )
    }
}
