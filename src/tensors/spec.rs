//! A tensor's shape and type, in PyTorch's words.

use std::fmt;

use tch::{Kind, Tensor};

/// Shape and type of a tensor; shows as `(64, 3, 7, 7) float32`.
#[derive(Clone, PartialEq, Eq)]
pub struct TensorSpec {
    /// The length of each dimension; none for a single value.
    pub shape: Vec<i64>,
    /// The type of the elements.
    pub kind: Kind,
}

impl TensorSpec {
    /// The spec of a tensor.
    pub fn of(tensor: &Tensor) -> TensorSpec {
        TensorSpec { shape: tensor.size(), kind: tensor.kind() }
    }
}

impl fmt::Display for TensorSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", shape_text(&self.shape), kind_text(self.kind))
    }
}

impl fmt::Debug for TensorSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A shape as Python prints a tuple: `(64, 3)`, `(64,)`, `()`.
pub(crate) fn shape_text(shape: &[i64]) -> String {
    match shape {
        [single] => format!("({single},)"),
        many => format!("({})", many.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")),
    }
}

/// A type as PyTorch calls it: `float32`.
pub(crate) fn kind_text(kind: Kind) -> String {
    match kind {
        Kind::Bool => "bool".into(),
        Kind::Uint8 => "uint8".into(),
        Kind::Int8 => "int8".into(),
        Kind::Int16 => "int16".into(),
        Kind::Int => "int32".into(),
        Kind::Int64 => "int64".into(),
        Kind::Half => "float16".into(),
        Kind::BFloat16 => "bfloat16".into(),
        Kind::Float => "float32".into(),
        Kind::Double => "float64".into(),
        other => format!("{other:?}").to_lowercase(),
    }
}
