//! A `?` or a `return` in a cell. The cell is the body of a function that evcxr generates and the learner
//! does not see.

use evcxr::CompilationError;

use super::render::Note;
use crate::syntax::Written;

/// What the learner may write instead, where an error is about the cell's own `Result`.
pub fn notes(error: &CompilationError, cell: &str, written: &Written) -> Vec<Note> {
    let text = error.json.to_string();
    if !text.contains("EvcxrUserCodeError") && !text.contains("couldn't convert the error") {
        return Vec::new();
    }
    let message = error.message();
    let place = error.primary_spanned_message().and_then(|message| message.span);
    let line = place.and_then(|place| cell.lines().nth(place.start_line - 1)).unwrap_or_default();
    let before_mark = |what: &str| {
        let at = place.map_or(0, |place| {
            written.original_column(place.start_line, place.start_column).saturating_sub(1)
        });
        let (before, rest): (String, String) =
            (line.chars().take(at).collect(), line.chars().skip(at).collect());
        format!("`{}`", format!("{before}{what}{rest}").trim())
    };
    if message.contains("couldn't convert the error") {
        let kind = message.split('`').nth(3).and_then(|bound| bound.split(':').next()).unwrap_or("the error");
        return vec![
            Note::remark(format!("a cell that fails shows its error's text, and `{kind}` has none")),
            Note::help(format!("give it a text: {}", before_mark(".map_err(|_| \"it failed\")"))),
            Note::help(format!("or implement `std::fmt::Display` for `{kind}`")),
        ];
    }
    if message.contains("not `Option`s") {
        return vec![Note::help(format!(
            "say what it means: {}",
            before_mark(".ok_or(\"there is no value\")")
        ))];
    }
    if line.contains("return") {
        let without = line.replacen("return ", "", 1);
        return vec![Note::help(format!(
            "the value of a cell is its last expression, without `return`: `{}`",
            without.trim().trim_end_matches(';')
        ))];
    }
    Vec::new()
}
