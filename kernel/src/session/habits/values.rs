//! Python's names for values, types and modules.

use super::Mistake;
use super::python::arguments;

const NAMES: [(&str, &str); 20] = [
    ("True", "`true`"),
    ("False", "`false`"),
    ("null", "`None`, of an `Option`"),
    ("nil", "`None`, of an `Option`"),
    ("NULL", "`None`, of an `Option`"),
    ("pass", "an empty block is `{ }`"),
    ("int", "the type is `i64`"),
    ("float", "the type is `f64`"),
    ("list", "the type is `Vec<f64>`, with the type of its elements"),
    ("dict", "the type is `std::collections::HashMap<String, f64>`, with those of its keys and values"),
    ("string", "the type is `String`"),
    ("double", "the type is `f64`"),
    ("long", "the type is `i64`"),
    ("plt", "a picture or a plot is shown by the last line of a cell, or by `display(&value)`"),
    ("time", "`let start = std::time::Instant::now();`, and later `start.elapsed()`"),
    ("os", "files are `std::fs`, the environment `std::env`, as in `std::env::current_dir()?`"),
    ("sys", "the environment is `std::env`, as in `std::env::args()`"),
    ("random", "`:dep fastrand = \"2\"` is a crate for random numbers"),
    ("json", "`:dep serde_json = \"1\"` is the crate for it"),
    ("pd", "`:dep polars = \"*\"` is a crate for tables"),
];
/// The help for a name that exists only in Python.
pub fn help(mistake: &Mistake) -> Option<String> {
    if !mistake.is(&["E0425", "E0423", "E0433", "E0412"]) {
        return None;
    }
    let name = mistake.message.split('`').skip(1).step_by(2).next()?;
    if name == "math" {
        return of_numbers(mistake.line);
    }
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned())
}

/// The help for `name?` and `name??`, IPython's documentation look-up.
pub fn question(mistake: &Mistake) -> Option<String> {
    let is_asked = mistake.is(&["E0277"]) && mistake.message.contains("`?` operator");
    if !is_asked && !mistake.is(&["E0425", "E0423"]) {
        return None;
    }
    let name = mistake.line.trim().strip_suffix('?')?.trim_end_matches('?');
    let is_name =
        !name.is_empty() && name.chars().all(|c| c == '_' || c == '.' || c == ':' || c.is_alphanumeric());
    is_name.then(|| format!("`?{name}` shows what is known about a name"))
}

/// What stands behind a word of a line.
fn after<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let is_part = |c: char| c == '_' || c.is_alphanumeric();
    let at = line.match_indices(word).map(|(at, _)| at).find(|at| !line[..*at].ends_with(is_part))?;
    Some(&line[at + word.len()..])
}

/// `math.sqrt(2)`
fn of_numbers(line: &str) -> Option<String> {
    let rest = after(line, "math.")?;
    let function = rest.split(|c: char| c != '_' && !c.is_alphanumeric()).next()?;
    let arguments = arguments(rest, function).unwrap_or_default();
    let floating = arguments.iter().map(|argument| match argument.parse::<i64>() {
        Ok(number) => format!("{number}.0"),
        Err(_) => argument.clone(),
    });
    let floating = floating.collect::<Vec<_>>().join(", ");
    let text = match function {
        "pi" => "`std::f64::consts::PI`".to_owned(),
        "e" => "`std::f64::consts::E`".to_owned(),
        "inf" => "`f64::INFINITY`".to_owned(),
        "nan" => "`f64::NAN`".to_owned(),
        "log" => format!("`f64::ln({floating})`"),
        "pow" => format!("`f64::powf({floating})`"),
        "fabs" => format!("`f64::abs({floating})`"),
        other => format!("`f64::{other}({floating})`"),
    };
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::super::mistake;
    use super::*;

    #[test]
    fn names_of_values_and_modules() {
        let says = |name: &str, line| {
            let message = format!("cannot find value `{name}` in this scope");
            help(&mistake("E0425", &message, line)).unwrap_or_default()
        };
        assert_eq!(says("True", "let x = True;"), "`true`");
        assert_eq!(says("math", "math.sqrt(2)"), "`f64::sqrt(2.0)`");
        assert_eq!(says("math", "math.pi * x"), "`std::f64::consts::PI`");
        assert_eq!(says("mine", "mine + 1"), "");
        let asks = |code: &str, message: &str, line| question(&mistake(code, message, line)).unwrap();
        assert_eq!(
            asks("E0425", "cannot find value `Vec` in this scope", "Vec?"),
            "`?Vec` shows what is known about a name"
        );
        let message = "the `?` operator can only be applied to values that implement `Try`";
        assert_eq!(asks("E0277", message, "x??"), "`?x` shows what is known about a name");
    }
}
