//! Types that cells define.
//!
//! A redefined type has the name and, for the compiler, the identity of the old one, so evcxr would pass old values to
//! a cell as if they were of the new type. So the kernel determines which variables have a type that a cell redefines,
//! and the cell first drops them (`source::let_go`).

use std::collections::{HashMap, HashSet};

use crate::syntax;

/// The definitions of the types that cells have defined so far, by name.
#[derive(Debug, Default)]
pub struct Definitions {
    definitions: HashMap<String, String>,
}

impl Definitions {
    /// Which of the `variables`, with their types, have a type that `code` changes, itself or in one of its parts.
    pub fn stale<'a>(&self, code: &str, variables: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<String> {
        let new = syntax::type_definitions(code);
        let differs =
            |name: &String, text: &String| self.definitions.get(name).is_some_and(|known| known != text);
        let mut changed: HashSet<&str> =
            new.iter().filter(|(name, text)| differs(name, text)).map(|(name, _)| name.as_str()).collect();
        if changed.is_empty() {
            return Vec::new();
        }
        // A type that contains a changed type is changed too, transitively.
        loop {
            let more: Vec<&str> = self
                .definitions
                .iter()
                .filter(|(name, text)| !changed.contains(name.as_str()) && mentions(text, &changed))
                .map(|(name, _)| name.as_str())
                .collect();
            if more.is_empty() {
                break;
            }
            changed.extend(more);
        }
        let is_changed = |kind: &str| own_names(kind).any(|name| changed.contains(name));
        variables.filter(|(_, kind)| is_changed(kind)).map(|(name, _)| name.to_owned()).collect()
    }

    /// The cell's definitions are in force now.
    pub fn remember(&mut self, code: &str) {
        self.definitions.extend(syntax::type_definitions(code));
    }
}

/// The names in a type that may be a cell's own: where its paths begin, but for those that begin with `::`.
fn own_names(kind: &str) -> impl Iterator<Item = &str> {
    let is_part = |letter: char| letter == '_' || letter == ':' || letter.is_alphanumeric();
    kind.split(move |letter| !is_part(letter)).filter_map(|path| path.split("::").next())
}

fn mentions(text: &str, names: &HashSet<&str>) -> bool {
    text.split(|letter: char| letter != '_' && !letter.is_alphanumeric()).any(|word| names.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stale(types: &Definitions, code: &str) -> Vec<String> {
        let variables = [("p", "Petal"), ("all", "Vec<Flower>"), ("n", "i32"), ("q", "Petals")];
        types.stale(code, variables.into_iter())
    }

    #[test]
    fn what_holds_a_changed_type_is_stale() {
        let mut types = Definitions::default();
        types
            .remember("struct Petal(i32);\nstruct Flower { petals: Vec<Petal> }\nstruct Petals;\nlet n = 1;");
        assert_eq!(stale(&types, "struct Petal(f64);\nlet m = 1;"), ["p", "all"]);
        assert_eq!(stale(&types, "enum Flower { None }"), ["all"]);
        // The same again, written otherwise; another; nothing.
        for same in ["struct Petal ( i32 ) ; // as before", "struct Leaf;", "let n = 2;", "not Rust {"] {
            assert!(stale(&types, same).is_empty(), "{same}");
        }
        // A module of another crate's.
        types.remember("mod string { const N: usize = 1; }\nmod shop { struct Rose; }");
        let variables =
            [("s", "std::vec::Vec<std::string::String>"), ("r", "Option<shop::Rose>"), ("o", "::shop::Rose")];
        let changed = "mod string { const N: usize = 2; }\nmod shop { struct Rose(i32); }";
        assert_eq!(types.stale(changed, variables.into_iter()), ["r"]);
        types.remember("struct Petal(f64);");
        assert!(stale(&types, "struct Petal(f64);").is_empty());
    }
}
