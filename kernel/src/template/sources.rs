//! The sources that rust-analyzer reads: copies in [outline](super::outline), made once.

use std::io::{Error, Result};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::outline::{Documentation, outline};
use super::recipe::CELL_CRATE;

/// Points the packages of `cargo metadata`'s answer to copies of their sources below `folder`.
pub fn redirect(metadata: &mut Value, folder: &Path) -> Result<()> {
    for package in metadata["packages"].as_array_mut().into_iter().flatten() {
        if let Some(name) = package["name"].as_str().filter(|name| *name != CELL_CRATE) {
            // With the version: there may be several.
            let copy = folder.join(format!("{name}-{}", package["version"].as_str().unwrap_or_default()));
            let mut outlined = package.clone();
            match redirect_package(&mut outlined, &copy) {
                Ok(()) => *package = outlined,
                // Sources that are not UTF-8 are read in place; but those of the checkout must be
                // readable.
                Err(error) if package["source"].is_null() => return Err(error),
                Err(_) => {}
            }
        }
    }
    Ok(())
}

/// Points one package to a copy of its sources, which is made unless it is there. Only its library is kept: of its
/// tests and examples a cell can name nothing.
pub fn redirect_package(package: &mut Value, copy: &Path) -> Result<()> {
    if let Some(targets) = package["targets"].as_array_mut() {
        targets.retain(|target| target["kind"].as_array().is_some_and(|kinds| kinds.iter().any(is_library)));
    }
    let Some(library) = package["targets"][0]["src_path"].as_str().map(PathBuf::from) else { return Ok(()) };
    let Some(file) = library.file_name() else { return Ok(()) };
    if !copy.exists() {
        // The crates that a learner looks up most keep their full documentation: the helper crate
        // and those of its checkout.
        let whole = package["source"].is_null();
        let documentation = if whole { Documentation::Whole } else { Documentation::Summary };
        let unfinished = copy.with_extension(format!("unfinished-{}", std::process::id()));
        let source = library.parent().unwrap_or(Path::new("/"));
        copy_folder(source, &unfinished.join("src"), Path::new(""), documentation)?;
        let original = PathBuf::from(package["manifest_path"].as_str().unwrap_or_default());
        std::fs::copy(&original, unfinished.join("Cargo.toml")).map_err(about(&original))?;
        if std::fs::rename(&unfinished, copy).is_err() {
            // Another process has made the same.
            let _ = std::fs::remove_dir_all(&unfinished);
        }
    }
    package["targets"][0]["src_path"] = copy.join("src").join(file).display().to_string().into();
    package["manifest_path"] = copy.join("Cargo.toml").display().to_string().into();
    Ok(())
}

fn is_library(kind: &Value) -> bool {
    kind.as_str().is_some_and(|kind| kind.ends_with("lib"))
}

/// Copies a folder's Rust sources from one root to the same place below another. Tests are not part of what a
/// cell can name.
pub fn copy_folder(from: &Path, to: &Path, inside: &Path, documentation: Documentation) -> Result<()> {
    let folder = from.join(inside);
    for entry in std::fs::read_dir(&folder).map_err(about(&folder))? {
        let entry = entry.map_err(about(&folder))?;
        let path = inside.join(entry.file_name());
        if entry.path().is_dir() {
            if entry.file_name() != "tests" {
                copy_folder(from, to, &path, documentation)?;
            }
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            copy_file(from, to, &path, documentation)?;
        }
    }
    Ok(())
}

/// Copies a text file from one root to the same place below another, Rust sources in outline.
pub fn copy_file(from: &Path, to: &Path, file: &Path, documentation: Documentation) -> Result<()> {
    let (source, copy) = (from.join(file), to.join(file));
    let text = std::fs::read_to_string(&source).map_err(about(&source))?;
    let is_rust = file.extension().is_some_and(|ending| ending == "rs");
    if let Some(folder) = copy.parent() {
        std::fs::create_dir_all(folder).map_err(about(folder))?;
    }
    std::fs::write(&copy, if is_rust { outline(&text, documentation) } else { text }).map_err(about(&copy))
}

/// An error that names its file.
fn about(path: &Path) -> impl FnOnce(Error) -> Error {
    let path = path.to_owned();
    move |error| Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, text: &str) -> Result<()> {
        std::fs::create_dir_all(path.parent().unwrap())?;
        std::fs::write(path, text)
    }

    #[test]
    fn packages_are_read_from_their_copies() {
        let folder = std::env::temp_dir().join(format!("herbarium-sources-{}", std::process::id()));
        let package = folder.join("package");
        write(&package.join("Cargo.toml"), "[package]").unwrap();
        write(&package.join("src/lib.rs"), "mod a;").unwrap();
        write(&package.join("src/a/b.rs"), "fn b() { 1 }").unwrap();
        write(&package.join("src/a/tests/c.rs"), "fn c() { 1 }").unwrap();
        let target =
            |kind: &str, file: &str| serde_json::json!({"kind": [kind], "src_path": package.join(file)});
        let mut metadata = serde_json::json!({"packages": [
            {"name": "p", "version": "1.0.0", "manifest_path": package.join("Cargo.toml"), "targets": [target("test", "t.rs"), target("lib", "src/lib.rs")]},
            {"name": CELL_CRATE, "manifest_path": "/elsewhere/Cargo.toml", "targets": [target("cdylib", "/elsewhere/src/lib.rs")]},
        ]});
        let cell = metadata["packages"][1].clone();
        redirect(&mut metadata, &folder.join("outlines")).unwrap();
        let copy = folder.join("outlines/p-1.0.0");
        assert_eq!(metadata["packages"][0]["manifest_path"], copy.join("Cargo.toml").display().to_string());
        assert_eq!(metadata["packages"][0]["targets"].as_array().unwrap().len(), 1);
        assert_eq!(
            metadata["packages"][0]["targets"][0]["src_path"],
            copy.join("src/lib.rs").display().to_string()
        );
        assert_eq!(metadata["packages"][1], cell);
        assert_eq!(std::fs::read_to_string(copy.join("src/a/b.rs")).unwrap(), "fn b() {}\n");
        assert!(!copy.join("src/a/tests").exists());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
