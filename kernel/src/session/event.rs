//! A cell's results: events while it runs, and an outcome when it has ended.

use std::sync::Arc;
use std::time::Duration;

use crate::runtime::message::{Bundle, with_objects};

/// One of the two text streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// Something that a cell shows.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Text.
    Text { stream: Stream, text: String },
    /// A value, shown where the output stands.
    Display { data: Bundle, metadata: Bundle, display_id: Option<String> },
    /// A new value for every output of that display id.
    Update { data: Bundle, metadata: Bundle, display_id: String },
    /// The value of the cell.
    Result { data: Bundle, metadata: Bundle, display_id: Option<String> },
    /// Empty the output, at once or with the next output.
    Clear { wait: bool },
}

impl Event {
    /// With objects for what a JSON type may have as text.
    pub fn with_objects(mut self) -> Event {
        if let Event::Display { data, .. } | Event::Update { data, .. } | Event::Result { data, .. } =
            &mut self
        {
            *data = with_objects(std::mem::take(data));
        }
        self
    }
}

/// Where the events go, in order. May block for a while, which then slows the cell down.
pub type Sink = Arc<dyn Fn(Event) + Send + Sync>;

/// A cell's question to the person in front of it. The second argument is polled while waiting, and ends the wait once
/// it returns true: no answer is needed any more.
pub type AskForInput = Arc<dyn Fn(InputRequest, &dyn Fn() -> bool) -> Reply + Send + Sync>;

/// What a cell asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputRequest {
    pub prompt: String,
    /// The answer must not be shown.
    pub password: bool,
}

/// The answer to a cell's question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A line, without its end.
    Line(String),
    /// There is no more input.
    End,
    /// No answer was needed any more.
    Cancelled,
    /// Nobody can be asked, and why.
    Refused(String),
}

/// The kind of a cell's error where there is no session that could run it.
pub const NOT_STARTED: &str = "StartError";

/// Why a cell failed, in Jupyter's three parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellError {
    /// The kind: `Error`, `Panic`, `CompileError`, `Interrupt`, `Crash`, …
    pub ename: String,
    /// One line or a few, without colours.
    pub evalue: String,
    /// What is shown, with ANSI colours.
    pub traceback: Vec<String>,
}

impl CellError {
    /// An error whose display is its kind and its text.
    pub fn new(ename: &str, evalue: impl Into<String>) -> CellError {
        let evalue = evalue.into();
        let traceback = vec![format!("{}{ename}{}: {evalue}", ansi::ERROR, ansi::RESET)];
        CellError { ename: ename.to_owned(), evalue, traceback }
    }

    /// Adds a line to what is shown.
    pub fn with_note(mut self, note: &str) -> CellError {
        self.traceback.push(note.to_owned());
        self
    }
}

/// How a cell ended; the default is one that had nothing to do.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    /// `None` if it went well.
    pub error: Option<CellError>,
    /// The cell was interrupted, whether or not it failed by it.
    pub interrupted: bool,
    /// How long it took, compiling included.
    pub elapsed: Duration,
}

/// ANSI colours, as rustc has them.
pub mod ansi {
    pub const ERROR: &str = "\x1b[1;31m";
    pub const BOLD: &str = "\x1b[1m";
    pub const GUTTER: &str = "\x1b[1;34m";
    pub const DIM: &str = "\x1b[2m";
    pub const RESET: &str = "\x1b[0m";
}
