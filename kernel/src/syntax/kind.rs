//! The types of values that can be written out, and so given from outside: those that a notebook's parameters can have.

use std::fmt;

/// A type whose values can be given from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// `i32` and its like; empty where the default says no more than that it is a whole number.
    Integer(String),
    /// `f64` or `f32`; empty as above.
    Float(String),
    Bool,
    Char,
    /// `&str`
    Text,
    /// `String`, `PathBuf`: what is made from a text by `from`.
    From(String),
    Vec(Box<Kind>),
    /// The values of one type, and how many there must be where that is known.
    Array(Box<Kind>, Option<usize>),
    Option(Box<Kind>),
    /// By the value that is given.
    Any,
}

const INTEGERS: [&str; 12] =
    ["i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128", "usize"];
const MADE_FROM_TEXT: [&str; 3] = ["String", "PathBuf", "OsString"];

impl Kind {
    /// Reads a type as it is written. `None` for a type whose values cannot be given.
    pub fn of_type(text: &str) -> Option<Kind> {
        let text = text.trim();
        let name = text.rsplit("::").next().unwrap_or(text);
        let inside = |prefix: &str| {
            let rest = text.split_once('<').filter(|(outer, _)| outer.rsplit("::").next() == Some(prefix))?.1;
            Kind::of_type(rest.strip_suffix('>')?).map(Box::new)
        };
        if INTEGERS.contains(&text) {
            return Some(Kind::Integer(text.to_owned()));
        }
        match text {
            "f64" | "f32" => return Some(Kind::Float(text.to_owned())),
            "bool" => return Some(Kind::Bool),
            "char" => return Some(Kind::Char),
            "&str" | "&'static str" => return Some(Kind::Text),
            "_" => return Some(Kind::Any),
            _ if MADE_FROM_TEXT.contains(&name) => return Some(Kind::From(text.to_owned())),
            _ => {}
        }
        if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let (kind, length) = inner.rsplit_once(';')?;
            return Some(Kind::Array(Box::new(Kind::of_type(kind)?), length.trim().parse().ok()));
        }
        inside("Vec").map(Kind::Vec).or_else(|| inside("Option").map(Kind::Option))
    }

    /// The type as it would be written, if all of it is known.
    pub fn written(&self) -> Option<String> {
        Some(match self {
            Kind::Integer(name) if name.is_empty() => "i32".to_owned(),
            Kind::Float(name) if name.is_empty() => "f64".to_owned(),
            Kind::Integer(name) | Kind::Float(name) | Kind::From(name) => name.clone(),
            Kind::Bool => "bool".to_owned(),
            Kind::Char => "char".to_owned(),
            Kind::Text => "&str".to_owned(),
            Kind::Vec(inner) => format!("Vec<{}>", inner.written()?),
            Kind::Option(inner) => format!("Option<{}>", inner.written()?),
            Kind::Array(inner, length) => format!("[{}; {}]", inner.written()?, (*length)?),
            Kind::Any => return None,
        })
    }
}

/// What a value must be, in words.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Integer(name) if name.is_empty() => write!(f, "a whole number"),
            Kind::Integer(name) => write!(f, "a whole number of type {name}"),
            Kind::Float(_) => write!(f, "a number"),
            Kind::Bool => write!(f, "true or false"),
            Kind::Char => write!(f, "one character"),
            Kind::Text | Kind::From(_) => write!(f, "a text"),
            Kind::Vec(inner) | Kind::Array(inner, None) => write!(f, "a list ([…, …]), each value {inner}"),
            Kind::Array(inner, Some(length)) => write!(f, "a list of {length}, each value {inner}"),
            Kind::Option(inner) => write!(f, "{inner}, or null"),
            Kind::Any => write!(f, "a number, a text, true or false, or a list of these"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read() {
        let written = |text| Kind::of_type(text).and_then(|kind| kind.written());
        for text in
            ["i64", "Vec<f32>", "Option<Vec<String>>", "[u8; 3]", "std::path::PathBuf", "&str", "bool"]
        {
            assert_eq!(written(text).as_deref(), Some(text));
        }
        for text in ["Device", "HashMap<String, i32>", "Vec<Device>", "&mut i32"] {
            assert_eq!(Kind::of_type(text), None, "{text}");
        }
    }
}
