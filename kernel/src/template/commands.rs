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

/// Runs cargo, reporting the current crate and how many of the build's steps are done to `progress`; its last lines
/// become the error's text.
pub fn run(mut command: Command, what: &str, progress: &mut dyn FnMut(&str)) -> Result<()> {
    let mut child = command
        // The bar that cargo draws on a terminal says how much is left.
        .envs([("CARGO_TERM_PROGRESS_WHEN", "always"), ("CARGO_TERM_PROGRESS_WIDTH", "100")])
        .env("CARGO_TERM_COLOR", "never")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| Error::Start(format!("{what}: {error}")))?;
    let mut said = Vec::new();
    let mut steps = None;
    if let Some(stderr) = child.stderr.take() {
        for lines in BufReader::new(stderr).split(b'\n').map_while(std::result::Result::ok) {
            for line in String::from_utf8_lossy(&lines).split('\r') {
                match Said::of(line) {
                    Said::Bar(done) => steps = done.or(steps),
                    Said::Crate(name) => progress(&steps.as_ref().map_or_else(
                        || name.to_owned(),
                        |(done, all)| format!("{name} ({done} of {all} steps done)"),
                    )),
                    Said::Other(line) => said.push(line.to_owned()),
                }
            }
        }
    }
    let status = child.wait().map_err(|error| Error::Start(format!("{what}: {error}")))?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Start(format!("{what} ended with {status}:\n{}", said.join("\n"))))
}

/// A part of what cargo writes between two ends of lines.
#[derive(Debug, PartialEq)]
enum Said<'a> {
    /// A bar, with the steps that are done and all of them: `Building [==> ] 12/180: syn, image`.
    Bar(Option<(u32, u32)>),
    /// `Compiling syn v3.0.10`.
    Crate(&'a str),
    /// A warning or an error.
    Other(&'a str),
}

impl Said<'_> {
    fn of(line: &str) -> Said<'_> {
        // A message erases the bar first.
        let line = line.trim_start_matches("\x1b[K").trim_end();
        let text = line.trim_start();
        if text.starts_with("Compiling ") {
            return Said::Crate(text);
        }
        match text.split_once(" [").filter(|(verb, _)| ["Building", "Fetch", "Downloading"].contains(verb)) {
            Some((_, bar)) => Said::Bar(steps(bar)),
            None => Said::Other(line),
        }
    }
}

/// The numbers after a bar.
fn steps(bar: &str) -> Option<(u32, u32)> {
    let (_, numbers) = bar.split_once("] ")?;
    let (done, all) = numbers.split(':').next()?.split_once('/')?;
    Some((done.trim().parse().ok()?, all.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargos_bar_says_how_much_is_left() {
        assert_eq!(Said::of("    Building [====>      ] 12/180: syn, image"), Said::Bar(Some((12, 180))));
        assert_eq!(Said::of("       Fetch [===>   ] 45.00%, 1.2MiB/s"), Said::Bar(None));
        assert_eq!(Said::of("\x1b[K   Compiling syn v3.0.10"), Said::Crate("Compiling syn v3.0.10"));
        assert_eq!(Said::of("error[E0308]: mismatched types"), Said::Other("error[E0308]: mismatched types"));
    }

    #[test]
    fn a_failed_command_is_quoted_without_its_bar() {
        let mut command = Command::new("sh");
        let script = "printf '   Compiling a v1\\n    Building [> ] 1/3: a\\r\\033[K   Compiling b v1\\nerror: no\\n' >&2; exit 3";
        command.args(["-c", script]);
        let mut shown = Vec::new();
        let error = run(command, "trying", &mut |line| shown.push(line.to_owned())).unwrap_err().to_string();
        assert_eq!(shown, ["Compiling a v1", "Compiling b v1 (1 of 3 steps done)"]);
        assert!(error.contains("trying ended with exit status: 3:\nerror: no"), "{error}");
        assert!(!error.contains("Building") && !error.contains("Compiling"), "{error}");
    }
}
