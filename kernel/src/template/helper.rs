//! The helper crate: everything the cells of a kernel have from the start.
//!
//! The kernel does not hard-code it: it is the crate in the folder that `HERBARIUM_CRATE` names. Its manifest says how
//! cells use it:
//!
//! ```toml
//! [package.metadata.notebook]
//! prelude = "use herbarium::prelude::*;"   # runs before a learner's first cell
//! crates = ["tch", "image"]                # the dependencies that a cell can name by themselves
//! by-prelude = ["plotters"]                # those that it can name because the prelude does
//! read = ["serde_core"]                    # what rust-analyzer reads beside these: unless said, all that they need
//! hints = "src/notebook/hints.toml"        # what errors say of habits from Python that concern the crate's types
//!
//! [package.metadata.notebook.dependencies] # what a cell can name although the crate does not need it
//! serde = { version = "1", features = ["derive"] }
//! ```
//!
//! It depends on `herbarium-notebook`, by which cells and kernel talk.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::members::Manifest;
use super::recipe::NOTEBOOK_CRATE;
use crate::error::{Error, Result};

/// What a template needs to know of its helper crate.
#[derive(Debug, Clone, PartialEq)]
pub struct Helper {
    /// The package's name.
    pub package: String,
    pub edition: String,
    /// The cell that runs before a learner's first.
    pub prelude: String,
    /// The dependencies that a cell can name by themselves.
    pub crates: Vec<String>,
    /// The dependencies that a cell can name because the prelude does, where the name may stand for more than the crate.
    pub by_prelude: Vec<String>,
    /// What rust-analyzer reads besides the crates that a cell can name; `None` for all their
    /// dependencies.
    pub read: Option<Vec<String>>,
    /// The file with hints for habits that concern the crate's types.
    pub hints: Option<PathBuf>,
    /// What a cell can name although the crate does not depend on it.
    pub beside: Table,
    /// The crate's features: its dependencies may be optional.
    pub features: Table,
    /// What the crate depends on, as its manifest says it.
    dependencies: Table,
}

impl Helper {
    /// Reads the manifest of the crate in a folder.
    pub fn read(folder: &Path) -> Result<Helper> {
        let manifest = Manifest::read(folder)?;
        let fault = |what: &str| Error::Start(format!("{}: {what}", folder.join("Cargo.toml").display()));
        let package =
            manifest.package("name")?.ok_or_else(|| fault("a kernel's crate needs a `package.name`"))?;
        let table =
            manifest.table.get("package").and_then(|package| package.get("metadata")?.get("notebook"));
        let table = table.and_then(Value::as_table).ok_or_else(|| {
            fault(
                "a kernel's crate must say in [package.metadata.notebook] how cells use it (`prelude`, `crates`)",
            )
        })?;
        let names = |key: &str| {
            let list = table.get(key)?.as_array()?.iter();
            Some(list.filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>())
        };
        let mut crates = names("crates").unwrap_or_default();
        let dependencies =
            manifest.table.get("dependencies").and_then(Value::as_table).cloned().unwrap_or_default();
        if !dependencies.contains_key(NOTEBOOK_CRATE) {
            return Err(fault(&format!("a kernel's crate must depend on `{NOTEBOOK_CRATE}`")));
        }
        if !crates.iter().any(|name| name == NOTEBOOK_CRATE) {
            crates.push(NOTEBOOK_CRATE.to_owned());
        }
        Ok(Helper {
            package,
            edition: manifest.package("edition")?.unwrap_or_else(|| "2015".to_owned()),
            prelude: table.get("prelude").and_then(Value::as_str).unwrap_or_default().trim().to_owned(),
            crates,
            by_prelude: names("by-prelude").unwrap_or_default(),
            read: names("read"),
            hints: table.get("hints").and_then(Value::as_str).map(|path| folder.join(path)),
            beside: table.get("dependencies").and_then(Value::as_table).cloned().unwrap_or_default(),
            features: manifest.table.get("features").and_then(Value::as_table).cloned().unwrap_or_default(),
            dependencies,
        })
    }

    /// The library's name, as code and files have it.
    pub fn library(&self) -> String {
        self.package.replace('-', "_")
    }

    /// The crates that a cell can name by themselves, each with the version that is asked for.
    pub fn asked_for(&self) -> Vec<String> {
        let version = |name: &String| {
            let how = self.dependencies.get(name).or_else(|| self.beside.get(name));
            let version = how.and_then(|how| how.as_str().or_else(|| how.get("version")?.as_str()));
            version.map_or_else(|| name.clone(), |version| format!("{name} {version}"))
        };
        self.crates
            .iter()
            .filter(|name| *name != NOTEBOOK_CRATE)
            .chain(self.beside.keys())
            .map(version)
            .collect()
    }

    /// The names of all crates that cells have from the start.
    pub fn given(&self) -> Vec<String> {
        let names = std::iter::once(&self.package).chain(&self.crates).chain(&self.by_prelude);
        names.chain(self.beside.keys()).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_says_how_cells_use_the_crate() {
        let folder = std::env::temp_dir().join(format!("herbarium-helper-{}", std::process::id()));
        let read = |manifest: &str| {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("Cargo.toml"), manifest).unwrap();
            Helper::read(&folder)
        };
        let manifest = "[package]\nname = \"my-garden\"\nedition.workspace = true\n\
                        [workspace.package]\nedition = \"2024\"\n\
                        [package.metadata.notebook]\nprelude = \"use my_garden::*;\\n\"\ncrates = [\"image\"]\n\
                        by-prelude = [\"plotters\"]\n\
                        [package.metadata.notebook.dependencies]\nserde = \"1\"\n\
                        [dependencies]\nimage = \"0.25\"\nherbarium-notebook = \"0.1\"\n";
        let helper = read(manifest).unwrap();
        assert_eq!((helper.library().as_str(), helper.edition.as_str()), ("my_garden", "2024"));
        assert_eq!((helper.prelude.as_str(), &helper.read), ("use my_garden::*;", &None));
        assert_eq!(helper.asked_for(), ["image 0.25", "serde 1"]);
        assert_eq!(helper.given(), ["my-garden", "image", "herbarium-notebook", "plotters", "serde"]);
        let message = |manifest: &str| read(manifest).unwrap_err().to_string();
        assert!(
            message(&manifest.replace("herbarium-notebook = \"0.1\"\n", ""))
                .contains("must depend on `herbarium-notebook`")
        );
        assert!(message("[package]\nname = \"a\"\n").contains("[package.metadata.notebook]"));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn the_crate_of_this_checkout_is_one() {
        let helper = Helper::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap();
        assert!(!helper.prelude.is_empty() && helper.crates.len() > 1, "{helper:?}");
    }
}
