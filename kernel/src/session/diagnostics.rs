//! Compile errors as rustc shows them, in the cell's own lines.

use std::fmt::Write;

use evcxr::CompilationError;

use super::event::{CellError, ansi};
use super::traps::{self, Gone};
use crate::syntax;

/// A place in the cell: lines and columns from 1, the end column exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

#[derive(Debug, Clone)]
struct Label {
    span: Span,
    text: String,
    primary: bool,
}

/// What is said below the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// `help` or `note`.
    level: &'static str,
    pub text: String,
}

impl Note {
    pub fn note(text: impl Into<String>) -> Note {
        Note { level: "note", text: text.into() }
    }

    pub fn help(text: impl Into<String>) -> Note {
        Note { level: "help", text: text.into() }
    }
}

struct Diagnostic {
    code: Option<String>,
    message: String,
    labels: Vec<Label>,
    notes: Vec<Note>,
}

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
            Some("note") => Note::note,
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
        Note::note("a variable that is kept for the next cells cannot hold a reference"),
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

fn render(diagnostic: &Diagnostic, lines: &[&str]) -> String {
    let mut labels: Vec<&Label> =
        diagnostic.labels.iter().filter(|label| (1..=lines.len()).contains(&label.span.line)).collect();
    labels.sort_by_key(|label| (label.span.line, label.span.column));
    let mut out = format!("{}error", ansi::ERROR);
    if let Some(code) = &diagnostic.code {
        let _ = write!(out, "[{code}]");
    }
    let _ = write!(out, "{}{}: {}{}", ansi::RESET, ansi::BOLD, diagnostic.message, ansi::RESET);
    let width = labels.iter().map(|label| label.span.line).max().unwrap_or(1).to_string().len();
    let gutter = |number: &str| format!("\n{}{number:>width$} |{}", ansi::GUTTER, ansi::RESET);
    if let Some(first) = labels.iter().find(|label| label.primary).or(labels.first()) {
        let Span { line, column, .. } = first.span;
        let _ = write!(out, "\n{:width$}{}-->{} line {line}, column {column}", "", ansi::GUTTER, ansi::RESET);
        out += &gutter("");
    }
    let mut last_line = None;
    for label in &labels {
        let span = label.span;
        if last_line != Some(span.line) {
            if last_line.is_some_and(|last| last + 1 < span.line) {
                let _ = write!(out, "\n{}...{}", ansi::GUTTER, ansi::RESET);
            }
            out += &gutter(&span.line.to_string());
            let _ = write!(out, " {}", expand_tabs(lines[span.line - 1]));
            last_line = Some(span.line);
        }
        out += &gutter("");
        out += &underline(label, lines[span.line - 1]);
    }
    if !labels.is_empty() && !diagnostic.notes.is_empty() {
        out += &gutter("");
    }
    for Note { level, text } in &diagnostic.notes {
        let mut note_lines = text.lines();
        let first = note_lines.next().unwrap_or_default();
        let _ = write!(
            out,
            "\n{:width$} {}={} {}{level}{}: {first}",
            "",
            ansi::GUTTER,
            ansi::RESET,
            ansi::BOLD,
            ansi::RESET
        );
        for line in note_lines {
            let _ = write!(out, "\n{:width$}   {line}", "");
        }
    }
    out
}

/// The carets below a line, and what they have to say.
fn underline(label: &Label, line: &str) -> String {
    let before: String = line.chars().take(label.span.column.saturating_sub(1)).collect();
    let length = if label.span.end_line == label.span.line {
        label.span.end_column.saturating_sub(label.span.column)
    } else {
        line.trim_end().chars().count().saturating_sub(label.span.column - 1)
    };
    let marked: String = line.chars().skip(label.span.column.saturating_sub(1)).take(length).collect();
    let indent = " ".repeat(columns(&before));
    let (mark, color) = if label.primary { ("^", ansi::ERROR) } else { ("-", ansi::GUTTER) };
    let marks = mark.repeat(columns(&marked).max(1));
    let text = label.text.lines().next().unwrap_or_default();
    let space = if text.is_empty() { "" } else { " " };
    format!(" {indent}{color}{marks}{space}{text}{}", ansi::RESET)
}

const TAB: &str = "    ";

fn expand_tabs(text: &str) -> String {
    text.replace('\t', TAB)
}

/// How many columns a text takes; wide characters take two.
fn columns(text: &str) -> usize {
    text.chars()
        .map(|c| match c {
            '\t' => TAB.len(),
            '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}' => 0,
            '\u{1100}'..='\u{115f}'
            | '\u{2e80}'..='\u{a4cf}'
            | '\u{ac00}'..='\u{d7a3}'
            | '\u{f900}'..='\u{faff}' => 2,
            '\u{ff00}'..='\u{ff60}' | '\u{1f300}'..='\u{1faff}' | '\u{20000}'..='\u{3fffd}' => 2,
            _ => 1,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(start) = rest.find('\x1b') {
            out += &rest[..start];
            rest = rest[start..].split_once('m').unwrap().1;
        }
        out + rest
    }

    fn label(line: usize, column: usize, end_column: usize, text: &str, primary: bool) -> Label {
        Label { span: Span { line, column, end_line: line, end_column }, text: text.into(), primary }
    }

    #[test]
    fn looks_like_rustc() {
        let diagnostic = Diagnostic {
            code: Some("E0308".into()),
            message: "mismatched types".into(),
            labels: vec![
                label(10, 11, 14, "expected `i32`, found `&str`", true),
                label(8, 8, 11, "expected due to this", false),
            ],
            notes: vec![Note::help("try this\nand that")],
        };
        let mut lines = vec![""; 12];
        lines[7] = "let x: i32 =";
        lines[9] = "    \u{1f33a} / 2 \"a\";";
        let expected = "error[E0308]: mismatched types\n  --> line 10, column 11\n   |\n 8 | let x: i32 =\n   |        --- expected due to this\n...\n10 |     🌺 / 2 \"a\";\n   |            ^^^ expected `i32`, found `&str`\n   |\n   = help: try this\n     and that";
        let lines_plain = plain(&render(&diagnostic, &lines));
        assert_eq!(lines_plain, expected);
    }

    #[test]
    fn a_place_outside_of_the_cell_is_not_shown() {
        let diagnostic = Diagnostic {
            code: None,
            message: "oh".into(),
            labels: vec![label(3, 1, 2, "", true)],
            notes: Vec::new(),
        };
        assert_eq!(plain(&render(&diagnostic, &["one"])), "error: oh");
    }
}
