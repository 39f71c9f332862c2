//! Where the fixtures are.

use std::path::{Path, PathBuf};

/// The set beside this file.
pub fn committed(part: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity").join(part)
}

/// The whole set: in `HERBARIUM_PARITY`, else in `../shared/parity`; says so if it is nowhere.
pub fn whole(part: &str) -> Option<PathBuf> {
    if let Some(set) = std::env::var_os("HERBARIUM_PARITY") {
        return Some(PathBuf::from(set).join(part));
    }
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/parity").join(part);
    if shared.is_dir() {
        return Some(shared);
    }
    println!(
        "skipped: HERBARIUM_PARITY is not set and there is no ../shared/parity; the committed set was compared"
    );
    None
}
