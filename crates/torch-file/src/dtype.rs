//! The types that the elements of a tensor have.

use std::fmt;

/// The type of a tensor's elements; shows as PyTorch calls it, `float32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dtype {
    /// One byte, 0 or 1.
    Bool,
    /// Unsigned integers of one byte.
    Uint8,
    /// Whole numbers of one byte.
    Int8,
    /// Whole numbers of two bytes.
    Int16,
    /// Whole numbers of four bytes.
    Int32,
    /// Whole numbers of eight bytes.
    Int64,
    /// IEEE 754's half precision.
    Float16,
    /// The upper half of a `float32`.
    BFloat16,
    /// Single precision.
    Float32,
    /// Double precision.
    Float64,
    /// Two `float32`: the real and the imaginary part.
    Complex64,
    /// Two `float64`: the real and the imaginary part.
    Complex128,
}

/// Types with the storage classes of a file and the names that Python has for them, the usual one first.
const NAMES: [(Dtype, &str, &[&str]); 12] = [
    (Dtype::Float32, "FloatStorage", &["float32", "float"]),
    (Dtype::Float64, "DoubleStorage", &["float64", "double"]),
    (Dtype::Float16, "HalfStorage", &["float16", "half"]),
    (Dtype::BFloat16, "BFloat16Storage", &["bfloat16"]),
    (Dtype::Int64, "LongStorage", &["int64", "long"]),
    (Dtype::Int32, "IntStorage", &["int32", "int"]),
    (Dtype::Int16, "ShortStorage", &["int16", "short"]),
    (Dtype::Int8, "CharStorage", &["int8"]),
    (Dtype::Uint8, "ByteStorage", &["uint8"]),
    (Dtype::Bool, "BoolStorage", &["bool"]),
    (Dtype::Complex64, "ComplexFloatStorage", &["complex64", "cfloat"]),
    (Dtype::Complex128, "ComplexDoubleStorage", &["complex128", "cdouble"]),
];

impl Dtype {
    /// Bytes of one element.
    pub const fn size(self) -> usize {
        match self {
            Dtype::Bool | Dtype::Uint8 | Dtype::Int8 => 1,
            Dtype::Int16 | Dtype::Float16 | Dtype::BFloat16 => 2,
            Dtype::Int32 | Dtype::Float32 => 4,
            Dtype::Int64 | Dtype::Float64 | Dtype::Complex64 => 8,
            Dtype::Complex128 => 16,
        }
    }

    /// The name in PyTorch: `float32`.
    pub fn name(self) -> &'static str {
        self.names().2[0]
    }

    /// The class of its storages in a file: `FloatStorage`.
    pub(crate) fn storage_class(self) -> &'static str {
        self.names().1
    }

    fn names(self) -> &'static (Dtype, &'static str, &'static [&'static str]) {
        // Every type has a row.
        NAMES.iter().find(|(known, ..)| *known == self).unwrap_or(&NAMES[0])
    }

    /// The type of a storage class's elements.
    pub(crate) fn of_storage_class(name: &str) -> Option<Dtype> {
        NAMES.iter().find(|(_, class, _)| *class == name).map(|(dtype, ..)| *dtype)
    }

    /// The type of a name in PyTorch, without `torch.`.
    pub(crate) fn of_name(name: &str) -> Option<Dtype> {
        NAMES.iter().find(|(.., names)| names.contains(&name)).map(|(dtype, ..)| *dtype)
    }

    /// Converts big-endian numbers to little-endian.
    pub(crate) fn swap(self, bytes: &mut [u8]) {
        let size = match self {
            Dtype::Complex64 | Dtype::Complex128 => self.size() / 2,
            other => other.size(),
        };
        if size > 1 {
            bytes.chunks_exact_mut(size).for_each(<[u8]>::reverse);
        }
    }

    /// The number that the little-endian bytes of one element stand for; none for complex ones.
    pub(crate) fn number(self, bytes: &[u8]) -> Option<Number> {
        macro_rules! of {
            ($kind:ident, $type:ty) => {
                Number::$kind(<$type>::from_le_bytes(bytes.try_into().ok()?).into())
            };
        }
        Some(match self {
            Dtype::Bool => Number::Bool(*bytes.first()? != 0),
            Dtype::Uint8 => of!(Int, u8),
            Dtype::Int8 => of!(Int, i8),
            Dtype::Int16 => of!(Int, i16),
            Dtype::Int32 => of!(Int, i32),
            Dtype::Int64 => of!(Int, i64),
            Dtype::Float16 => Number::Float(half(u16::from_le_bytes(bytes.try_into().ok()?))),
            Dtype::BFloat16 => {
                let upper = u16::from_le_bytes(bytes.try_into().ok()?);
                Number::Float(f32::from_bits(u32::from(upper) << 16).into())
            }
            Dtype::Float32 => of!(Float, f32),
            Dtype::Float64 => of!(Float, f64),
            Dtype::Complex64 | Dtype::Complex128 => return None,
        })
    }
}

/// The number of IEEE 754's half precision with these bits.
fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1F), f64::from(bits & 0x3FF));
    let magnitude = match exponent {
        0 => fraction * 2f64.powi(-24),
        0x1F if fraction == 0.0 => f64::INFINITY,
        0x1F => f64::NAN,
        exponent => (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
    };
    if bits >> 15 == 1 { -magnitude } else { magnitude }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One element.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Bool(bool),
    Int(i64),
    Float(f64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_has_its_own_names() {
        for (dtype, class, names) in NAMES {
            assert_eq!((dtype.storage_class(), dtype.name()), (class, names[0]));
            assert_eq!(Dtype::of_storage_class(class), Some(dtype));
            assert!(names.iter().all(|name| Dtype::of_name(name) == Some(dtype)));
        }
    }

    /// Expected: `torch.tensor(…, dtype=…)` of the same numbers.
    #[test]
    fn numbers_of_every_width() {
        assert_eq!(Dtype::Float16.number(&[0x00, 0xC2]), Some(Number::Float(-3.0)));
        for (bits, expected) in [
            (0x3C00, 1.0),
            (0x3555, 0.333251953125),
            (0x7BFF, 65504.0),
            (0x0001, 5.960464477539063e-08),
            (0x8000, -0.0),
            (0xFC00, f64::NEG_INFINITY),
        ] {
            assert_eq!(half(bits).to_bits(), f64::to_bits(expected), "{bits:x}");
        }
        assert!(half(0x7E00).is_nan());
        assert_eq!(Dtype::BFloat16.number(&[0x40, 0xC0]), Some(Number::Float(-3.0)));
        assert_eq!(Dtype::Int16.number(&[0xFE, 0xFF]), Some(Number::Int(-2)));
        assert_eq!(Dtype::Complex64.number(&[0; 8]), None);
        let mut complex = [0, 0, 0x80, 0x3F, 0, 0, 0, 0x40];
        Dtype::Complex64.swap(&mut complex);
        assert_eq!(complex, [0x3F, 0x80, 0, 0, 0x40, 0, 0, 0]);
    }
}
