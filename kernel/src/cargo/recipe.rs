//! The recipe: what `herbarium-cargo` learns from a template, written when the template is built and read
//! at every cell.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// The environment variable that holds the template's folder.
pub const TEMPLATE_VARIABLE: &str = "HERBARIUM_TEMPLATE";
/// The environment variable with the folder in which this user's kernels keep what they compile beside a template that all
/// users share.
pub const STORE_VARIABLE: &str = "HERBARIUM_STORE";
/// `PATH` and `CARGO_HOME` of a user who shares a template; the recipe has those of whoever built it.
pub const OUTSIDE_PATH: &str = "HERBARIUM_OUTSIDE_PATH";
/// See [`OUTSIDE_PATH`].
pub const OUTSIDE_CARGO_HOME: &str = "HERBARIUM_OUTSIDE_CARGO_HOME";
/// The recipe's file in the template's folder. It is written last: a template that has one is
/// complete.
pub const FILE: &str = "recipe.json";
/// Stands for a kernel's own folder in [`METADATA_FILE`].
pub const FOLDER_PLACEHOLDER: &str = "/HERBARIUM-KERNEL-FOLDER";
/// `cargo metadata`'s answer for a cell that depends on the crate alone.
pub const METADATA_FILE: &str = "metadata.json";
/// The folder in a template with the standard library's sources that are kept.
pub const LIBRARY: &str = "library";
/// The same for the session: nothing where rustc tells the types, so that its rust-analyzer need not read anything.
pub const SESSION_LIBRARY: &str = "session-library";
/// The environment variable that is set in the process with rust-analyzer: it gets all sources, and compiles no cell.
pub const ANALYSIS: &str = "HERBARIUM_ANALYSIS";
/// rustc's option for whole paths in a cell's MIR, which is unstable.
pub const WHOLE_PATHS: &str = "-Ztrim-diagnostic-paths=no";
/// The package that evcxr makes of every cell.
pub const CELL_CRATE: &str = "ctx";
/// The cargo subcommand that builds dependencies, which the kernel writes to stdin, one per line.
pub const PREPARE: &str = "prepare-dependencies";
/// The prefix of a note for the learner, a JSON string, in the answer to [`PREPARE`].
pub const NOTE: &str = "note ";
/// The prefix of a failure's reason, a JSON string, in the answer to [`PREPARE`].
pub const ERROR: &str = "error ";
/// The crate through which cells and kernel talk: every helper crate depends on it.
// `herbarium-cargo` does not need it: the given crates include it.
#[allow(dead_code)]
pub const NOTEBOOK_CRATE: &str = "herbarium-notebook";

/// How cells are compiled without cargo.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recipe {
    /// The toolchain's own cargo, not rustup's proxy.
    pub cargo: PathBuf,
    /// The toolchain's own rustc.
    pub rustc: PathBuf,
    /// The standard library's sources in the toolchain.
    pub library: PathBuf,
    /// `CARGO_HOME` as it was outside the kernel, if it was set.
    pub cargo_home: Option<String>,
    /// `PATH` as it was outside the kernel.
    pub path: String,
    /// The target triple that evcxr compiles for.
    pub target: String,
    /// rustc's arguments for a cell, without source, output, optimisation and everything that differs
    /// from cell to cell.
    pub rustc_arguments: Vec<String>,
    /// Arguments for a faster compile, if the machine supports it; for cells that need nothing
    /// else.
    pub quick_arguments: Option<Vec<String>>,
    /// rustc tells the types of variables, so that nobody else is asked.
    pub tells_types: bool,
    /// The toolchain accepts unstable features.
    pub nightly: bool,
    /// The helper crate's library, as code names it.
    pub helper: String,
    /// The cell that runs before a learner's first.
    pub prelude: String,
    /// The names of all crates that cells have from the start, the helper crate's among them.
    pub given: Vec<String>,
}

impl Recipe {
    /// Reads a template's recipe; `None` if the template is incomplete.
    pub fn read(template: &Path) -> Option<Recipe> {
        let value: Value = serde_json::from_slice(&std::fs::read(template.join(FILE)).ok()?).ok()?;
        let text = |key: &str| Some(value[key].as_str()?.to_owned());
        Some(Recipe {
            cargo: text("cargo")?.into(),
            rustc: text("rustc")?.into(),
            library: text("library")?.into(),
            cargo_home: text("cargo_home"),
            path: text("path")?,
            target: text("target")?,
            rustc_arguments: strings(&value["rustc_arguments"])?,
            quick_arguments: strings(&value["quick_arguments"]),
            tells_types: value["tells_types"] == true,
            nightly: value["nightly"] == true,
            helper: text("helper")?,
            prelude: text("prelude")?,
            given: strings(&value["given"])?,
        })
    }

    /// The recipe as it is written to its file.
    // `herbarium-cargo` only reads recipes.
    #[allow(dead_code)]
    pub fn to_json(&self) -> Value {
        json!({
            "cargo": self.cargo,
            "rustc": self.rustc,
            "library": self.library,
            "cargo_home": self.cargo_home,
            "path": self.path,
            "target": self.target,
            "rustc_arguments": self.rustc_arguments,
            "quick_arguments": self.quick_arguments,
            "tells_types": self.tells_types,
            "nightly": self.nightly,
            "helper": self.helper,
            "prelude": self.prelude,
            "given": self.given,
        })
    }

    /// The helper crate as the shared library that cells are linked with.
    // `herbarium-cargo` passes it on with rustc's other arguments.
    #[allow(dead_code)]
    pub fn helper_library(&self) -> Option<&Path> {
        let prefix = format!("{}=", self.helper);
        let library = self.rustc_arguments.iter().find_map(|argument| argument.strip_prefix(&prefix));
        library.filter(|library| library.ends_with(".so") || library.ends_with(".dylib")).map(Path::new)
    }

