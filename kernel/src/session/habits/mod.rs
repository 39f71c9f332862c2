//! Habits from Python and IPython: if an error comes from one, a line of help gives the Rust, as code that works
//! when typed. What concerns the helper crate's types comes from that crate ([`hints`]).

mod calls;
mod hints;
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

    /// Whether the line does not parse.
    fn is_of_form(&self) -> bool {
        // A string in single quotes is a syntax error too; rustc has error codes for some of these.
        self.code.is_none() || self.is(&["E0762", "E0763", "E0765", "E0766"])
    }

    /// What the message names in its `number`th pair of backticks, from 0.
    fn named(&self, number: usize) -> Option<&str> {
        self.message.split('`').nth(2 * number + 1)
    }
}

/// Kinds of help, tried in order.
type Helps = [fn(&Mistake) -> Option<String>];

/// The help, if the error is known to come from a habit.
pub fn help(diagnostic: &Diagnostic, lines: &[&str], of_crate: &Hints) -> Vec<Note> {
    let place = diagnostic.labels.iter().find(|label| label.primary).or(diagnostic.labels.first());
    let line =
        place.and_then(|label| lines.get(label.span.line.checked_sub(1)?)).copied().unwrap_or_default();
    let mistake = Mistake { code: diagnostic.code.as_deref(), message: &diagnostic.message, line };
    known(&mistake, of_crate).map(Note::help).into_iter().collect()
}

/// What the crate knows comes before what is true of any type.
fn known(mistake: &Mistake, of_crate: &Hints) -> Option<String> {
    let specific: &Helps = &[statements::help, calls::help, values::question];
    let general: &Helps = &[statements::general_help, values::help, members::help, indices::help];
    let first_of = |helps: &Helps| helps.iter().find_map(|help| help(mistake));
    first_of(specific).or_else(|| of_crate.help(mistake)).or_else(|| first_of(general))
}

pub use hints::Hints;
/// The help for a shell command that installs what Python uses.
pub use magics::for_shell;

#[cfg(test)]
fn mistake<'a>(code: &'a str, message: &'a str, line: &'a str) -> Mistake<'a> {
    Mistake { code: (!code.is_empty()).then_some(code), message, line }
}
