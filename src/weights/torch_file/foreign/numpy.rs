//! numpy's numbers as numbers, its arrays as tensors.

use tch::{Kind, Tensor};

use super::super::build::Builder;
use super::super::fault::Fallible;
use super::super::machine::Pickle;
use super::super::node::{Id, Node, Object};
use super::super::storages::{swap, typed};
use super::super::value::Value;
use crate::tensors::kind_text;

/// Most dimensions of an array: numpy's own limit.
const DIMENSIONS: usize = 64;

/// What the elements of an array are.
struct Dtype {
    elements: Elements,
    /// Bytes of one.
    size: usize,
    big_endian: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Elements {
    Numbers(Kind),
    /// Without a sign, of 2, 4 or 8 bytes, which tensors have no type for.
    Unsigned,
    /// Text of four bytes a letter.
    Text,
    /// Python's own objects.
    Objects,
}

impl Builder<'_> {
    /// What numpy's function `name` made, if it is a number, text, array or dtype.
    pub(super) fn numpy(&mut self, name: &str, object: &Object, depth: usize) -> Fallible<Option<Value>> {
        let pickle = self.pickle;
        let arguments = pickle.tuple(object.arguments);
        match (name, arguments) {
            ("scalar", &[dtype, bytes]) => {
                let Some(dtype) = Dtype::of(pickle, dtype) else { return Ok(None) };
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
                Ok(Dtype::of_object(pickle, object).and_then(|dtype| dtype.name()).map(Value::Str))
            }
            _ => Ok(None),
        }
    }

    fn scalar(&mut self, dtype: &Dtype, bytes: &[u8]) -> Fallible<Option<Value>> {
        if bytes.len() != dtype.size {
            return Ok(None);
        }
        self.spend(bytes.len())?;
        if dtype.elements == Elements::Text {
            return Ok(dtype.text(bytes).map(Value::Str));
        }
        let Some(tensor) = dtype.tensor(bytes)? else { return Ok(None) };
        Ok(match tensor.kind() {
            Kind::Bool => Some(Value::Bool(tensor.f_int64_value(&[0])? != 0)),
            Kind::ComplexFloat | Kind::ComplexDouble => None,
            kind if is_float(kind) => {
                Some(Value::Float(tensor.f_to_kind(Kind::Double)?.f_double_value(&[0])?))
            }
            _ => Some(Value::Int(tensor.f_to_kind(Kind::Int64)?.f_int64_value(&[0])?)),
        })
    }

    fn array(
        &mut self,
        shape: Id,
        dtype: Id,
        content: Id,
        fortran: bool,
        depth: usize,
    ) -> Fallible<Option<Value>> {
        let pickle = self.pickle;
        let Some(dtype) = Dtype::of(pickle, dtype) else { return Ok(None) };
        let Some(shape) = shape_of(pickle, shape) else { return Ok(None) };
        if dtype.elements == Elements::Objects {
            return Ok(match pickle.node(content) {
                Node::List(items) if shape.len() <= 1 => Some(Value::List(self.values(items, depth)?)),
                _ => None,
            });
        }
        let Some(bytes) = pickle.raw(content) else { return Ok(None) };
        let count = shape.iter().try_fold(1usize, |all, &side| all.checked_mul(usize::try_from(side).ok()?));
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
        let Some(flat) = dtype.tensor(bytes)? else { return Ok(None) };
        let tensor = if fortran {
            let turned: Vec<i64> = shape.iter().rev().copied().collect();
            let axes: Vec<i64> = (0..shape.len() as i64).rev().collect();
            flat.f_reshape(&turned)?.f_permute(&axes)?.f_contiguous()?
        } else {
            flat.f_reshape(&shape)?
        };
        self.tensor_seen();
        Ok(Some(Value::Tensor(tensor)))
    }
}

fn shape_of(pickle: &Pickle, shape: Id) -> Option<Vec<i64>> {
    let Node::Tuple(sides) = pickle.node(shape) else { return None };
    (sides.len() <= DIMENSIONS).then_some(())?;
    sides.iter().map(|&side| pickle.int(side).filter(|side| *side >= 0)).collect()
}

impl Dtype {
    fn of(pickle: &Pickle, id: Id) -> Option<Dtype> {
        match pickle.node(id) {
            Node::Object(object) => Dtype::of_object(pickle, object),
            _ => None,
        }
    }

    /// `dtype('f8', False, True)` with the state `(3, '<', …)`.
    fn of_object(pickle: &Pickle, object: &Object) -> Option<Dtype> {
        let code = pickle.text(*pickle.tuple(object.arguments).first()?)?;
        let big_endian = match object.state.map(|state| pickle.node(state)) {
            Some(Node::Tuple(state)) => pickle.text(*state.get(1)?)? == ">",
            _ => false,
        };
        let (letter, size) = code.split_at_checked(1)?;
        let size: usize = size.parse().ok()?;
        let elements = match (letter, size) {
            ("b", 1) => Elements::Numbers(Kind::Bool),
            ("i", 1) => Elements::Numbers(Kind::Int8),
            ("u", 1) => Elements::Numbers(Kind::Uint8),
            ("i", 2) => Elements::Numbers(Kind::Int16),
            ("i", 4) => Elements::Numbers(Kind::Int),
            ("i", 8) => Elements::Numbers(Kind::Int64),
            ("f", 2) => Elements::Numbers(Kind::Half),
            ("f", 4) => Elements::Numbers(Kind::Float),
            ("f", 8) => Elements::Numbers(Kind::Double),
            ("c", 8) => Elements::Numbers(Kind::ComplexFloat),
            ("c", 16) => Elements::Numbers(Kind::ComplexDouble),
            ("u", 2 | 4 | 8) => Elements::Unsigned,
            ("U", _) => Elements::Text,
            ("O", _) => Elements::Objects,
            _ => return None,
        };
        let size = if elements == Elements::Text { size.checked_mul(4)? } else { size };
        Some(Dtype { elements, size, big_endian })
    }

    fn name(&self) -> Option<String> {
        match self.elements {
            Elements::Numbers(kind) => Some(kind_text(kind)),
            Elements::Unsigned => Some(format!("uint{}", 8 * self.size)),
            Elements::Text => Some(format!("<U{}", self.size / 4)),
            Elements::Objects => Some("object".into()),
        }
    }

    /// All elements, `(N,)`; [`None`] where a tensor cannot hold them.
    fn tensor(&self, bytes: &[u8]) -> Fallible<Option<Tensor>> {
        match self.elements {
            Elements::Numbers(kind) => {
                let mut bytes = bytes.to_vec();
                if self.big_endian {
                    swap(&mut bytes, kind);
                }
                Ok(Some(typed(&bytes, kind)?))
            }
            Elements::Unsigned => {
                let whole = |element: &[u8]| -> Option<i64> {
                    let add = |number: u64, &byte: &u8| number << 8 | u64::from(byte);
                    let number = match self.big_endian {
                        true => element.iter().fold(0, add),
                        false => element.iter().rev().fold(0, add),
                    };
                    i64::try_from(number).ok()
                };
                let numbers: Option<Vec<i64>> = bytes.chunks_exact(self.size).map(whole).collect();
                Ok(numbers.map(|numbers| Tensor::f_from_slice(&numbers)).transpose()?)
            }
            Elements::Text | Elements::Objects => Ok(None),
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

fn is_float(kind: Kind) -> bool {
    matches!(kind, Kind::Half | Kind::Float | Kind::Double)
}
