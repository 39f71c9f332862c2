//! Indices and operators that exist in Python but not in Rust.

use std::sync::LazyLock;

use super::Mistake;
use super::python::{Rules, first_match, rules};

static BY_NUMBER: Rules = LazyLock::new(|| {
    rules(&[
        (r"(\w+)\[\s*-\s*(\d+)\s*\]", "count from the end with the length: `{1}[{1}.len() - {2}]`"),
        (r"(\w+)\[\s*(\w+)\s*\]", "an index is a `usize`: `{1}[{2} as usize]`"),
    ])
});
static PARTS: Rules =
    LazyLock::new(|| rules(&[(r"(\w+)\[\s*([\w.]*\.\.=?[\w.]*)\s*\]", "a part is borrowed: `&{1}[{2}]`")]));
static POWERS: Rules = LazyLock::new(|| {
    rules(&[
        (r"(\d+)\s*\*\*\s*(\d+)", "`{1}_i32.pow({2})`"),
        (r"(\d+\.\d*)\s*\*\*\s*(\d+)", "`{1}_f64.powi({2})`"),
        (r"(\w+)\s*\*\*\s*(\w+)", "`{1}.pow({2})` of a whole number, `{1}.powi({2})` of another"),
    ])
});
static REPEATED: Rules = LazyLock::new(|| {
    rules(&[
        (r#"("[^"]*"|\w+)\s*\*\s*(\d+)"#, "`{1}.repeat({2})`"),
        (r"\[\s*([^\],]+)\s*\]\s*\*\s*(\w+)", "`vec![{1}; {2}]`"),
        (r"\[([^\]]+)\]\s*\*\s*(\w+)", "`[{1}].repeat({2})`"),
    ])
});
static MIXED: Rules = LazyLock::new(|| {
    rules(&[
        (r"([A-Za-z_]\w*)\s*([-+*/])\s*(\d+\.\d*)", "both are of one type: `{1} as f64 {2} {3}`"),
        (r"([A-Za-z_]\w*)\s*([-+*/])\s*([A-Za-z_]\w*)", "both are of one type: `{1} as f64 {2} {3} as f64`"),
    ])
});

/// The help for an index or an operator.
pub fn help(mistake: &Mistake) -> Option<String> {
    let (message, line) = (mistake.message, mistake.line);
    match mistake.code? {
        "E0277" if message.contains("cannot be indexed by") => first_match(&BY_NUMBER, line),
        "E0277" if message.contains("cannot be known at compilation time") => first_match(&PARTS, line),
        "E0277" if message.starts_with("cannot") && message.contains("float") | message.contains("f64") => {
            first_match(&MIXED, line)
        }
        "E0600" if message.contains("usize") => first_match(&BY_NUMBER, line),
        "E0614" if line.contains("**") => first_match(&POWERS, line),
        "E0369" if message.starts_with("cannot multiply") => first_match(&REPEATED, line),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::mistake;
    use super::*;

    #[test]
    fn indices_and_operators() {
        let expected = [
            ("E0277", "the type `[i32]` cannot be indexed by `i32`", "v[k]", "`v[k as usize]`"),
            ("E0600", "cannot apply unary operator `-` to type `usize`", "v[-1]", "`v[v.len() - 1]`"),
            ("E0614", "type `{integer}` cannot be dereferenced", "2 ** 3", "`2_i32.pow(3)`"),
            ("E0614", "type `i32` cannot be dereferenced", "x ** 2", "`x.pow(2)`"),
            ("E0369", "cannot multiply `&str` by `{integer}`", "\"ab\" * 3", "`\"ab\".repeat(3)`"),
            ("E0369", "cannot multiply `[{integer}; 1]` by `{integer}`", "[0] * 10", "`vec![0; 10]`"),
            ("E0277", "cannot divide `i32` by `{float}`", "let y = n / 2.0;", "`n as f64 / 2.0`"),
        ];
        for (code, message, line, says) in expected {
            let help = help(&mistake(code, message, line)).unwrap_or_default();
            assert!(help.contains(says), "{line}: {help}");
        }
    }
}
