//! rustc's notes and suggestions, the latter as complete lines.

use serde_json::Value;

use super::render::Note;

/// How many alternative changes are shown.
const MAX_ALTERNATIVES: usize = 3;

/// Notes about evcxr's own conversion of a `?`'s error, which are dropped.
const SELF_EVIDENT: [&str; 2] = ["the question mark operation", "required for `EvcxrUserCodeError`"];

/// The notes of one of rustc's diagnostics, in the words of a notebook.
pub fn notes(diagnostic: &Value) -> Vec<Note> {
    diagnostic["children"].as_array().into_iter().flatten().filter_map(note).collect()
}

fn note(child: &Value) -> Option<Note> {
    let make = match child["level"].as_str()? {
        "help" => Note::help,
        "note" => Note::remark,
        _ => return None,
    };
    let message = child["message"].as_str()?;
    if SELF_EVIDENT.iter().any(|start| message.starts_with(start)) || is_far_fetched(child, message) {
        return None;
    }
    if let Some(name) = missing_crate(message) {
        return Some(Note::help(format!(
            "a crate is added on its own line at the beginning of a cell: `:dep {name} = \"*\"`"
        )));
    }
    let text = match suggestion(child) {
        Some(code) => format!("{message}: {code}"),
        None => message.to_owned(),
    };
    let text = without_generated(&text);
    // Other notes about generated code mean nothing to the learner.
    (!text.to_lowercase().contains("evcxr")).then(|| make(text))
}

/// Suggestions of similar names are meaningless for one-letter names.
fn is_far_fetched(child: &Value, message: &str) -> bool {
    let name = child["spans"][0]["suggested_replacement"].as_str().unwrap_or_default();
    message.contains("similar name exists") && name.chars().count() < 2
}

/// The crate that rustc would have added to a `Cargo.toml`.
fn missing_crate(message: &str) -> Option<&str> {
    message.split_once("use `cargo add ")?.1.split('`').next()
}

/// rustc's text without the names that evcxr generates.
pub fn without_generated(text: &str) -> String {
    text.replace("EvcxrUserCodeError", "Error")
}

/// A change that rustc suggests.
struct Change<'a> {
    line: u64,
    last_line: u64,
    /// Characters from 0, the end exclusive.
    start: usize,
    end: usize,
    /// The line as it is.
    text: &'a str,
    replacement: &'a str,
}

impl Change<'_> {
    fn read(span: &Value) -> Option<Change<'_>> {
        let column = |name: &str| usize::try_from(span[name].as_u64()?.checked_sub(1)?).ok();
        Some(Change {
            line: span["line_start"].as_u64()?,
            last_line: span["line_end"].as_u64()?,
            start: column("column_start")?,
            end: column("column_end")?,
            text: span["text"][0]["text"].as_str()?,
            replacement: span["suggested_replacement"].as_str()?,
        })
    }

    /// A separate line, or a change of several lines: shown without what is around it.
    fn stands_alone(&self) -> bool {
        self.line != self.last_line || self.replacement.contains('\n')
    }
}

/// What to write, as code: the changed line if it is one line, so that it can be typed as it stands.
fn suggestion(child: &Value) -> Option<String> {
    let changes: Vec<Change> =
        child["spans"].as_array().into_iter().flatten().filter_map(Change::read).collect();
    let first = changes.first()?;
    let are_alternatives =
        changes[1..].iter().any(|change| change.line == first.line && change.start == first.start);
    if are_alternatives {
        let shown = changes.iter().take(MAX_ALTERNATIVES).map(|change| alone(std::slice::from_ref(change)));
        return Some(shown.collect::<Option<Vec<_>>>()?.join(" or "));
    }
    alone(&changes)
}

/// One suggestion of one or more changes.
fn alone(changes: &[Change]) -> Option<String> {
    let first = changes.first()?;
    let text = if changes.iter().any(Change::stands_alone) {
        first.replacement.trim().to_owned()
    } else if changes.iter().all(|change| change.line == first.line) {
        changed_line(changes).trim().to_owned()
    } else {
        changes.iter().map(|change| changed_line(std::slice::from_ref(change))).collect::<Vec<_>>().join("\n")
    };
    match text.as_str() {
        "" => None,
        several if several.contains('\n') => Some(format!("\n{several}")),
        one => Some(format!("`{one}`")),
    }
}

/// The line with all its changes.
fn changed_line(changes: &[Change]) -> String {
    let mut ordered: Vec<&Change> = changes.iter().collect();
    ordered.sort_by_key(|change| change.start);
    let line: Vec<char> = ordered.first().map(|change| change.text.chars().collect()).unwrap_or_default();
    let (mut out, mut at) = (String::new(), 0);
    for change in ordered {
        out.extend(line.iter().take(change.start).skip(at));
        out.push_str(change.replacement);
        at = change.end;
    }
    out.extend(line.iter().skip(at));
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn change(line: &str, start: usize, end: usize, replacement: &str) -> Value {
        json!({"line_start": 1, "line_end": 1, "column_start": start, "column_end": end,
               "text": [{"text": line}], "suggested_replacement": replacement})
    }

    fn shown(message: &str, spans: Vec<Value>) -> Vec<String> {
        let child = json!({"level": "help", "message": message, "spans": spans});
        notes(&json!({"children": [child]})).into_iter().map(|note| note.text).collect()
    }

    #[test]
    fn a_suggestion_is_the_line_to_type() {
        let line = "let v = vec![3, 1, 2]; v.sort()";
        assert_eq!(
            shown("make it mutable", vec![change(line, 5, 5, "mut ")]),
            ["make it mutable: `let mut v = vec![3, 1, 2]; v.sort()`"]
        );
        let both = vec![change("  é++", 3, 3, "{ let tmp = "), change("  é++", 4, 6, "; é += 1; tmp }")];
        assert_eq!(shown("use this", both), ["use this: `{ let tmp = é; é += 1; tmp }`"]);
        let imports = ["use a::B;\n", "use c::B;\n"].map(|text| change("#![allow()]", 1, 1, text));
        assert_eq!(shown("import", imports.to_vec()), ["import: `use a::B;` or `use c::B;`"]);
    }

    #[test]
    fn what_nobody_typed_is_not_spoken_of() {
        assert_eq!(
            shown(
                "if you wanted to use a crate named `x`, use `cargo add x` to add it to your `Cargo.toml`",
                vec![]
            ),
            ["a crate is added on its own line at the beginning of a cell: `:dep x = \"*\"`"]
        );
        assert!(shown("consider changing `evcxr_variable_store`", vec![]).is_empty());
        let line = "let n = evcxr_variable_store.take_variable::<i32>(stringify!(n));";
        assert!(shown("make it mutable", vec![change(line, 5, 5, "mut ")]).is_empty());
        assert_eq!(shown("needs `Result<(), EvcxrUserCodeError>`", vec![]), ["needs `Result<(), Error>`"]);
    }
}
