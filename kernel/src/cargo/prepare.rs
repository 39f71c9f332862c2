//! `cargo prepare-dependencies`: what the kernel runs before evcxr sees a `:dep`.
//!
//! The lines of all dependencies come from stdin. Progress goes to stderr as it comes, and to stdout, each on a line of
//! its own, notes and the reason of a failure.

use std::io::{Read, Write};
use std::process::ExitCode;

use serde_json::Value;

use crate::dependencies::provide;
use crate::manifest::Dependencies;
use crate::recipe::ERROR;
use crate::reporter::Reporter;
use crate::{Tools, failure};

/// The file in a kernel's folder of cells with the dependencies that have been built.
pub const PREPARED: &str = "prepared";

/// Builds the dependencies, unless that was done.
pub fn run(tools: &Tools, offline: bool) -> ExitCode {
    let mut lines = String::new();
    let folder = match std::io::stdin().read_to_string(&mut lines).and_then(|_| std::env::current_dir()) {
        Ok(folder) => folder,
        Err(error) => return failure(&error.to_string()),
    };
    let dependencies = Dependencies::from_lines(lines.lines(), &tools.recipe);
    if dependencies.is_crate_alone() {
        return ExitCode::SUCCESS;
    }
    let prepared = provide(tools, &folder, &dependencies, offline, &mut Reporter { notes: true });
    let prepared = prepared.map_err(|error| error.to_string()).and_then(|_| {
        let text = dependencies.lines.join("\n");
        std::fs::write(folder.join(PREPARED), text).map_err(|error| format!("{}: {error}", folder.display()))
    });
    match prepared {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            let _ = writeln!(std::io::stdout(), "{ERROR}{}", Value::from(text));
            ExitCode::from(101)
        }
    }
}
