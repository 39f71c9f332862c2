//! Converts a value given from outside to Rust.

use serde_json::Value;

use crate::syntax::Kind;

/// A value for a parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum ParameterValue {
    /// A word of the command line, whose type is not yet known.
    Word(String),
    /// What a file of parameters holds.
    Value(Value),
}

impl ParameterValue {
    /// The kind of this value for a parameter of kind `declared`, complete enough to write its type.
    pub fn kind(&self, declared: &Kind) -> Kind {
        let value = match self {
            ParameterValue::Word(word) => read_word(word),
            ParameterValue::Value(value) => value.clone(),
        };
        match (declared, &value) {
            (Kind::Any, _) => kind_of(&value).unwrap_or(Kind::Any),
            (Kind::Array(inner, None), Value::Array(values)) => {
                Kind::Array(inner.clone(), Some(values.len()))
            }
            _ => declared.clone(),
        }
    }

    /// The value in Rust, of this kind. `None` if it is not such a value.
    pub fn to_rust(&self, kind: &Kind) -> Option<String> {
        match self {
            ParameterValue::Value(value) => to_rust(value, kind),
            ParameterValue::Word(word) => match kind {
                Kind::Text | Kind::From(_) | Kind::Char => to_rust(&Value::String(word.clone()), kind),
                Kind::Option(inner) if matches!(**inner, Kind::Text | Kind::From(_) | Kind::Char) => {
                    let is_null = ["null", "None", "~"].contains(&word.as_str());
                    to_rust(&if is_null { Value::Null } else { Value::String(word.clone()) }, kind)
                }
                _ => to_rust(&read_word(word), kind),
            },
        }
    }

    /// As it was given, for a message.
    pub fn shown(&self) -> String {
        match self {
            ParameterValue::Word(word) => word.clone(),
            ParameterValue::Value(value) => value.to_string(),
        }
    }
}

/// A word as YAML has it: a number, true or false, null, a list; else a text.
fn read_word(word: &str) -> Value {
    match word {
        "None" => Value::Null,
        _ => serde_saphyr::from_str(word).unwrap_or_else(|_| Value::String(word.to_owned())),
    }
}

fn to_rust(value: &Value, kind: &Kind) -> Option<String> {
    match (kind, value) {
        (Kind::Integer(name), Value::Number(number)) => integer(&number.to_string(), name),
        (Kind::Float(_), Value::Number(number)) => Some(format!("{:?}", number.as_f64()?)),
        (Kind::Float(name), Value::String(word)) => not_finite(word, name),
        (Kind::Bool, Value::Bool(value)) => Some(value.to_string()),
        (Kind::Char, Value::String(text)) => {
            let mut characters = text.chars();
            let first = characters.next()?;
            characters.next().is_none().then(|| format!("{first:?}"))
        }
        (Kind::Text, _) => Some(format!("{:?}", text_of(value)?)),
        (Kind::From(name), _) => Some(format!("{name}::from({:?})", text_of(value)?)),
        (Kind::Vec(inner), Value::Array(values)) => Some(format!("vec![{}]", each(values, inner)?)),
        (Kind::Array(inner, length), Value::Array(values)) => {
            let fits = length.is_none_or(|length| length == values.len());
            fits.then(|| Some(format!("[{}]", each(values, inner)?)))?
        }
        (Kind::Option(_), Value::Null) => Some("None".to_owned()),
        (Kind::Option(inner), _) => Some(format!("Some({})", to_rust(value, inner)?)),
        (Kind::Any, _) => to_rust(value, &kind_of(value)?),
        _ => None,
    }
}

