//! Compile errors as rustc shows them, in the cell's own lines.

use std::fmt::Write;

use evcxr::CompilationError;

use super::event::CellError;
use super::render::{Diagnostic, Label, Note, Span, render};
use super::traps::{self, Gone};
use crate::syntax;

/// The error of a cell that did not compile. `gone` knows what became of variables that are not there.
pub fn compile_error(errors: &[CompilationError], source: &str, gone: &Gone) -> CellError {
    let all: Vec<Diagnostic> = errors
        .iter()
        .filter(|error| error.level().starts_with("error"))
        .map(|error| convert(error, source, gone))
        .collect();
    if all.is_empty() {
        return traps::silent(source);
    }
    if let Some(error) = errors.iter().find_map(|error| traps::not_kept(&error.message(), source)) {
        return error;
    }
    let untyped = errors.iter().find_map(|error| untyped_let(error, source)).filter(|found| found.is_closure);
    if let Some(closure) = untyped {
        return traps::closure(&closure.name, source);
    }
    let lines: Vec<&str> = source.lines().collect();
    let mut traceback: Vec<String> = Vec::new();
    for diagnostic in &all {
        let text = render(diagnostic, &lines);
        // evcxr compiles some cells twice, and may find an error in each.
        if !traceback.contains(&text) {
            traceback.push(text);
        }
    }
    let evalue = all.first().map(headline).unwrap_or_else(|| "the cell does not compile".to_owned());
    let more = traceback.len().saturating_sub(1);
    let evalue = if more > 0 { format!("{evalue} (and {more} more)") } else { evalue };
    CellError { ename: "CompileError".to_owned(), evalue, traceback }
}

fn headline(diagnostic: &Diagnostic) -> String {
    match &diagnostic.code {
        Some(code) => format!("[{code}] {}", diagnostic.message),
        None => diagnostic.message.clone(),
    }
}

/// An error that points to where the cell binds `name`.
pub fn at_binding(message: &str, name: &str, source: &str, notes: Vec<Note>) -> CellError {
    let place = syntax::binding(source, name);
    let labels = place.map(|(line, column)| {
        let end_column = column + name.chars().count();
        Label { span: Span { line, column, end_line: line, end_column }, text: String::new(), primary: true }
    });
    let diagnostic =
        Diagnostic { code: None, message: message.to_owned(), labels: labels.into_iter().collect(), notes };
    let traceback = vec![render(&diagnostic, &source.lines().collect::<Vec<_>>())];
    CellError { ename: "CompileError".to_owned(), evalue: message.to_owned(), traceback }
}

fn convert(error: &CompilationError, source: &str, gone: &Gone) -> Diagnostic {
    let labels = error.spanned_messages().iter().filter_map(|message| {
        let span = message.span?;
        let span = Span {
            line: span.start_line,
            column: span.start_column,
            end_line: span.end_line,
            end_column: span.end_column,
        };
        // Without a label of its own, evcxr repeats the message.
        let repeated = message.label.ends_with(&error.message());
        let text = if repeated { String::new() } else { message.label.clone() };
        Some(Label { span, text, primary: message.is_primary })
    });
    let mut notes: Vec<Note> = Vec::new();
    for child in error.json["children"].as_array().into_iter().flatten() {
        let note = match child["level"].as_str() {
            Some("help") => Note::help,
            Some("note") => Note::remark,
            _ => continue,
        };
        let Some(message) = child["message"].as_str() else { continue };
        let replacement = child["spans"][0]["suggested_replacement"]
            .as_str()
            .map(str::trim)
            .filter(|text| !text.is_empty());
        let mut text = message.to_owned();
        if let Some(replacement) = replacement {
            let _ = write!(text, ": `{replacement}`");
        }
        // What names generated code means nothing to its reader.
        let about_generated = ["evcxr", "Evcxr"].iter().any(|name| text.contains(name));
        if !about_generated {
            notes.push(note(text));
        }
    }
    notes.extend(notebook_notes(error, gone));
    if let Some(found) = untyped_let(error, source) {
        let name = &found.name;
        notes.push(Note::help(format!("say what type `{name}` is of: `let {name}: … = …;`")));
    }
    let mut labels: Vec<Label> = labels.collect();
    if labels.is_empty()
        && let Some((line, column, length)) = syntax::last_expression(source)
    {
        // What has no place in the cell is about the code that shows the cell's value.
        let span = Span { line, column, end_line: line, end_column: column + length };
        labels.push(Label { span, text: "shown as the value of the cell".to_owned(), primary: true });
    }
    Diagnostic { code: error.code().map(str::to_owned), message: shown_value(error), labels, notes }
}

/// The variable whose type the compiler cannot tell, if an error is about one.
fn untyped_let(error: &CompilationError, source: &str) -> Option<syntax::Untyped> {
    error.code().filter(|code| ["E0282", "E0283", "E0284", "E0790"].contains(code))?;
    let line = error.spanned_messages().iter().find_map(|message| message.span)?.start_line;
    syntax::untyped_let(source, line)
}

/// What the compiler cannot know: that there are other cells.
fn notebook_notes(error: &CompilationError, gone: &Gone) -> Vec<Note> {
    let message = error.message();
    let static_is_asked = error.json["children"].to_string().contains("'static");
    match error.code() {
        Some("E0384" | "E0596") => {
            vec![Note::help("a variable of an earlier cell becomes mutable by `let mut x = x;`")]
        }
        Some("E0425") => gone.notes(message.split('`').nth(1).unwrap_or_default()).to_vec(),
        Some("E0597") => kept_references(),
        Some("E0373" | "E0499" | "E0502" | "E0503" | "E0505" | "E0506" | "E0515" | "E0716")
            if static_is_asked =>
        {
            kept_references()
        }
        _ => Vec::new(),
    }
}

fn kept_references() -> Vec<Note> {
    vec![
        Note::remark("a variable that is kept for the next cells cannot hold a reference"),
        Note::help("keep a value of its own, by `.clone()` or `.collect::<Vec<_>>()`"),
        Note::help("or use it within one cell only, in braces: `{ let … }`"),
    ]
}

/// The message, in the learner's words where it is about the method that shows a cell's value.
fn shown_value(error: &CompilationError) -> String {
    let message = error.message();
    if !message.contains("evcxr_display") {
        return message;
    }
    let kind = message.split('`').nth(3).unwrap_or("this type");
    format!("a value of type `{kind}` has no form to show: it needs `#[derive(Debug)]`")
}
