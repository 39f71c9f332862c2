//! A Rust session: evcxr, the processes that run its cells, and what comes out of them.

mod assembly;
mod binding;
mod collector;
mod commands;
mod control;
mod definitions;
mod dependencies;
mod diagnostics;
mod elsewhere;
mod evaluate;
mod event;
mod failure;
mod folder;
mod gpu;
mod habits;
mod input;
mod kinds;
mod limits;
mod line_map;
mod lines;
mod listener;
mod names;
mod options;
mod progress;
mod question_marks;
mod questions;
mod render;
mod settle;
mod shell;
mod start;
mod suggestions;
mod surroundings;
mod syntax_errors;
mod text;
mod traps;
mod unnamed;
mod unsettled;
mod variables;
mod worker;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;

pub use crate::analysis::{Completion, Inspection};
use crate::error::{Error, Result};
use crate::{runtime, stdio, syntax, sys};
use collector::Collector;
pub use commands::nothing_known;
use control::{Control, Phase};
pub use event::{
    AskForInput, CellError, Event, InputRequest, NOT_STARTED, Outcome, Reply, Sink, Stream, ansi,
};
pub use folder::Folder;
use input::Inputs;
use names::Names;
use worker::Job;
pub use worker::PRELUDE_FAILED;

/// Polling interval while waiting for rust-analyzer: has a cell come first?
const BETWEEN_LOOKS: std::time::Duration = std::time::Duration::from_millis(30);

/// A cell to run.
pub struct Cell {
    pub code: String,
    /// Its execution count, or 0 if it has none.
    pub number: usize,
    /// Where its output goes.
    pub sink: Sink,
    /// Who answers when it asks for input.
    pub ask: AskForInput,
}

/// What all the session's threads share.
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) collector: Collector,
    pub(crate) control: Arc<Control>,
    unattended: AtomicBool,
    inputs: Inputs,
    names: Mutex<Names>,
    /// The cell that the session's thread has not started yet, and the sender for its outcome.
    waiting: Mutex<Option<(Cell, oneshot::Sender<Outcome>)>>,
}

impl Shared {
    /// Leaves a cell for the session's thread.
    fn put_cell(&self, cell: Cell, reply: oneshot::Sender<Outcome>) {
        *self.waiting.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some((cell, reply));
    }

    /// Takes the cell, to run it or to drop it.
    fn take_cell(&self) -> Option<(Cell, oneshot::Sender<Outcome>)> {
        self.waiting.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take()
    }

    fn has_cell(&self) -> bool {
        self.waiting.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).is_some()
    }

    fn set_names(&self, names: Names) {
        *self.names.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = names;
    }
}

/// The one session of this process. It starts in the background; the first cell waits for it.
pub struct Session {
    shared: Arc<Shared>,
    folder: Arc<Folder>,
    jobs: Sender<Job>,
}

impl Session {
    /// Redirects this process's stdout and stderr (see [`stdio`]), and starts evcxr in a thread. To be called while the
    /// process has one thread.
    pub fn start() -> Result<Session> {
        let shared = Arc::new(Shared::default());
        let folder = Arc::new(Folder::default());
        // SAFETY: all threads of this process are the session's and those that its owner starts after it.
        let surroundings = unsafe { surroundings::settle(&folder) };
        let for_lines = shared.clone();
        stdio::capture(move |line| match line.trim_start().strip_prefix("Compiling ") {
            Some(what) => for_lines.collector.building(&format!("Compiling {what}")),
            None => stdio::print_error(line),
        })?;
        let (jobs, queue) = channel();
        worker::spawn(shared.clone(), folder.clone(), surroundings, queue)
            .map_err(Error::system("the session's thread"))?;
        Ok(Session { shared, folder, jobs })
    }

    /// A cell is about to be run: an interrupt stops it, even one that comes before [`execute`](Session::execute).
    pub fn announce(&self) {
        self.shared.control.announce();
    }

