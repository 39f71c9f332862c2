//! The sources that rust-analyzer reads: copies in [outline](super::outline), made once with the template.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::commands::write;
use super::outline::{Documentation, outline};
use super::recipe::CELL_CRATE;
use crate::error::{Error, Result};

/// Points the packages of `cargo metadata`'s answer to copies of their sources below `folder`. Only their
/// libraries are kept: of their tests and examples a cell can name nothing.
pub fn redirect(metadata: &mut Value, folder: &Path) -> Result<()> {
    for package in metadata["packages"].as_array_mut().into_iter().flatten() {
        let Some(name) = package["name"].as_str().filter(|name| *name != CELL_CRATE).map(str::to_owned)
        else {
            continue;
        };
        if let Some(targets) = package["targets"].as_array_mut() {
            targets
                .retain(|target| target["kind"].as_array().is_some_and(|kinds| kinds.iter().any(is_library)));
        }
        let Some(library) = package["targets"][0]["src_path"].as_str().map(PathBuf::from) else { continue };
        let Some(file) = library.file_name() else { continue };
        let (copy, source) = (folder.join(&name), library.parent().unwrap_or(Path::new("/")));
        // What a learner looks up most is told in full.
        let documentation = if name == "herbarium" { Documentation::Whole } else { Documentation::Summary };
        copy_folder(source, &copy.join("src"), Path::new(""), documentation)?;
        let manifest = copy.join("Cargo.toml");
        let original = PathBuf::from(package["manifest_path"].as_str().unwrap_or_default());
        std::fs::copy(&original, &manifest).map_err(Error::file(&original))?;
        package["targets"][0]["src_path"] = copy.join("src").join(file).display().to_string().into();
        package["manifest_path"] = manifest.display().to_string().into();
    }
    Ok(())
}

fn is_library(kind: &Value) -> bool {
    kind.as_str().is_some_and(|kind| kind.ends_with("lib"))
}

/// Copies a folder's Rust sources from one root to the same place below another. Tests are not part of what a
/// cell can name.
pub fn copy_folder(from: &Path, to: &Path, inside: &Path, documentation: Documentation) -> Result<()> {
    let folder = from.join(inside);
    for entry in std::fs::read_dir(&folder).map_err(Error::file(&folder))? {
        let entry = entry.map_err(Error::file(&folder))?;
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
    let source = from.join(file);
    let text = std::fs::read_to_string(&source).map_err(Error::file(&source))?;
    let is_rust = file.extension().is_some_and(|ending| ending == "rs");
    write(&to.join(file), &if is_rust { outline(&text, documentation) } else { text })
}

#[cfg(test)]
mod tests {
    use super::*;

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
            {"name": "p", "manifest_path": package.join("Cargo.toml"), "targets": [target("test", "t.rs"), target("lib", "src/lib.rs")]},
            {"name": CELL_CRATE, "manifest_path": "/elsewhere/Cargo.toml", "targets": [target("cdylib", "/elsewhere/src/lib.rs")]},
        ]});
        let cell = metadata["packages"][1].clone();
        redirect(&mut metadata, &folder.join("outlines")).unwrap();
        let copy = folder.join("outlines/p");
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
