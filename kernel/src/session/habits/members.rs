//! Fields and methods by their names in Python and PyTorch.

use std::sync::LazyLock;

use regex::Regex;

use super::Mistake;
use super::python::arguments;

/// The Rust for a tensor's members: `{0}` is the value before the dot.
const OF_TENSORS: [(&str, &str); 18] = [
    ("shape", "`{0}.size()`"),
    ("dtype", "`{0}.kind()`"),
    ("ndim", "`{0}.dim()`"),
    ("T", "`{0}.tr()`"),
    ("item", "`{0}.double_value(&[])`"),
    ("numpy", "`Vec::<f64>::try_from({0}.to_kind(Kind::Double).reshape([-1]))?`"),
    ("tolist", "`Vec::<f64>::try_from({0}.to_kind(Kind::Double).reshape([-1]))?`"),
    ("cuda", "`{0}.to_device(Device::cuda_if_available())`"),
    ("cpu", "`{0}.to_device(Device::Cpu)`"),
    ("float", "`{0}.to_kind(Kind::Float)`"),
    ("half", "`{0}.to_kind(Kind::Half)`"),
    ("double", "`{0}.to_kind(Kind::Double)`"),
    ("long", "`{0}.to_kind(Kind::Int64)`"),
    ("int", "`{0}.to_kind(Kind::Int)`"),
    ("bool", "`{0}.to_kind(Kind::Bool)`"),
    ("len", "`{0}.size()[0]`"),
    ("index", "`{0}.get(0)`"),
    ("parameters", "`{0}.trainable_variables()`"),
];
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
/// A tensor's methods that take a shape, which is one list here.
const BY_SHAPE: [&str; 9] =
    ["view", "reshape", "permute", "repeat", "expand", "zeros", "ones", "rand", "randn"];
/// Comparisons of a tensor with a number.
const COMPARISONS: [(&str, &str); 6] =
    [(" >= ", "ge"), (" <= ", "le"), (" != ", "ne"), (" == ", "eq"), (" > ", "gt"), (" < ", "lt")];

/// The help for a field or a method that exists only in Python, or takes other arguments there.
pub fn help(mistake: &Mistake) -> Option<String> {
    let about_tensor = mistake.message.contains("Tensor`");
    match mistake.code? {
        "E0609" | "E0610" | "E0615" | "E0616" | "E0599" => {
            let member = mistake.named(0)?;
            let table = if about_tensor { &OF_TENSORS[..] } else { &OF_LISTS_AND_TEXTS[..] };
            let (_, text) = table.iter().find(|(known, _)| *known == member)?;
            let value = before_member(mistake.line, member)?;
            let call = &mistake.line[mistake.line.find(&format!(".{member}"))? + 1..];
            let arguments = arguments(call, member).unwrap_or_default().join(", ");
            Some(text.replace("{0}", &value).replace("{1}", &arguments))
        }
        "E0061" => with_shape(mistake.line).or_else(|| with_kind(mistake.line)),
        "E0308" | "E0277" if mistake.line.contains("Tensor::") => with_shape(mistake.line),
        "E0369" if about_tensor => compared(mistake.line),
        _ => None,
    }
}

/// `x.y` before `.member`.
fn before_member(line: &str, member: &str) -> Option<String> {
    let before = &line[..line.find(&format!(".{member}"))?];
    let start = before.rfind(|c: char| c != '_' && c != '.' && c != ':' && !c.is_alphanumeric());
    let start = start.map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
    let value = &before[start..];
    // A call or a quoted string ends right before the dot.
    let whole = if value.is_empty() { before.trim_start() } else { value };
    Some(whole.to_owned())
}

/// `t.view(2, 1)`: the numbers are one list.
fn with_shape(line: &str) -> Option<String> {
    static SHAPE: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"(\w+(?:\.|::))(\w+)\((-?\d+(?:\s*,\s*-?\d+)+)\)").ok());
    let found = SHAPE.as_ref()?.captures(line)?;
    let (value, method, numbers) = (&found[1], &found[2], &found[3]);
    let options = if value.ends_with("::") { ", (Kind::Float, Device::Cpu)" } else { "" };
    BY_SHAPE
        .contains(&method)
        .then(|| format!("a shape is one list: `{value}{method}([{numbers}]{options})`"))
}

/// `t.sum()`: the kind of the result is an argument.
fn with_kind(line: &str) -> Option<String> {
    static TOTAL: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"(\w+)\.(sum|mean|prod|softmax|log_softmax)\(([^()]*)\)").ok());
    let found = TOTAL.as_ref()?.captures(line)?;
    let (value, method) = (&found[1], &found[2]);
    let dimension = if method.ends_with("softmax") { "-1, " } else { "" };
    Some(format!("the kind of the result is an argument: `{value}.{method}({dimension}Kind::Float)`"))
}

fn compared(line: &str) -> Option<String> {
    let (sign, method) = COMPARISONS.iter().find(|(sign, _)| line.contains(sign))?;
    let (left, right) = line.split_once(sign)?;
    let (left, right) = (left.rsplit([' ', '(']).next()?, right.split([' ', ')', ';']).next()?);
    Some(format!(
        "a tensor is compared by a method: `{left}.{method}({right})`, with another by `{left}.{method}_tensor(&other)`"
    ))
}

#[cfg(test)]
mod tests {
    use super::super::mistake;
    use super::*;

    #[test]
    fn members_of_tensors_and_lists() {
        let field = |name: &str, kind: &str, line| {
            let message = format!("no field `{name}` on type `{kind}`");
            help(&mistake("E0609", &message, line)).unwrap_or_default()
        };
        assert_eq!(field("shape", "Tensor", "batch.images.shape"), "`batch.images.size()`");
        assert_eq!(field("shape", "Vec<i32>", "let n = v.shape;"), "`v.len()`");
        assert_eq!(field("mine", "Tensor", "t.mine"), "");
        let method = |message, line| help(&mistake("E0599", message, line)).unwrap_or_default();
        let no_append = "no method named `append` found for struct `Vec<T>` in the current scope";
        assert_eq!(method(no_append, "v.append(f(1))"), "`v.push(f(1))`");
        let no_upper = "no method named `upper` found for reference `&'static str` in the current scope";
        assert_eq!(method(no_upper, "\"abc\".upper()"), "`\"abc\".to_uppercase()`");
    }

    #[test]
    fn arguments_of_tensors_methods() {
        let says = |line| help(&mistake("E0061", "this method takes 1 argument but 2 were supplied", line));
        assert_eq!(says("t.view(2, -1)").unwrap(), "a shape is one list: `t.view([2, -1])`");
        assert!(
            says("Tensor::zeros(2, 3)")
                .unwrap()
                .contains("`Tensor::zeros([2, 3], (Kind::Float, Device::Cpu))`")
        );
        assert!(says("t.sum()").unwrap().contains("`t.sum(Kind::Float)`"));
        assert_eq!(says("mine(1, 2)"), None);
        let message = "binary operation `>` cannot be applied to type `Tensor`";
        assert!(help(&mistake("E0369", message, "let m = t > 0;")).unwrap().contains("`t.gt(0)`"));
    }
}
