//! The key of a template: a hash of all that goes into it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use super::{Location, members, outside};
use crate::error::{Error, Result};
use crate::toolchain;

/// Sixteen hexadecimal digits; equal for equal sources, toolchain, libtorch and kernel.
pub fn of(location: &Location) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    env!("CARGO_PKG_VERSION").hash(&mut hasher);
    super::build::VERSION.hash(&mut hasher);
    std::fs::read(super::build::shim()?).ok().hash(&mut hasher);
    toolchain()?.hash(&mut hasher);
    location.libtorch.hash(&mut hasher);
    let libraries = location.libtorch.as_ref().map(|libtorch| libtorch.join("lib"));
    libraries
        .and_then(|folder| folder.metadata().ok())
        .and_then(|facts| facts.modified().ok())
        .hash(&mut hasher);
    location.crate_folder.hash(&mut hasher);
    for file in sources(&location.crate_folder)? {
        file.hash(&mut hasher);
        std::fs::read(&file).map_err(Error::file(&file))?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// What the toolchain says of itself.
fn toolchain() -> Result<String> {
    let output = outside::command("rustc").arg("-vV").output().map_err(Error::system(
        "running rustc, which cells are compiled with (is Rust installed and on the PATH?)",
    ))?;
    let about = String::from_utf8_lossy(&output.stdout).into_owned();
    toolchain::check(&about).map_err(Error::Start)?;
    Ok(about)
}

/// The crate's manifest, lock file and everything below `src`, and the crates that it names by path, sorted.
fn sources(crate_folder: &Path) -> Result<Vec<PathBuf>> {
    /// Folders of a crate that do not go into its library.
    const OTHERS: [&str; 4] = ["target", "tests", "benches", "examples"];
    let mut files = vec![crate_folder.join("Cargo.toml"), crate_folder.join("Cargo.lock")];
    let mut waiting = vec![crate_folder.join("src")];
    for folder in members::by_path(crate_folder)?.into_values() {
        files.extend(members::workspace(&folder)?);
        waiting.extend(entries(&folder)?.into_iter().filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            !OTHERS.contains(&&*name) && !name.starts_with('.')
        }));
    }
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(entries(&path)?);
        } else {
            files.push(path);
        }
    }
    files.sort();
    files.dedup();
    Ok(files)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(Error::file(folder))?;
    entries.map(|entry| Ok(entry.map_err(Error::file(folder))?.path())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_of_the_checkout_are_part_of_the_key() {
        let root = std::env::temp_dir().join(format!("herbarium-key-{}", std::process::id()));
        let write = |path: &str, text: &str| {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("Cargo.toml", "[workspace]\n[dependencies]\na = { path = \"crates/a\" }\n");
        write("Cargo.lock", "");
        write("src/lib.rs", "");
        write("tests/t.rs", "");
        write("crates/a/Cargo.toml", "[package]\nname = \"a\"\n");
        write("crates/a/src/lib.rs", "");
        write("crates/a/tests/t.rs", "");
        write("crates/unused/src/lib.rs", "");
        let root = root.canonicalize().unwrap();
        let found = sources(&root).unwrap();
        let found: Vec<_> =
            found.iter().map(|path| path.strip_prefix(&root).unwrap().to_str().unwrap()).collect();
        let expected =
            ["Cargo.lock", "Cargo.toml", "crates/a/Cargo.toml", "crates/a/src/lib.rs", "src/lib.rs"];
        assert_eq!(found, expected);
        std::fs::remove_dir_all(&root).unwrap();
    }
}
