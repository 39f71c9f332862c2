//! Messages for someone who waits for a dependency.

use std::io::Write;

use serde_json::Value;

use crate::recipe::NOTE;

/// Why dependencies cannot be had.
#[derive(Debug)]
pub enum Failure {
    /// In words for the learner.
    Explained(String),
    Io(std::io::Error),
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure::Io(error)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Failure::Explained(text) => f.write_str(text),
            Failure::Io(error) => write!(f, "building the dependency: {error}"),
        }
    }
}

/// Reports progress to stderr, line by line, and notes to stdout.
#[derive(Default)]
pub struct Reporter {
    /// Notes are only for the kernel, which asks for them.
    pub notes: bool,
}

impl Reporter {
    pub fn progress(&mut self, line: &str) {
        eprintln!("{line}");
    }

    pub fn note(&mut self, text: &str) {
        if self.notes {
            println!("{NOTE}{}", Value::from(text));
            let _ = std::io::stdout().flush();
        }
    }
}
