//! Completions and hover texts, from evcxr's rust-analyzer.

use std::panic::{AssertUnwindSafe, catch_unwind};

use evcxr::CommandContext;

use super::names::word_start;
use super::{Completion, Inspection};
use crate::syntax;

/// rust-analyzer's completions, without placeholders to fill in.
pub fn complete(context: &mut CommandContext, code: &str, position: usize) -> Option<Completion> {
    // Commands are completed while they are typed.
    let in_command = code[..position].lines().last().is_some_and(|line| line.trim_start().starts_with(':'));
    let quiet = if in_command { code.to_owned() } else { syntax::without_dep_lines(code) };
    let found = catch_unwind(AssertUnwindSafe(|| context.completions(&quiet, position))).ok()?.ok()?;
    let typed = code.get(found.start_offset..position).unwrap_or_default();
    let mut matches: Vec<(String, String)> = Vec::new();
    for completion in found.completions {
        let text = insertion(&completion.code, completion.kind);
        let known = matches.iter().any(|(other, _)| *other == text);
        if !text.is_empty() && !known && text.starts_with(typed) {
            matches.push((text, completion.kind.to_owned()));
        }
    }
    Some(Completion { matches, start: found.start_offset, end: found.end_offset })
}

/// The name in a completion, without the arguments and bodies that rust-analyzer offers as placeholders.
fn insertion(code: &str, kind: &str) -> String {
    if kind == "magic" {
        return code.to_owned();
    }
    let end = code.find(['(', '{', '[', '$', '<', '\n']).unwrap_or(code.len());
    code[..end].trim_end_matches([' ', ';']).to_owned()
}

/// What rust-analyzer shows for the word at `position`.
pub fn inspect(context: &mut CommandContext, code: &str, position: usize) -> Option<Inspection> {
    let (code, position) = hover_place(&syntax::without_dep_lines(code), position)?;
    let (plain, html) = catch_unwind(AssertUnwindSafe(|| context.hover_at(&code, position))).ok()?.ok()?;
    if plain.trim().is_empty() || plain == "No documentation found" {
        return None;
    }
    Some(Inspection { plain, html })
}

/// evcxr looks up the expression at the end of a text: up to the end of the word at the cursor, or of the word before
/// the parenthesis it stands in.
fn hover_place(code: &str, position: usize) -> Option<(String, usize)> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '!';
    let rest = &code[position..];
    let mut end = position + rest.find(|c| !is_word(c)).unwrap_or(rest.len());
    if word_start(code, end) == end {
        // In an argument list: the function that is called.
        let open = code[..end].rfind('(')?;
        end = open;
    }
    if word_start(code, end) == end && !code[..end].ends_with('!') {
        return None;
    }
    // A method can only be looked up together with its call.
    let called = code[end..].starts_with('(');
    let end = if called { end + 1 } else { end };
    Some((code[..end].to_owned(), end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_name_is_inserted() {
        assert_eq!(insertion("push(value)", "function"), "push");
        assert_eq!(insertion("println!($0)", "macro"), "println!");
        assert_eq!(insertion("if $1 {\n    $0\n}", "keyword"), "if");
        assert_eq!(insertion("fs::", "module"), "fs::");
        assert_eq!(insertion(":dep", "magic"), ":dep");
    }

    #[test]
    fn the_place_to_look_up() {
        let place = |code: &str, at: usize| hover_place(code, at).map(|(code, _)| code);
        assert_eq!(place("Vec::new", 6).as_deref(), Some("Vec::new"));
        assert_eq!(place("a.len()", 3).as_deref(), Some("a.len("));
        assert_eq!(place("f(1, )", 5).as_deref(), Some("f("));
        assert_eq!(place("  ", 1), None);
    }
}
