//! Builds values from a pickle's nodes. Shared nodes are copied, so the total size is bounded.

use std::collections::HashMap;

use crate::error::{Error, Result, damaged, refused};
use crate::machine::Pickle;
use crate::node::{Class, Entries, Global, Id, Node};
use crate::storages::Storages;
use crate::tensor::Tensor;
use crate::value::{Dict, DictKind, Key, Value};

/// How deeply lists and dictionaries may nest.
const DEEPEST: usize = 100;
/// The memory that a pickle's values may take besides the tensors' elements, in multiples of the
/// pickle's size. This rejects a pickle that holds the same list a thousand times in a thousand
/// lists.
const GROWTH: usize = 64;
/// The same for a pickle of a few bytes.
const AT_LEAST: usize = 1 << 16;
/// Approximate memory of a tensor without its elements.
const TENSOR: usize = 256;
/// Most dimensions of a tensor; PyTorch's own functions take no more.
const DIMENSIONS: usize = 64;

/// The value of a pickle, with its tensors from `storages`.
pub(crate) fn build(pickle: &Pickle, storages: Storages) -> Result<Value> {
    let left = pickle.bytes.len().saturating_mul(GROWTH).max(AT_LEAST);
    let mut builder =
        Builder { pickle, storages, left, tensors: HashMap::new(), has_tensors: false, passed_over: None };
    let value = builder.value(pickle.root, 0)?;
    match builder.passed_over {
        // Without a tensor there is no reason to read such a file.
        Some(refusal) if !builder.has_tensors => Err(refusal),
        _ => Ok(value),
    }
}

pub(crate) struct Builder<'a> {
    pub(crate) pickle: &'a Pickle<'a>,
    storages: Storages,
    left: usize,
    tensors: HashMap<u32, Tensor>,
    has_tensors: bool,
    /// Why a file without tensors is refused: the first object in it that cannot be read.
    passed_over: Option<Error>,
}

