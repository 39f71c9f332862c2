//! The syntax errors of a cell, found by rustc in the cell alone.
//!
//! evcxr splits a cell and writes code around its parts before rustc reads it, so rustc would report a missing token
//! in generated code. A cell that the parser rejects therefore goes to rustc unchanged, in a function that is parsed
//! but never compiled.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::event::CellError;
use super::render::{Diagnostic, Label, Span};
use super::worker::Worker;
use super::{diagnostics, suggestions};
use crate::syntax;

/// Parsed and then configured out, so that only syntax errors are reported.
const BEFORE: &str = "#[cfg(any())] async fn cell() {;";
const AFTER: &str = "\n}\n";
/// What rustc reports at the end of the cell, and what to show instead.
const CLOSING: &str = "found `}`";
const END: &str = "found the end of the cell";

impl Worker {
    /// The error of a cell that is not Rust. `None` if it is, or if rustc cannot be asked.
    pub(super) fn syntax_error(&self, cell: &str) -> Option<CellError> {
        let diagnostics = of(cell, &self.folder.cells().ok()?);
        (!diagnostics.is_empty()).then(|| diagnostics::report(&diagnostics, cell, &self.hints))
    }
}

/// The errors, in the cell's lines. `folder` is where rustc runs.
fn of(cell: &str, folder: &Path) -> Vec<Diagnostic> {
    let Some(rust) = syntax::rust_part(cell).filter(|rust| !syntax::is_whole(rust)) else {
        return Vec::new();
    };
    let commands = &cell[..cell.len() - rust.len()];
    let blank = "\n".repeat(commands.matches('\n').count());
    // Unmatched brackets would pair with the function's own.
    let (text, lines_before) = match syntax::has_matching_brackets(rust) {
        true => (format!("{BEFORE}\n{blank}{rust}{AFTER}"), 1),
        false => (format!("{blank}{rust}"), 0),
    };
    let said = rustc(&text, folder).unwrap_or_default();
    let messages = said.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages.filter_map(|message| diagnostic(&message, lines_before, cell)).collect()
}

/// What rustc says of a text, one JSON value on each line.
fn rustc(text: &str, folder: &Path) -> std::io::Result<String> {
    let program = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut rustc = Command::new(program)
        .args(["-", "--edition=2024", "--crate-type=lib", "--emit=dep-info=/dev/null"])
        .arg("--error-format=json")
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = rustc.stdin.take() {
        stdin.write_all(text.as_bytes())?;
    }
    Ok(String::from_utf8_lossy(&rustc.wait_with_output()?.stderr).into_owned())
}

fn diagnostic(message: &Value, lines_before: usize, cell: &str) -> Option<Diagnostic> {
    if message["level"] != "error" {
        return None;
    }
    let spans = message["spans"].as_array().filter(|spans| !spans.is_empty())?;
    let end = end_of(cell);
    let mut is_at_end = false;
    let labels = spans.iter().filter_map(|span| {
        let number = |name: &str| usize::try_from(span[name].as_u64()?).ok();
        let line = number("line_start")?.checked_sub(lines_before)?;
        let primary = span["is_primary"] == true;
        let text = span["label"].as_str().unwrap_or_default().replace(CLOSING, END);
        let span = if line > end.line && primary {
            is_at_end = true;
            end
        } else {
            Span {
                line,
                column: number("column_start")?,
                end_line: number("line_end")?.checked_sub(lines_before)?,
                end_column: number("column_end")?,
            }
        };
        Some(Label { span, text, primary })
    });
    let labels: Vec<Label> = labels.collect();
    let text = message["message"].as_str()?.replace("this file contains", "this cell contains");
    let looked_past = is_at_end || labels.iter().any(|label| label.span.line > end.line);
    let text = if looked_past { text.replace(CLOSING, END) } else { text };
    let code = message["code"]["code"].as_str().map(str::to_owned);
    Some(Diagnostic { code, message: text, labels, notes: suggestions::notes(message) })
}

/// The position after the last character of a cell.
fn end_of(cell: &str) -> Span {
    let cell = cell.trim_end();
    let line = cell.lines().count().max(1);
    let column = cell.lines().last().unwrap_or_default().chars().count() + 1;
    Span { line, column, end_line: line, end_column: column + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first error's message, and where it stands.
    fn first(cell: &str) -> (String, usize, usize) {
        let found = of(cell, &std::env::temp_dir());
        let error = found.first().unwrap_or_else(|| panic!("no error in {cell}"));
        let place = error.labels.iter().find(|label| label.primary).unwrap().span;
        (error.message.clone(), place.line, place.column)
    }

    #[test]
    fn errors_are_of_the_cell_and_not_of_what_is_around_it() {
        let expected = [
            ("let a = std::", "expected identifier, found the end of the cell", 1, 14),
            (":dep x\n\nlet é = 1\nlet b = 2;", "expected `;`, found keyword `let`", 3, 10),
            ("let x = 5", "expected `;`, found the end of the cell", 1, 10),
            ("foo)", "unexpected closing delimiter: `)`", 1, 4),
            ("}", "unexpected closing delimiter: `}`", 1, 1),
            ("fn f() {\n    g(\n}", "mismatched closing delimiter: `}`", 3, 1),
            ("fn f() {", "this cell contains an unclosed delimiter", 1, 9),
        ];
        for (cell, message, line, column) in expected {
            assert_eq!(first(cell), (message.to_owned(), line, column), "{cell}");
        }
    }

    #[test]
    fn what_is_rust_has_no_error() {
        for cell in ["undefined + names", ":dep x", "", "#[derive(Debug)]\nstruct S;", "f()?.await"] {
            assert!(of(cell, &std::env::temp_dir()).is_empty(), "{cell}");
        }
    }
}
