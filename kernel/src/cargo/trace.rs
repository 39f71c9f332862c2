//! Where a cell's time goes: with `HERBARIUM_TRACE=FILE`, a line of JSON for each compile.

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

/// The environment variable that names the file.
const VARIABLE: &str = "HERBARIUM_TRACE";

/// Seconds since 1970, by which other programs place this one's lines.
pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |elapsed| elapsed.as_secs_f64())
}

/// Writes when this program and its rustc began and ended, if that is wanted. Failing to is of no consequence.
pub fn write(started: f64, rustc_started: f64, rustc_ended: f64) {
    let Some(path) = std::env::var_os(VARIABLE) else { return };
    let line = json!({
        "started": started,
        "rustc_started": rustc_started,
        "rustc_ended": rustc_ended,
        "ended": now(),
    });
    if let Ok(mut file) = std::fs::File::options().create(true).append(true).open(path) {
        let _ = writeln!(file, "{line}");
    }
}