impl Builder<'_> {
    pub(crate) fn spend(&mut self, bytes: usize) -> Result<()> {
        let left = self.left.checked_sub(bytes);
        self.left = left.ok_or(refused(
            "its pickle expands to far more than its own size, by containing the same things over and over",
        ))?;
        Ok(())
    }

    /// Notes that the file holds a tensor, and so is worth reading.
    pub(crate) fn tensor_seen(&mut self) {
        self.has_tensors = true;
    }

    pub(crate) fn value(&mut self, id: Id, depth: usize) -> Result<Value> {
        if depth > DEEPEST {
            return Err(refused(format!("its lists and dictionaries are nested more than {DEEPEST} deep")));
        }
        let pickle = self.pickle;
        self.spend(size_of::<Value>())?;
        Ok(match pickle.node(id) {
            Node::None => Value::None,
            Node::Bool(value) => Value::Bool(*value),
            Node::Int(value) => Value::Int(*value),
            Node::Float(value) => Value::Float(*value),
            Node::Text(span) => {
                self.spend(span.length)?;
                Value::Str(pickle.text(id).unwrap_or_default().to_owned())
            }
            Node::Old(span) => {
                self.spend(2 * span.length)?;
                match pickle.text(id) {
                    Some(text) => Value::Str(text.to_owned()),
                    None => Value::Bytes(pickle.bytes[span.start..span.start + span.length].to_vec()),
                }
            }
            Node::Bytes(span) => {
                self.spend(span.length)?;
                Value::Bytes(pickle.bytes[span.start..span.start + span.length].to_vec())
            }
            Node::Encoded(bytes) => {
                self.spend(bytes.len())?;
                Value::Bytes(bytes.to_vec())
            }
            Node::Tuple(items) => Value::Tuple(self.values(items, depth)?),
            Node::List(items) => Value::List(self.values(items, depth)?),
            Node::Dict(dict) => Value::Dict(self.dict(dict, depth)?),
            Node::Tensor(index) => Value::Tensor(self.tensor(*index)?),
            // A dtype is recognised by its name, as `str(dtype)`.
            Node::Global(Global::Dtype(dtype)) => Value::Str(format!("torch.{dtype}")),
            Node::Object(object) => self.object(object, depth)?,
            Node::Global(Global::Foreign(class)) => self.pass_over(*class)?,
            Node::Storage(_) => {
                self.unread("torch.Storage", || refused("it holds a storage without a tensor"))?
            }
            Node::Global(_) => {
                self.unread("a class", || refused("it holds a class or a function as a value"))?
            }
        })
    }

    /// Notes an object that cannot be read, and the refusal for a file that has nothing else.
    pub(crate) fn unread(&mut self, name: &str, refusal: impl FnOnce() -> Error) -> Result<Value> {
        self.spend(name.len())?;
        self.passed_over.get_or_insert_with(refusal);
        Ok(Value::Object(name.to_owned()))
    }

    pub(crate) fn values(&mut self, items: &[Id], depth: usize) -> Result<Vec<Value>> {
        items.iter().map(|&item| self.value(item, depth + 1)).collect()
    }

    pub(crate) fn dict(&mut self, dict: &Entries, depth: usize) -> Result<Dict> {
        let kind = match dict.class {
            Class::Dict => DictKind::Dict,
            Class::OrderedDict => DictKind::OrderedDict,
            Class::Module => DictKind::Module,
        };
        self.entries(&dict.entries, kind, depth)
    }

    pub(crate) fn entries(&mut self, given: &[(Id, Id)], kind: DictKind, depth: usize) -> Result<Dict> {
        let mut places: HashMap<Key, usize> = HashMap::new();
        let mut entries: Vec<(Key, Value)> = Vec::new();
        for &(key, value) in given {
            let key = match self.value(key, depth + 1)? {
                Value::Str(key) => Key::Str(key),
                Value::Int(key) => Key::Int(key),
                Value::Bool(key) => Key::Int(key.into()),
                other => {
                    let kind = other.kind();
                    self.passed_over.get_or_insert_with(|| {
                        refused(format!("a dictionary has a key that is {kind}, not text or a whole number"))
                    });
                    let text = other.to_string();
                    self.spend(text.len())?;
                    Key::Str(text)
                }
            };
            let value = self.value(value, depth + 1)?;
            // The last value counts, at the position of the first, as in Python.
            match places.get(&key) {
                Some(&place) => entries[place].1 = value,
                None => {
                    self.spend(size_of::<(Key, usize)>() + size_of::<Key>())?;
                    places.insert(key.clone(), entries.len());
                    entries.push((key, value));
                }
            }
        }
        Ok(Dict::from_parts(kind, entries))
    }

    fn tensor(&mut self, index: u32) -> Result<Tensor> {
        self.spend(TENSOR)?;
        self.has_tensors = true;
        if let Some(tensor) = self.tensors.get(&index) {
            return Ok(tensor.clone());
        }
        let window = &self.pickle.windows[index as usize];
        let named = &self.pickle.storages[window.storage as usize];
        let (shape, strides) = (self.sizes(window.size)?, self.sizes(window.stride)?);
        let storage = self.storages.get(named, window.dtype)?;
        let mut offset = usize::try_from(window.offset)
            .map_err(|_| damaged("the sizes, strides and offset of a tensor do not match"))?;
        if let Some((_, start, count)) = &named.view {
            if start.checked_add(*count).is_none_or(|end| end > storage.len() as u64) {
                return Err(damaged("a view extends beyond its storage"));
            }
            offset = offset.saturating_add(*start as usize);
        }
        let tensor = Tensor::new(storage, shape, strides, offset)?;
        self.tensors.insert(index, tensor.clone());
        Ok(tensor)
    }

    fn sizes(&self, id: Id) -> Result<Vec<usize>> {
        let Node::Tuple(items) = self.pickle.node(id) else {
            return Err(damaged("the sizes of a tensor are not a tuple"));
        };
        if items.len() > DIMENSIONS {
            return Err(damaged(format!("a tensor has {} dimensions", items.len())));
        }
        let wrong = || damaged("a size or stride of a tensor is not a whole number of 0 or more");
        let size = |&item: &Id| match self.pickle.node(item) {
            Node::Int(size) => usize::try_from(*size).map_err(|_| wrong()),
            _ => Err(wrong()),
        };
        items.iter().map(size).collect()
    }
}
