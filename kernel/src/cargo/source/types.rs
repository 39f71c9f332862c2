//! The types of variables, as rustc knows them.
//!
//! evcxr keeps a variable by the name of its type, and asks rust-analyzer for that before it compiles a cell. That takes
//! long, and is not always right. Here evcxr gets another name for each variable that a cell binds, a placeholder, by a
//! second `let` after the first ([`binding`]). rustc never sees it: it infers the type while it compiles the cell, and
//! tells it in the cell's MIR (`cargo/inference.rs`). The next cells are compiled with that type in the placeholder's place
//! ([`Types::name`]).

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use serde_json::json;

/// The file in the folder of a kernel's cells that says what types the placeholders stand for.
pub const TYPES: &str = "types";
/// The file there with the variables of the last cell whose types have no name that the next cell could write.
pub const NAMELESS: &str = "nameless";
/// The module with the crates that a cell can name: rustc writes types by paths through it.
pub const CRATES: &str = "evcxr_crates";
/// How a placeholder begins; a number of [`DIGITS`] digits follows.
const PLACEHOLDER: &str = "evcxr_type_";
/// Always as many, so that a cell has the same text, and is found in the cache, when it is run again.
const DIGITS: usize = 6;
/// How evcxr puts a variable into the store, and how a cell is compiled that does so for a type to be found out.
const PUT: &str = "put_variable::<";
pub const PUT_INFERRED: &str = "put_inferred::<";

/// The `let` by which evcxr takes a variable for one of a type that placeholder `number` stands for.
// The cargo that kernels see takes it out again.
#[allow(dead_code)]
pub fn binding(name: &str, mutable: bool, number: usize) -> String {
    let mutable = if mutable { "mut " } else { "" };
    format!("let {mutable}{name}:{}={name};", placeholder(number))
}

fn placeholder(number: usize) -> String {
    format!("{PLACEHOLDER}{number:0DIGITS$}")
}

/// Whether a type is one that is not known yet.
pub fn is_placeholder(kind: &str) -> bool {
    kind.starts_with(PLACEHOLDER)
}

/// What placeholders stand for, by number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Types(BTreeMap<usize, String>);

impl Types {
    /// Reads the file; nothing if there is none.
    pub fn read(file: &Path) -> Types {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        Types(serde_json::from_str(&text).unwrap_or_default())
    }

    /// Writes the file, whole.
    // The kernel only reads it.
    #[allow(dead_code)]
    pub fn write(&self, file: &Path) -> std::io::Result<()> {
        let unfinished = file.with_extension("unfinished");
        std::fs::write(&unfinished, json!(self.0).to_string())?;
        std::fs::rename(unfinished, file)
    }

    /// These too.
    // The kernel learns of them from the file.
    #[allow(dead_code)]
    pub fn extend(&mut self, more: impl IntoIterator<Item = (usize, String)>) {
        self.0.extend(more);
    }

    /// A text with the types in place of their placeholders. Those of other placeholders stay.
    pub fn name(&self, text: &str) -> String {
        let mut named = String::with_capacity(text.len());
        let mut from = 0;
        for (place, number) in placeholders(text) {
            if let Some(kind) = self.0.get(&number) {
                named += &text[from..place.start];
                named += kind;
                from = place.end;
            }
        }
        named + &text[from..]
    }
}

/// The placeholders of a text, and where they are.
fn placeholders(text: &str) -> impl Iterator<Item = (Range<usize>, usize)> {
    text.match_indices(PLACEHOLDER).filter_map(|(at, _)| {
        let digits = at + PLACEHOLDER.len();
        let end = digits + DIGITS;
        Some((at..end, text.get(digits..end)?.parse().ok()?))
    })
}

/// A text without the `let`s of [`binding`]; blanks are in their places, so that everything keeps its own.
pub fn without_bindings(text: &str) -> String {
    let mut rest = text.to_owned();
    for (place, _) in placeholders(text) {
        let Some(behind) = text[place.end..].strip_prefix('=') else { continue };
        let Some(length) = behind.find(';') else { continue };
        let name = &behind[..length];
        let before = &text[..place.start];
        let starts = [format!("let {name}:"), format!("let mut {name}:")];
        if let Some(start) = starts.iter().find(|start| before.ends_with(*start)) {
            let whole = place.start - start.len()..place.end + 1 + length + 1;
            rest.replace_range(whole.clone(), &" ".repeat(whole.len()));
        }
    }
    rest
}

/// A text in which rustc infers what the placeholders stand for that are left, and the placeholders of the variables that
/// it puts into the store. The text has their places in this list instead of their numbers, which depend on earlier cells.
pub fn inferring(text: &str) -> (String, Vec<usize>) {
    let (mut inferring, mut asked) = (String::with_capacity(text.len()), Vec::new());
    let mut from = 0;
    for (place, number) in placeholders(text) {
        let before = &text[from..place.start];
        match before.strip_suffix(PUT) {
            Some(before) if text[place.end..].starts_with(">(") => {
                let index = asked.iter().position(|known| *known == number).unwrap_or(asked.len());
                if index == asked.len() {
                    asked.push(number);
                }
                inferring += before;
                inferring += &format!("{PUT_INFERRED}_, {index}");
            }
            _ => {
                inferring += before;
                inferring.push('_');
            }
        }
        from = place.end;
    }
    (inferring + &text[from..], asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evcxr_sees_a_second_let_and_rustc_does_not() {
        let cell =
            format!("let a = 1;{} // é\nlet r#b = a;{}", binding("a", true, 7), binding("r#b", false, 8));
        assert_eq!(binding("a", true, 7), "let mut a:evcxr_type_000007=a;");
        let plain = without_bindings(&cell);
        assert_eq!(plain.len(), cell.len());
        assert_eq!(plain.split_whitespace().collect::<Vec<_>>().join(" "), "let a = 1; // é let r#b = a;");
        let other = "let x: evcxr_type_000001 = y;";
        assert_eq!(without_bindings(other), other);
    }

    #[test]
    fn placeholders_are_named_or_inferred() {
        let mut types = Types::default();
        types.extend([(1, "Vec<i32>".to_owned())]);
        let text = "take_variable::<evcxr_type_000001>(a); put_variable::<evcxr_type_000002>(stringify!(b), b); evcxr_type_x";
        let named = types.name(text);
        assert!(named.starts_with("take_variable::<Vec<i32>>(a)"), "{named}");
        let (inferring, asked) = inferring(&named);
        assert!(inferring.ends_with("put_inferred::<_, 0>(stringify!(b), b); evcxr_type_x"), "{inferring}");
        assert_eq!(asked, [2]);
    }
}
