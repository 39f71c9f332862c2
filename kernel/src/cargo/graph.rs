//! The dependency graph of `cargo metadata`'s answer.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Packages whose types nobody names, and that are slow to read.
const UNREAD: [&str; 4] = ["libc", "linux-raw-sys", "windows", "windows-sys"];

/// Packages and what each of them depends on.
pub struct Graph {
    /// `cargo metadata`'s answer.
    pub metadata: Value,
    pub(crate) nodes: BTreeMap<String, Value>,
}

impl Graph {
    pub fn of(metadata: Value) -> Graph {
        let nodes = metadata["resolve"]["nodes"].as_array().into_iter().flatten();
        let nodes = nodes.filter_map(|node| Some((node["id"].as_str()?.to_owned(), node.clone()))).collect();
        Graph { metadata, nodes }
    }

    /// The root package's dependencies, by the names it gives them.
    pub fn of_root(&self) -> Vec<(String, String)> {
        let root = self.metadata["resolve"]["root"].as_str().and_then(|root| self.nodes.get(root));
        let dependencies = root.and_then(|root| root["deps"].as_array()).into_iter().flatten();
        dependencies
            .filter_map(|one| Some((one["name"].as_str()?.to_owned(), one["pkg"].as_str()?.to_owned())))
            .collect()
    }

    pub fn package(&self, id: &str) -> Option<&Value> {
        self.metadata["packages"].as_array()?.iter().find(|package| package["id"] == id)
    }

    /// A package's name and version.
    pub fn title(&self, id: &str) -> (&str, &str) {
        let package = self.package(id);
        let text = |key: &str| package.and_then(|package| package[key].as_str()).unwrap_or_default();
        (text("name"), text("version"))
    }

    /// These packages and their transitive dependencies, as far as their types can reach a cell.
    pub fn closure<'a>(&self, roots: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
        let mut waiting: Vec<String> = roots.map(str::to_owned).collect();
        let mut found = BTreeSet::new();
        while let Some(id) = waiting.pop() {
            if !found.insert(id.clone()) || self.is_macro(&id) {
                continue;
            }
            let dependencies =
                self.nodes.get(&id).and_then(|node| node["deps"].as_array()).into_iter().flatten();
            let normal = dependencies.filter(|one| {
                one["dep_kinds"].as_array().into_iter().flatten().any(|kind| kind["kind"].is_null())
            });
            waiting.extend(normal.filter_map(|one| one["pkg"].as_str().map(str::to_owned)));
        }
        found
    }

    /// Whether a package holds macros that run in the compiler.
    fn is_macro(&self, id: &str) -> bool {
        let targets =
            self.package(id).and_then(|package| package["targets"].as_array()).into_iter().flatten();
        targets.flat_map(|target| target["kind"].as_array()).flatten().any(|kind| kind == "proc-macro")
    }

    /// Whether rust-analyzer needs to read a package for a cell.
    pub fn is_read(&self, id: &str) -> bool {
        !self.is_macro(id) && !UNREAD.contains(&self.title(id).0)
    }
}
