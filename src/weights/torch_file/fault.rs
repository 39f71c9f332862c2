//! Why a PyTorch file cannot be read, before it is known which file it is.

use std::io;
use std::path::Path;

use crate::Error;

/// What is wrong with a file.
#[derive(Debug)]
pub(super) enum Fault {
    /// It cannot be read at all.
    Io(io::Error),
    /// It is damaged, something else, or asks for what is not done.
    Wrong(String),
}

pub(super) type Fallible<T> = Result<T, Fault>;

impl Fault {
    /// The error that names the file.
    pub fn at(self, path: &Path) -> Error {
        match self {
            Fault::Io(error) => Error::io("reading", path)(error),
            Fault::Wrong(reason) => Error::Weights { path: path.to_owned(), reason },
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => "truncated: it ends too early".into(),
            _ => Fault::Io(error),
        }
    }
}

impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Fault::Wrong(reason)
    }
}

impl From<&str> for Fault {
    fn from(reason: &str) -> Self {
        Fault::Wrong(reason.to_owned())
    }
}

impl From<tch::TchError> for Fault {
    fn from(error: tch::TchError) -> Self {
        Fault::Wrong(format!("damaged: {}", Error::from(error)))
    }
}
