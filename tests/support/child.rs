//! Child processes for tests of process-wide behaviour: output, seed, exit.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::support::Outcome;

/// The example of the crate that does the tasks.
const PROGRAM: &str = "herbarium-test-child";

/// What `tests/support/children` is to do, in a separate process.
pub fn child(task: &str) -> Command {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let mut command = Command::new(BUILT.get_or_init(build));
    command.arg(task);
    command
}

/// Builds the program as this test was built. A run of all tests has done it, and a plain `cargo build` never does.
fn build() -> PathBuf {
    // target/release/deps/data-0123456789abcdef
    let test = std::env::current_exe().unwrap();
    let profile = test.ancestors().nth(2).unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--example", PROGRAM]).current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.env("CARGO_TARGET_DIR", profile.parent().unwrap_or(Path::new("target")));
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    assert!(cargo.status().unwrap().success(), "{PROGRAM} cannot be built");
    profile.join("examples").join(PROGRAM)
}

/// Has a child do its task, which must succeed and say `words`.
pub fn child_says(task: &str, words: &str) -> Outcome {
    let output = child(task).output()?;
    let text = String::from_utf8(output.stdout)? + &String::from_utf8(output.stderr)?;
    assert!(output.status.success() && text.contains(words), "{task}:\n{text}");
    Ok(())
}
