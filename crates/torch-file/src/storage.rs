//! The memory behind tensors, which several of them may share.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::dtype::Dtype;
use crate::error::{Result, damaged};

/// The elements behind one or several tensors, which are views of it. A clone is the same storage.
///
/// Those of a file are read when they are [asked for](Storage::read), each time from the file, which stays open: a
/// program that needs only some of a file's tensors reads only these, and holds no second copy.
#[derive(Clone)]
pub struct Storage(Arc<Inner>);

struct Inner {
    dtype: Dtype,
    len: usize,
    bytes: Bytes,
}

type Read = dyn Fn() -> Result<Vec<u8>> + Send + Sync;

enum Bytes {
    Here(Vec<u8>),
    Elsewhere(Box<Read>),
}

impl Storage {
    /// Elements in memory, little-endian.
    ///
    /// # Errors
    /// [`Error::Damaged`](crate::Error::Damaged) when the last element is not whole, or a `bool` neither 0 nor 1.
    pub fn new(dtype: Dtype, bytes: Vec<u8>) -> Result<Storage> {
        if !bytes.len().is_multiple_of(dtype.size()) {
            return Err(damaged("a storage ends inside an element"));
        }
        check_bools(dtype, &bytes)?;
        let len = bytes.len() / dtype.size();
        Ok(Storage(Arc::new(Inner { dtype, len, bytes: Bytes::Here(bytes) })))
    }

    /// `len` elements that `read` gives when they are needed, little-endian; so that a large tensor is copied only
    /// while it is being written.
    pub fn lazy(
        dtype: Dtype,
        len: usize,
        read: impl Fn() -> Result<Vec<u8>> + Send + Sync + 'static,
    ) -> Storage {
        Storage(Arc::new(Inner { dtype, len, bytes: Bytes::Elsewhere(Box::new(read)) }))
    }

    /// The type of the elements.
    pub fn dtype(&self) -> Dtype {
        self.0.dtype
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.0.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.len == 0
    }

    /// An id that no other storage has while this one lives, to use as a key.
    pub fn id(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// The elements, little-endian.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), [`Error::Truncated`](crate::Error::Truncated) or [`Error::Damaged`](crate::Error::Damaged) when they cannot be read from the file.
    pub fn read(&self) -> Result<Cow<'_, [u8]>> {
        let read = match &self.0.bytes {
            Bytes::Here(bytes) => return Ok(Cow::Borrowed(bytes)),
            Bytes::Elsewhere(read) => read()?,
        };
        if read.len() != self.0.len * self.0.dtype.size() {
            return Err(damaged("a storage has another length than its tensors need"));
        }
        check_bools(self.0.dtype, &read)?;
        Ok(Cow::Owned(read))
    }
}

fn check_bools(dtype: Dtype, bytes: &[u8]) -> Result<()> {
    if dtype == Dtype::Bool && bytes.iter().any(|&byte| byte > 1) {
        return Err(damaged("a bool is neither 0 nor 1"));
    }
    Ok(())
}

impl PartialEq for Storage {
    /// Whether the two are the same storage, not whether their elements are equal.
    fn eq(&self, other: &Storage) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Storage {}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Storage of {} {}", self.0.len, self.0.dtype)
    }
}
