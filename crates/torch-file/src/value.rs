//! What a PyTorch file holds, as Rust values.

use std::fmt;

use crate::error::Result;
use crate::state::tensors_of;
use crate::tensor::Tensor;

/// Anything that a PyTorch file may hold: what `torch.load(PATH, weights_only=True)` gives, and beside it
/// numpy's numbers and arrays (as numbers and tensors), dates and paths (as texts).
#[derive(Clone, Default)]
pub enum Value {
    /// `None`.
    #[default]
    None,
    /// `True` or `False`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// Text; a dtype or device appears by its name, `torch.float32`, `cpu`, a date as
    /// `2024-05-01T00:00:00`.
    Str(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A tensor. Views of one storage share it, as they did when they were saved.
    Tensor(Tensor),
    /// A list.
    List(Vec<Value>),
    /// A tuple.
    Tuple(Vec<Value>),
    /// A dictionary, or an object that Python stores as one, such as `argparse.Namespace`.
    Dict(Dict),
    /// An object of a Python class, as the class's name: nothing else of it is read.
    Object(String),
}

/// A dictionary's key.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// Text, as layers and settings have.
    Str(String),
    /// A whole number, as the parameters of an optimizer have.
    Int(i64),
}

/// Which of Python's classes a dictionary is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DictKind {
    /// `dict`.
    #[default]
    Dict,
    /// `collections.OrderedDict`, as `state_dict()` gives.
    OrderedDict,
    /// A module of a TorchScript file, or of a whole model: its tensors, and its modules.
    Module,
}

/// A dictionary, in the order of its entries.
#[derive(Clone, Default)]
pub struct Dict {
    kind: DictKind,
    entries: Vec<(Key, Value)>,
}

impl Value {
    /// An empty dictionary.
    pub fn dict() -> Value {
        Value::Dict(Dict::new())
    }

    /// The entry of that name of a dictionary.
    pub fn get(&self, key: impl Into<Key>) -> Option<&Value> {
        self.as_dict()?.get(key)
    }

    /// The dictionary, if it is one.
    pub fn as_dict(&self) -> Option<&Dict> {
        if let Value::Dict(dict) = self { Some(dict) } else { None }
    }

    /// The elements, if it is a list or a tuple.
    pub fn as_list(&self) -> Option<&[Value]> {
        if let Value::List(items) | Value::Tuple(items) = self { Some(items) } else { None }
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        if let Value::Str(text) = self { Some(text) } else { None }
    }

    /// The tensor, if it is one.
    pub fn as_tensor(&self) -> Option<&Tensor> {
        if let Value::Tensor(tensor) = self { Some(tensor) } else { None }
    }

    /// The whole number, if it is one.
    pub fn as_int(&self) -> Option<i64> {
        if let Value::Int(number) = self { Some(*number) } else { None }
    }

    /// `True` or `False`, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        if let Value::Bool(value) = self { Some(*value) } else { None }
    }

    /// The number, if it is one, or a tensor of a single one: `best_acc` often is.
    pub fn as_float(&self) -> Option<f64> {
        match self {
            Value::Int(number) => Some(*number as f64),
            Value::Float(number) => Some(*number),
            Value::Tensor(tensor) => tensor.item().ok().flatten(),
            _ => None,
        }
    }

    /// The state dict in it, as names and tensors in order: itself, or the dictionary that it has under `state_dict`,
    /// `model`, `model_state_dict`, `net`, `weights` or `params`, or the only one that it has under any name. A
    /// TorchScript file gives its modules' tensors.
    ///
    /// # Errors
    /// [`Error::NoStateDict`](crate::Error::NoStateDict) that says what it is instead.
    pub fn state_dict(&self) -> Result<Vec<(String, Tensor)>> {
        tensors_of(self)
    }

    /// The objects that were not read: path and class, `args.sampler (mine.Sampler)`.
    pub fn not_read(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.gather_not_read("", &mut found);
        found
    }

    fn gather_not_read(&self, place: &str, found: &mut Vec<String>) {
        let inside = |key: &str| if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") };
        match self {
            Value::Object(class) if place.is_empty() => found.push(class.clone()),
            Value::Object(class) => found.push(format!("{place} ({class})")),
            Value::List(items) | Value::Tuple(items) => {
                let items = items.iter().enumerate();
                items.for_each(|(index, item)| item.gather_not_read(&inside(&index.to_string()), found));
            }
            Value::Dict(dict) => {
                dict.iter().for_each(|(key, value)| value.gather_not_read(&inside(&key.to_string()), found));
            }
            _ => {}
        }
    }

    /// Its Python type, with an article.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Value::None => "None",
            Value::Bool(_) => "a bool",
            Value::Int(_) => "an int",
            Value::Float(_) => "a float",
            Value::Str(_) => "a str",
            Value::Bytes(_) => "bytes",
            Value::Tensor(_) => "a tensor",
            Value::List(_) => "a list",
            Value::Tuple(_) => "a tuple",
            Value::Dict(_) => "a dict",
            Value::Object(_) => "an object",
        }
    }
}

