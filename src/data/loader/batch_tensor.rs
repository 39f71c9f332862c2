//! The tensor of one batch, filled by several threads at once.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tch::{Device, Kind, Tensor};

use crate::{Error, Result};

/// The most values copied by one libtorch operation: from twice as many on, libtorch would start its
/// own threads for each of ours.
const AT_ONCE: usize = 1 << 14;

/// A buffer for the samples of one batch. The first sample determines their size.
pub(super) struct BatchTensor {
    rows: usize,
    /// Whether in pinned memory.
    pin: bool,
    filled: Mutex<Option<Filled>>,
}

struct Filled {
    /// All values, in one row.
    values: Tensor,
    /// (C, H, W) of each sample, and the file of the first that came.
    shape: [i64; 3],
    first: PathBuf,
}

impl BatchTensor {
    /// A buffer for `rows` samples. Memory is allocated for the first sample.
    pub(super) fn new(rows: usize, pin: bool) -> Self {
        BatchTensor { rows, pin, filled: Mutex::new(None) }
    }

    fn filled(&self) -> MutexGuard<'_, Option<Filled>> {
        self.filled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the sample from the file `path` into row `row`.
    ///
    /// # Errors
    /// When it has another shape than the others, or memory is short.
    pub(super) fn put(&self, row: usize, shape: [i64; 3], values: &[f32], path: &Path) -> Result<()> {
        let place = {
            let mut filled = self.filled();
            let filled = match &mut *filled {
                Some(filled) => filled,
                empty => {
                    let count = [self.rows * values.len()].map(|count| count as i64);
                    let values = match self.pin {
                        true => torch_accelerator::empty_pinned(&count, Kind::Float)?,
                        false => Tensor::f_empty(count, (Kind::Float, Device::Cpu))?,
                    };
                    empty.insert(Filled { values, shape, first: path.to_path_buf() })
                }
            };
            same_shape(filled.shape, &filled.first, shape, path)?;
            // A view of the same memory: rows are written concurrently, without the lock.
            filled.values.f_narrow(0, (row * values.len()) as i64, values.len() as i64)?
        };
        for (number, part) in values.chunks(AT_ONCE).enumerate() {
            let mut place = place.f_narrow(0, (number * AT_ONCE) as i64, part.len() as i64)?;
            place.f_copy_(&Tensor::f_from_slice(part)?)?;
        }
        Ok(())
    }

    /// The batch (N, C, H, W) of the rows that were filled, given in order; nothing where none was.
    ///
    /// # Errors
    /// When memory is short.
    pub(super) fn take(&self, rows: &[usize]) -> Result<Option<Tensor>> {
        let Some(Filled { values, shape: [c, h, w], .. }) = self.filled().take() else { return Ok(None) };
        let all = values.f_view([self.rows as i64, c, h, w])?;
        match rows.len() {
            0 => Ok(None),
            count if count == self.rows => Ok(Some(all)),
            _ => {
                let rows: Vec<i64> = rows.iter().map(|&row| row as i64).collect();
                Ok(Some(all.f_index_select(0, &Tensor::f_from_slice(&rows)?)?))
            }
        }
    }
}

/// # Errors
/// When two samples of a batch differ in shape.
fn same_shape(first: [i64; 3], first_path: &Path, shape: [i64; 3], path: &Path) -> Result<()> {
    if first == shape {
        return Ok(());
    }
    Err(Error::Loader(format!(
        "the samples of a batch must have one size: {} is {first:?} (C, H, W) and {} is {shape:?}; \
         put resize([height, width]) or a crop into the transforms",
        first_path.display(),
        path.display()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_in_any_order() {
        let slot = BatchTensor::new(3, false);
        let row = |value: f32| vec![value; 40_000];
        slot.put(2, [1, 200, 200], &row(2.0), "c".as_ref()).unwrap();
        slot.put(0, [1, 200, 200], &row(0.5), "a".as_ref()).unwrap();
        let error = slot.put(1, [1, 100, 400], &row(1.0), "b".as_ref()).unwrap_err().to_string();
        assert!(error.contains("c is [1, 200, 200]") && error.contains("b is [1, 100, 400]"), "{error}");
        let batch = slot.take(&[0, 2]).unwrap().unwrap();
        assert_eq!(batch.size(), [2, 1, 200, 200]);
        assert!(batch.get(0).equal(&Tensor::full([1, 200, 200], 0.5, (Kind::Float, Device::Cpu))));
        assert!(batch.get(1).equal(&Tensor::full([1, 200, 200], 2.0, (Kind::Float, Device::Cpu))));
        assert!(slot.take(&[]).unwrap().is_none());
    }
}
