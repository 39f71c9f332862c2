//! The kernel's own stdout and stderr.
//!
//! evcxr prints what cargo builds to its process's stderr, and a few messages to stdout. Both are redirected into a
//! pipe, so that the progress of a build can be shown in the cell; the kernel's own messages go to the real ones.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::sync::OnceLock;

use crate::error::{Error, Result};
use crate::sys::streams;

static REAL: OnceLock<Real> = OnceLock::new();

struct Real {
    stdout: File,
    stderr: File,
}

/// Redirects this process's stdout and stderr into a pipe, and calls `on_line` with each line from it, in a
/// thread.
pub fn capture(on_line: impl Fn(&str) + Send + 'static) -> Result<()> {
    let what = "the kernel's own output cannot be redirected";
    let (reader, [stdout, stderr]) = streams::redirect_outputs().map_err(Error::system(what))?;
    let real = Real { stdout, stderr };
    // A second session in one process shares the first one's terminal.
    let _ = REAL.set(real);
    std::thread::spawn(move || {
        let mut reader = BufReader::new(reader);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            on_line(String::from_utf8_lossy(&line).trim_end());
            line.clear();
        }
    });
    Ok(())
}

/// Writes to the terminal's (or the file's) stdout. Errors are dropped: nobody reads it any more.
pub fn print(text: &str) {
    match REAL.get() {
        Some(real) => drop((&real.stdout).write_all(text.as_bytes())),
        None => drop(io::stdout().lock().write_all(text.as_bytes())),
    }
}

/// Writes a line to the real stderr.
pub fn print_error(text: &str) {
    let line = format!("{text}\n");
    match REAL.get() {
        Some(real) => drop((&real.stderr).write_all(line.as_bytes())),
        None => drop(io::stderr().lock().write_all(line.as_bytes())),
    }
}

/// The kernel's log: its own records as lines on the real stderr, with the program's name before each.
struct Log;

impl log::Log for Log {
    /// Only this program's records; those of its libraries are for their developers.
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target().split("::").next() == Some(env!("CARGO_BIN_NAME"))
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            print_error(&format!("{}: {}", env!("CARGO_BIN_NAME"), record.args()));
        }
    }

    fn flush(&self) {}
}

/// Installs the logger.
pub fn start_log() {
    // The first call of the process.
    if log::set_logger(&Log).is_ok() {
        log::set_max_level(log::LevelFilter::Info);
    }
}

/// Whether the real stdout is a terminal.
pub fn is_terminal() -> bool {
    use std::io::IsTerminal;
    REAL.get().map_or_else(|| io::stdout().is_terminal(), |real| real.stdout.is_terminal())
}