    /// Whether a name is that of a crate which cells have from the start.
    pub fn is_given(&self, name: &str) -> bool {
        let same = |other: &String| name.replace('-', "_") == other.replace('-', "_");
        self.given.iter().any(same)
    }

    /// Whether a name is the helper crate's.
    // `herbarium-cargo` only asks about given crates in general.
    #[allow(dead_code)]
    pub fn is_helper(&self, name: &str) -> bool {
        name.replace('-', "_") == self.helper
    }
}

/// A JSON array of strings; `None` when it is anything else.
pub fn strings(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}

/// The part of rustc's command line that is the same for every cell.
pub fn reusable_arguments(arguments: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut rest = arguments.iter().peekable();
    while let Some(argument) = rest.next() {
        let one_cell_only = ["--crate-name", "--crate-type", "--out-dir", "--check-cfg", "--edition"];
        if one_cell_only.contains(&argument.as_str()) {
            rest.next();
        } else if argument == "-C" {
            let option = rest.next().map(String::as_str).unwrap_or_default();
            let dropped = [
                "opt-level",
                "incremental",
                "metadata",
                "extra-filename",
                "codegen-units",
                "strip",
                "debuginfo",
            ];
            if !dropped.contains(&option.split('=').next().unwrap_or_default()) {
                kept.extend(["-C".to_owned(), option.to_owned()]);
            }
        } else if !argument.ends_with(".rs")
            && !["--emit", "--edition", "--error-format", "--json", "--diagnostic-width"]
                .iter()
                .any(|dropped| argument.starts_with(dropped))
        {
            kept.push(argument.clone());
        }
    }
    kept
}

/// Keeps the packages for which `keep` is true, and every mention of them.
pub fn pruned(mut metadata: Value, keep: impl Fn(&Value) -> bool) -> Value {
    let mut kept = std::collections::HashSet::new();
    if let Some(packages) = metadata["packages"].as_array_mut() {
        packages.retain(|package| keep(package));
        kept.extend(packages.iter().filter_map(|package| package["id"].as_str().map(str::to_owned)));
    }
    let is_kept = |id: &Value| id.as_str().is_some_and(|id| kept.contains(id));
    for members in ["workspace_members", "workspace_default_members"] {
        if let Some(members) = metadata[members].as_array_mut() {
            members.retain(is_kept);
        }
    }
    if let Some(nodes) = metadata["resolve"]["nodes"].as_array_mut() {
        nodes.retain(|node| is_kept(&node["id"]));
        for node in nodes {
            if let Some(dependencies) = node["dependencies"].as_array_mut() {
                dependencies.retain(is_kept);
            }
            if let Some(dependencies) = node["deps"].as_array_mut() {
                dependencies.retain(|dependency| is_kept(&dependency["pkg"]));
            }
        }
    }
    metadata
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn what_differs_between_cells_is_dropped() {
        let recorded = words(
            "--crate-name ctx --edition=2024 src/lib.rs --error-format=json --json=artifacts --crate-type cdylib \
             --emit=dep-info,link -C opt-level=2 -C debug-assertions=on --check-cfg cfg(test) -C metadata=47fe -C rpath \
             --out-dir /t/deps --target x86 -C incremental=/t/i -L dependency=/t/deps --extern herbarium=/t/h.so -Cprefer-dynamic",
        );
        let kept = "-C debug-assertions=on -C rpath --target x86 -L dependency=/t/deps --extern herbarium=/t/h.so -Cprefer-dynamic";
        assert_eq!(reusable_arguments(&recorded), words(kept));
    }

    #[test]
    fn a_recipe_comes_back_from_its_file() {
        let folder = std::env::temp_dir().join(format!("herbarium-recipe-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        assert_eq!(Recipe::read(&folder), None);
        let recipe = Recipe {
            cargo: "/c".into(),
            rustc: "/r".into(),
            library: "/l".into(),
            cargo_home: None,
            path: "/usr/bin".into(),
            target: "x".into(),
            rustc_arguments: words("-L a --extern gar=/g.rlib --extern garden=/libgarden.so"),
            quick_arguments: Some(words("-L b")),
            tells_types: true,
            nightly: true,
            helper: "garden".into(),
            prelude: "use garden::*;".into(),
            given: words("garden plotters-svg"),
        };
        std::fs::write(folder.join(FILE), recipe.to_json().to_string()).unwrap();
        assert_eq!(Recipe::read(&folder).as_ref(), Some(&recipe));
        assert_eq!(recipe.helper_library(), Some(Path::new("/libgarden.so")));
        assert!(recipe.is_given("plotters_svg") && recipe.is_helper("garden") && !recipe.is_given("plot"));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn pruning_leaves_no_mention_of_what_it_drops() {
        let metadata = json!({
            "packages": [{"name": "core", "id": "c"}, {"name": "test", "id": "t"}],
            "workspace_members": ["c", "t"],
            "resolve": {"nodes": [
                {"id": "c", "dependencies": ["t"], "deps": [{"pkg": "t"}]},
                {"id": "t", "dependencies": [], "deps": []},
            ]},
        });
        let expected = json!({
            "packages": [{"name": "core", "id": "c"}],
            "workspace_members": ["c"],
            "resolve": {"nodes": [{"id": "c", "dependencies": [], "deps": []}]},
        });
        assert_eq!(pruned(metadata, |package| package["name"] == "core")["resolve"], expected["resolve"]);
    }
}
