//! What the helper crate depends on: crates of a registry, and crates of the same checkout, which it names by path.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::error::{Error, Result};

/// The dependencies of the crate in a folder, in a form that is valid in a manifest anywhere: paths are absolute, and
/// values inherited from the workspace are written out.
pub fn dependencies(folder: &Path) -> Result<Table> {
    let manifest = Manifest::read(folder)?;
    let Some(dependencies) = manifest.table.get("dependencies").and_then(Value::as_table) else {
        return Ok(Table::new());
    };
    let given = dependencies.iter();
    given.map(|(name, how)| Ok((name.clone(), manifest.written_out(name, how)?))).collect()
}

/// The registry dependencies of the crate in a folder and of its path dependencies, each with the union of the
/// requested features: a manifest may list a crate only once.
pub fn of_registries(folder: &Path) -> Result<Table> {
    let is_of_registry = |(_, how): &(String, Value)| how.get("path").is_none();
    let mut all: Table = dependencies(folder)?.into_iter().filter(is_of_registry).collect();
    for folder in by_path(folder)?.into_values() {
        for (name, how) in dependencies(&folder)?.into_iter().filter(is_of_registry) {
            let package = how.get("package").and_then(Value::as_str).unwrap_or(&name).to_owned();
            let known = all.remove(&package);
            all.insert(package, known.map_or_else(|| how.clone(), |known| united(known, &how)));
        }
    }
    Ok(all)
}

/// A dependency with the features of another on the same crate.
fn united(known: Value, other: &Value) -> Value {
    let mut how = table(known);
    if let Some(more) = other.get("features").and_then(Value::as_array) {
        let all = how.entry("features").or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(all) = all {
            all.extend(more.iter().cloned());
        }
    }
    if other.get("default-features").and_then(Value::as_bool) != Some(false) {
        how.remove("default-features");
    }
    how.into()
}

/// A dependency in its long form.
fn table(how: Value) -> Table {
    match how {
        Value::Table(how) => how,
        version => Table::from_iter([("version".to_owned(), version)]),
    }
}

/// The folders of all crates below the one in `folder` that are named by path, by the names of their packages.
pub fn by_path(folder: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        let manifest = Manifest::read(&folder)?;
        for (name, how) in manifest.all_dependencies() {
            let how = manifest.written_out(name, how)?;
            let Some(path) = how.get("path").and_then(Value::as_str) else { continue };
            let package = how.get("package").and_then(Value::as_str).unwrap_or(name);
            if found.insert(package.to_owned(), path.into()).is_none() {
                waiting.push(path.into());
            }
        }
    }
    Ok(found)
}

/// The manifest of the workspace that the crate in a folder belongs to, where it has one.
pub fn workspace(folder: &Path) -> Result<Option<PathBuf>> {
    Ok(Manifest::read(folder)?.workspace()?.map(|root| root.folder.join("Cargo.toml")))
}

/// What the release profile of the crate in a folder, or of its workspace, says of single packages.
pub fn profile_overrides(folder: &Path) -> Result<Table> {
    let manifest = Manifest::read(folder)?;
    let root = manifest.workspace()?.unwrap_or(manifest);
    let overrides =
        root.table.get("profile").and_then(|profile| profile.get("release")?.get("package")?.as_table());
    Ok(overrides.cloned().unwrap_or_default())
}

/// The manifest of the package in a folder.
pub struct Manifest {
    folder: PathBuf,
    pub table: Table,
}

impl Manifest {
    pub fn read(folder: &Path) -> Result<Manifest> {
        let path = folder.join("Cargo.toml");
        let text = std::fs::read_to_string(&path).map_err(Error::file(&path))?;
        let table = text.parse().map_err(|error| Error::Start(format!("{}: {error}", path.display())))?;
        Ok(Manifest { folder: folder.to_owned(), table })
    }

    /// What a text of `[package]` says, the workspace's where it is inherited.
    pub fn package(&self, key: &str) -> Result<Option<String>> {
        let Some(said) = self.table.get("package").and_then(|package| package.get(key)) else {
            return Ok(None);
        };
        if let Some(said) = said.as_str() {
            return Ok(Some(said.to_owned()));
        }
        let root = self.workspace()?;
        let inherited =
            root.as_ref().and_then(|root| root.table.get("workspace")?.get("package")?.get(key)?.as_str());
        Ok(inherited.map(str::to_owned))
    }

    /// Those for building, and for some targets only, too.
    fn all_dependencies(&self) -> impl Iterator<Item = (&String, &Value)> {
        let targets = self.table.get("target").and_then(Value::as_table).into_iter().flatten();
        let tables = targets.filter_map(|(_, target)| target.as_table()).chain([&self.table]);
        let lists = tables.flat_map(|table| [table.get("dependencies"), table.get("build-dependencies")]);
        lists.flatten().filter_map(Value::as_table).flatten()
    }

