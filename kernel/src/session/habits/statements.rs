//! Statements that are not Rust by their form.

use std::sync::LazyLock;

use super::python::{Rules, arguments, expression, first_match, println, rules};
use super::{Mistake, magics};

static STATEMENTS: Rules = LazyLock::new(|| {
    rules(&[
        (r"^\s*#\s*([^\[!].*)$", "a comment begins with `//`: `// {1}`"),
        (r"^\s*#\s*$", "a comment begins with `//`"),
        (
            r"^\s*(?:import|from)\s",
            "names are imported with `use`, as in `use std::collections::HashMap;`, and a crate is added by \
            a line like \
             `:dep regex = \"1\"` at the beginning of a cell",
        ),
        (r"^\s*(?:conda|pip3?)\s+install\s+([\w-]+)", "a crate is added on its own line: `:dep {1} = \"*\"`"),
        (r"^\s*class\s+(\w+)", "a type is `struct {1} {}`, and its methods are in `impl {1} {}`"),
        (r"^\s*with\s+open\((.+?)(?:,.*)?\)", "a file is read whole: `std::fs::read_to_string({1})?`"),
        (r"^\s*for\s+(.+?)\s+in\s+(.+?)\s*:(?:\s|$)", "a block needs braces: `for {1} in {2} { }`"),
        (r"^\s*(if|while)\s+(.+?)\s*:(?:\s|$)", "a block needs braces: `{1} {2} { }`"),
        (
            r"^\s*(?:try|except)\b",
            "a function that can fail returns a `Result`: `?` ends the cell with its error, as in \
             `let n: i32 = \"5\".parse()?;`, and `if let Err(error) = \"a\".parse::<i32>() { println!(\"{error}\"); }` \
             deals with it",
        ),
        (r"^\s*raise\s+\w+\((.*)\)", "a cell ends with a message by `panic!({1})`"),
        (r"^\s*raise\b", "a cell ends with a message by `panic!(\"why\")`"),
        (r"^\s*assert\s+(.+?)\s*==\s*(.+?)\s*(?:,.*)?$", "`assert_eq!({1}, {2})`"),
        (r"^\s*assert\s+(.+?)\s*(?:,.*)?$", "`assert!({1})`"),
        (r"^\s*del\s+(\w+)", "a variable is dropped with `drop({1});`"),
        (
            r"^\s*(?:global|nonlocal)\s",
            "a function gets what it needs as arguments: `fn f(x: f64) -> f64 { x }`",
        ),
        (r"^\s*(\w+)\s*:=\s*(.+?);?$", "`let {1} = {2};`"),
        (r"^\s*(\w+)\s*:\s*int\s*=\s*(.+?);?$", "`let {1}: i64 = {2};`"),
        (r"^\s*(\w+)\s*:\s*float\s*=\s*(.+?);?$", "`let {1}: f64 = {2};`"),
        (r"^\s*(\w+)\s*:\s*str\s*=\s*(.+?);?$", "`let {1} = String::from({2});`"),
        (r"^\s*(\w+)\s*:\s*(\w+)\s*=\s*(.+?);?$", "`let {1}: {2} = {3};`"),
        (
            r"\btype\(\s*([\w.]+)\s*\)",
            "`:vars` shows each variable's type, and `?{1}` what is known about one name",
        ),
        (r"\[(.+?)\s+for\s+(\w+)\s+in\s+(range\(.+?\))\]", "`({3}).map(|{2}| {1}).collect::<Vec<_>>()`"),
        (r"\[(.+?)\s+for\s+(\w+)\s+in\s+(\w+)\]", "`{3}.iter().map(|{2}| {1}).collect::<Vec<_>>()`"),
        (r"\blambda\b", "a function without a name is written `|x| x * 2`, as in `[1, 2].map(|x| x * 2)`"),
        (r"(\w+)\s+is\s+not\s+None\b", "`{1}.is_some()`"),
        (r"(\w+)\s+is\s+None\b", "`{1}.is_none()`"),
        (r"(\w+)\s+is\s+not\s+(\w+)", "`{1} != {2}`"),
        (r"(\w+)\s+is\s+(\w+)", "`{1} == {2}`"),
        (r"([\w.']+)\s+not\s+in\s+(\w+)", "`!{2}.contains(&{1})`"),
        (r"^\s*([\w.']+)\s+in\s+(\w+)", "`{2}.contains(&{1})`"),
        (
            r"^(?:.*=)?\s*(\S.*?)\s+if\s+(.+?)\s+else\s+([^;]+?);?$",
            "`if` has a value, too: `if {2} { {1} } else { {3} }`",
        ),
        (r"\bnot\s+(\w[\w.]*)", "`!{1}`"),
        (r#"\{\s*((?:"[^"]*"|'[^']*'))\s*:\s*([^,}]+)"#, "`std::collections::HashMap::from([({1}, {2})])`"),
    ])
});

/// Statements of which the helper crate may know more.
static GENERAL: Rules = LazyLock::new(|| {
    rules(&[
        (r"^\s*with\s", "`with` is a block in braces: what is opened in it is closed at its end"),
        (r"(\w+)\[\s*(\w*)\s*:\s*(\w*)\s*\]", "a part is borrowed with `&{1}[{2}..{3}]`"),
        (r"(\w+)\[\s*(\d+)\s*,\s*(\d+)\s*\]", "`{1}[{2}][{3}]`"),
        (r#""""|'''"#, "a text may have several lines as it is: `\"one\ntwo\"`"),
    ])
});

/// The help for a line that does not parse.
pub fn help(mistake: &Mistake) -> Option<String> {
    let line = mistake.line;
    if !mistake.is_of_form() {
        return None;
    }
    if line.trim_start().starts_with('%') {
        return Some(magics::help(line));
    }
    if let Some(arguments) = arguments(line, "print") {
        return Some(format!("`{}`", println(&arguments)));
    }
    function(line)
        .or_else(|| else_if(line))
        .or_else(|| formatted(line))
        .or_else(|| first_match(&STATEMENTS, line))
}

/// The help for such a line where nothing more specific is known.
pub fn general_help(mistake: &Mistake) -> Option<String> {
    mistake.is_of_form().then(|| first_match(&GENERAL, mistake.line))?
}

/// `def f(x, y=1):`
fn function(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("def ")?;
    let name = rest.split('(').next()?.trim();
    let parameters = arguments(rest, name)?;
    let typed = parameters.iter().filter(|name| *name != "self").map(|parameter| {
        let name = parameter.split([':', '=']).next().unwrap_or_default().trim();
        format!("{}: f64", name.trim_start_matches('*'))
    });
    let typed: Vec<String> = typed.collect();
    Some(format!("a function has types and braces: `fn {name}({}) -> f64 {{ todo!() }}`", typed.join(", ")))
}

/// `elif`
fn else_if(line: &str) -> Option<String> {
    let (before, after) = line.split_once("elif ")?;
    let whole = format!("{}else if {}", before.trim_start(), after);
    match whole.contains('{') {
        true => Some(format!("`elif` is `else if`: `{whole}`")),
        false => {
            Some("`elif` is `else if`, and blocks need braces: `if 1 > 2 { } else if 2 > 1 { }`".to_owned())
        }
    }
}

/// `f"{x}"`, a text with values in it.
fn formatted(line: &str) -> Option<String> {
    static TEXT: LazyLock<Option<regex::Regex>> =
        LazyLock::new(|| regex::Regex::new(r#"\bf("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"#).ok());
    let text = TEXT.as_ref()?.captures(line)?.get(1)?.as_str();
    Some(format!("a text with values in it: `format!({})`", expression(text)))
}

#[cfg(test)]
mod tests {
    use super::super::mistake;
    use super::*;

    #[test]
    fn python_is_known_and_rust_is_said() {
        let expected = [
            ("# a comment", "`// a comment`"),
            ("import torch", "`use std::collections::HashMap;`"),
            ("from torch import nn", "`:dep regex = \"1\"`"),
            ("pip install numpy", "`:dep numpy = \"*\"`"),
            ("def scaled(x, by=2):", "`fn scaled(x: f64, by: f64) -> f64 { todo!() }`"),
            ("class Net(nn.Module):", "`struct Net {}`"),
            ("%matplotlib inline", "leave the line out"),
            ("%%time", "`:timing`"),
            ("for i in range(3):", "`for i in 0..3 { }`"),
            ("for x in v[1:3]:", "`for x in &v[1..3] { }`"),
            ("if x and not y:", "`if x && !y { }`"),
            ("let x = 1 if True else 2;", "`if true { 1 } else { 2 }`"),
            (
                "let s = if a { 1 } elif b { 2 } else { 3 };",
                "`let s = if a { 1 } else if b { 2 } else { 3 };`",
            ),
            ("let s = f'{a} of {b}';", "`format!(\"{a} of {b}\")`"),
            ("print('hello')", "`println!(\"hello\")`"),
            ("print(f\"{x}\", y)", "`println!(\"{x} {:?}\", y)`"),
            ("assert x == 1, 'why'", "`assert_eq!(x, 1)`"),
            ("raise ValueError('bad')", "`panic!(\"bad\")`"),
            ("x := 5", "`let x = 5;`"),
            ("x: int = 5", "`let x: i64 = 5;`"),
            ("let y = [i * 2 for i in v]", "`v.iter().map(|i| i * 2).collect::<Vec<_>>()`"),
            ("let y = [i * 2 for i in range(3)]", "`(0..3).map(|i| i * 2).collect::<Vec<_>>()`"),
            ("x is not None", "`x.is_some()`"),
            ("x not in v", "`!v.contains(&x)`"),
            ("let d = {'a': 1};", "`std::collections::HashMap::from([(\"a\", 1)])`"),
            ("v[1:3]", "`&v[1..3]`"),
            ("v[0, 1]", "`v[0][1]`"),
            ("with lock:", "`with` is a block in braces"),
            ("not x", "`!x`"),
            ("del x", "`drop(x);`"),
            ("type(x)", "`:vars`"),
        ];
        for (line, says) in expected {
            let mistake = mistake("", "expected something", line);
            let help = help(&mistake).or_else(|| general_help(&mistake)).unwrap_or_default();
            assert!(help.contains(says), "{line}: {help}");
        }
        assert_eq!(help(&mistake("", "expected `;`", "let x = 5")), None);
        assert_eq!(help(&mistake("E0308", "mismatched types", "import torch")), None);
    }
}
