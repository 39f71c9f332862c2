//! The kernel's one error type.

use std::io;
use std::path::PathBuf;

/// What went wrong in the kernel itself (a cell that fails is a [`crate::session::CellError`]).
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line was not understood.
    #[error("{0}\nTry `herbarium help`.")]
    Usage(String),

    /// A file or folder could not be used.
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },

    /// The file that Jupyter wrote for this kernel does not say how to connect.
    #[error("{} is not a Jupyter connection file: {reason}", path.display())]
    ConnectionFile { path: PathBuf, reason: String },

    /// One of the five sockets could not be opened.
    #[error("the {socket} socket cannot be opened: {source}")]
    Socket { socket: &'static str, source: jupyter_zmq_client::RuntimeError },

    /// Not a notebook that can be run.
    #[error("{} is not a notebook: {reason}", path.display())]
    Notebook { path: PathBuf, reason: String },

    /// Where the notebook with its outputs was to go.
    #[error("{} is {reason}", path.display())]
    Destination { path: PathBuf, reason: String },

    /// A file of parameters could not be understood.
    #[error("{}: {reason}", path.display())]
    Parameters { path: PathBuf, reason: String },

    /// A notebook's parameters cannot have these values.
    #[error("{0}")]
    Values(String),

    /// A kernel could not be installed.
    #[error("{0}")]
    Install(String),

    /// The Rust session could not be started.
    #[error("the Rust session cannot start: {0}")]
    Start(String),

    /// Something the operating system refused.
    #[error("{what}: {source}")]
    System { what: &'static str, source: io::Error },
}

/// The kernel's result.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An [`Error::File`] for `path`, to use in `map_err`.
    pub fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Error {
        let path = path.into();
        move |source| Error::File { path, source }
    }

    /// An [`Error::System`], to use in `map_err`.
    pub fn system<E: Into<io::Error>>(what: &'static str) -> impl FnOnce(E) -> Error {
        move |source| Error::System { what, source: source.into() }
    }
}
