//! An error in rustc's form: its message, the lines it is about with carets, and what to do.

use std::fmt::Write;

use super::event::ansi;

/// A place in the cell: lines and columns from 1, the end column exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub line: usize,
    pub column: usize,
    pub end_line: usize,
    pub end_column: usize,
}

/// A part of the cell that an error is about.
#[derive(Debug, Clone)]
pub struct Label {
    pub span: Span,
    pub text: String,
    pub primary: bool,
}

/// What is said below the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// `help` or `note`.
    level: &'static str,
    pub text: String,
}

impl Note {
    pub fn remark(text: impl Into<String>) -> Note {
        Note { level: "note", text: text.into() }
    }

    pub fn help(text: impl Into<String>) -> Note {
        Note { level: "help", text: text.into() }
    }

    pub fn is_help(&self) -> bool {
        self.level == "help"
    }
}

/// One error.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    pub code: Option<String>,
    pub message: String,
    pub labels: Vec<Label>,
    pub notes: Vec<Note>,
}

/// The error as rustc shows it; labels outside of the cell are left out.
pub fn render(diagnostic: &Diagnostic, lines: &[&str]) -> String {
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
