//! Names for completions while the session is busy with a cell.

use std::collections::BTreeMap;

use super::Completion;

const KEYWORDS: [&str; 35] = [
    "as", "async", "await", "break", "const", "continue", "crate", "dyn", "else", "enum", "extern", "false",
    "fn", "for", "if", "impl", "in", "let", "loop", "match", "mod", "move", "mut", "pub", "ref", "return",
    "self", "static", "struct", "trait", "true", "type", "unsafe", "use", "while",
];

/// What is known without asking rust-analyzer: the session's variables and items, and Rust's keywords.
#[derive(Debug, Default)]
pub struct Names {
    kinds: BTreeMap<String, &'static str>,
}

impl Names {
    pub fn new<'a>(variables: impl Iterator<Item = &'a str>, items: impl Iterator<Item = &'a str>) -> Names {
        let keywords = KEYWORDS.iter().map(|name| ((*name).to_owned(), "keyword"));
        let items = items.map(|name| (name.to_owned(), "class"));
        let variables = variables.map(|name| (name.to_owned(), "instance"));
        Names { kinds: keywords.chain(items).chain(variables).collect() }
    }

    /// Those that begin with the word before `position` (in bytes). Nothing after a dot or a path: what is there would
    /// be a guess.
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

/// Where the word that ends at `position` begins.
pub fn word_start(code: &str, position: usize) -> usize {
    let before = &code[..position];
    before.trim_end_matches(|c: char| c.is_alphanumeric() || c == '_').len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_completed_but_not_members() {
        let names = Names::new(["model", "mode"].into_iter(), ["Model"].into_iter());
        let found = names.complete("let é = mod", 12);
        assert_eq!((found.start, found.end), (9, 12));
        let matches: Vec<&str> = found.matches.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(matches, ["mod", "mode", "model"]);
        assert!(names.complete("x.mod", 5).matches.is_empty());
        assert!(names.complete("a::mod", 6).matches.is_empty());
        assert!(names.complete("", 0).matches.is_empty());
    }
}
