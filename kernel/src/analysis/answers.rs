//! Completions and hover texts, from evcxr's rust-analyzer.

use std::panic::{AssertUnwindSafe, catch_unwind};

use evcxr::CommandContext;

use super::{Completion, Inspection};
use crate::syntax::{self, word_start};

/// rust-analyzer's completions, without placeholders to fill in, at `position` in a cell that comes after `before`.
pub fn complete(
    context: &mut CommandContext,
    before: &str,
    code: &str,
    position: usize,
) -> Option<Completion> {
    // Commands are completed while they are typed.
    let in_command = code[..position].lines().last().is_some_and(|line| line.trim_start().starts_with(':'));
    let before = if in_command { "" } else { before };
    let text = if in_command { code.to_owned() } else { before.to_owned() + &quiet(before, code) };
    let found =
        catch_unwind(AssertUnwindSafe(|| context.completions(&text, before.len() + position))).ok()?.ok()?;
    let (start, end) =
        (found.start_offset.checked_sub(before.len())?, found.end_offset.checked_sub(before.len())?);
    let typed = code.get(start..position).unwrap_or_default();
    let mut matches: Vec<(String, String)> = Vec::new();
    for completion in found.completions {
        let text = insertion(&completion.code, completion.kind);
        let known = matches.iter().any(|(other, _)| *other == text);
        if !text.is_empty() && !known && text.starts_with(typed) {
            matches.push((text, completion.kind.to_owned()));
        }
    }
    Some(Completion { matches, start, end })
}

/// A cell whose commands do nothing; evcxr knows them at the beginning of a text only.
fn quiet(before: &str, code: &str) -> String {
    if before.is_empty() { syntax::without_dep_lines(code) } else { syntax::without_commands(code) }
}

/// The name in a completion, without the arguments and bodies that rust-analyzer offers as placeholders.
fn insertion(code: &str, kind: &str) -> String {
    if kind == "magic" {
        return code.to_owned();
    }
    let end = code.find(['(', '{', '[', '$', '<', '\n']).unwrap_or(code.len());
    code[..end].trim_end_matches([' ', ';']).to_owned()
}

/// What rust-analyzer shows for the word at `position` in a cell that comes after `before`.
pub fn inspect(
    context: &mut CommandContext,
    before: &str,
    code: &str,
    position: usize,
) -> Option<Inspection> {
    let (code, position) = hover_place(&quiet(before, code), position)?;
    // evcxr has an answer of its own for this word alone.
    let before = if code.trim() == "let" { "" } else { before };
    let (code, position) = (before.to_owned() + &code, before.len() + position);
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
