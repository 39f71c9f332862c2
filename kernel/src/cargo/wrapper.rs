//! This program as RUSTC_WRAPPER of the real cargo: records how cargo compiles a cell.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitCode};

use serde_json::Value;

use crate::failure;
use crate::recipe::CELL_CRATE;

/// The name under which this program does that.
pub const NAME: &str = "record-rustc";
/// Where to record it.
pub const RECORD_VARIABLE: &str = "HERBARIUM_RECORD";
/// The helper crate's library, where that is built too.
const HELPER_VARIABLE: &str = "HERBARIUM_HELPER";

/// Writes the cell's arguments to `record`, compiles everything as asked.
pub fn record_and_compile(record: &Path, arguments: &[OsString]) -> ExitCode {
    let Some((rustc, rest)) = arguments.split_first() else {
        return failure("the recording wrapper was called without rustc");
    };
    let words: Vec<String> = rest.iter().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let compiles = |name: &str| words.windows(2).any(|pair| pair[0] == "--crate-name" && pair[1] == name);
    let mut command = Command::new(rustc);
    command.args(rest);
    if std::env::var(HELPER_VARIABLE).is_ok_and(|helper| compiles(&helper)) {
        // cargo only asks for the library; cells read the metadata faster from a separate file.
        command.arg("--emit=metadata");
    }
    if compiles(CELL_CRATE)
        && let Err(error) = std::fs::write(record, Value::from(words).to_string())
    {
        return failure(&format!("writing {}: {error}", record.display()));
    }
    crate::run(&mut command)
}
