//! Processes of their own for what concerns a whole process: its output, its seed, its end.

use std::process::Command;

use crate::support::Outcome;

/// What `tests/support/children` is to do, in a process of its own.
pub fn child(task: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_herbarium-test-child"));
    command.arg(task);
    command
}

/// Has a child do its task, which must succeed and say `words`.
pub fn child_says(task: &str, words: &str) -> Outcome {
    let output = child(task).output()?;
    let text = String::from_utf8(output.stdout)? + &String::from_utf8(output.stderr)?;
    assert!(output.status.success() && text.contains(words), "{task}:\n{text}");
    Ok(())
}
