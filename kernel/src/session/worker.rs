//! The thread that owns evcxr.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use evcxr::CommandContext;
use tokio::sync::oneshot;

use super::control::Phase;
use super::folder::Folder;
use super::names::Names;
use super::shell::{self, Part};
use super::start::{panic_text, start_evcxr};
use super::{Cell, CellError, Completion, Inspection, Outcome, Shared, Stream, analysis, failure};
use crate::error::Error;
use crate::stdio;

/// What the thread is asked to do.
pub enum Job {
    Execute(Cell, oneshot::Sender<Outcome>),
    Complete { code: String, position: usize, reply: oneshot::Sender<Completion> },
    Inspect { code: String, position: usize, reply: oneshot::Sender<Option<Inspection>> },
}

/// Starts the thread. It ends with the process: the cells' processes die with the thread that started them.
pub fn spawn(shared: Arc<Shared>, folder: Arc<Folder>, jobs: Receiver<Job>) -> std::io::Result<()> {
    let work = move || {
        let mut worker = Worker { shared, folder, context: None, failed: None, last: Vec::new() };
        worker.start();
        for job in jobs {
            worker.handle(job);
        }
    };
    // rust-analyzer recurses deeply.
    std::thread::Builder::new().name("evcxr".into()).stack_size(64 << 20).spawn(work).map(drop)
}

/// evcxr, and what its cells share.
pub struct Worker {
    pub(super) shared: Arc<Shared>,
    pub(super) folder: Arc<Folder>,
    pub(super) context: Option<CommandContext>,
    /// Why there is no context.
    pub(super) failed: Option<String>,
    /// The variables before the current cell.
    pub(super) last: Vec<String>,
}

impl Worker {
    fn start(&mut self) {
        // evcxr tries itself out with a cell of its own.
        self.shared.collector.mute();
        let result = catch_unwind(AssertUnwindSafe(|| start_evcxr(&self.folder, &self.shared)));
        let printed = self.shared.collector.unmute();
        self.shared.collector.take_end();
        let result = match result {
            Ok(result) => result,
            Err(panic) => Err(Error::Start(panic_text(&*panic))),
        };
        match result {
            Ok((context, preload)) => {
                self.context = Some(context);
                self.preload(preload);
            }
            Err(error) => {
                stdio::log(&format!("herbarium: {error}\n{printed}"));
                self.failed = Some(format!("{error}\n{printed}").trim_end().to_owned());
            }
        }
        self.remember_names();
    }

    /// Runs the cell that comes before all others. What it prints is of interest only if it fails.
    fn preload(&mut self, code: &str) {
        let Some(context) = self.context.as_mut().filter(|_| !code.trim().is_empty()) else { return };
        self.shared.collector.mute();
        let result = catch_unwind(AssertUnwindSafe(|| context.execute(code)));
        let printed = self.shared.collector.unmute();
        let failure = self.shared.collector.take_end().failure;
        let error = match result {
            Ok(Ok(_)) if failure.is_none() => return,
            Ok(Ok(_)) => {
                failure::from_failure(failure.unwrap_or(super::collector::Failure::Panic(None)), "", code)
            }
            Ok(Err(error)) => self.describe(error, code),
            Err(panic) => CellError::new("KernelError", panic_text(&*panic)),
        };
        let text =
            format!("herbarium: the prelude could not be loaded.\n{}\n{printed}", error.traceback.join("\n"));
        stdio::log(&text);
        self.shared.collector.print(Stream::Stderr, text.as_bytes());
    }

    fn handle(&mut self, job: Job) {
        match job {
            Job::Execute(cell, reply) => {
                let started = Instant::now();
                let result = self.execute(&cell);
                self.shared.collector.end();
                let interrupted = self.shared.control.interrupted();
                self.shared.control.end();
                self.remember_names();
                let outcome = Outcome {
                    error: result.err(),
                    interrupted: interrupted.times > 0,
                    elapsed: started.elapsed(),
                };
                // Nobody waits if the kernel is shutting down.
                let _ = reply.send(outcome);
            }
            Job::Complete { code, position, reply } => {
                let found =
                    self.context.as_mut().and_then(|context| analysis::complete(context, &code, position));
                let _ = reply.send(found.unwrap_or(Completion {
                    start: position,
                    end: position,
                    ..Default::default()
                }));
            }
            Job::Inspect { code, position, reply } => {
                let found =
                    self.context.as_mut().and_then(|context| analysis::inspect(context, &code, position));
                let _ = reply.send(found);
            }
        }
    }

    fn execute(&mut self, cell: &Cell) -> std::result::Result<(), CellError> {
        if self.context.is_none() {
            // The first try was without a cell to show its failure in; what it lacked may be there now.
            self.start();
        }
        if let (None, Some(why)) = (&self.context, &self.failed) {
            return Err(CellError::new("StartError", why.clone()));
        }
        self.shared.control.set_phase(Phase::Compiling);
        self.replace_ended_program();
        for part in shell::split(&cell.code) {
            self.last = self.variables();
            if self.shared.control.interrupted().times > 0 {
                return Err(failure::interrupted(None, self.shared.control.interrupted(), false, &[]));
            }
            match part {
                Part::Shell(command) => shell::run(&command, &self.shared.collector, &self.shared.control)
                    .map_err(|error| self.or_interrupted(error, true))?,
                Part::Restart => self.restart(),
                Part::Rust(code) => self.evaluate(&code, &cell.ask)?,
            }
        }
        Ok(())
    }

    /// A program that ended between two cells is replaced before the next, which need not fail for it.
    fn replace_ended_program(&mut self) {
        if !self.shared.collector.has_exited() {
            return;
        }
        let exit = self.shared.collector.take_end().exit;
        let lost = self.variables();
        self.start_program();
        let what = failure::crash(exit, &lost);
        let text = format!("Between the cells, {}. {}\n", what.evalue, failure::lost_variables(&lost));
        self.shared.collector.print(Stream::Stderr, text.as_bytes());
    }

    /// Replaces the program by a new one, as `:restart` asks for.
    fn restart(&mut self) {
        let lost = self.variables();
        self.shared.control.kill_program();
        let deadline = Instant::now() + Duration::from_secs(5);
        while !self.shared.collector.has_exited() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.shared.collector.take_end();
        self.start_program();
        let text = format!("A new program has started. {}\n", failure::lost_variables(&lost));
        self.shared.collector.print(Stream::Stdout, text.as_bytes());
    }

    /// Lets evcxr find out that its program has ended, upon which it starts a new one and forgets the variables.
    fn start_program(&mut self) {
        let Some(context) = &mut self.context else { return };
        match catch_unwind(AssertUnwindSafe(|| context.execute("();"))) {
            Ok(Err(evcxr::Error::SubprocessTerminated(_))) => {}
            Ok(Ok(_)) => stdio::log("herbarium: the program that had ended is still there"),
            Ok(Err(error)) => stdio::log(&format!("herbarium: the program cannot be started again: {error}")),
            Err(panic) => stdio::log(&format!("herbarium: {}", panic_text(&*panic))),
        }
    }

    fn remember_names(&self) {
        let names = match &self.context {
            Some(context) => {
                Names::new(context.variables_and_types().map(|(name, _)| name), context.defined_item_names())
            }
            None => Names::new(std::iter::empty(), std::iter::empty()),
        };
        self.shared.set_names(names);
    }
}
