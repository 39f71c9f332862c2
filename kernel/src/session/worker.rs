//! The thread that owns evcxr.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use evcxr::{CommandContext, EvalCallbacks, EvalOutputs};
use serde_json::Value;
use tokio::sync::oneshot;

use super::control::Phase;
use super::folder::Folder;
use super::names::Names;
use super::shell::{self, Part};
use super::start::{panic_text, start_evcxr};
use super::{
    AskForInput, Cell, CellError, Completion, Event, InputRequest, Inspection, Outcome, Shared, Stream,
    analysis, diagnostics, failure,
};
use crate::error::Error;
use crate::runtime::message::Bundle;
use crate::{stdio, syntax};

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

struct Worker {
    shared: Arc<Shared>,
    folder: Arc<Folder>,
    context: Option<CommandContext>,
    /// Why there is no context.
    failed: Option<String>,
    /// The variables before the current cell.
    last: Vec<String>,
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

    fn evaluate(&mut self, code: &str, ask: &AskForInput) -> std::result::Result<(), CellError> {
        let Some(context) = &mut self.context else { return Ok(()) };
        let prepared = syntax::prepare(code);
        let result = catch_unwind(AssertUnwindSafe(|| execute(context, &prepared, ask)));
        let end = self.shared.collector.take_end();
        let ran = self.shared.control.interrupted().times > 0 && end.failure.is_some();
        match result {
            Ok(Ok(outputs)) => match end.failure {
                None => {
                    self.show(outputs);
                    Ok(())
                }
                Some(failed) => {
                    let generated = self.context.as_ref().and_then(|context| context.last_source().ok());
                    let error = failure::from_failure(failed, &generated.unwrap_or_default(), code);
                    let lost = self.lost();
                    let error = if lost.is_empty() {
                        error
                    } else {
                        error.with_note(&failure::lost_variables(&lost))
                    };
                    Err(self.or_interrupted(self.not_kept(error, code), true))
                }
            },
            Ok(Err(evcxr::Error::SubprocessTerminated(_))) => {
                let crash = failure::crash(end.exit, &self.last);
                let error = match end.failure {
                    Some(failed) => {
                        let error = failure::from_failure(failed, "", code);
                        crash.traceback.iter().fold(error, |error, line| error.with_note(line))
                    }
                    None => crash,
                };
                Err(self.or_interrupted(error, true))
            }
            Ok(Err(error)) => Err(self.or_interrupted(self.describe(error, code), ran)),
            Err(panic) => {
                let text = format!("the compiler's session panicked: {}", panic_text(&*panic));
                Err(self.or_interrupted(CellError::new("KernelError", text), ran))
            }
        }
    }

    fn describe(&self, error: evcxr::Error, code: &str) -> CellError {
        match error {
            evcxr::Error::CompilationErrors(errors) => diagnostics::compile_error(&errors, code),
            evcxr::Error::TypeRedefinedVariablesLost(variables) => {
                let what = "a type was defined anew, so values of the old type cannot be kept";
                CellError::new("TypeRedefined", what).with_note(&failure::lost_variables(&variables))
            }
            evcxr::Error::SubprocessTerminated(text) => CellError::new("Crash", text),
            evcxr::Error::Message(text) => CellError::new("Error", text.trim_end()),
        }
    }

    fn or_interrupted(&self, error: CellError, ran: bool) -> CellError {
        let interrupted = self.shared.control.interrupted();
        match interrupted.times {
            0 => error,
            _ => failure::interrupted(Some(error), interrupted, ran, &self.last),
        }
    }

    /// Says which of the variables that the failed cell binds are not there after it.
    fn not_kept(&self, error: CellError, code: &str) -> CellError {
        let kept = self.variables();
        let names: Vec<String> =
            syntax::bound_names(code).into_iter().filter(|name| !kept.contains(name)).collect();
        match names.as_slice() {
            [] => error,
            names => error.with_note(&format!("Not kept, because the cell failed: {}", names.join(", "))),
        }
    }

    /// What evcxr's own commands give, and how long it took if that is wanted.
    fn show(&self, outputs: EvalOutputs) {
        let mut data: Bundle = outputs
            .content_by_mime_type
            .into_iter()
            .map(|(mime, text)| (mime, Value::String(text.trim_end().to_owned())))
            .collect();
        data.retain(|_, text| text != "");
        if !data.is_empty() {
            self.shared.collector.show(Event::Result { data, metadata: Bundle::new(), display_id: None });
        }
        if let Some(elapsed) = outputs.timing {
            self.shared.collector.print(Stream::Stdout, failure::timing(elapsed).as_bytes());
        }
    }

    fn variables(&self) -> Vec<String> {
        let context = self.context.as_ref();
        let mut names: Vec<String> = context
            .map(|context| context.variables_and_types().map(|(name, _)| name.to_owned()).collect())
            .unwrap_or_default();
        names.sort();
        names
    }

    /// The variables that were there before the cell and are not any more.
    fn lost(&self) -> Vec<String> {
        let now = self.variables();
        self.last.iter().filter(|name| !now.contains(name)).cloned().collect()
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

fn execute(
    context: &mut CommandContext,
    code: &str,
    ask: &AskForInput,
) -> std::result::Result<EvalOutputs, evcxr::Error> {
    // evcxr asks through a shared reference.
    let ask = RefCell::new(ask);
    let mut callbacks = EvalCallbacks {
        input_reader: &|request| {
            let request = InputRequest { prompt: request.prompt, password: request.is_password };
            let answer = (ask.borrow_mut())(request).unwrap_or_default();
            // One line is one answer.
            answer.replace(['\n', '\r'], " ")
        },
    };
    context.execute_with_callbacks(code, &mut callbacks)
}
