//! The standard library's sources, as far as a cell's types come from them.
//!
//! rust-analyzer parses everything it is given, including the two hundred thousand lines of processor
//! intrinsics that `core` includes: more than half of a kernel's start time. They, and the tests and
//! platform crates beside `core`, `alloc` and `std`, are left out here. A cell that uses them still
//! compiles; only their types cannot be inferred, so a `let` of one needs a type annotation. Of the rest,
//! an [outline](super::outline) is enough.

use std::path::{Path, PathBuf};

use super::commands::write;
use super::outline::Documentation::Summary;
use super::sources::{copy_file, copy_folder};
use crate::error::{Error, Result};

/// The crates whose sources are kept.
const CRATES: [&str; 4] = ["core", "alloc", "std", "proc_macro"];
/// Modules that these crates include from elsewhere, and that are left empty here.
const LEFT_OUT: [&str; 2] =
    ["stdarch/crates/core_arch/src/mod.rs", "portable-simd/crates/core_simd/src/mod.rs"];

/// The folder of the toolchain's own sources below its sysroot.
pub fn of_sysroot(sysroot: &Path) -> PathBuf {
    sysroot.join("lib/rustlib/src/rust/library")
}

/// Copies what is kept of `library` to `slim`.
pub fn copy(library: &Path, slim: &Path) -> Result<()> {
    if !library.join("core/src").is_dir() {
        let what = "the standard library's sources are not installed: run `rustup component add rust-src`";
        return Err(Error::Start(what.to_owned()));
    }
    let copies = || -> std::io::Result<()> {
        copy_file(library, slim, Path::new("Cargo.toml"), Summary)?;
        for name in CRATES {
            copy_file(library, slim, &Path::new(name).join("Cargo.toml"), Summary)?;
            copy_folder(library, slim, &Path::new(name).join("src"), Summary)?;
        }
        Ok(())
    };
    copies().map_err(Error::system("copying the standard library's sources"))?;
    LEFT_OUT.iter().try_for_each(|module| write(&slim.join(module), ""))
}
