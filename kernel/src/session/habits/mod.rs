//! Habits from Python and IPython: if an error comes from one, a line of help gives the Rust, as code that works
//! when typed.

mod calls;
mod indices;
mod magics;
mod members;
mod python;
mod statements;
mod values;

use super::render::{Diagnostic, Note};

/// An error, and the line of the cell that it is about.
struct Mistake<'a> {
    code: Option<&'a str>,
    message: &'a str,
    line: &'a str,
}

impl Mistake<'_> {
    /// Whether rustc has one of these numbers for the error.
    fn is(&self, codes: &[&str]) -> bool {
        self.code.is_some_and(|code| codes.contains(&code))
    }

    /// What the message names in its `number`th pair of backticks, from 0.
    fn named(&self, number: usize) -> Option<&str> {
        self.message.split('`').nth(2 * number + 1)
    }
}

/// The help, if the error is known to come from a habit.
pub fn help(diagnostic: &Diagnostic, lines: &[&str]) -> Vec<Note> {
    let place = diagnostic.labels.iter().find(|label| label.primary).or(diagnostic.labels.first());
    let line =
        place.and_then(|label| lines.get(label.span.line.checked_sub(1)?)).copied().unwrap_or_default();
    let mistake = Mistake { code: diagnostic.code.as_deref(), message: &diagnostic.message, line };
    let known = [statements::help, calls::help, values::help, members::help, indices::help];
    known.iter().find_map(|help| help(&mistake)).map(Note::help).into_iter().collect()
}

/// The help for a shell command that installs what Python uses.
pub use magics::for_shell;

#[cfg(test)]
fn mistake<'a>(code: &'a str, message: &'a str, line: &'a str) -> Mistake<'a> {
    Mistake { code: (!code.is_empty()).then_some(code), message, line }
}
