//! The user's own environment: a kernel changes its own environment, so that evcxr finds the template's tools.

use std::ffi::OsString;
use std::process::Command;
use std::sync::OnceLock;

/// What a kernel changes.
const CHANGED: [&str; 5] = ["PATH", "CARGO_HOME", "CARGO", "RUSTC", "RUST_SRC_PATH"];

static REMEMBERED: OnceLock<Vec<(&str, Option<OsString>)>> = OnceLock::new();

/// To be called before anything is changed.
pub fn remember() {
    REMEMBERED.get_or_init(|| CHANGED.map(|name| (name, std::env::var_os(name))).to_vec());
}

/// A variable as the user has it.
pub fn variable(name: &str) -> Option<String> {
    let known = REMEMBERED.get().and_then(|all| all.iter().find(|(known, _)| *known == name));
    let value = known.map_or_else(|| std::env::var_os(name), |(_, value)| value.clone());
    value.map(|value| value.to_string_lossy().into_owned())
}

/// One of the user's own tools.
pub fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, value) in REMEMBERED.get().into_iter().flatten() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}
