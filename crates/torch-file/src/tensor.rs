//! Tensors as a file describes them.

use std::borrow::Cow;
use std::fmt;

use crate::dtype::{Dtype, Number};
use crate::error::{Result, damaged, refused};
use crate::storage::Storage;

/// The most bytes that a copy of a tensor with repeated elements (stride 0) may take.
const EXPANDED: u64 = 1 << 26;

/// A tensor: a view of a [`Storage`]. Its elements are read on [demand](Tensor::bytes).
#[derive(Clone, PartialEq, Eq)]
pub struct Tensor {
    storage: Storage,
    shape: Vec<usize>,
    strides: Vec<usize>,
    offset: usize,
}

impl Tensor {
    /// A view of a storage: element `[i, j]` is number `offset + i * strides[0] + j * strides[1]` of it.
    ///
    /// # Errors
    /// [`Error::Damaged`](crate::Error::Damaged) when it extends beyond the storage, [`Error::Refused`](crate::Error::Refused) when it repeats a small storage so
    /// often that a copy would take more than 64 MB.
    pub fn new(storage: Storage, shape: Vec<usize>, strides: Vec<usize>, offset: usize) -> Result<Tensor> {
        if shape.len() != strides.len() {
            return Err(damaged("the sizes, strides and offset of a tensor do not match"));
        }
        let empty = shape.contains(&0);
        let tensor = Tensor { storage, shape, strides, offset: if empty { 0 } else { offset } };
        tensor.check()?;
        Ok(tensor)
    }

    /// A tensor of elements that follow each other in memory, row by row, little-endian.
    ///
    /// # Errors
    /// [`Error::Damaged`](crate::Error::Damaged) when they are not as many as the shape says.
    pub fn from_bytes(dtype: Dtype, shape: Vec<usize>, bytes: Vec<u8>) -> Result<Tensor> {
        Tensor::of_storage(Storage::new(dtype, bytes)?, shape)
    }

    /// A tensor that is the whole of a storage, row by row.
    ///
    /// # Errors
    /// [`Error::Damaged`](crate::Error::Damaged) when the storage does not have as many elements as the shape says.
    pub fn of_storage(storage: Storage, shape: Vec<usize>) -> Result<Tensor> {
        let strides = contiguous_strides(&shape);
        let tensor = Tensor::new(storage, shape, strides, 0)?;
        if tensor.numel() != tensor.storage.len() {
            return Err(damaged(format!(
                "a tensor of size {:?} is made of {} elements",
                tensor.shape,
                tensor.storage.len()
            )));
        }
        Ok(tensor)
    }

    fn check(&self) -> Result<()> {
        let (shape, numel) = (&self.shape, self.storage.len() as u64);
        let too_large = || damaged(format!("a tensor of size {shape:?} is larger than memory can be"));
        let sides = shape.iter().filter(|&&side| side > 0);
        let elements = sides.map(|&side| side as u64).try_fold(1u64, u64::checked_mul);
        let elements = elements.filter(|&all| all < 1 << 48).ok_or_else(too_large)?;
        if shape.contains(&0) {
            return Ok(());
        }
        let reach =
            shape.iter().zip(&self.strides).try_fold(self.offset as u64, |reach, (&side, &stride)| {
                reach.checked_add((side as u64 - 1).checked_mul(stride as u64)?)
            });
        if reach.is_none_or(|last| last >= numel) {
            return Err(damaged(format!(
                "a tensor of size {shape:?} extends beyond its storage of {numel} elements"
            )));
        }
        if elements > numel && elements.saturating_mul(self.dtype().size() as u64) > EXPANDED {
            return Err(refused(format!(
                "a tensor of size {shape:?} repeats a storage of {numel} elements; save `tensor.contiguous()`"
            )));
        }
        Ok(())
    }

    /// The type of the elements.
    pub fn dtype(&self) -> Dtype {
        self.storage.dtype()
    }

    /// The length of each dimension; none for a single value.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// How far apart neighbours along each dimension are in the storage, in elements.
    pub fn strides(&self) -> &[usize] {
        &self.strides
    }

    /// The place of the first element in the storage, in elements.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The storage behind it.
    pub fn storage(&self) -> &Storage {
        &self.storage
    }

