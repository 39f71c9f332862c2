//! The standard library's sources, as far as a cell's types come from them.
//!
//! rust-analyzer parses everything it is given, including the two hundred thousand lines of processor
//! intrinsics that `core` includes: more than half of a kernel's start time. They, and the tests and
//! platform crates beside `core`, `alloc` and `std`, are left out here. A cell that uses them still
//! compiles; only their types cannot be inferred, so a `let` of one needs a type annotation. Of the rest,
//! an [outline](super::outline) is enough.
//!
//! `core` and `alloc` are outlines of what rustc makes of them when it has expanded their macros. In the sources a few
//! macros write the methods of all numbers; rust-analyzer would expand them in every kernel, and ask at every cell
//! whether they have changed.

use std::path::{Path, PathBuf};

use super::commands::{output, write};
use super::members::Manifest;
use super::outline::{Documentation::Summary, matching, outline};
use super::outside;
use super::recipe::{LIBRARY, SESSION_LIBRARY};
use super::sources::{copy_file, copy_folder};
use crate::error::{Error, Result};
use crate::sys;

/// The crates whose sources are kept.
const CRATES: [&str; 4] = ["core", "alloc", "std", "proc_macro"];
/// Those of them that are kept as rustc expands them, which is possible for a crate without dependencies.
const EXPANDED: [&str; 2] = ["core", "alloc"];
/// Modules that these crates include from elsewhere, and that are left empty here.
const LEFT_OUT: [(&str, &str); 2] = [
    ("core_arch", "stdarch/crates/core_arch/src/mod.rs"),
    ("core_simd", "portable-simd/crates/core_simd/src/mod.rs"),
];

/// The folder of the toolchain's own sources below its sysroot.
pub fn of_sysroot(sysroot: &Path) -> PathBuf {
    sysroot.join("lib/rustlib/src/rust/library")
}

/// Copies what is kept of `library` to `slim`. The sources are those of `rustc`.
pub fn copy(library: &Path, slim: &Path, rustc: &Path) -> Result<()> {
    if !library.join("core/src").is_dir() {
        let what = "the standard library's sources are not installed: run `rustup component add rust-src`";
        return Err(Error::Start(what.to_owned()));
    }
    let copies = || -> std::io::Result<()> {
        copy_file(library, slim, Path::new("Cargo.toml"), Summary)?;
        for name in CRATES {
            copy_file(library, slim, &Path::new(name).join("Cargo.toml"), Summary)?;
            let sources = Path::new(name).join("src");
            let text = EXPANDED.contains(&name).then(|| expanded(&library.join(name), rustc)).flatten();
            match text {
                Some(text) => {
                    std::fs::create_dir_all(slim.join(&sources))?;
                    std::fs::write(slim.join(&sources).join("lib.rs"), text)?;
                }
                None => copy_folder(library, slim, &sources, Summary)?,
            }
        }
        Ok(())
    };
    copies().map_err(Error::system("copying the standard library's sources"))?;
    LEFT_OUT.iter().try_for_each(|(_, module)| write(&slim.join(module), ""))
}

/// What the session's rust-analyzer takes for the standard library: nothing, or where rustc does not tell it the types,
/// what is kept.
pub fn of_session(template: &Path, tells_types: bool) -> Result<()> {
    let folder = template.join(SESSION_LIBRARY);
    if !tells_types {
        return sys::link(LIBRARY, &folder).map_err(Error::file(&folder));
    }
    let core = folder.join("core");
    std::fs::create_dir_all(&core).map_err(Error::file(&core))
}

/// The outline of a crate in one file, its macros expanded; `None` where rustc cannot do that.
fn expanded(crate_folder: &Path, rustc: &Path) -> Option<String> {
    let manifest = Manifest::read(crate_folder).ok()?;
    let [name, edition] = ["name", "edition"].map(|key| manifest.package(key).ok().flatten());
    let mut command = outside::command(rustc);
    command
        .args(["-Zunpretty=expanded", "-Zforce-unstable-if-unmarked", "--crate-type=lib"])
        .args(["--crate-name", &name?, "--edition", &edition?])
        .arg(crate_folder.join("src/lib.rs"))
        // The option is unstable: its text is read by rust-analyzer only, and where it is missing, the sources are.
        .env("RUSTC_BOOTSTRAP", "1");
    let text = output(&mut command).ok()?;
    Some(outline(&without_modules(text, &LEFT_OUT.map(|(name, _)| name)), Summary))
}

/// A crate's text with these modules empty, where they stand in it as `mod name { … }`.
fn without_modules(mut text: String, names: &[&str]) -> String {
    for name in names {
        let head = format!("\nmod {name} {{");
        let open = text.find(&head).map(|start| start + head.len() - 1);
        if let Some((open, close)) = open.and_then(|open| Some((open, matching(&text, open)?))) {
            text.replace_range(open + 1..close - 1, "");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_emptied() {
        let source = "mod a;\nmod arch {\n    mod b { fn c() { '}' } }\n}\nmod d {}\n";
        assert_eq!(without_modules(source.to_owned(), &["arch", "simd"]), "mod a;\nmod arch {}\nmod d {}\n");
    }
}
