//! The crates that every cell has: built once with the template, and then fixed.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::recipe::strings;

/// The file in a template that describes them.
pub const FILE: &str = "crates.json";
/// The prefix of the helper crate's dependencies in [`BESIDE`].
pub const BESIDE_PREFIX: &str = "given-";
/// The file in a template with the helper crate's own dependencies, as a part of a manifest.
pub const BESIDE: &str = "beside.toml";

/// One of the crates that every cell has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateCrate {
    pub name: String,
    pub version: String,
    /// The features that it was built with.
    pub enabled: Vec<String>,
    /// The features that it declares, each with the features it enables.
    pub declared: BTreeMap<String, Vec<String>>,
}

impl TemplateCrate {
    /// The default features that it was built without; a feature that only enables others is replaced by them.
    pub fn missing_defaults(&self) -> Vec<&str> {
        let (mut waiting, mut seen, mut missing) = (vec!["default"], Vec::new(), Vec::new());
        while let Some(name) = waiting.pop() {
            let implied = self.declared.get(name).map(Vec::as_slice).unwrap_or_default();
            let implied: Vec<&str> =
                implied.iter().map(String::as_str).filter(|name| self.declared.contains_key(*name)).collect();
            if seen.contains(&name) || (self.has(name) && name != "default") {
                continue;
            }
            seen.push(name);
            if implied.is_empty() && name != "default" {
                missing.push(name);
            }
            waiting.extend(implied);
        }
        missing.sort();
        missing
    }

    /// Whether it was built with a feature.
    pub fn has(&self, feature: &str) -> bool {
        self.enabled.iter().any(|enabled| enabled == feature)
    }
}

/// All packages of a template.
#[derive(Debug, Default)]
pub struct Crates {
    pub given: Vec<TemplateCrate>,
    /// The features that each package was built with, by its id in `cargo metadata`.
    pub features: BTreeMap<String, Vec<String>>,
    /// The names of the libraries of all packages, also of those that a cell cannot name.
    pub libraries: Vec<String>,
}

impl Crates {
    /// Reads a template's.
    pub fn read(template: &Path) -> Option<Crates> {
        let value: Value = serde_json::from_slice(&std::fs::read(template.join(FILE)).ok()?).ok()?;
        let given = value["given"].as_array()?.iter().map(|one| {
            Some(TemplateCrate {
                name: one["name"].as_str()?.to_owned(),
                version: one["version"].as_str()?.to_owned(),
                enabled: strings(&one["enabled"])?,
                declared: features(&one["declared"])?,
            })
        });
        Some(Crates {
            given: given.collect::<Option<_>>()?,
            features: features(&value["features"])?,
            libraries: strings(&value["libraries"])?,
        })
    }

    /// From the whole `cargo metadata` of the template's seed: the dependencies of the seed and of the `helper` crate
    /// that cells can use under one of the `names`.
    pub fn of_metadata(metadata: &Value, helper: &str, names: &[String]) -> Crates {
        let mut crates = Crates::default();
        for node in metadata["resolve"]["nodes"].as_array().into_iter().flatten() {
            if let (Some(id), Some(enabled)) = (node["id"].as_str(), strings(&node["features"])) {
                crates.features.insert(id.to_owned(), enabled);
            }
        }
        for package in metadata["packages"].as_array().into_iter().flatten() {
            let text = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
            let targets = package["targets"].as_array().into_iter().flatten();
            let library =
                targets.filter(|target| is_library(target)).filter_map(|target| target["name"].as_str());
            crates.libraries.extend(library.map(|name| name.replace('-', "_")));
            let name = text("name");
            if names.contains(&name) && is_direct(metadata, helper, &text("id")) {
                crates.given.push(TemplateCrate {
                    enabled: crates.features.get(&text("id")).cloned().unwrap_or_default(),
                    declared: features(&package["features"]).unwrap_or_default(),
                    version: text("version"),
                    name,
                });
            }
        }
        crates.libraries.sort();
        crates.libraries.dedup();
        crates
    }

    pub fn to_json(&self) -> Value {
        let given = self.given.iter().map(|one| {
            json!({"name": one.name, "version": one.version, "enabled": one.enabled, "declared": one.declared})
        });
        json!({"given": given.collect::<Vec<_>>(), "features": self.features, "libraries": self.libraries})
    }
}

/// Whether a target of a package is a library that can be named.
pub fn is_library(target: &Value) -> bool {
    let kinds = target["kind"].as_array().into_iter().flatten();
    kinds.filter_map(Value::as_str).any(|kind| kind.ends_with("lib") || kind == "proc-macro")
}

/// Whether the seed or the helper crate depends on a package.
fn is_direct(metadata: &Value, helper: &str, id: &str) -> bool {
    let resolve = &metadata["resolve"];
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let own: Vec<&Value> =
        packages.filter(|package| package["name"] == helper).map(|package| &package["id"]).collect();
    let nodes = resolve["nodes"].as_array().into_iter().flatten();
    let asking = nodes.filter(|node| node["id"] == resolve["root"] || own.contains(&&node["id"]));
    asking.filter_map(|node| node["dependencies"].as_array()).flatten().any(|dependency| dependency == id)
}

fn features(value: &Value) -> Option<BTreeMap<String, Vec<String>>> {
    value.as_object()?.iter().map(|(name, list)| Some((name.clone(), strings(list)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_seed_depends_on_is_given_with_its_features() {
        let metadata = json!({
            "packages": [
                {"name": "image", "id": "i", "version": "0.25.1", "features": {"default": ["formats", "dep:x"], "formats": ["png", "avif"], "png": [], "avif": []},
                 "targets": [{"name": "image", "kind": ["lib"]}]},
                {"name": "image", "id": "old", "version": "0.24.9", "features": {}, "targets": []},
                {"name": "herbarium", "id": "h", "version": "1.0.0", "features": {}, "targets": []},
                {"name": "a-b", "id": "b", "version": "1.0.0", "features": {}, "targets": [{"name": "a-b", "kind": ["rlib"]}, {"name": "t", "kind": ["test"]}]},
            ],
            "resolve": {"root": "r", "nodes": [
                {"id": "r", "dependencies": ["h"], "features": []},
                {"id": "h", "dependencies": ["i"], "features": []},
                {"id": "i", "dependencies": ["b"], "features": ["png"]},
            ]},
        });
        let crates = Crates::of_metadata(&metadata, "herbarium", &["image".to_owned()]);
        assert_eq!(crates.libraries, ["a_b", "image"]);
        let [image] = crates.given.as_slice() else { panic!("{:?}", crates.given) };
        assert_eq!((image.version.as_str(), image.missing_defaults()), ("0.25.1", vec!["avif"]));
        assert!(image.has("png") && !image.has("avif"));
        let folder = std::env::temp_dir().join(format!("herbarium-given-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(FILE), crates.to_json().to_string()).unwrap();
        assert_eq!(Crates::read(&folder).unwrap().given, crates.given);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
