//! Pieces of Python, written in Rust.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// Patterns and their replacements, tried in order.
pub type Rules = LazyLock<Vec<(Regex, &'static str)>>;

/// The rules of a table.
pub fn rules(table: &[(&str, &'static str)]) -> Vec<(Regex, &'static str)> {
    // A pattern that is wrong is found by the tests.
    table.iter().filter_map(|(pattern, text)| Some((Regex::new(pattern).ok()?, *text))).collect()
}

/// The text of the first rule that matches, with the match's groups in it, each in Rust.
pub fn first_match(rules: &[(Regex, &'static str)], line: &str) -> Option<String> {
    rules.iter().find_map(|(pattern, text)| Some(filled_in(text, &pattern.captures(line)?)))
}

/// A text with `{1}` and so on replaced by the groups of a match.
pub fn filled_in(text: &str, groups: &Captures) -> String {
    let mut out = text.to_owned();
    for (number, group) in groups.iter().enumerate().skip(1) {
        let value = group.map_or(String::new(), |group| expression(group.as_str()));
        out = out.replace(&format!("{{{number}}}"), &value);
    }
    out
}

static EXPRESSIONS: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    rules(&[
        (r"\bTrue\b", "true"),
        (r"\bFalse\b", "false"),
        (r"\s+and\s+", " && "),
        (r"\s+or\s+", " || "),
        (r"(\w+)\s+is\s+not\s+None\b", "$1.is_some()"),
        (r"\bnot\s+([\w.]+)(\s*(?:$|&&|\|\|))", "!$1$2"),
        (r"\bnot\s+(.+?)(\s+(?:&&|\|\|)\s|$)", "!($1)$2"),
        (r"(\w+)\s+is\s+None\b", "$1.is_none()"),
        (r"\blen\(\s*([\w.]+)\s*\)", "$1.len()"),
        (r"\brange\(\s*((?:[^(),]|\(\))+?)\s*\)", "0..$1"),
        (r"\brange\(\s*([^(),]+?)\s*,\s*([^(),]+?)\s*\)", "$1..$2"),
        (r"\brange\(\s*([^(),]+?)\s*,\s*([^(),]+?)\s*,\s*([^(),]+?)\s*\)", "($1..$2).step_by($3)"),
        (r"'((?:[^'\\]|\\.)*)'", "\"$1\""),
        (r"([\w.]+)\[(\w*):(\w*)\]", "&$1[$2..$3]"),
    ])
});

/// Translates a Python expression to Rust as far as that is possible word by word.
pub fn expression(python: &str) -> String {
    let mut text = python.trim().to_owned();
    for (pattern, replacement) in EXPRESSIONS.iter() {
        text = pattern.replace_all(&text, *replacement).into_owned();
    }
    text
}

/// The arguments of the call of `name` in a line, each in Rust. `None` if there is no whole call.
pub fn arguments(line: &str, name: &str) -> Option<Vec<String>> {
    let is_part = |c: char| c == '_' || c == '.' || c.is_alphanumeric();
    let call = format!("{name}(");
    let at = line.match_indices(&call).map(|(at, _)| at).find(|at| !line[..*at].ends_with(is_part))?;
    let mut found = Vec::new();
    let (mut depth, mut quote, mut current) = (0, None, String::new());
    for c in line[at + call.len()..].chars() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')') if depth == 0 => {
                found.push(current);
                let found = found.iter().filter(|argument| !argument.trim().is_empty());
                return Some(found.map(|argument| expression(argument)).collect());
            }
            (None, ')' | ']' | '}') => depth -= 1,
            (None, ',') if depth == 0 => {
                found.push(std::mem::take(&mut current));
                continue;
            }
            (None, _) => {}
        }
        current.push(c);
    }
    None
}

/// `print` with these arguments.
pub fn println(arguments: &[String]) -> String {
    let (mut format, mut values) = (Vec::new(), Vec::new());
    for argument in arguments {
        let text = argument.strip_prefix('f').unwrap_or(argument);
        let is_text = text.len() > 1 && text.starts_with('"') && text.ends_with('"');
        if is_text {
            format.push(text[1..text.len() - 1].to_owned());
        } else if argument.starts_with("end=")
            || argument.starts_with("sep=")
            || argument.starts_with("flush=")
        {
            continue;
        } else {
            format.push("{:?}".to_owned());
            values.push(argument.as_str());
        }
    }
    let values: String = values.iter().map(|value| format!(", {value}")).collect();
    format!("println!(\"{}\"{values})", format.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_and_arguments() {
        let expected = [
            ("x and not y", "x && !y"),
            ("not x == 3 or y", "!(x == 3) || y"),
            ("range(len(v))", "0..v.len()"),
            ("range(1, n, 2)", "(1..n).step_by(2)"),
            ("x is not None or x == 'a b'", "x.is_some() || x == \"a b\""),
            ("True", "true"),
        ];
        for (python, rust) in expected {
            assert_eq!(expression(python), rust);
        }
        assert_eq!(arguments("y = f(g(1, 2), 'a,)', [3])", "f").unwrap(), ["g(1, 2)", "\"a,)\"", "[3]"]);
        assert_eq!(arguments("x.f(1) + f()", "f").unwrap(), Vec::<String>::new());
        assert!(arguments("f(1", "f").is_none() && arguments("ff(1)", "f").is_none());
    }

    #[test]
    fn what_is_printed() {
        let shown = |line| println(&arguments(line, "print").unwrap());
        assert_eq!(shown("print('loss', loss, sep='')"), "println!(\"loss {:?}\", loss)");
        assert_eq!(shown("print(f'{a} of {b}')"), "println!(\"{a} of {b}\")");
        assert_eq!(shown("print()"), "println!(\"\")");
    }
}
