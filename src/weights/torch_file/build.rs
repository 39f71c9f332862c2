//! From a pickle's nodes to values: shared parts are written out, so their sum is bounded.

use std::collections::HashMap;

use tch::{Kind, Tensor};

use super::fault::Fallible;
use super::globals::dtype_name;
use super::machine::Pickle;
use super::node::{Class, Entries, Global, Id, Node, Window};
use super::storages::Storages;
use super::value::{Dict, DictKind, Key, Value};

/// How deep lists and dictionaries may lie inside each other.
const DEEPEST: usize = 100;
/// What the values of a pickle may take in memory, in multiples of the pickle, beside the tensors'
/// elements: one that holds the same list a thousand times in a thousand lists does not get through.
const GROWTH: usize = 64;
/// The same for a pickle of a few bytes.
const AT_LEAST: usize = 1 << 16;
/// About what a tensor takes without its elements.
const TENSOR: usize = 256;
/// Most dimensions of a tensor; PyTorch's own functions take no more.
const DIMENSIONS: usize = 64;

/// The value of a pickle, with its tensors from `storages`.
pub(super) fn build<'a>(pickle: &'a Pickle<'a>, storages: Storages<'a>) -> Fallible<Value> {
    let left = pickle.bytes.len().saturating_mul(GROWTH).max(AT_LEAST);
    let mut builder =
        Builder { pickle, storages, left, tensors: HashMap::new(), has_tensors: false, passed_over: None };
    let value = builder.value(pickle.root, 0)?;
    match builder.passed_over {
        // Nothing that somebody would read such a file for.
        Some(refusal) if !builder.has_tensors => Err(refusal.into()),
        _ => Ok(value),
    }
}

pub(super) struct Builder<'a> {
    pub(super) pickle: &'a Pickle<'a>,
    storages: Storages<'a>,
    left: usize,
    tensors: HashMap<u32, Tensor>,
    has_tensors: bool,
    /// Why a file without tensors is refused: the first thing in it that is not read.
    passed_over: Option<String>,
}

