//! The manifests and the cargo configuration of a template.

use std::path::Path;

use super::helper::Helper;
use super::recipe;
use super::template_crates::BESIDE_PREFIX;

/// The folder in a template with the helper crate's manifest.
pub const HELPER: &str = "helper";
/// Optimisation: always for the crate, whose loops must be fast; not for cells, which must compile quickly. An override
/// for all packages would hold for procedural macros too, whose compilation it makes five times slower. The units are
/// those of cargo's release profile: 256, as its dev profile has them, take longer for crates that are optimised.
const PROFILE: &str = "
[profile.dev]
opt-level = 3
codegen-units = 16
debug = false
debug-assertions = false
overflow-checks = false
strip = \"debuginfo\"
rpath = true
panic = \"unwind\"
incremental = false
";

/// What is different for a cell, in the profile above.
const CELL_PROFILE: &str = "opt-level = 0\ndebug-assertions = true\noverflow-checks = true\n";

/// Where tch's wrapper as a shared library and libtorch are.
pub struct Torch<'a> {
    pub libtch: &'a Path,
    pub libtorch: &'a Path,
}

/// How crates are compiled for a template: with the `overrides` of the helper crate's own profile for single packages;
/// where they need torch-sys, with the shared library in place of its build script.
pub fn cargo_config(target: &str, torch: Option<Torch<'_>>, overrides: &toml::Table) -> String {
    // In a configuration, unlike in a manifest, cargo accepts packages that a build does not need.
    format!("{}\n{}", target_config(target, torch), profile("dev", overrides.clone()))
}

/// The profile of this name, in which single packages are compiled as the `overrides` say.
pub fn profile(name: &str, overrides: toml::Table) -> toml::Table {
    let table = |key: &str, value: toml::Table| toml::Table::from_iter([(key.to_owned(), value.into())]);
    table("profile", table(name, table("package", overrides)))
}

/// The part of the configuration that concerns the target.
fn target_config(target: &str, torch: Option<Torch<'_>>) -> String {
    let Some(Torch { libtch, libtorch }) = torch else {
        return format!("[target.{target}]\nrustflags = [\"-Cprefer-dynamic\"]\n");
    };
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
pub fn crate_manifest(crate_folder: &Path, helper: &Helper, dependencies: &toml::Table) -> String {
    let package = [("name", &helper.package), ("version", &"0.1.0".to_owned()), ("edition", &helper.edition)];
    let package = package.map(|(key, text)| (key.to_owned(), text.as_str().into()));
    let library = toml::Table::from_iter([
        ("path".to_owned(), crate_folder.join("src/lib.rs").display().to_string().into()),
        ("crate-type".to_owned(), vec!["dylib"].into()),
    ]);
    let ours = toml::Table::from_iter([
        ("package".to_owned(), toml::Value::Table(package.into_iter().collect())),
        ("lib".to_owned(), toml::Value::Table(library)),
        ("dependencies".to_owned(), toml::Value::Table(dependencies.clone())),
        ("features".to_owned(), toml::Value::Table(helper.features.clone())),
    ]);
    ours.to_string()
}

/// The crates that cells can name by themselves: those of the helper crate as it asks for them, and those beside it.
fn given(helper: &Helper, dependencies: &toml::Table) -> toml::Table {
    let mut given = dependencies.clone();
    given.retain(|name, _| helper.crates.iter().any(|given| given == name));
    for (name, how) in &helper.beside {
        given.entry(name.clone()).or_insert_with(|| how.clone());
    }
    given
}

/// The seed's registry dependencies, as part of the manifest of a separate package, under names that collide with
/// nothing. Path dependencies of the helper crate are excluded: if their sources have changed, cargo would rebuild them
/// underneath a kernel that has them loaded.
pub fn beside(helper: &Helper, dependencies: &toml::Table, of_registries: &toml::Table) -> String {
    let given = given(helper, dependencies).into_iter().filter(|(_, how)| how.get("path").is_none());
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
pub fn seed_manifest(template: &Path, helper: &Helper, dependencies: &toml::Table) -> String {
    let mut given = given(helper, dependencies);
    let path = template.join(HELPER).display().to_string();
    given.insert(helper.package.clone(), toml::Table::from_iter([("path".to_owned(), path.into())]).into());
    let given = toml::Table::from_iter([("dependencies".to_owned(), toml::Value::Table(given))]);
    format!(
        "[package]\nname = \"{}\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\n\
         [lib]\npath = \"src/lib.rs\"\ncrate-type = [\"cdylib\"]\n\n[workspace]\n{PROFILE}\n[profile.dev.package.{}]\n{CELL_PROFILE}\n{given}",
        recipe::CELL_CRATE,
        recipe::CELL_CRATE
    )
}
