//! The thread that owns evcxr.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use evcxr::CommandContext;
use tokio::sync::oneshot;

use super::control::Phase;
use super::definitions::Definitions;
use super::folder::Folder;
use super::habits::Hints;
use super::kinds::short;
use super::names::Names;
use super::shell::{self, Step};
use super::start::{Started, panic_text, start_evcxr};
use super::surroundings::Surroundings;
use super::traps::{Gone, Moved};
use super::unsettled::Unsettled;
use super::{
    Cell, CellError, Completion, Inspection, NOT_STARTED, Outcome, Shared, Stream, failure, limits, listener,
    options,
};
use crate::analysis::Analyst;
use crate::error::Error;
use crate::source;

/// What the thread is asked to do.
pub enum Job {
    /// The cell that waits, if it still does.
    Execute,
    Complete {
        code: String,
        position: usize,
        reply: oneshot::Sender<Completion>,
    },
    Inspect {
        code: String,
        position: usize,
        reply: oneshot::Sender<Option<Inspection>>,
    },
}

/// The prefix of the error when the prelude fails.
pub const PRELUDE_FAILED: &str = "the prelude could not be loaded.";
/// How long the session must be idle before rust-analyzer is warmed up: it takes a processor for seconds, which the first cells
/// of a notebook that is run at once need.
const BEFORE_WARMING_UP: Duration = Duration::from_secs(1);

