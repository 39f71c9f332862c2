//! Runs tools, and reports their output when they fail.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::{Error, Result};

/// Writes a file, with the folders above it.
pub fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
    }
    std::fs::write(path, text).map_err(Error::file(path))
}

/// A command's output without the last newline, or an error with what it said.
pub fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| {
        Error::Start(format!("{name} cannot be run ({error}): is it installed and on the PATH?"))
    })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Error::Start(format!("{name} ended with {}:\n{}", output.status, said.trim())));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

/// The C compiler.
pub fn c_compiler() -> Command {
    Command::new(std::env::var("CC").unwrap_or_else(|_| "cc".to_owned()))
}

/// Makes a shared library with nothing in it.
pub fn empty_library(path: &Path) -> Result<()> {
    let mut compiler = c_compiler();
    output(compiler.args(["-shared", "-nostdlib", "-x", "c", "/dev/null", "-o"]).arg(path)).map(drop)
}

/// Runs cargo, reporting the current crate to `progress`; its last lines become the error's text.
pub fn run(mut command: Command, what: &str, progress: &mut dyn FnMut(&str)) -> Result<()> {
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| Error::Start(format!("{what}: {error}")))?;
    let mut said = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).lines().map_while(std::result::Result::ok) {
            if line.trim_start().starts_with("Compiling") {
                progress(line.trim());
            }
            said.push(line);
        }
    }
    let status = child.wait().map_err(|error| Error::Start(format!("{what}: {error}")))?;
    if status.success() {
        return Ok(());
    }
    let errors: Vec<&str> =
        said.iter().map(String::as_str).filter(|line| !line.trim_start().starts_with("Compiling")).collect();
    Err(Error::Start(format!("{what} ended with {status}:\n{}", errors.join("\n"))))
}
