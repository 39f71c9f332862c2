//! Compile errors as rustc shows them, in the cell's own lines.

use evcxr::CompilationError;

use super::elsewhere::{self, Elsewhere};
use super::event::CellError;
use super::habits::Hints;
use super::render::{Diagnostic, Label, Note, Span, render};
use super::suggestions::without_generated;
use super::traps::{self, Gone};
use super::{habits, question_marks, suggestions};
use crate::syntax::{self, Written};

/// The error of a cell that did not compile, which evcxr got as `written`. `gone` knows why variables are missing, `hints` what the helper crate says
/// of habits.
pub fn compile_error(
    errors: &[CompilationError],
    source: &str,
    written: &Written,
    gone: &Gone,
    hints: &Hints,
) -> CellError {
    let errors: Vec<&CompilationError> =
        errors.iter().filter(|error| error.level().starts_with("error")).collect();
    if errors.is_empty() {
        return traps::silent(source);
    }
    // Variables that cannot be kept matter only once everything else is right.
    let unkept: Vec<Option<CellError>> = errors.iter().map(|error| not_kept(error, source)).collect();
    let rest = errors.iter().zip(&unkept).filter(|(_, unkept)| unkept.is_none());
    let rest: Vec<Diagnostic> = rest.map(|(error, _)| convert(error, source, written, gone)).collect();
    match unkept.into_iter().flatten().next() {
        Some(error) if rest.is_empty() => error,
        _ => report(&rest, source, hints),
    }
}

/// The error for a variable that later cells could not use, if this is one.
fn not_kept(error: &CompilationError, source: &str) -> Option<CellError> {
    traps::not_kept(&error.message(), source).or_else(|| {
        let closure = untyped_let(error, source).filter(|found| found.is_closure)?;
        Some(traps::closure(&closure.name, source))
    })
}

/// What the compiler found in a cell.
pub fn report(diagnostics: &[Diagnostic], source: &str, hints: &Hints) -> CellError {
    let lines: Vec<&str> = source.lines().collect();
    let mut traceback: Vec<String> = Vec::new();
    for diagnostic in diagnostics {
        let text = render(&with_habits(diagnostic, &lines, hints), &lines);
        // evcxr compiles some cells twice, and may find an error in each.
        if !traceback.contains(&text) {
            traceback.push(text);
        }
    }
    let evalue = diagnostics.first().map(headline).unwrap_or_else(|| "the cell does not compile".to_owned());
    let more = traceback.len().saturating_sub(1);
    let evalue = if more > 0 { format!("{evalue} (and {more} more)") } else { evalue };
    CellError { ename: "CompileError".to_owned(), evalue, traceback }
}

/// Replaces the compiler's help, which assumes Rust, by help for someone who writes Python.
fn with_habits(diagnostic: &Diagnostic, lines: &[&str], hints: &Hints) -> Diagnostic {
    let help = habits::help(diagnostic, lines, hints);
    let mut diagnostic = diagnostic.clone();
    if !help.is_empty() {
        diagnostic.notes.retain(|note| !note.is_help());
        diagnostic.notes.extend(help);
    }
    diagnostic
}

fn headline(diagnostic: &Diagnostic) -> String {
    match &diagnostic.code {
        Some(code) => format!("[{code}] {}", diagnostic.message),
        None => diagnostic.message.clone(),
    }
}

fn convert(error: &CompilationError, source: &str, written: &Written, gone: &Gone) -> Diagnostic {
    let labels = error.spanned_messages().iter().filter_map(|message| {
        let span = message.span?;
        let span = Span {
            line: span.start_line,
            column: written.original_column(span.start_line, span.start_column),
            end_line: span.end_line,
            end_column: written.original_column(span.end_line, span.end_column),
        };
        // For a message without a label, evcxr repeats the message.
        let repeated = message.label.ends_with(&error.message());
        let text = if repeated { String::new() } else { without_generated(&message.label) };
        Some(Label { span, text, primary: message.is_primary })
    });
    let mut notes = suggestions::notes(&error.json);
    notes.extend(notebook_notes(error, source, written, gone));
    if let Some(found) = untyped_let(error, source) {
        let name = &found.name;
        notes.push(Note::help(format!("state the type of `{name}`: `let {name}: … = …;`")));
    }
    let mut labels: Vec<Label> = labels.collect();
    if labels.is_empty() {
        match elsewhere::find(error, source) {
            Some(Elsewhere::InCell(label)) => labels.push(label),
            Some(Elsewhere::Earlier(note)) => notes.insert(0, note),
            None => labels.extend(shown_expression(source)),
        }
    }
    Diagnostic { code: error.code().map(str::to_owned), message: shown_value(error), labels, notes }
}

/// An error without a place in the cell is about the code that shows the cell's value.
fn shown_expression(source: &str) -> Option<Label> {
    let (line, column, length) = syntax::last_expression(source)?;
    let span = Span { line, column, end_line: line, end_column: column + length };
    Some(Label { span, text: "shown as the value of the cell".to_owned(), primary: true })
}

/// The variable whose type the compiler cannot tell, if an error is about one.
fn untyped_let(error: &CompilationError, source: &str) -> Option<syntax::Untyped> {
    error.code().filter(|code| ["E0282", "E0283", "E0284", "E0790"].contains(code))?;
    let line = error.spanned_messages().iter().find_map(|message| message.span)?.start_line;
    syntax::untyped_let(source, line)
}

/// Notes that the compiler cannot give: about other cells and the code around this one.
fn notebook_notes(error: &CompilationError, source: &str, written: &Written, gone: &Gone) -> Vec<Note> {
    let message = error.message();
    let static_is_asked = error.json["children"].to_string().contains("'static");
    match error.code() {
        Some("E0384" | "E0594" | "E0596") => immutable(&message, source),
        Some("E0425") => gone.notes(message.split('`').nth(1).unwrap_or_default()).to_vec(),
        Some("E0597") => kept_references(),
        Some("E0373" | "E0499" | "E0502" | "E0503" | "E0505" | "E0506" | "E0515" | "E0716")
            if static_is_asked =>
        {
            kept_references()
        }
        Some("E0277" | "E0308" | "E0069") => question_marks::notes(error, source, written),
        _ => Vec::new(),
    }
}

/// How to make a variable of an earlier cell mutable; for one of this cell, rustc says it.
fn immutable(message: &str, source: &str) -> Vec<Note> {
    let name = message.split('`').nth(1).unwrap_or("x");
    let name = name.split(['.', '[']).next().unwrap_or(name).trim_start_matches('*');
    if syntax::bound_names(source).iter().any(|bound| bound == name) {
        return Vec::new();
    }
    vec![Note::help(format!("a variable of an earlier cell becomes mutable with `let mut {name} = {name};`"))]
}

fn kept_references() -> Vec<Note> {
    vec![
        Note::remark("a variable that is kept for the next cells cannot hold a reference"),
        Note::help("keep a value of its own, by `.clone()` or `.collect::<Vec<_>>()`"),
        Note::help("or use it within one cell only, in braces: `{ let … }`"),
    ]
}

/// The message, rephrased if it is about the method that shows a cell's value.
fn shown_value(error: &CompilationError) -> String {
    let message = without_generated(&error.message());
    if !message.contains("evcxr_display") {
        return message;
    }
    let kind = message.split('`').nth(3).unwrap_or("this type");
    format!("a value of type `{kind}` cannot be displayed: it needs `#[derive(Debug)]`")
}