    /// The manifest with the `[workspace]` of this one: itself, or one in a folder above.
    fn workspace(&self) -> Result<Option<Manifest>> {
        for folder in self.folder.ancestors().filter(|folder| folder.join("Cargo.toml").is_file()) {
            let manifest = Manifest::read(folder)?;
            if manifest.table.contains_key("workspace") {
                return Ok(Some(manifest));
            }
        }
        Ok(None)
    }

    /// A dependency as it can stand in any manifest.
    fn written_out(&self, name: &str, how: &Value) -> Result<Value> {
        let Value::Table(own) = how else { return Ok(how.clone()) };
        if own.get("workspace").and_then(Value::as_bool) == Some(true) {
            return self.inherited(name, own);
        }
        self.with_whole_path(own.clone())
    }

    /// A dependency that the workspace describes; features are added to its own.
    fn inherited(&self, name: &str, own: &Table) -> Result<Value> {
        let root = self.workspace()?;
        let described = root.as_ref().and_then(|root| {
            Some((root, root.table.get("workspace")?.get("dependencies")?.get(name)?.clone()))
        });
        let Some((root, described)) = described else {
            return Err(Error::Start(format!(
                "{}: {name} is inherited from a workspace that does not have it",
                self.folder.join("Cargo.toml").display()
            )));
        };
        let mut how = table(described);
        for (key, value) in own.iter().filter(|(key, _)| *key != "workspace") {
            match (how.get_mut(key), value) {
                (Some(Value::Array(all)), Value::Array(more)) => all.extend(more.iter().cloned()),
                _ => drop(how.insert(key.clone(), value.clone())),
            }
        }
        root.with_whole_path(how)
    }

    fn with_whole_path(&self, mut how: Table) -> Result<Value> {
        if let Some(path) = how.get_mut("path") {
            let folder = self.folder.join(path.as_str().unwrap_or_default());
            let folder = folder.canonicalize().map_err(Error::file(&folder))?;
            *path = folder.display().to_string().into();
        }
        Ok(how.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, text: &str) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn crates_of_the_checkout_are_found_with_what_they_inherit() {
        let root = std::env::temp_dir().join(format!("herbarium-members-{}", std::process::id()));
        write(
            &root.join("Cargo.toml"),
            "[workspace]\nmembers = [\"crates/*\"]\n\
             [workspace.dependencies]\nserde = { version = \"1\", features = [\"std\"] }\nb = { path = \"crates/b\" }\n\
             [package]\nname = \"root\"\n\
             [dependencies]\nimage = \"0.25\"\na = { path = \"crates/a\", version = \"0.1\" }\n\
             serde = { workspace = true, features = [\"derive\"] }\n\
             [profile.release.package]\nlog.opt-level = 1\n",
        );
        write(
            &root.join("crates/a/Cargo.toml"),
            "[package]\nname = \"a\"\n[target.'cfg(unix)'.dependencies]\nb = { workspace = true }\n\
             [build-dependencies]\nmade = { package = \"c-d\", path = \"../c\" }\n",
        );
        write(
            &root.join("crates/b/Cargo.toml"),
            "[package]\nname = \"b\"\n[dependencies]\nlog = \"0.4\"\nimage = { version = \"0.25\", features = [\"png\"] }\n",
        );
        write(
            &root.join("crates/c/Cargo.toml"),
            "[package]\nname = \"c-d\"\n[dependencies]\nb = { path = \"../b\" }\n",
        );
        let root = root.canonicalize().unwrap();
        let dependencies = dependencies(&root).unwrap();
        assert_eq!(dependencies["image"].as_str(), Some("0.25"));
        assert_eq!(dependencies["a"]["path"].as_str(), root.join("crates/a").to_str());
        let serde = "{ features = [\"std\", \"derive\"], version = \"1\" }";
        assert_eq!(dependencies["serde"].to_string(), serde);
        let taken = of_registries(&root).unwrap();
        assert_eq!(taken.keys().collect::<Vec<_>>(), ["image", "log", "serde"]);
        assert_eq!(taken["image"].to_string(), "{ features = [\"png\"], version = \"0.25\" }");
        let found = by_path(&root).unwrap();
        let expected = [("a", "crates/a"), ("b", "crates/b"), ("c-d", "crates/c")];
        let expected = expected.map(|(name, folder)| (name.to_owned(), root.join(folder)));
        assert_eq!(found, BTreeMap::from(expected));
        assert_eq!(workspace(&root.join("crates/b")).unwrap(), Some(root.join("Cargo.toml")));
        let overrides = profile_overrides(&root.join("crates/b")).unwrap();
        assert_eq!(overrides["log"].to_string(), "{ opt-level = 1 }");
        assert!(profile_overrides(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap().contains_key("rustls"));

        write(&root.join("crates/b/Cargo.toml"), "[dependencies]\nx = { workspace = true }\n");
        let message = by_path(&root).unwrap_err().to_string();
        assert!(
            message.contains("crates/b/Cargo.toml: x is inherited from a workspace that does not"),
            "{message}"
        );
        std::fs::remove_dir_all(&root).unwrap();
    }
}
