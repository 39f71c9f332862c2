//! The crate's one error type.

/// A result whose error is [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong in this crate.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused the signal handler for interrupts.
    #[error("cannot listen for interrupts: {0}; the stop button will end the kernel's process instead")]
    Interrupt(String),
}
