//! Where the fixtures are.

use std::path::{Path, PathBuf};

/// The set beside this file.
pub fn committed(part: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity").join(part)
}

/// The whole set: in `HERBARIUM_PARITY`, else in `../shared/parity`. Tests of it are ignored where it is missing.
pub fn whole(part: &str) -> PathBuf {
    let shared = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/parity");
    std::env::var_os("HERBARIUM_PARITY").map_or_else(shared, PathBuf::from).join(part)
}
