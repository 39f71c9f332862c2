//! Runs the cells of a notebook one after the other.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::notebook::Notebook;
use super::outputs::Outputs;
use super::terminal::Terminal;
use crate::session::{
    AskForInput, Cell, CellError, Event, NOT_STARTED, Outcome, Reply, Session, Sink, Stream,
};

/// A cell with this tag is left out, and keeps its outputs, as with nbclient.
pub const SKIPPED: &str = "skip-execution";
/// A cell with this tag is expected to fail.
pub const MAY_FAIL: &str = "raises-exception";

/// What came of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// How many cells ran, the one that failed too.
    pub cells: usize,
    pub pictures: usize,
    pub end: End,
}

impl Summary {
    /// Whether the notebook has anything that it did not have before: a run that was stopped before its first cell, or could not
    /// start one, must not cost the outputs of an earlier run.
    pub fn has_results(&self) -> bool {
        self.cells > 0 || self.end == End::Whole
    }
}

/// Why no further cell ran.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// There was none.
    #[default]
    Whole,
    Failed,
    /// Even if the cell ended well, like a training that keeps its results.
    Interrupted,
}

/// The outputs of all cells that have begun; an update may be for any of them.
type All = Arc<Mutex<Vec<Outputs>>>;

/// Runs the code cells until one fails, or the run is `interrupted`, and puts what they gave into the notebook.
pub fn run_cells(
    session: &Session,
    notebook: &mut Notebook,
    terminal: &Arc<Terminal>,
    interrupted: &AtomicBool,
) -> Summary {
    let mut cells = notebook.code_cells();
    cells.retain(|cell| !notebook.has_tag(*cell, SKIPPED));
    for &cell in &cells {
        notebook.clear(cell);
    }
    let all: All = All::default();
    let mut ran = Vec::new();
    let mut summary = Summary::default();
    for (index, &cell) in cells.iter().enumerate() {
        let source = notebook.source(cell);
        if source.trim().is_empty() {
            continue;
        }
        session.announce();
        // From here on an interrupt is the cell's. One that came before had no cell to stop.
        if interrupted.load(Ordering::SeqCst) {
            summary.end = End::Interrupted;
            break;
        }
        terminal.begin(index + 1, cells.len(), &source);
        lock(&all).push(Outputs::default());
        ran.push(cell);
        let outcome = run_cell(session, source, ran.len(), &all, terminal);
        terminal.end(&outcome);
        if outcome.error.as_ref().is_some_and(|error| error.ename == NOT_STARTED) {
            lock(&all).pop();
            ran.pop();
            summary.end = End::Failed;
            break;
        }
        let failed = outcome.error.is_some();
        if let (Some(error), Some(outputs)) = (outcome.error, lock(&all).last_mut()) {
            outputs.fail(error);
        }
        summary.end = match outcome.interrupted {
            true => End::Interrupted,
            false if failed && !notebook.has_tag(cell, MAY_FAIL) => End::Failed,
            false => continue,
        };
        break;
    }
    let all = lock(&all);
    for (number, (&cell, outputs)) in ran.iter().zip(all.iter()).enumerate() {
        notebook.finish(cell, number + 1, outputs);
        summary.pictures += outputs.pictures();
    }
    summary.cells = ran.len();
    summary
}

fn run_cell(session: &Session, code: String, number: usize, all: &All, terminal: &Arc<Terminal>) -> Outcome {
    let (for_answers, for_questions) = (all.clone(), terminal.clone());
    let (all, for_events) = (all.clone(), terminal.clone());
    let sink: Sink = Arc::new(move |event| {
        for_events.event(&event);
        let mut all = lock(&all);
        if let Event::Update { data, metadata, display_id } = &event {
            all.iter_mut().for_each(|outputs| outputs.update(display_id, data, metadata));
        } else if let Some(outputs) = all.last_mut() {
            outputs.add(event);
        }
    });
    let ask: AskForInput = Arc::new(move |request, cancelled| {
        let reply = for_questions.ask(&request, cancelled);
        if let (Reply::Line(line), Some(outputs)) = (&reply, lock(&for_answers).last_mut()) {
            let line = if request.password { "" } else { line };
            let text = format!("{}{line}\n", request.prompt);
            outputs.add(Event::Text { stream: Stream::Stdout, text });
        }
        reply
    });
    session.execute(Cell { code, number, sink, ask }).blocking_recv().unwrap_or_else(|_| Outcome {
        error: Some(CellError::new("KernelError", "the session's thread has ended")),
        interrupted: false,
        elapsed: Default::default(),
    })
}

fn lock(all: &All) -> std::sync::MutexGuard<'_, Vec<Outputs>> {
    all.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
