//! One loader's cache statistics.

use std::fmt;
use std::path::PathBuf;

use crate::data::table::{bytes_text, counted};
use crate::notebook::numbers::thousands;

/// Where a loader's pictures came from so far, and what is kept of them; counted over all loaders of the
/// process that share them. Prints as a few lines.
#[derive(Clone, PartialEq, Eq)]
pub struct CacheUsage {
    /// What is done to a picture before it is kept.
    pub kept: String,
    /// Pictures that came from memory.
    pub from_memory: u64,
    /// Pictures that were read from the files on disk.
    pub from_disk: u64,
    /// Pictures that were decoded.
    pub decoded: u64,
    /// Pictures in memory, and the bytes they take.
    pub memory_pictures: usize,
    /// See above.
    pub memory_bytes: u64,
    /// Pictures on disk, and the bytes of their pixels.
    pub disk_pictures: usize,
    /// See above.
    pub disk_bytes: u64,
    /// Where on disk, if anywhere.
    pub folder: Option<PathBuf>,
    /// Why no more pictures are written to disk, if so.
    pub trouble: Option<String>,
}

impl fmt::Display for CacheUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |count: u64| thousands(count as usize);
        let (memory, disk, decoded) =
            (number(self.from_memory), number(self.from_disk), number(self.decoded));
        writeln!(f, "Kept after: {}", self.kept)?;
        writeln!(f, "Read:       {memory} from memory, {disk} from disk, {decoded} decoded")?;
        let pictures = |count| counted(count, "picture", "pictures");
        write!(f, "In memory:  {}, {}", pictures(self.memory_pictures), bytes_text(self.memory_bytes))?;
        if let Some(folder) = &self.folder {
            let (count, bytes) = (pictures(self.disk_pictures), bytes_text(self.disk_bytes));
            write!(f, "\nOn disk:    {count}, {bytes}, in {}", folder.display())?;
        }
        self.trouble
            .iter()
            .try_for_each(|trouble| write!(f, "\nNot kept:   further pictures on disk: {trouble}"))
    }
}

impl fmt::Debug for CacheUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
