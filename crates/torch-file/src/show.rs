//! Shows a file's contents as a tree, with tensors as their shapes.

use std::fmt;

use crate::python::{PyFloat, PyStr, py_bool};
use crate::value::{Dict, DictKind, Key, Value};

/// How many entries of a dictionary or list are shown; the rest is only counted.
const SHOWN: usize = 40;
/// The longest list shown on a single line.
const LINE: usize = 80;

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Str(text) => f.write_str(text),
            Key::Int(number) => write!(f, "{number}"),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::None => f.write_str("None"),
            Value::Bool(value) => f.write_str(py_bool(*value)),
            Value::Int(value) => write!(f, "{value}"),
            Value::Float(value) => write!(f, "{}", PyFloat(*value)),
            Value::Str(value) => write!(f, "{}", PyStr(value)),
            Value::Bytes(value) => write!(f, "{} bytes", value.len()),
            Value::Tensor(value) => write!(f, "tensor {value}"),
            Value::List(items) => sequence(f, items, "[", "]"),
            Value::Tuple(items) if items.len() == 1 => sequence(f, items, "(", ",)"),
            Value::Tuple(items) => sequence(f, items, "(", ")"),
            Value::Dict(dict) => fmt::Display::fmt(dict, f),
            Value::Object(class) => write!(f, "<{class}, not read>"),
        }
    }
}

fn sequence(f: &mut fmt::Formatter<'_>, items: &[Value], open: &str, close: &str) -> fmt::Result {
    let texts: Vec<String> = items.iter().take(SHOWN).map(Value::to_string).collect();
    let rest = items.len() - texts.len();
    let more = if rest > 0 { format!(", … {rest} more") } else { String::new() };
    let line = texts.join(", ");
    if line.chars().count() <= LINE && !line.contains('\n') {
        return write!(f, "{open}{line}{more}{close}");
    }
    let lines = texts.join(",\n").replace('\n', "\n    ");
    write!(f, "{open}\n    {lines}{more}\n{close}")
}

impl fmt::Display for Dict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (open, close) = match self.kind() {
            DictKind::Dict => ("{", "}"),
            DictKind::OrderedDict => ("OrderedDict({", "})"),
            DictKind::Module => ("Module({", "})"),
        };
        if self.is_empty() {
            return write!(f, "{open}{close}");
        }
        let entry = |(key, value): &(Key, Value)| match key {
            Key::Str(key) => format!("{}: {value}", PyStr(key)),
            Key::Int(key) => format!("{key}: {value}"),
        };
        let mut entries: Vec<String> = self.iter().take(SHOWN).map(entry).collect();
        if self.len() > SHOWN {
            entries.push(format!("… {} more", self.len() - SHOWN));
        }
        write!(f, "{open}\n    {}\n{close}", entries.join(",\n").replace('\n', "\n    "))
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Dict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dtype, Tensor};

    #[test]
    fn a_checkpoint_reads_as_python_would_write_it() {
        let bias = Tensor::from_bytes(Dtype::Float32, vec![2], vec![0; 8]).unwrap();
        let state: Dict = [("fc.bias", bias)].into_iter().collect();
        let mut dict = Dict::new();
        dict.insert("state_dict", state);
        dict.insert("best_acc", 0.625);
        dict.insert("params", vec![Value::Int(0), Value::Int(1)]);
        dict.insert(3, Value::None);
        assert_eq!(
            Value::Dict(dict).to_string(),
            "{\n    'state_dict': {\n        'fc.bias': tensor (2,) float32\n    },\n    'best_acc': 0.625,\n    \
             'params': [0, 1],\n    3: None\n}"
        );
    }
}
