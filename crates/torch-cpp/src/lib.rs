#![doc = include_str!("../README.md")]

use std::ffi::{CStr, c_char, c_void};
use std::fmt;
use std::ptr::NonNull;

use tch::Tensor;

/// What libtorch says went wrong, without the C++ backtrace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(pub String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl From<tch::TchError> for Error {
    fn from(error: tch::TchError) -> Self {
        Error(error.to_string())
    }
}

/// A result whose error is [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// What a C++ function returns that runs in `torch_cpp::guarded`.
#[repr(transparent)]
#[must_use]
pub struct Outcome(Text);

impl Outcome {
    /// # Errors
    /// When the C++ function threw an exception: its message.
    pub fn check(self) -> Result<()> {
        self.0.into_string().map_or(Ok(()), |message| Err(Error(message)))
    }
}

/// A text that C++ allocated with `strdup` or `malloc`, ends with a zero, and belongs to Rust from here on; or none.
#[repr(transparent)]
#[derive(Default)]
pub struct Text(Option<NonNull<c_char>>);

impl Text {
    /// A copy of the text; none where C++ returned or wrote null.
    pub fn into_string(self) -> Option<String> {
        // SAFETY: only C++ makes one that is not null, which is then as described above.
        self.0.map(|text| unsafe { CStr::from_ptr(text.as_ptr()) }.to_string_lossy().into_owned())
    }
}

unsafe extern "C" {
    fn free(memory: *mut c_void);
}

impl Drop for Text {
    fn drop(&mut self) {
        if let Some(text) = self.0 {
            // SAFETY: the text belongs to Rust, and was allocated by the same C library.
            unsafe { free(text.as_ptr().cast()) };
        }
    }
}

/// The object to which C++ wrote a pointer.
///
/// # Errors
/// When it wrote none.
pub fn made<T>(raw: *mut T) -> Result<NonNull<T>> {
    NonNull::new(raw).ok_or_else(|| Error("libtorch made nothing".to_owned()))
}

/// Tensors as a C++ function takes them, `at::Tensor* const*`; valid as long as the slice is.
pub fn pointers(tensors: &[Tensor]) -> Vec<*mut c_void> {
    tensors.iter().map(|tensor| tensor.as_ptr().cast_mut().cast()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    unsafe extern "C" {
        fn strdup(text: *const c_char) -> Text;
    }

    #[test]
    fn a_message_is_an_error_and_null_is_success() {
        assert_eq!(Outcome(Text::default()).check(), Ok(()));
        // SAFETY: a text that ends with a zero.
        let message = unsafe { strdup(c"out of memory".as_ptr()) };
        assert_eq!(Outcome(message).check(), Err(Error("out of memory".to_owned())));
        assert!(made::<u8>(std::ptr::null_mut()).is_err());
    }
}
