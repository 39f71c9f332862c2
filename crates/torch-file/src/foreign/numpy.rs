//! numpy's numbers as numbers, its arrays as tensors.

use crate::build::Builder;
use crate::dtype::{Dtype, Number};
use crate::error::Result;
use crate::machine::Pickle;
use crate::node::{Id, Node, Object};
use crate::storage::Storage;
use crate::tensor::Tensor;
use crate::value::Value;

/// Most dimensions of an array: numpy's own limit.
const DIMENSIONS: usize = 64;

/// What the elements of an array are.
struct ArrayType {
    elements: Elements,
    /// Bytes of one.
    size: usize,
    big_endian: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Elements {
    Numbers(Dtype),
    /// Without a sign, of 2, 4 or 8 bytes, which tensors have no type for.
    Unsigned,
    /// Text of four bytes a letter.
    Text,
    /// Python's own objects.
    Objects,
}

impl Builder<'_> {
    /// What numpy's function `name` made, if it is a number, text, array or dtype.
    pub(crate) fn numpy(&mut self, name: &str, object: &Object, depth: usize) -> Result<Option<Value>> {
        let pickle = self.pickle;
        let arguments = pickle.tuple(object.arguments);
        match (name, arguments) {
            ("scalar", &[dtype, bytes]) => {
                let Some(dtype) = ArrayType::of(pickle, dtype) else { return Ok(None) };
                let Some(bytes) = pickle.raw(bytes) else { return Ok(None) };
                self.scalar(&dtype, bytes)
            }
            ("_reconstruct", _) => {
                let Some(Node::Tuple(state)) = object.state.map(|state| pickle.node(state)) else {
                    return Ok(None);
                };
                let [_, shape, dtype, fortran, content] = state[..] else { return Ok(None) };
                let fortran = matches!(pickle.node(fortran), Node::Bool(true));
                self.array(shape, dtype, content, fortran, depth)
            }
            ("_frombuffer", &[content, dtype, shape, order]) => {
                self.array(shape, dtype, content, pickle.text(order) == Some("F"), depth)
            }
            ("dtype", _) => {
                Ok(ArrayType::of_object(pickle, object).and_then(|dtype| dtype.name()).map(Value::Str))
            }
            _ => Ok(None),
        }
    }

    fn scalar(&mut self, dtype: &ArrayType, bytes: &[u8]) -> Result<Option<Value>> {
        if bytes.len() != dtype.size {
            return Ok(None);
        }
        self.spend(bytes.len())?;
        if dtype.elements == Elements::Text {
            return Ok(dtype.text(bytes).map(Value::Str));
        }
        let Some((kind, bytes)) = dtype.elements(bytes) else { return Ok(None) };
        let storage = Storage::new(kind, bytes)?;
        Ok(kind.number(&storage.read()?).map(|number| match number {
            Number::Bool(value) => Value::Bool(value),
            Number::Int(value) => Value::Int(value),
            Number::Float(value) => Value::Float(value),
        }))
    }

    fn array(
        &mut self,
        shape: Id,
        dtype: Id,
        content: Id,
        fortran: bool,
        depth: usize,
    ) -> Result<Option<Value>> {
        let pickle = self.pickle;
        let Some(dtype) = ArrayType::of(pickle, dtype) else { return Ok(None) };
        let Some(shape) = shape_of(pickle, shape) else { return Ok(None) };
        if dtype.elements == Elements::Objects {
            return Ok(match pickle.node(content) {
                Node::List(items) if shape.len() <= 1 => Some(Value::List(self.values(items, depth)?)),
                _ => None,
            });
        }
        let Some(bytes) = pickle.raw(content) else { return Ok(None) };
        let count = shape.iter().try_fold(1usize, |all, &side| all.checked_mul(side));
        if dtype.size == 0 || count.and_then(|count| count.checked_mul(dtype.size)) != Some(bytes.len()) {
            return Ok(None);
        }
        self.spend(bytes.len())?;
        if dtype.elements == Elements::Text {
            if shape.len() > 1 {
                return Ok(None);
            }
            let texts: Option<Vec<Value>> =
                bytes.chunks_exact(dtype.size).map(|letters| dtype.text(letters).map(Value::Str)).collect();
            if let Some(texts) = &texts {
                self.spend(texts.len() * size_of::<Value>())?;
            }
            return Ok(texts.map(Value::List));
        }
        let Some((kind, bytes)) = dtype.elements(bytes) else { return Ok(None) };
        let tensor = if fortran {
            // Stored column by column.
            let strides = shape.iter().scan(1, |next, &side| Some(std::mem::replace(next, *next * side)));
            let turned = Tensor::new(Storage::new(kind, bytes)?, shape.clone(), strides.collect(), 0)?;
            Tensor::from_bytes(kind, shape, turned.bytes()?)?
        } else {
            Tensor::from_bytes(kind, shape, bytes)?
        };
        self.tensor_seen();
        Ok(Some(Value::Tensor(tensor)))
    }
}

