//! What makes a program of a text: cargo's files.

use std::path::Path;

use toml::{Table, Value};

use crate::dependency::Dependency;
use crate::error::{Error, Result};
use crate::template::{Helper, profile};

/// A package's name from a notebook's: letters, digits and hyphens, with a letter first.
pub fn package_name(notebook: &Path) -> String {
    let stem = notebook.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
    let name: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let name = name.trim_matches('-');
    match name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        true => name.to_owned(),
        false => format!("notebook-{name}").trim_end_matches('-').to_owned(),
    }
}

/// The manifest of a program with the crates that cells have from the start, `given`. Each of `dependencies` is what stands
/// behind a `:dep`, and paths in it are meant from `base`.
pub fn manifest(name: &str, dependencies: &[String], base: &Path, given: Table) -> Result<String> {
    let mut table = given;
    for words in dependencies {
        // A folder by itself is meant from the notebook's one, too.
        let words =
            if words.starts_with('.') { base.join(words).display().to_string() } else { words.clone() };
        let Dependency { name: crate_name, how } = Dependency::parse(&words, |_| false)
            .map_err(|invalid| Error::Usage(invalid.explain(":dep", "NAME = \"VERSION\"")))?;
        table.entry(crate_name).or_insert_with(|| from(base, how));
    }
    let package = Table::from_iter([
        ("name".to_owned(), name.into()),
        ("version".to_owned(), "0.1.0".into()),
        ("edition".to_owned(), "2024".into()),
    ]);
    let all = Table::from_iter([
        ("package".to_owned(), Value::Table(package)),
        ("dependencies".to_owned(), Value::Table(table)),
        // Also below another project's folder it is one by itself.
        ("workspace".to_owned(), Value::Table(Table::new())),
    ]);
    Ok(all.to_string())
}

/// What a program has without asking for it: the crate of the cells, and of what stands beside that the crates that `text` names.
pub fn given(helper: &Helper, crate_folder: &Path, text: &str) -> Table {
    let path = Table::from_iter([("path".to_owned(), crate_folder.display().to_string().into())]);
    let named = |name: &str| text.contains(&format!("{}::", name.replace('-', "_")));
    let beside = helper.beside.iter().filter(|(name, _)| named(name));
    let beside = beside.map(|(name, how)| (name.clone(), how.clone()));
    beside.chain([(helper.package.clone(), path.into())]).collect()
}

/// A dependency whose path is meant from the notebook's folder.
fn from(base: &Path, mut how: Value) -> Value {
    if let Some(Value::String(path)) = how.get_mut("path") {
        *path = base.join(&*path).display().to_string();
    }
    how
}

/// Lets the program find libtorch when it runs.
pub fn build_script() -> String {
    "//! Lets the program find libtorch when it runs.\n\n\
     fn main() {\n    \
         println!(\"cargo:rerun-if-env-changed=LIBTORCH\");\n    \
         if let Ok(libtorch) = std::env::var(\"LIBTORCH\") {\n        \
             println!(\"cargo:rustc-link-arg=-Wl,-rpath,{libtorch}/lib\");\n    \
         }\n}\n"
        .to_owned()
}

/// Tells cargo where libtorch is, and compiles crates as the helper crate's own release profile does: what stands in
/// that profile's `package` table are the `overrides`. In a manifest, cargo would warn of those that the program lacks.
pub fn cargo_config(libtorch: &Path, overrides: Table) -> String {
    let libtorch = Value::from(libtorch.display().to_string());
    let mut text = format!(
        "# Where libtorch is, for every cargo that runs in this folder.\n[env]\nLIBTORCH = {libtorch}\n"
    );
    if !overrides.is_empty() {
        let profile = profile("release", overrides);
        text += &format!("\n# Crates that no training waits for are compiled quickly.\n{profile}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_cargo_takes() {
        for (notebook, name) in [
            ("a/flowers.ipynb", "flowers"),
            ("Why 30 %.ipynb", "why-30"),
            ("7 ways.ipynb", "notebook-7-ways"),
            ("花.ipynb", "notebook"),
        ] {
            assert_eq!(package_name(Path::new(notebook)), name);
        }
    }

    #[test]
    fn dependencies_as_cells_name_them() {
        let path = Table::from_iter([("path".to_owned(), "/checkout".into())]);
        let given = Table::from_iter([("herbarium".to_owned(), Value::Table(path))]);
        let words =
            ["herbarium = { path = \"..\" }", "regex = \"1\"", "own = { path = \"../own\" }", "rand@0.9"];
        let words = words.map(str::to_owned);
        let text = manifest("flowers", &words, Path::new("/notebooks"), given.clone()).unwrap();
        let table: Table = text.parse().unwrap();
        let dependencies = &table["dependencies"];
        assert_eq!(dependencies["herbarium"]["path"].as_str(), Some("/checkout"));
        assert_eq!(dependencies["regex"].as_str(), Some("1"));
        assert_eq!(dependencies["own"]["path"].as_str(), Some("/notebooks/../own"));
        assert_eq!(dependencies["rand"].as_str(), Some("0.9"));
        let wrong = manifest("flowers", &["= 1".to_owned()], Path::new("/"), given);
        assert!(wrong.unwrap_err().to_string().contains("is not a dependency"));
    }
}
