//! The key of a cached picture.

use std::fs::Metadata;
use std::path::Path;
use std::time::UNIX_EPOCH;

/// The 128-bit FNV-1a hash: the same on every machine and in every version of Rust, as names on disk
/// must be. (Fowler, Noll, Vo; RFC 9923.)
#[derive(Clone, Copy)]
pub(super) struct Fnv(u128);

impl Fnv {
    pub(super) fn new() -> Self {
        Fnv(0x6c62272e07bb014262b821756295c58d)
    }

    pub(super) fn with(self, bytes: &[u8]) -> Self {
        const PRIME: u128 = 0x0000000001000000000000000000013b;
        Fnv(bytes.iter().fold(self.0, |hash, &byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME)))
    }

    pub(super) fn finish(self) -> u128 {
        self.0
    }
}

/// A picture's file by its absolute path.
pub(super) fn path_id(path: &Path) -> u128 {
    let bytes = |path: &Path| Fnv::new().with(path.as_os_str().as_encoded_bytes()).finish();
    if path.is_absolute() {
        return bytes(path);
    }
    // Without a current folder there is no absolute path, so the given path must do.
    std::path::absolute(path).map_or_else(|_| bytes(path), |path| bytes(&path))
}

/// A file's size and modification time, which show that it has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) size: u64,
    /// Nanoseconds since 1970; 0 where the file system knows no time.
    pub(super) written: i64,
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        let written = metadata.modified().map_or(0, |time| match time.duration_since(UNIX_EPOCH) {
            Ok(after) => after.as_nanos() as i64,
            Err(before) => -(before.duration().as_nanos() as i64),
        });
        Stamp { size: metadata.len(), written }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expected: the published test vectors of FNV-1a-128.
    #[test]
    fn fnv_of_known_texts() {
        assert_eq!(Fnv::new().with(b"").finish(), 0x6c62272e07bb014262b821756295c58d);
        assert_eq!(Fnv::new().with(b"a").finish(), 0xd228cb696f1a8caf78912b704e4a8964);
        assert_eq!(Fnv::new().with(b"foobar").finish(), 0x343e1662793c64bf6f0d3597ba446f18);
    }
}