impl Dict {
    /// No entries.
    pub fn new() -> Dict {
        Dict::default()
    }

    /// No entries, of another of Python's classes.
    pub fn of_kind(kind: DictKind) -> Dict {
        Dict { kind, entries: Vec::new() }
    }

    /// Entries whose keys are known to differ.
    pub(crate) fn from_parts(kind: DictKind, entries: Vec<(Key, Value)>) -> Dict {
        Dict { kind, entries }
    }

    /// Which of Python's classes it is.
    pub fn kind(&self) -> DictKind {
        self.kind
    }

    /// The entry of that key.
    pub fn get(&self, key: impl Into<Key>) -> Option<&Value> {
        let key = key.into();
        self.entries.iter().find(|(known, _)| *known == key).map(|(_, value)| value)
    }

    /// Adds an entry at the end, or replaces the one with that key.
    pub fn insert(&mut self, key: impl Into<Key>, value: impl Into<Value>) {
        let (key, value) = (key.into(), value.into());
        match self.entries.iter_mut().find(|(known, _)| *known == key) {
            Some((_, held)) => *held = value,
            None => self.entries.push((key, value)),
        }
    }

    /// Takes the entry of that key out.
    pub fn remove(&mut self, key: impl Into<Key>) -> Option<Value> {
        let key = key.into();
        let index = self.entries.iter().position(|(known, _)| *known == key)?;
        Some(self.entries.remove(index).1)
    }

    /// Keys and values, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, (Key, Value)> {
        self.entries.iter()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl<'a> IntoIterator for &'a Dict {
    type Item = &'a (Key, Value);
    type IntoIter = std::slice::Iter<'a, (Key, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.iter()
    }
}

impl Key {
    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        if let Key::Str(text) = self { Some(text) } else { None }
    }

    /// The whole number, if it is one.
    pub fn as_int(&self) -> Option<i64> {
        if let Key::Int(number) = self { Some(*number) } else { None }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

macro_rules! from {
    ($target:ty: $($source:ty => $make:expr),* $(,)?) => {
        $(impl From<$source> for $target {
            fn from(value: $source) -> Self {
                #[allow(clippy::redundant_closure_call)]
                ($make)(value)
            }
        })*
    };
}

from!(Key:
    &str => |text: &str| Key::Str(text.to_owned()),
    String => Key::Str,
    &String => |text: &String| Key::Str(text.clone()),
    i64 => Key::Int,
    i32 => |number: i32| Key::Int(number.into()),
    &Key => Key::clone,
);

from!(Value:
    bool => Value::Bool,
    i32 => |number: i32| Value::Int(number.into()),
    i64 => Value::Int,
    f64 => Value::Float,
    &str => |text: &str| Value::Str(text.to_owned()),
    String => Value::Str,
    Tensor => Value::Tensor,
    Vec<Value> => Value::List,
    Dict => Value::Dict,
);

impl<K: Into<Key>, V: Into<Value>> FromIterator<(K, V)> for Dict {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut dict = Dict::new();
        entries.into_iter().for_each(|(key, value)| dict.insert(key, value));
        dict
    }
}
