//! The manifests and the cargo configuration of a template.

use std::path::Path;

use super::recipe;
use crate::error::{Error, Result};

/// How the crate and a cell are optimised: the crate's loops always, cells for a short wait.
const PROFILE: &str = "
[profile.dev]
opt-level = 0
debug = false
strip = \"debuginfo\"
rpath = true
panic = \"unwind\"
incremental = false

[profile.dev.package.\"*\"]
opt-level = 3
debug-assertions = false
overflow-checks = false
";

/// Replaces torch-sys's build script by the shared library.
pub fn cargo_config(target: &str, libtch: &Path, libtorch: &Path) -> String {
    let (libtch, lib) = (libtch.display(), libtorch.join("lib"));
    let lib = lib.display();
    format!(
        "[target.{target}.tch]\n\
         rustc-link-search = [\"native={libtch}\", \"native={lib}\"]\n\
         rustc-link-lib = [\"dylib=tch\", \"dylib=torch\", \"dylib=torch_cpu\", \"dylib=c10\", \"dylib=stdc++\"]\n\
         libtorch_lib = \"{lib}\"\n\n\
         [target.{target}]\n\
         rustflags = [\"-Cprefer-dynamic\", \"-Clink-arg=-Wl,-rpath,{libtch}\", \"-Clink-arg=-Wl,-rpath,{lib}\"]\n"
    )
}

/// The crate as a shared library: the same sources and dependencies, another kind of output.
pub fn crate_manifest(crate_folder: &Path) -> Result<String> {
    let path = crate_folder.join("Cargo.toml");
    let text = std::fs::read_to_string(&path).map_err(Error::file(&path))?;
    let manifest: toml::Table =
        text.parse().map_err(|error| Error::Start(format!("{}: {error}", path.display())))?;
    let dependencies =
        manifest.get("dependencies").cloned().unwrap_or(toml::Value::Table(Default::default()));
    let package = toml::toml! {
        name = "herbarium"
        version = "0.1.0"
        edition = "2024"
    };
    let library = toml::Table::from_iter([
        ("path".to_owned(), crate_folder.join("src/lib.rs").display().to_string().into()),
        ("crate-type".to_owned(), vec!["dylib"].into()),
    ]);
    let ours = toml::Table::from_iter([
        ("package".to_owned(), toml::Value::Table(package)),
        ("lib".to_owned(), toml::Value::Table(library)),
        ("dependencies".to_owned(), dependencies),
    ]);
    Ok(ours.to_string())
}

/// A cell's package with the crate as its dependency; further dependencies are added below the last line.
pub fn seed_manifest(template: &Path) -> String {
    let crate_path = template.join("herbarium");
    format!(
        "[package]\nname = \"{}\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\n\
         [lib]\npath = \"src/lib.rs\"\ncrate-type = [\"cdylib\"]\n\n[workspace]\n{PROFILE}\n\
         [dependencies]\nherbarium = {{ path = \"{}\" }}\n",
        recipe::CELL_CRATE,
        crate_path.display()
    )
}
