//! What can go wrong.

use crate::size::{MAX_FILE_PIXELS, MAX_IMAGE_PIXELS};

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a picture cannot be read or made. No text names a file: the caller knows its path.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system cannot read the file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The file has no bytes.
    #[error("the file is empty (0 bytes): copy it again or delete it")]
    Empty,
    /// The file contains something other than a picture of a format that is read.
    #[error("{0}")]
    Format(String),
    /// The file ends too early, or contradicts itself.
    #[error("the picture is damaged or truncated ({0}): copy it again or delete it")]
    Damaged(String),
    /// The file's header claims more pixels than are read.
    #[error(
        "the picture claims {width}x{height} pixels, but {MAX_FILE_PIXELS} is the most that is read: shrink it"
    )]
    TooLarge {
        /// Pixels across.
        width: u64,
        /// Pixels down.
        height: u64,
    },
    /// A picture of this size cannot be made.
    #[error(
        "size is {height}x{width}: {}",
        if *width < 1 || *height < 1 {
            "height and width must be at least 1 pixel".to_string()
        } else {
            format!("a picture may have {MAX_IMAGE_PIXELS} pixels at most")
        }
    )]
    Size {
        /// Pixels across.
        width: i64,
        /// Pixels down.
        height: i64,
    },
    /// A number that must be finite is not.
    #[error("{0} is not a finite number")]
    NotFinite(&'static str),
    /// The picture that is to be changed has no pixels.
    #[error("the picture has no pixels")]
    NoPixels,
}
