//! The standard library's sources, as far as a cell's types come from them.
//!
//! rust-analyzer reads and parses all that it is given, also the two hundred thousand lines of processor
//! intrinsics that `core` includes: more than half of a kernel's start. They, and the tests and platform
//! crates beside `core`, `alloc` and `std`, are left out here. What is named from them in a cell compiles
//! all the same; only its type cannot be told, and a `let` of it needs one written out.

use std::path::{Path, PathBuf};

use super::commands::write;
use crate::error::{Error, Result};

/// The crates whose sources are kept.
const CRATES: [&str; 4] = ["core", "alloc", "std", "proc_macro"];
/// Modules that these crates include from outside of them, and that are left empty.
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
    copy_file(library, slim, Path::new("Cargo.toml"))?;
    for name in CRATES {
        copy_file(library, slim, &Path::new(name).join("Cargo.toml"))?;
        copy_folder(library, slim, &Path::new(name).join("src"))?;
    }
    LEFT_OUT.iter().try_for_each(|module| write(&slim.join(module), ""))
}

fn copy_folder(from: &Path, to: &Path, inside: &Path) -> Result<()> {
    let folder = from.join(inside);
    std::fs::create_dir_all(to.join(inside)).map_err(Error::file(to.join(inside)))?;
    for entry in std::fs::read_dir(&folder).map_err(Error::file(&folder))? {
        let entry = entry.map_err(Error::file(&folder))?;
        let path = inside.join(entry.file_name());
        if entry.path().is_dir() {
            // Tests are not part of what a cell can name.
            if entry.file_name() != "tests" {
                copy_folder(from, to, &path)?;
            }
        } else {
            copy_file(from, to, &path)?;
        }
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path, file: &Path) -> Result<()> {
    let target = to.join(file);
    if let Some(folder) = target.parent() {
        std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
    }
    std::fs::copy(from.join(file), &target).map(drop).map_err(Error::file(from.join(file)))
}
