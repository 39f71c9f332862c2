//! Runs Rust and reports the outcome.

use std::panic::{AssertUnwindSafe, catch_unwind};

use evcxr::{CompilationError, EvalOutputs};
use serde_json::Value;

use super::collector::Failure;
use super::start::panic_text;
use super::unsettled::Unsettled;
use super::worker::Worker;
use super::{CellError, Event, Stream, diagnostics, failure, limits, lines, traps};
use crate::runtime::message::Bundle;
use crate::source::layout::Variable;
use crate::syntax::{self, Written};

impl Worker {
    /// Compiles and runs Rust.
    pub(super) fn evaluate(&mut self, code: &str) -> std::result::Result<(), CellError> {
        if let Some(error) = self.syntax_error(code) {
            self.stale.clear();
            return Err(error);
        }
        let known = self.next_placeholder;
        let mut written = self.for_evcxr(&syntax::prepare(code));
        let before = self.variables_and_types();
        self.stale = self.definitions.stale(code, before.iter().map(|(name, kind)| (&**name, &**kind)));
        if !self.stale.is_empty() && syntax::only_defines(code) {
            // Variables are released only where code runs.
            written.text.push_str("\n();");
        }
        let Some(context) = &mut self.context else { return Ok(()) };
        self.folder.set_stale(&self.stale);
        let kills = limits::kills_for_memory();
        let result = catch_unwind(AssertUnwindSafe(|| context.execute(&written.text)));
        self.folder.set_stale(&[]);
        if let Ok(Ok(_)) = result {
            self.definitions.remember(code);
        }
        if self.next_placeholder != known {
            self.types = self.folder.types();
        }
        let end = self.shared.collector.take_end();
        let ran = self.shared.control.interrupted().times > 0 && end.failure.is_some();
        let generated = self.context.as_ref().and_then(|context| context.last_source().ok());
        let generated = generated.unwrap_or_default();
        self.see_moves(&generated, code);
        if let Ok(Ok(_)) = result {
            self.remember_items(&generated);
            self.unsettle(&end.store, &generated);
        }
        // A new variable that shadows an older one is not kept; the older one is still in the
        // store.
        let replaced = before.into_iter().filter(|(name, _)| end.untyped.iter().any(|one| one.name == *name));
        self.unsettled.kept.extend(replaced.map(|(name, kind)| Variable {
            name,
            kind,
            mutable: true,
            lines: 0..0,
        }));
        match result {
            Ok(Ok(outputs)) => match end.failure {
                None => {
                    self.show(outputs);
                    self.say_of_success(end.store.returned, code);
                    if end.untyped.is_empty() {
                        Ok(())
                    } else {
                        Err(traps::untyped(&end.untyped, true, code))
                    }
                }
                Some(failed) => {
                    let calls = self.calls(&failed);
                    let error = failure::from_failure(failed, &generated, code);
                    let error = failure::with_call(error, &calls, &generated, code);
                    Err(self.or_interrupted(self.with_variables(error, code), true))
                }
            },
            Ok(Err(evcxr::Error::SubprocessTerminated(_))) => {
                self.unsettled = Unsettled::default();
                let crash = failure::crash(end.exit, &self.last, kills);
                let error = match end.failure {
                    Some(failed) => {
                        let error = failure::from_failure(failed, "", code);
                        crash.traceback.iter().fold(error, |error, line| error.with_note(line))
                    }
                    None => crash,
                };
                Err(self.or_interrupted(error, true))
            }
            // Without the variable the cell does not compile, so the variable is the reason of the
            // failure.
            Ok(Err(_)) if !end.untyped.is_empty() => {
                Err(self.or_interrupted(traps::untyped(&end.untyped, false, code), ran))
            }
            Ok(Err(error)) => {
                let nameless = self.folder.take_nameless();
                let error = match nameless.is_empty() {
                    true => self.describe(error, code, &written),
                    false => traps::nameless(&nameless, code),
                };
                Err(self.or_interrupted(error, ran))
            }
            Err(panic) => {
                let text = format!("the compiler's session panicked: {}", panic_text(&*panic));
                Err(self.or_interrupted(CellError::new("KernelError", text), ran))
            }
        }
    }

    /// A cell as evcxr gets it, with placeholders for the types that rustc will tell.
    pub(super) fn for_evcxr(&mut self, code: &str) -> Written {
        if !self.tells_types {
            return Written::plain(code);
        }
        let (written, next) = syntax::with_placeholders(code, self.next_placeholder);
        self.next_placeholder = next;
        written
    }

    /// The lines of the compiled source whose calls led to a panic inside a library, the innermost first.
    fn calls(&self, failed: &Failure) -> Vec<usize> {
        match (failed, &self.cargo, self.folder.cells()) {
            (Failure::Reported(_, place), Some(cargo), Ok(folder)) if !place.frames.is_empty() => {
                lines::of_addresses(cargo, &folder, &place.frames)
            }
            _ => Vec::new(),
        }
    }

    /// The error for what evcxr could not do with a cell.
    pub(super) fn describe(&mut self, error: evcxr::Error, code: &str, written: &Written) -> CellError {
        match error {
            evcxr::Error::CompilationErrors(errors) => {
                let mut errors = self.with_hidden(errors, &written.text);
                self.forget_unnamed(&mut errors);
                diagnostics::compile_error(&errors, code, written, &self.gone, &self.hints)
            }
            evcxr::Error::TypeRedefinedVariablesLost(variables) => {
                let what = "a type was redefined, so values of the old type cannot be kept";
                CellError::new("TypeRedefined", what).with_note(&failure::lost_variables(&variables))
            }
            evcxr::Error::SubprocessTerminated(text) => CellError::new("Crash", text),
            evcxr::Error::Message(text) => {
                traps::not_kept(&text, code).unwrap_or_else(|| CellError::new("Error", text.trim_end()))
            }
        }
    }

    /// Of an error in the cell's last expression, evcxr may keep only rustc's suggestion. Then the cell is compiled
    /// without the code that shows its value.
    fn with_hidden(&mut self, errors: Vec<CompilationError>, code: &str) -> Vec<CompilationError> {
        let is_error = |error: &CompilationError| error.level().starts_with("error");
        let is_advice = |error: &CompilationError| ["help", "note"].contains(&error.level());
        if errors.iter().any(is_error) && !errors.iter().any(is_advice) {
            return errors;
        }
        let context = self.context.as_mut();
        let found = catch_unwind(AssertUnwindSafe(|| context.and_then(|context| context.check(code).ok())));
        let found = found.ok().flatten().filter(|found| found.iter().any(is_error));
        found.unwrap_or(errors)
    }

    /// The error of a cell that was interrupted says so.
    pub(super) fn or_interrupted(&self, error: CellError, ran: bool) -> CellError {
        let interrupted = self.shared.control.interrupted();
        match interrupted.times {
            0 => error,
            _ => failure::interrupted(Some(error), interrupted, ran, &self.last),
        }
    }

    /// Shows the output of evcxr's own commands, and the time if requested.
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
}