impl Builder<'_> {
    pub(super) fn spend(&mut self, bytes: usize) -> Fallible<()> {
        let left = self.left.checked_sub(bytes);
        self.left = left.ok_or(
            "refused: its pickle unfolds to much more than it is, by holding the same things over and over",
        )?;
        Ok(())
    }

    /// Notes that there is something to read the file for.
    pub(super) fn tensor_seen(&mut self) {
        self.has_tensors = true;
    }

    pub(super) fn value(&mut self, id: Id, depth: usize) -> Fallible<Value> {
        if depth > DEEPEST {
            return Err(format!("refused: its lists and dictionaries lie more than {DEEPEST} deep").into());
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
            // A dtype is told by its name, as `str(dtype)`.
            Node::Global(Global::Dtype(kind)) => {
                Value::Str(format!("torch.{}", dtype_name(*kind).unwrap_or_default()))
            }
            Node::Object(object) => self.object(object, depth)?,
            Node::Global(Global::Foreign(class)) => self.pass_over(*class)?,
            Node::Storage(_) => {
                self.unread("torch.Storage", || "refused: it holds a storage without a tensor".into())?
            }
            Node::Global(_) => {
                self.unread("a class", || "refused: it holds a class or a function as a value".into())?
            }
        })
    }

    /// Notes that something is not read, and why a file that has nothing else is refused.
    pub(super) fn unread(&mut self, name: &str, refusal: impl FnOnce() -> String) -> Fallible<Value> {
        self.spend(name.len())?;
        self.passed_over.get_or_insert_with(refusal);
        Ok(Value::Object(name.to_owned()))
    }

    pub(super) fn values(&mut self, items: &[Id], depth: usize) -> Fallible<Vec<Value>> {
        items.iter().map(|&item| self.value(item, depth + 1)).collect()
    }

    pub(super) fn dict(&mut self, dict: &Entries, depth: usize) -> Fallible<Dict> {
        let kind = match dict.class {
            Class::Dict => DictKind::Dict,
            Class::OrderedDict => DictKind::OrderedDict,
            Class::Module => DictKind::Module,
        };
        self.entries(&dict.entries, kind, depth)
    }

    pub(super) fn entries(&mut self, given: &[(Id, Id)], kind: DictKind, depth: usize) -> Fallible<Dict> {
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
                        format!("refused: a dictionary has a key that is {kind}, not text or a whole number")
                    });
                    let text = other.to_string();
                    self.spend(text.len())?;
                    Key::Str(text)
                }
            };
            let value = self.value(value, depth + 1)?;
            // The last one counts, in the place of the first, as in Python.
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

    fn tensor(&mut self, index: u32) -> Fallible<Tensor> {
        self.spend(TENSOR)?;
        self.has_tensors = true;
        if let Some(tensor) = self.tensors.get(&index) {
            return Ok(tensor.shallow_clone());
        }
        let window = &self.pickle.windows[index as usize];
        let storage = &self.pickle.storages[window.storage as usize];
        let (size, stride) = (self.sizes(window.size)?, self.sizes(window.stride)?);
        let whole = self.storages.tensor(storage, window.kind)?;
        check(window, &size, &stride, whole.numel() as u64, whole.kind())?;
        let empty = size.contains(&0);
        let offset = if empty { 0 } else { window.offset };
        let tensor = match &storage.view {
            // `as_strided` counts from the start of the whole storage.
            Some((_, start, _)) if !empty => whole.f_as_strided(&size, &stride, offset + *start as i64)?,
            _ => whole.f_as_strided(&size, &stride, offset)?,
        };
        self.tensors.insert(index, tensor.shallow_clone());
        Ok(tensor)
    }

    fn sizes(&self, id: Id) -> Fallible<Vec<i64>> {
        let Node::Tuple(items) = self.pickle.node(id) else {
            return Err("damaged: the sizes of a tensor are no tuple".into());
        };
        if items.len() > DIMENSIONS {
            return Err(format!("damaged: a tensor has {} dimensions", items.len()).into());
        }
        let size = |&item: &Id| match self.pickle.node(item) {
            Node::Int(size) if *size >= 0 => Ok(*size),
            _ => Err("damaged: a size or stride of a tensor is no whole number from 0 up".into()),
        };
        items.iter().map(size).collect()
    }
}

/// Whether a window lies inside its storage of `numel` elements.
fn check(window: &Window, size: &[i64], stride: &[i64], numel: u64, kind: Kind) -> Fallible<()> {
    let offset = u64::try_from(window.offset).ok().filter(|_| size.len() == stride.len());
    let offset = offset.ok_or("damaged: the sizes, strides and offset of a tensor do not go together")?;
    let too_large = || format!("damaged: a tensor of size {size:?} is larger than memory can be");
    let elements =
        size.iter().filter(|&&size| size > 0).try_fold(1u64, |all, &size| all.checked_mul(size as u64));
    let elements = elements.filter(|&all| all < 1 << 48).ok_or_else(too_large)?;
    if size.contains(&0) {
        return Ok(());
    }
    let reach = size.iter().zip(stride).try_fold(offset, |reach, (&size, &stride)| {
        reach.checked_add((size as u64 - 1).checked_mul(stride as u64)?)
    });
    if reach.is_none_or(|last| last >= numel) {
        return Err(format!(
            "damaged: a tensor of size {size:?} reaches beyond its storage of {numel} elements"
        )
        .into());
    }
    // An expanded tensor (stride 0) takes nothing until someone copies it.
    const EXPANDED: u64 = 1 << 26;
    if elements > numel && elements.saturating_mul(kind.elt_size_in_bytes() as u64) > EXPANDED {
        return Err(format!("refused: a tensor of size {size:?} repeats a storage of {numel} elements; save `tensor.contiguous()`").into());
    }
    Ok(())
}