    /// Runs a cell. Only one at a time: the next must wait for the outcome of this one. Fails if the session is gone.
    pub fn execute(&self, mut cell: Cell) -> oneshot::Receiver<Outcome> {
        syntax::remove_byte_order_mark(&mut cell.code);
        let (reply, outcome) = oneshot::channel();
        self.shared.control.begin(Phase::Starting);
        self.shared.collector.begin(cell.sink.clone());
        self.shared.inputs.begin(cell.ask.clone());
        self.shared.put_cell(cell, reply);
        if self.shared.control.interrupted().times > 0 && self.withdraw() {
            return outcome;
        }
        if self.jobs.send(Job::Execute).is_err() {
            // Dropping the sender makes the receiver fail, which says that the thread is gone.
            drop(self.shared.take_cell());
        }
        outcome
    }

    /// Completions at `position` (in bytes). While a cell runs, those that are known without asking.
    pub async fn complete(&self, code: &str, position: usize) -> Completion {
        let (reply, answer) = oneshot::channel();
        match self.ask(Job::Complete { code: code.to_owned(), position, reply }, answer).await {
            Some(completion) => completion,
            None => self.names().complete(code, position),
        }
    }

    /// What is known about the code at `position` (in bytes). While a cell runs, the types of the variables.
    pub async fn inspect(&self, code: &str, position: usize) -> Option<Inspection> {
        let (reply, answer) = oneshot::channel();
        match self.ask(Job::Inspect { code: code.to_owned(), position, reply }, answer).await {
            Some(inspection) => inspection,
            None => self.names().inspect(code, position),
        }
    }

    /// Asks rust-analyzer. `None` while a cell runs there, or begins to before there is an answer.
    async fn ask<T>(&self, job: Job, mut answer: oneshot::Receiver<T>) -> Option<T> {
        if self.shared.control.phase() != Phase::Idle || self.jobs.send(job).is_err() {
            return None;
        }
        loop {
            match tokio::time::timeout(BETWEEN_LOOKS, &mut answer).await {
                Ok(answer) => return answer.ok(),
                Err(_) if self.shared.control.phase() != Phase::Idle => return None,
                Err(_) => {}
            }
        }
    }

    fn names(&self) -> std::sync::MutexGuard<'_, Names> {
        self.shared.names.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Stops the cell that runs, if one does. Returns at once. A cell that waits for the session to start ends,
    /// while the start continues for the next cell; but a build, which takes minutes, is stopped together with its
    /// cell.
    pub fn interrupt(&self) {
        if self.shared.control.phase() == Phase::Starting && self.withdraw() {
            return;
        }
        self.shared.inputs.cancel();
        let shared = self.shared.clone();
        self.shared.control.interrupt(move |text| shared.collector.print(Stream::Stderr, text.as_bytes()));
    }

    /// Waits until the cell that was announced is interrupted, and has not been run.
    pub async fn interrupted(&self) -> Outcome {
        while self.shared.control.interrupted().times == 0 {
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        failure::withdrawn()
    }

    /// Whether nobody types meanwhile, as where a notebook is run as a whole: then rust-analyzer is not warmed up.
    pub fn set_unattended(&self, is_unattended: bool) {
        self.shared.unattended.store(is_unattended, Ordering::SeqCst);
    }

    /// Ends the cell that waits, if the session's thread has not taken it up yet.
    fn withdraw(&self) -> bool {
        let Some((_, reply)) = self.shared.take_cell() else { return false };
        // The reason is reported below; no input was requested.
        let _ = self.shared.inputs.end(Ok(()));
        self.shared.collector.end();
        self.shared.control.end();
        // Nobody waits if the kernel is shutting down.
        let _ = reply.send(failure::withdrawn());
        true
    }

    /// Ends all that runs, and removes the folder. The process must end after that.
    pub fn end(&self) {
        self.shared.control.kill_all();
        // Processes that have changed their parent.
        sys::end_processes_with(runtime::OUTPUT, &self.folder.socket());
        self.folder.remove();
    }
}
