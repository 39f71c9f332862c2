//! Errors about a variable that a cell binds.

use super::event::CellError;
use super::render::{Diagnostic, Label, Note, Span, render};
use crate::syntax;

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