fn shape_of(pickle: &Pickle, shape: Id) -> Option<Vec<usize>> {
    let Node::Tuple(sides) = pickle.node(shape) else { return None };
    (sides.len() <= DIMENSIONS).then_some(())?;
    sides.iter().map(|&side| usize::try_from(pickle.int(side)?).ok()).collect()
}

impl ArrayType {
    fn of(pickle: &Pickle, id: Id) -> Option<ArrayType> {
        match pickle.node(id) {
            Node::Object(object) => ArrayType::of_object(pickle, object),
            _ => None,
        }
    }

    /// `dtype('f8', False, True)` with the state `(3, '<', …)`.
    fn of_object(pickle: &Pickle, object: &Object) -> Option<ArrayType> {
        let code = pickle.text(*pickle.tuple(object.arguments).first()?)?;
        let big_endian = match object.state.map(|state| pickle.node(state)) {
            Some(Node::Tuple(state)) => pickle.text(*state.get(1)?)? == ">",
            _ => false,
        };
        let (letter, size) = code.split_at_checked(1)?;
        let size: usize = size.parse().ok()?;
        let elements = match (letter, size) {
            ("b", 1) => Elements::Numbers(Dtype::Bool),
            ("i", 1) => Elements::Numbers(Dtype::Int8),
            ("u", 1) => Elements::Numbers(Dtype::Uint8),
            ("i", 2) => Elements::Numbers(Dtype::Int16),
            ("i", 4) => Elements::Numbers(Dtype::Int32),
            ("i", 8) => Elements::Numbers(Dtype::Int64),
            ("f", 2) => Elements::Numbers(Dtype::Float16),
            ("f", 4) => Elements::Numbers(Dtype::Float32),
            ("f", 8) => Elements::Numbers(Dtype::Float64),
            ("c", 8) => Elements::Numbers(Dtype::Complex64),
            ("c", 16) => Elements::Numbers(Dtype::Complex128),
            ("u", 2 | 4 | 8) => Elements::Unsigned,
            ("U", _) => Elements::Text,
            ("O", _) => Elements::Objects,
            _ => return None,
        };
        let size = if elements == Elements::Text { size.checked_mul(4)? } else { size };
        Some(ArrayType { elements, size, big_endian })
    }

    fn name(&self) -> Option<String> {
        match self.elements {
            Elements::Numbers(kind) => Some(kind.name().to_owned()),
            Elements::Unsigned => Some(format!("uint{}", 8 * self.size)),
            Elements::Text => Some(format!("<U{}", self.size / 4)),
            Elements::Objects => Some("object".into()),
        }
    }

    /// All elements, little-endian, and their type; [`None`] where a tensor cannot hold them.
    fn elements(&self, bytes: &[u8]) -> Option<(Dtype, Vec<u8>)> {
        match self.elements {
            Elements::Numbers(kind) => {
                let mut bytes = bytes.to_vec();
                if self.big_endian {
                    kind.swap(&mut bytes);
                }
                Some((kind, bytes))
            }
            Elements::Unsigned => {
                let whole = |element: &[u8]| -> Option<[u8; 8]> {
                    let add = |number: u64, &byte: &u8| number << 8 | u64::from(byte);
                    let number = match self.big_endian {
                        true => element.iter().fold(0, add),
                        false => element.iter().rev().fold(0, add),
                    };
                    i64::try_from(number).ok().map(i64::to_le_bytes)
                };
                let numbers: Vec<[u8; 8]> =
                    bytes.chunks_exact(self.size).map(whole).collect::<Option<_>>()?;
                Some((Dtype::Int64, numbers.concat()))
            }
            Elements::Text | Elements::Objects => None,
        }
    }

    /// The text of one element, which zeros fill up.
    fn text(&self, bytes: &[u8]) -> Option<String> {
        let letter = |four: &[u8]| -> Option<char> {
            let four: [u8; 4] = four.try_into().ok()?;
            char::from_u32(if self.big_endian { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) })
        };
        let text: String = bytes.chunks_exact(4).map(letter).collect::<Option<_>>()?;
        Some(text.trim_end_matches('\0').to_owned())
    }
}
