//! Where a cell's time goes: with `HERBARIUM_TRACE=FILE`, a line of JSON for each compile.

use std::io::Write;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

/// The environment variable that names the file.
const VARIABLE: &str = "HERBARIUM_TRACE";

/// The record of one compile; times are seconds since 1970, so that other programs can align them.
pub struct Trace {
    started: f64,
    rustc_started: f64,
    rustc_ended: f64,
    /// rustc's words.
    command: Vec<String>,
}

impl Trace {
    /// This program has been started.
    pub fn start() -> Trace {
        let now = now();
        Trace { started: now, rustc_started: now, rustc_ended: now, command: Vec::new() }
    }

    /// rustc is about to be called.
    pub fn rustc_starts(&mut self, rustc: &Command) {
        let words = std::iter::once(rustc.get_program()).chain(rustc.get_args());
        self.command = words.map(|word| word.to_string_lossy().into_owned()).collect();
        self.rustc_started = now();
    }

    /// rustc has ended.
    pub fn rustc_ends(&mut self) {
        self.rustc_ended = now();
    }

    /// Writes the line, if that is wanted. Failing to is of no consequence.
    pub fn write(&self) {
        let Some(path) = std::env::var_os(VARIABLE) else { return };
        let line = json!({
            "started": self.started,
            "rustc_started": self.rustc_started,
            "rustc_ended": self.rustc_ended,
            "ended": now(),
            "command": self.command,
        });
        if let Ok(mut file) = std::fs::File::options().create(true).append(true).open(path) {
            let _ = writeln!(file, "{line}");
        }
    }
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |elapsed| elapsed.as_secs_f64())
}
