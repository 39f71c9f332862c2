//! Why a file cannot be read or written.

use std::borrow::Cow;
use std::io;

/// Why a file cannot be read or written. The texts do not name the file: the caller knows it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The system cannot read or write it.
    #[error(transparent)]
    Io(io::Error),
    /// The file is cut off.
    #[error("truncated: {0}")]
    Truncated(Cow<'static, str>),
    /// The file contradicts itself.
    #[error("damaged: {0}")]
    Damaged(Cow<'static, str>),
    /// The file asks for something that is never done: calling a function, allocating without
    /// bound.
    #[error("refused: {0}")]
    Refused(Cow<'static, str>),
    /// The file is not a PyTorch file.
    #[error("not a PyTorch file: {0}")]
    NotTorch(Cow<'static, str>),
    /// An unsupported kind of PyTorch file.
    #[error("{0}")]
    Unsupported(Cow<'static, str>),
    /// A value holds no weights.
    #[error("it holds no state dict: {0}")]
    NoStateDict(String),
    /// A value has no place in the format.
    #[error("{0}")]
    NotWritable(Cow<'static, str>),
}

/// A result whose error is [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => truncated("it ends too early"),
            _ => Error::Io(error),
        }
    }
}

pub(crate) fn truncated(what: impl Into<Cow<'static, str>>) -> Error {
    Error::Truncated(what.into())
}

pub(crate) fn damaged(what: impl Into<Cow<'static, str>>) -> Error {
    Error::Damaged(what.into())
}

pub(crate) fn refused(what: impl Into<Cow<'static, str>>) -> Error {
    Error::Refused(what.into())
}

pub(crate) fn unsupported(what: impl Into<Cow<'static, str>>) -> Error {
    Error::Unsupported(what.into())
}