/// Starts the thread. It ends with the process: the cells' processes die with the thread that started them.
pub fn spawn(
    shared: Arc<Shared>,
    folder: Arc<Folder>,
    surroundings: Result<Surroundings, Error>,
    jobs: Receiver<Job>,
) -> std::io::Result<()> {
    let work = move || {
        let mut worker = Worker {
            shared,
            folder,
            surroundings: surroundings.map_err(|error| error.to_string()),
            context: None,
            cargo: None,
            prelude: String::new(),
            hints: Hints::default(),
            _hold: None,
            failed: None,
            last: Vec::new(),
            gone: Gone::default(),
            definitions: Definitions::default(),
            unsettled: Unsettled::default(),
            moved: Vec::new(),
            stale: Vec::new(),
            number: 0,
            types: source::types::Types::default(),
            tells_types: false,
            next_placeholder: 1,
            analyst: None,
            is_warm: false,
            items: String::new(),
        };
        worker.start();
        loop {
            let job = match worker.is_warm || worker.shared.unattended.load(Ordering::SeqCst) {
                true => jobs.recv().map_err(RecvTimeoutError::from),
                false => jobs.recv_timeout(BEFORE_WARMING_UP),
            };
            match job {
                Ok(job) => worker.handle(job),
                Err(RecvTimeoutError::Timeout) => worker.warm_up(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
    };
    // rust-analyzer recurses deeply.
    std::thread::Builder::new().name("evcxr".into()).stack_size(64 << 20).spawn(work).map(drop)
}

/// evcxr, and what its cells share.
pub struct Worker {
    pub(super) shared: Arc<Shared>,
    pub(super) folder: Arc<Folder>,
    /// What the session starts with, or why it cannot.
    surroundings: Result<Surroundings, String>,
    pub(super) context: Option<CommandContext>,
    /// `herbarium-cargo`, which compiles cells that have the crate; `None` for plain evcxr cells.
    pub(super) cargo: Option<PathBuf>,
    /// The cell that runs before all others.
    prelude: String,
    /// What the helper crate says of habits.
    pub(super) hints: Hints,
    /// While this is open, the template stays.
    _hold: Option<File>,
    /// Why there is no context.
    pub(super) failed: Option<String>,
    /// The variables before the current cell.
    pub(super) last: Vec<String>,
    /// Why variables are gone.
    pub(super) gone: Gone,
    /// The types that cells have defined.
    pub(super) definitions: Definitions,
    /// The changes of variables that evcxr does not know yet.
    pub(super) unsettled: Unsettled,
    /// The variables that the current cell moves if it gets that far.
    pub(super) moved: Vec<Moved>,
    /// The variables whose types the current cell changes.
    pub(super) stale: Vec<String>,
    /// The execution count of the current cell.
    pub(super) number: usize,
    /// rustc tells the types of variables: evcxr gets placeholders for them.
    pub(super) tells_types: bool,
    /// What the placeholders stand for, and the number of the next.
    pub(super) types: source::types::Types,
    pub(super) next_placeholder: usize,
    /// Knows completions and documentation, for cells with the crate.
    pub(super) analyst: Option<Analyst>,
    /// It has been asked to start, so that the first Tab need not wait.
    pub(super) is_warm: bool,
    /// What cells have defined: functions, types, and what they `use`.
    pub(super) items: String,
}

impl Worker {
    fn start(&mut self) {
        // evcxr runs its own test cell.
        self.shared.collector.mute();
        let result = catch_unwind(AssertUnwindSafe(|| {
            let surroundings = match &mut self.surroundings {
                Ok(surroundings) => surroundings,
                Err(why) => return Err(Error::Start(format!("{why}\nThen restart the kernel."))),
            };
            if let Some(listener) = surroundings.listener.take() {
                listener::listen(listener, &self.shared);
            }
            let started = start_evcxr(&self.folder, surroundings.plan.as_ref(), &self.shared)?;
            if let (None, Some(plan)) = (&self.analyst, &surroundings.plan) {
                let control = self.shared.control.clone();
                let started = move |process| control.set_analyst(process);
                self.analyst = Some(Analyst::spawn(plan, &self.folder.analysis()?, started)?);
            }
            Ok(started)
        }));
        let printed = self.shared.collector.unmute();
        self.shared.collector.take_end();
        let result = match result {
            Ok(result) => result,
            Err(panic) => Err(Error::Start(panic_text(&*panic))),
        };
        match result {
            Ok(Started { context, preload, hints, cargo, tells_types, hold }) => {
                self.context = Some(context);
                self.cargo = cargo;
                self.tells_types = tells_types;
                self._hold = hold;
                self.prelude = preload;
                self.hints = hints;
                self.preload();
            }
            Err(error) => {
                log::warn!("{error}\n{printed}");
                self.failed = Some(format!("{error}\n{printed}").trim_end().to_owned());
            }
        }
        self.remember_names();
    }

    /// Runs the prelude. Its output matters only if it fails.
    fn preload(&mut self) {
        let code = self.prelude.clone();
        let written = self.for_evcxr(&code);
        let Some(context) = self.context.as_mut().filter(|_| !code.is_empty()) else { return };
        self.shared.collector.mute();
        let result = catch_unwind(AssertUnwindSafe(|| context.execute(&written.text)));
        let printed = self.shared.collector.unmute();
        let failure = self.shared.collector.take_end().failure;
        self.types = self.folder.types();
        if let Ok(Ok(_)) = result {
            let generated = context.last_source().unwrap_or_default();
            self.remember_items(&generated);
        }
        let error = match result {
            Ok(Ok(_)) if failure.is_none() => return,
            Ok(Ok(_)) => {
                failure::from_failure(failure.unwrap_or(super::collector::Failure::Panic(None)), "", &code)
            }
            Ok(Err(error)) => self.describe(error, &code, &written),
            Err(panic) => CellError::new("KernelError", panic_text(&*panic)),
        };
        let why = format!("{PRELUDE_FAILED}\n{}\n{printed}", error.traceback.join("\n"));
        log::error!("{why}");
        let text = format!("herbarium: {why}");
        self.shared.collector.print(Stream::Stderr, text.as_bytes());
    }

    fn handle(&mut self, job: Job) {
        match job {
            Job::Execute => {
                let started = Instant::now();
                let interrupted = |worker: &Worker| worker.shared.control.interrupted().times > 0;
                if self.context.is_none() && self.shared.has_cell() && !interrupted(self) {
                    // The first try had no cell to show its failure; what was missing may be there now.
                    self.start();
                }
                let Some((cell, reply)) = self.shared.take_cell() else { return };
                self.number = cell.number;
                let result = self.execute(&cell).map_err(limits::explain);
                let result = self.shared.inputs.end(result);
                self.shared.collector.end();
                let interrupted = self.shared.control.interrupted();
                self.shared.control.end();
                // An interrupt may have stopped the compiler.
                self.settle();
                self.remember_names();
                let outcome = Outcome {
                    error: result.err(),
                    interrupted: interrupted.times > 0,
                    elapsed: started.elapsed(),
                };
                // Nobody waits if the kernel is shutting down.
                let _ = reply.send(outcome);
            }
            // The request has meanwhile been answered without rust-analyzer.
            Job::Complete { reply, .. } if reply.is_closed() => {}
            Job::Inspect { reply, .. } if reply.is_closed() => {}
            Job::Complete { code, position, reply } => self.complete(code, position, reply),
            Job::Inspect { code, position, reply } => self.inspect(code, position, reply),
        }
    }

    fn execute(&mut self, cell: &Cell) -> std::result::Result<(), CellError> {
        let stopped = |worker: &Worker| {
            let by = worker.shared.control.interrupted();
            if by.times > 0 { Err(failure::interrupted(None, by, false, &[])) } else { Ok(()) }
        };
        // An interrupt while the session is built: the next cell starts it again.
        stopped(self)?;
        if let (None, Some(why)) = (&self.context, &self.failed) {
            return Err(CellError::new(NOT_STARTED, why.clone()));
        }
        self.shared.control.set_phase(Phase::Compiling);
        self.replace_ended_program();
        for step in shell::split(&cell.code) {
            self.last = self.variables();
            stopped(self)?;
            match step {
                Step::Shell(command) => shell::run(&command, &self.shared.collector, &self.shared.control)
                    .map_err(|error| self.or_interrupted(error, true))?,
                Step::Restart => self.restart()?,
                Step::Clear => self.clear()?,
                Step::Dependencies => self.show_dependencies(),
                Step::Vars => self.show_variables()?,
                Step::Help => self.show_help(),
                Step::About(name) => self.show_about(&name)?,
                Step::Rust(code) => {
                    options::refuse(&code)?;
                    let code = self.provide_dependencies(&code)?;
                    self.evaluate_and_remember(&code)?
                }
            }
        }
        Ok(())
    }

    /// Replaces a program that ended between two cells, so that the next cell does not fail.
    fn replace_ended_program(&mut self) {
        if !self.shared.collector.has_exited() {
            return;
        }
        let exit = self.shared.collector.take_end().exit;
        let lost = self.variables();
        self.gone.lost(&lost, self.number);
        self.unsettled = Unsettled::default();
        // Where that fails, the cell says so.
        let _ = self.start_program();
        let what = failure::crash(exit, &lost, None);
        let text = format!("Between the cells, {}. {}\n", what.evalue, failure::lost_variables(&lost));
        self.shared.collector.print(Stream::Stderr, text.as_bytes());
    }

    /// Replaces the program by a new one, as `:restart` asks for.
    fn restart(&mut self) -> std::result::Result<(), CellError> {
        let lost = self.variables();
        self.gone.lost(&lost, self.number);
        self.unsettled = Unsettled::default();
        self.shared.control.kill_program();
        let deadline = Instant::now() + Duration::from_secs(5);
        while !self.shared.collector.has_exited() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.shared.collector.take_end();
        self.start_program()?;
        let text = format!("A new program has started. {}\n", failure::lost_variables(&lost));
        self.shared.collector.print(Stream::Stdout, text.as_bytes());
        Ok(())
    }

    /// Replaces the program and forgets what cells have defined, as `:clear` asks for.
    fn clear(&mut self) -> std::result::Result<(), CellError> {
        self.restart()?;
        let Some(context) = &mut self.context else { return Ok(()) };
        context.execute(":clear").map_err(|error| {
            CellError::new("RestartError", format!("the definitions are still there: {error}"))
        })?;
        self.definitions = Definitions::default();
        self.items.clear();
        self.preload();
        let text = "Definitions and dependencies are forgotten.\n";
        self.shared.collector.print(Stream::Stdout, text.as_bytes());
        Ok(())
    }

    /// Lets evcxr notice that its program has ended; it then starts a new one and forgets the variables.
    fn start_program(&mut self) -> std::result::Result<(), CellError> {
        let Some(context) = &mut self.context else { return Ok(()) };
        let why = match catch_unwind(AssertUnwindSafe(|| context.execute("();"))) {
            Ok(Err(evcxr::Error::SubprocessTerminated(_))) => return Ok(()),
            Ok(Ok(_)) => "the one before it is still there".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(panic) => panic_text(&*panic),
        };
        log::warn!("no new program was started: {why}");
        Err(CellError::new("RestartError", format!("no new program was started: {why}")))
    }

    fn remember_names(&self) {
        let variables = self.variables_and_types().into_iter();
        let types = variables.map(|(name, kind)| (name, short(&kind))).collect();
        let items = self.context.iter().flat_map(|context| context.defined_item_names());
        self.shared.set_names(Names::new(types, items));
    }
}
