//! The manifests and the cargo configuration of a template.

use std::path::Path;

use super::given::{BESIDE_PREFIX, BY_PRELUDE, GIVEN};
use super::recipe;

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
pub fn crate_manifest(crate_folder: &Path, dependencies: &toml::Table) -> String {
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
        ("dependencies".to_owned(), toml::Value::Table(dependencies.clone())),
    ]);
    ours.to_string()
}

/// The crates that cells can name by themselves, asked for as the helper crate does; and serde with what derives its
/// traits, without which `serde_json` is of little use.
fn given(dependencies: &toml::Table) -> toml::Table {
    let mut given = dependencies.clone();
    given.retain(|name, _| GIVEN.contains(&name) && !BY_PRELUDE.contains(&name));
    let serde = toml::toml! {
        version = "1"
        features = ["derive"]
    };
    given.entry("serde").or_insert(toml::Value::Table(serde));
    given
}

/// All that a template's seed takes from registries, as a part of the manifest of a package that stands beside it: under
/// names that are in nobody's way. What the helper crate names by path is not among it: where its sources have
/// changed, cargo would build it again below a kernel that has it loaded.
pub fn beside(dependencies: &toml::Table, of_registries: &toml::Table) -> String {
    let given = given(dependencies).into_iter().filter(|(_, how)| how.get("path").is_none());
    let all = given.chain(of_registries.clone());
    let renamed = all.map(|(name, how)| {
        let mut how = match how {
            toml::Value::Table(how) => how,
            version => toml::Table::from_iter([("version".to_owned(), version)]),
        };
        how.entry("package").or_insert_with(|| name.clone().into());
        (format!("{BESIDE_PREFIX}{name}"), toml::Value::Table(how))
    });
    let dependencies = toml::Value::Table(renamed.collect());
    toml::Table::from_iter([("dependencies".to_owned(), dependencies)]).to_string().replacen(
        "[dependencies]\n",
        "",
        1,
    )
}

/// A cell's package: the crate and the crates that cells can name as its dependencies.
pub fn seed_manifest(template: &Path, dependencies: &toml::Table) -> String {
    let crate_path = template.join("herbarium");
    let given =
        toml::Table::from_iter([("dependencies".to_owned(), toml::Value::Table(given(dependencies)))]);
    format!(
        "[package]\nname = \"{}\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\n\
         [lib]\npath = \"src/lib.rs\"\ncrate-type = [\"cdylib\"]\n\n[workspace]\n{PROFILE}\n\
         [dependencies.herbarium]\npath = {}\n\n{given}",
        recipe::CELL_CRATE,
        toml::Value::from(crate_path.display().to_string())
    )
}