/// The kind that a value has of itself.
pub fn kind_of(value: &Value) -> Option<Kind> {
    Some(match value {
        Value::Bool(_) => Kind::Bool,
        Value::Number(number) => match number.as_i64() {
            Some(number) if i32::try_from(number).is_err() => Kind::Integer("i64".to_owned()),
            Some(_) => Kind::Integer(String::new()),
            None => Kind::Float(String::new()),
        },
        Value::String(_) => Kind::Text,
        Value::Array(values) => {
            let kinds: Vec<Kind> = values.iter().map(kind_of).collect::<Option<_>>()?;
            // Integers among floats are floats too.
            let float = kinds.iter().find(|kind| matches!(kind, Kind::Float(_)));
            Kind::Vec(Box::new(float.or(kinds.first())?.clone()))
        }
        Value::Null | Value::Object(_) => return None,
    })
}

fn each(values: &[Value], kind: &Kind) -> Option<String> {
    let values: Option<Vec<String>> = values.iter().map(|value| to_rust(value, kind)).collect();
    Some(values?.join(", "))
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

/// A whole number, if the type can hold it.
fn integer(digits: &str, name: &str) -> Option<String> {
    let fits = match name {
        "" | "i32" => digits.parse::<i32>().is_ok(),
        "i8" => digits.parse::<i8>().is_ok(),
        "i16" => digits.parse::<i16>().is_ok(),
        "i64" | "isize" | "i128" => digits.parse::<i64>().is_ok(),
        "u8" => digits.parse::<u8>().is_ok(),
        "u16" => digits.parse::<u16>().is_ok(),
        "u32" => digits.parse::<u32>().is_ok(),
        _ => digits.parse::<u64>().is_ok(),
    };
    fits.then(|| digits.to_owned())
}

/// What is a number, but not a finite one.
fn not_finite(word: &str, name: &str) -> Option<String> {
    let kind = if name.is_empty() { "f64" } else { name };
    let constant = match word.trim_start_matches('.').to_lowercase().as_str() {
        "inf" | "infinity" => "INFINITY",
        "-inf" | "-.inf" | "-infinity" => "NEG_INFINITY",
        "nan" => "NAN",
        _ => return None,
    };
    Some(format!("{kind}::{constant}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_are_read_by_the_kind_of_the_default() {
        let word = |text: &str, kind: &str| {
            ParameterValue::Word(text.to_owned()).to_rust(&Kind::of_type(kind).unwrap())
        };
        let expected = [
            ("7", "i64", Some("7")),
            ("7", "&str", Some("\"7\"")),
            ("7", "f64", Some("7.0")),
            ("1e-3", "f64", Some("0.001")),
            ("true", "bool", Some("true")),
            ("True", "bool", Some("true")),
            ("a \"b\"\\", "String", Some("String::from(\"a \\\"b\\\"\\\\\")")),
            ("[1, 2]", "Vec<f32>", Some("vec![1.0, 2.0]")),
            ("null", "Option<String>", Some("None")),
            ("x", "Option<&str>", Some("Some(\"x\")")),
            ("é", "char", Some("'é'")),
            ("-1", "i8", Some("-1")),
            ("seven", "i32", None),
            ("7.5", "i32", None),
            ("300", "u8", None),
            ("-1", "u64", None),
            ("yes please", "bool", None),
            ("[1, 2]", "[i32; 3]", None),
            ("inf", "f32", Some("f32::INFINITY")),
        ];
        for (text, kind, rust) in expected {
            assert_eq!(word(text, kind).as_deref(), rust, "{text} as {kind}");
        }
    }

    #[test]
    fn values_without_a_default_are_what_they_are() {
        let own = |value: Value| ParameterValue::Value(value).to_rust(&Kind::Any);
        assert_eq!(own(json!(7)).unwrap(), "7");
        assert_eq!(own(json!(7_000_000_000i64)).unwrap(), "7000000000");
        assert_eq!(own(json!([1, 2.5])).unwrap(), "vec![1.0, 2.5]");
        assert_eq!(own(json!("a")).unwrap(), "\"a\"");
        assert_eq!(own(json!({"a": 1})), None);
        assert_eq!(own(json!(null)), None);
    }
}
