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

    /// An argument that no data could make right.
    #[error("{0}")]
    Argument(String),

    /// A folder without the tutorial's layout.
    #[error(
        "{path} is not a data set: {what}; expected\n  {path}/train/<label>/*.jpg\n  \
         {path}/valid/<label>/*.jpg\n  {path}/cat_to_name.json",
        path = path.display()
    )]
    DataLayout {
        /// The data set's folder.
        path: PathBuf,
        /// What is missing.
        what: String,
    },

    /// Neither `XDG_CACHE_HOME` nor `HOME` says where the user's cache is.
    #[error(
        "no folder to keep the drawn flowers in: neither XDG_CACHE_HOME nor HOME is set; set one of them, or \
         HERBARIUM_DATA to a data set of your own"
    )]
    NoCacheFolder,

    /// The operating system refused the handler by which a loop hears an interrupt.
    #[error("cannot listen for interrupts: {0}; the stop button will end the kernel's process instead")]
    Interrupt(String),
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