    /// How many elements it has.
    pub fn numel(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether its elements follow each other in the storage, row by row.
    pub fn is_contiguous(&self) -> bool {
        let usual = contiguous_strides(&self.shape);
        let strides = self.strides.iter().zip(&usual).zip(&self.shape);
        self.shape.contains(&0) || strides.into_iter().all(|((own, usual), &side)| side == 1 || own == usual)
    }

    /// Its elements row by row, little-endian, whatever their order in the storage.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), [`Error::Truncated`](crate::Error::Truncated) or [`Error::Damaged`](crate::Error::Damaged) when they cannot be read from the file.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        let size = self.dtype().size();
        let (start, length) = (self.offset * size, self.numel() * size);
        if length == 0 {
            return Ok(Vec::new());
        }
        let whole = self.storage.read()?;
        if !self.is_contiguous() {
            return Ok(self.gather(&whole));
        }
        Ok(match whole {
            Cow::Owned(whole) if start == 0 && length == whole.len() => whole,
            whole => whole[start..start + length].to_vec(),
        })
    }

    /// The elements of the view, one after another.
    fn gather(&self, whole: &[u8]) -> Vec<u8> {
        let size = self.dtype().size();
        let mut bytes = Vec::with_capacity(self.numel() * size);
        let mut index = vec![0; self.shape.len()];
        let mut place = self.offset;
        loop {
            bytes.extend_from_slice(&whole[place * size..(place + 1) * size]);
            // The next index, as a counter turns: the last dimension first.
            let mut dim = self.shape.len();
            loop {
                if dim == 0 {
                    return bytes;
                }
                dim -= 1;
                index[dim] += 1;
                place += self.strides[dim];
                if index[dim] < self.shape[dim] {
                    break;
                }
                place -= index[dim] * self.strides[dim];
                index[dim] = 0;
            }
        }
    }

    /// The number that a tensor of a single real one holds, as Python's `tensor.item()`.
    ///
    /// # Errors
    /// As [`bytes`](Tensor::bytes).
    pub fn item(&self) -> Result<Option<f64>> {
        if self.numel() != 1 {
            return Ok(None);
        }
        Ok(self.dtype().number(&self.bytes()?).map(|number| match number {
            Number::Bool(value) => f64::from(u8::from(value)),
            Number::Int(value) => value as f64,
            Number::Float(value) => value,
        }))
    }
}

/// The strides of a tensor whose elements follow each other.
fn contiguous_strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1usize; shape.len()];
    for dim in (1..shape.len()).rev() {
        strides[dim - 1] = strides[dim].saturating_mul(shape[dim].max(1));
    }
    strides
}

impl fmt::Display for Tensor {
    /// `(64, 3, 7, 7) float32`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sides: Vec<String> = self.shape.iter().map(usize::to_string).collect();
        let comma = if sides.len() == 1 { "," } else { "" };
        write!(f, "({}{comma}) {}", sides.join(", "), self.dtype())
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn storage() -> Storage {
        Storage::new(Dtype::Uint8, (0..24).collect()).unwrap()
    }

    fn window(shape: &[usize], strides: &[usize], offset: usize) -> Tensor {
        Tensor::new(storage(), shape.to_vec(), strides.to_vec(), offset).unwrap()
    }

    #[test]
    fn elements_come_row_by_row() {
        assert_eq!(window(&[2, 3], &[6, 1], 7).bytes().unwrap(), [7, 8, 9, 13, 14, 15]);
        assert_eq!(window(&[3, 2], &[1, 6], 0).bytes().unwrap(), [0, 6, 1, 7, 2, 8]);
        assert_eq!(window(&[2, 2], &[0, 1], 5).bytes().unwrap(), [5, 6, 5, 6]);
        assert_eq!(window(&[4], &[1], 20).bytes().unwrap(), [20, 21, 22, 23]);
        assert_eq!(window(&[], &[], 3).bytes().unwrap(), [3]);
        assert_eq!(window(&[2, 0], &[1, 1], 99).bytes().unwrap(), [0u8; 0]);
        assert_eq!(window(&[], &[], 3).item().unwrap(), Some(3.0));
        assert!(window(&[1, 24], &[7, 1], 0).is_contiguous() && !window(&[3, 2], &[1, 6], 0).is_contiguous());
    }

    #[test]
    fn a_window_lies_inside_its_storage() {
        let refusal = |shape: &[usize], strides: &[usize], offset| {
            Tensor::new(storage(), shape.to_vec(), strides.to_vec(), offset).unwrap_err().to_string()
        };
        assert!(refusal(&[25], &[1], 0).contains("extends beyond its storage of 24 elements"));
        assert!(refusal(&[2], &[usize::MAX], 0).contains("extends beyond"));
        assert!(refusal(&[1 << 40], &[0], 0).contains("repeats a storage"));
        assert!(refusal(&[1], &[], 0).contains("do not match"));
        let short = Tensor::from_bytes(Dtype::Float32, vec![3], vec![0; 8]).unwrap_err().to_string();
        assert!(short.contains("extends beyond"), "{short}");
    }
}
