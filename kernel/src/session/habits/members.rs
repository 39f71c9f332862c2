//! Fields and methods by their names in Python.

use super::Mistake;
use super::python::arguments;

/// The Rust for members of lists and strings.
const OF_LISTS_AND_TEXTS: [(&str, &str); 20] = [
    ("shape", "`{0}.len()`"),
    ("size", "`{0}.len()`"),
    ("length", "`{0}.len()`"),
    ("count", "`{0}.iter().filter(|x| **x == 1).count()`"),
    ("append", "`{0}.push({1})`"),
    ("add", "`{0}.insert({1})`"),
    ("index", "`{0}.iter().position(|x| *x == {1})`"),
    ("items", "`{0}.iter()`"),
    ("upper", "`{0}.to_uppercase()`"),
    ("lower", "`{0}.to_lowercase()`"),
    ("strip", "`{0}.trim()`"),
    ("lstrip", "`{0}.trim_start()`"),
    ("rstrip", "`{0}.trim_end()`"),
    ("startswith", "`{0}.starts_with({1})`"),
    ("endswith", "`{0}.ends_with({1})`"),
    ("splitlines", "`{0}.lines()`"),
    ("isdigit", "`{0}.chars().all(|c| c.is_ascii_digit())`"),
    ("format", "a text with values in it: `format!(\"{}\", {1})`"),
    ("sum", "`{0}.iter().sum::<f64>()`, with the type of its elements"),
    ("mean", "`{0}.iter().sum::<f64>() / {0}.len() as f64`"),
];
/// The standard library's types that these are for, without references and parameters.
const LISTS_AND_TEXTS: [&str; 8] =
    ["Vec", "VecDeque", "String", "str", "HashMap", "HashSet", "BTreeMap", "BTreeSet"];

/// The help for a field or a method that exists only in Python.
pub fn help(mistake: &Mistake) -> Option<String> {
    if !mistake.is(&["E0609", "E0610", "E0615", "E0616", "E0599"]) {
        return None;
    }
    let member = mistake.named(0)?;
    let (_, text) = OF_LISTS_AND_TEXTS.iter().find(|(known, _)| *known == member)?;
    let value = before_member(mistake.line, member)?;
    if mistake.named(1).is_some_and(|kind| !is_list_or_text(kind)) {
        return Some(format!("the tab key after `{value}.` lists its fields and methods"));
    }
    let call = &mistake.line[mistake.line.find(&format!(".{member}"))? + 1..];
    let arguments = arguments(call, member).unwrap_or_default().join(", ");
    Some(text.replace("{0}", &value).replace("{1}", &arguments))
}

/// Whether a type, as rustc names it (`&'static str`, `Vec<T>`), is one that the table is for.
fn is_list_or_text(kind: &str) -> bool {
    let kind = kind.trim_start_matches('&');
    let kind =
        if kind.starts_with('\'') { kind.split_once(' ').map_or(kind, |(_, kind)| kind) } else { kind };
    let kind = kind.trim_start_matches("mut ");
    let path = kind.split('<').next().unwrap_or(kind);
    kind.starts_with('[') || LISTS_AND_TEXTS.contains(&path.rsplit("::").next().unwrap_or(path))
}

/// `x.y` before `.member`.
pub fn before_member(line: &str, member: &str) -> Option<String> {
    let before = &line[..line.find(&format!(".{member}"))?];
    let start = before.rfind(|c: char| c != '_' && c != '.' && c != ':' && !c.is_alphanumeric());
    let start = start.map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
    let value = &before[start..];
    // A call or a quoted string ends right before the dot.
    let whole = if value.is_empty() { before.trim_start() } else { value };
    Some(whole.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::mistake;
    use super::*;

    #[test]
    fn members_of_lists_and_texts() {
        let field = |name: &str, kind: &str, line| {
            let message = format!("no field `{name}` on type `{kind}`");
            help(&mistake("E0609", &message, line)).unwrap_or_default()
        };
        assert_eq!(field("shape", "Vec<i32>", "let n = v.shape;"), "`v.len()`");
        assert_eq!(field("shape", "&'a mut [f64]", "v.shape"), "`v.len()`");
        assert_eq!(field("mine", "Vec<i32>", "v.mine"), "");
        // A type of a learner's or of a crate may have no `len`.
        let members = "the tab key after `garden.` lists its fields and methods";
        assert_eq!(field("size", "Garden<Vec<i32>>", "garden.size"), members);
        let method = |message, line| help(&mistake("E0599", message, line)).unwrap_or_default();
        let no_append = "no method named `append` found for struct `Vec<T>` in the current scope";
        assert_eq!(method(no_append, "v.append(f(1))"), "`v.push(f(1))`");
        let no_upper = "no method named `upper` found for reference `&'static str` in the current scope";
        assert_eq!(method(no_upper, "\"abc\".upper()"), "`\"abc\".to_uppercase()`");
    }
}
