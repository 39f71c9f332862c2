//! rust-analyzer for completions and documentation: evcxr's own, in a process by itself.
//!
//! The session's evcxr needs no types from it (`source::types`), so its rust-analyzer reads nothing, and no cell waits for
//! it. This process has another evcxr, which reads the sources of all that a cell can use and runs no cell. It starts when
//! the session has nothing to do, or at the first question, and gets with each question what the cells have defined.

mod analyst;
pub mod answers;
pub mod process;

pub use analyst::Analyst;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

/// The completions at a place in the code.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Completion {
    /// The text, and its kind as Jupyter names them (`function`, `class`, …).
    pub matches: Vec<(String, String)>,
    /// The bytes that the text replaces.
    pub start: usize,
    pub end: usize,
}

impl Completion {
    /// No completions at a place.
    pub fn none(position: usize) -> Completion {
        Completion { matches: Vec::new(), start: position, end: position }
    }
}

/// What is known about a place in the code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection {
    pub plain: String,
    pub html: String,
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Asked {
    Completions,
    Documentation,
}

/// A question about a place in a cell.
#[derive(Debug, Serialize, Deserialize)]
pub struct Question {
    pub asked: Asked,
    /// What the cells before have defined.
    pub before: String,
    /// The cell.
    pub code: String,
    /// The place in it, in bytes.
    pub position: usize,
    /// The crates that cells have added, each a line of a manifest.
    pub dependencies: Vec<String>,
}

/// The answer: to what was asked for.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Answer {
    pub completions: Option<Completion>,
    pub documentation: Option<Inspection>,
}

/// Who gets an answer.
pub enum Reply {
    Nobody,
    Completions(oneshot::Sender<Completion>),
    Documentation(oneshot::Sender<Option<Inspection>>),
}

impl Reply {
    /// Whether nobody waits any more: the request has been answered without rust-analyzer.
    fn is_late(&self) -> bool {
        match self {
            Reply::Nobody => false,
            Reply::Completions(reply) => reply.is_closed(),
            Reply::Documentation(reply) => reply.is_closed(),
        }
    }

    fn send(self, answer: Answer, position: usize) {
        let _ = match self {
            Reply::Nobody => Ok(()),
            Reply::Completions(reply) => {
                reply.send(answer.completions.unwrap_or(Completion::none(position))).map_err(drop)
            }
            Reply::Documentation(reply) => reply.send(answer.documentation).map_err(drop),
        };
    }
}
