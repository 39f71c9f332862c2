//! Names for completions while the session is busy with a cell.

use std::collections::BTreeMap;

use super::{Completion, Inspection};
use crate::syntax::word_start;

const KEYWORDS: [&str; 35] = [
    "as", "async", "await", "break", "const", "continue", "crate", "dyn", "else", "enum", "extern", "false",
    "fn", "for", "if", "impl", "in", "let", "loop", "match", "mod", "move", "mut", "pub", "ref", "return",
    "self", "static", "struct", "trait", "true", "type", "unsafe", "use", "while",
];

/// What is known without asking rust-analyzer: the session's variables and items, and Rust's keywords.
#[derive(Debug, Default)]
pub struct Names {
    kinds: BTreeMap<String, &'static str>,
    /// The types of the variables.
    types: BTreeMap<String, String>,
}

impl Names {
    /// From the variables with their types, and the names of the items.
    pub fn new<'a>(types: BTreeMap<String, String>, items: impl Iterator<Item = &'a str>) -> Names {
        let keywords = KEYWORDS.iter().map(|name| ((*name).to_owned(), "keyword"));
        let items = items.map(|name| (name.to_owned(), "class"));
        let variables = types.keys().map(|name| (name.clone(), "instance"));
        Names { kinds: keywords.chain(items).chain(variables).collect(), types }
    }

    /// The variable around `position` (in bytes) and its type.
    pub fn inspect(&self, code: &str, position: usize) -> Option<Inspection> {
        let rest = &code[position..];
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let word = &code[word_start(code, position)..position + end];
        let plain = format!("let {word}: {}", self.types.get(word)?);
        let escaped = plain.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        Some(Inspection { html: format!("<pre>{escaped}</pre>"), plain })
    }

    /// Those that begin with the word before `position` (in bytes). Nothing after a dot or a path: that would be a
    /// guess.
    pub fn complete(&self, code: &str, position: usize) -> Completion {
        let start = word_start(code, position);
        let word = &code[start..position];
        let after = code[..start].trim_end().chars().next_back();
        let mut completion = Completion { matches: Vec::new(), start, end: position };
        if word.is_empty() || matches!(after, Some('.' | ':')) {
            return completion;
        }
        let found = self.kinds.iter().filter(|(name, _)| name.starts_with(word));
        completion.matches = found.map(|(name, kind)| (name.clone(), (*kind).to_owned())).collect();
        completion
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_completed_but_not_members() {
        let variables = [("model", "Model"), ("mode", "Vec<u8>")];
        let variables = variables.map(|(name, kind)| (name.to_owned(), kind.to_owned()));
        let names = Names::new(BTreeMap::from(variables), ["Model"].into_iter());
        let found = names.inspect("f(mode)", 3).unwrap();
        assert_eq!(
            (found.plain.as_str(), found.html.as_str()),
            ("let mode: Vec<u8>", "<pre>let mode: Vec&lt;u8&gt;</pre>")
        );
        assert_eq!(names.inspect("f(mode)", 0), None);
        let found = names.complete("let é = mod", 12);
        assert_eq!((found.start, found.end), (9, 12));
        let matches: Vec<&str> = found.matches.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(matches, ["mod", "mode", "model"]);
        assert!(names.complete("x.mod", 5).matches.is_empty());
        assert!(names.complete("a::mod", 6).matches.is_empty());
        assert!(names.complete("", 0).matches.is_empty());
    }
}
