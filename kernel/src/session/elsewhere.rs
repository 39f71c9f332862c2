//! Errors that evcxr cannot place in the cell: in its `use` lines, which evcxr moves, and in definitions of earlier
//! cells, which a cell can break.

use evcxr::CompilationError;

use super::render::{Label, Note, Span};

/// Where such an error is.
#[derive(Debug)]
pub enum Elsewhere {
    /// In the cell after all.
    InCell(Label),
    /// In the code of an earlier cell.
    Earlier(Note),
}

/// Looks for the code that the error is about. `None` if nobody has typed it.
pub fn find(error: &CompilationError, cell: &str) -> Option<Elsewhere> {
    let spans = error.json["spans"].as_array()?;
    let span = spans.iter().find(|span| span["is_primary"] == true).or(spans.first())?;
    let line = span["text"][0]["text"].as_str()?;
    let column = |name: &str| usize::try_from(span["text"][0][name].as_u64()?).ok();
    let (start, end) = (column("highlight_start")?, column("highlight_end")?);
    let about: String = line.chars().skip(start.checked_sub(1)?).take(end.checked_sub(start)?).collect();
    let label = span["label"].as_str().unwrap_or_default();
    if let Some(found) = in_uses(cell, line, &about) {
        return Some(Elsewhere::InCell(Label { span: found, text: label.to_owned(), primary: true }));
    }
    let typed = error.is_from_user_code() && !line.to_lowercase().contains("evcxr");
    typed.then(|| Elsewhere::Earlier(earlier(line.trim(), &about, label)))
}

/// The word of a `use` line of the cell that `about` names.
fn in_uses(cell: &str, line: &str, about: &str) -> Option<Span> {
    if !line.trim_start().starts_with("use ") {
        return None;
    }
    let name = about.rsplit("::").next()?;
    let first = cell.lines().position(|line| line.trim_start().starts_with("use "))?;
    cell.lines().enumerate().skip(first).find_map(|(index, text)| {
        let at = text.match_indices(name).map(|(at, _)| at).find(|at| is_whole_word(text, *at, name))?;
        let column = text[..at].chars().count() + 1;
        let end_column = column + name.chars().count();
        Some(Span { line: index + 1, column, end_line: index + 1, end_column })
    })
}

fn is_whole_word(text: &str, at: usize, word: &str) -> bool {
    let is_part = |c: Option<char>| c.is_some_and(|c| c == '_' || c.is_alphanumeric());
    !is_part(text[..at].chars().next_back()) && !is_part(text[at + word.len()..].chars().next())
}

fn earlier(line: &str, about: &str, label: &str) -> Note {
    let what = if label.is_empty() { String::new() } else { format!(" ({label})") };
    Note::remark(format!(
        "the cell does not fit what an earlier cell has defined: `{line}`, where `{about}` is wrong now{what}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_of_a_use_line() {
        let cell = "let bar = 1;\nuse é::{foobar,\n    bar as b};";
        let span = in_uses(cell, "use é::bar as b;", "é::bar").unwrap();
        assert_eq!((span.line, span.column, span.end_column), (3, 5, 8));
        assert_eq!(in_uses(cell, "let x = bar;", "bar"), None);
        assert_eq!(in_uses("use a::c;", "use a::b;", "b"), None);
    }
}
