//! The crate's one error type: what happened, on which file or layer, and what to do about it.

use std::path::PathBuf;

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong in this crate.
///
/// `Debug` prints the same sentence as `Display`, so that a `?` in a notebook cell or an `unwrap`
/// in a test reads like a message and not like a data structure.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("{action} {path}: {source}", path = path.display())]
    Io {
        /// What was attempted, as a present participle: "reading", "creating".
        action: &'static str,
        /// The file or folder it was attempted on.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },

    /// libtorch refused an operation; only the first lines of its message are kept.
    #[error("libtorch: {0}")]
    Torch(String),

    /// A transform was made with wrong arguments, or given what it cannot work on.
    #[error("{transform}: {problem}")]
    Transform {
        /// torchvision's name of the transform.
        transform: String,
        /// What is wrong, and what to do.
        problem: String,
    },

    /// A data folder is not laid out as it must be.
    #[error("the data folder {path} {problem}. Expected:\n{layout}", path = path.display())]
    DataFolder {
        /// The folder.
        path: PathBuf,
        /// What is wrong, as the rest of a sentence about it.
        problem: String,
        /// The layout that is expected.
        layout: String,
    },

    /// A file is not a picture that can be read.
    #[error("{path}: {problem}", path = path.display())]
    Picture {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        problem: String,
    },

    /// A picture could not be transformed.
    #[error("{path}: {source}", path = path.display())]
    Sample {
        /// The picture's file.
        path: PathBuf,
        /// What went wrong.
        source: Box<Error>,
    },

    /// Training and validation do not have the same classes.
    #[error("train and valid must have the same classes: {0}. Add the missing ones or delete the others")]
    DifferentClasses(String),

    /// A line of an annotation file cannot be used.
    #[error("{path}, line {line}: {problem}", path = path.display())]
    Annotation {
        /// The annotation file.
        path: PathBuf,
        /// The line's number, from 1.
        line: usize,
        /// What is wrong, and what to do.
        problem: String,
    },

    /// A JSON file is broken, or holds something else than it must.
    #[error("{path}, line {line}, column {column}: {problem}", path = path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where, from 1.
        line: usize,
        /// Where in the line, from 1.
        column: usize,
        /// What is wrong.
        problem: String,
    },

    /// A label has no name.
    #[error(
        "label '{label}' is not in {path}: add it, and look a predicted index up in the classes first",
        path = path.display()
    )]
    UnknownLabel {
        /// The label that was looked up.
        label: String,
        /// The file of names.
        path: PathBuf,
    },

    /// Batches could not be made.
    #[error("the data loader failed: {0}")]
    Loader(String),

    /// The learner pressed the stop button.
    #[error("interrupted")]
    Interrupted,

    /// An argument that no data could make right.
    #[error("{0}")]
    Argument(String),
}

impl std::fmt::Debug for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl Error {
    /// Wraps an I/O error with the file it happened on.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.into();
        move |source| Error::Io { action, path, source }
    }
}

impl From<tch::TchError> for Error {
    /// Keeps what libtorch says and drops the C++ backtrace that it appends.
    fn from(error: tch::TchError) -> Self {
        let message = match &error {
            tch::TchError::Torch(text) => text.clone(),
            other => other.to_string(),
        };
        let told = message
            .lines()
            .take_while(|line| !line.starts_with("Exception raised from"))
            .filter(|line| !line.trim().is_empty())
            .take(2)
            .collect::<Vec<_>>()
            .join(" ");
        Error::Torch(told)
    }
}
