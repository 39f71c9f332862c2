//! The manifest that evcxr writes for a cell.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use crate::recipe::{CELL_CRATE, Recipe};

/// The package that evcxr creates to test whether a dependency can be resolved.
const TRIAL: &str = "evcxr_dummy_validate_dep";

/// The part of evcxr's manifest that matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependencies {
    /// The lines below `[dependencies]`, sorted, without those of the crates that every cell has.
    pub lines: Vec<String>,
    /// The optimisation level of the cell itself.
    pub opt_level: String,
    /// evcxr only asks whether the dependency can be resolved.
    pub is_trial: bool,
}

impl Dependencies {
    /// Reads a manifest that evcxr wrote; `None` for any other.
    pub fn of(manifest: &Path, recipe: &Recipe) -> Option<Dependencies> {
        Self::parse(&std::fs::read_to_string(manifest).ok()?, recipe)
    }

    fn parse(manifest: &str, recipe: &Recipe) -> Option<Dependencies> {
        let is_named = |name: &str| manifest.lines().any(|line| line.trim() == format!("name = \"{name}\""));
        let is_trial = is_named(TRIAL);
        if !is_trial && !is_named(CELL_CRATE) {
            return None;
        }
        let opt_level = manifest
            .lines()
            .find_map(|line| line.trim().strip_prefix("opt-level = "))
            .unwrap_or("0")
            .trim_matches('"')
            .to_owned();
        let (_, dependencies) = manifest.split_once("[dependencies]")?;
        Some(Dependencies { opt_level, is_trial, ..Self::from_lines(dependencies.lines(), recipe) })
    }

    /// Dependencies given line by line.
    pub fn from_lines<'a>(lines: impl Iterator<Item = &'a str>, recipe: &Recipe) -> Dependencies {
        let mut lines: Vec<String> = lines
            .map(str::trim)
            .filter(|line| !line.is_empty() && !recipe.is_given(key(line)))
            .map(str::to_owned)
            .collect();
        lines.sort();
        lines.dedup();
        Dependencies { lines, opt_level: "0".to_owned(), is_trial: false }
    }

    /// Whether the template is enough for a cell.
    pub fn is_crate_alone(&self) -> bool {
        self.lines.is_empty()
    }

    /// Whether a dependency is a folder of this machine, whose sources may change.
    pub fn has_local(&self) -> bool {
        let names_path = |line: &str| {
            line.split(['{', ',']).any(|part| {
                part.trim_start().strip_prefix("path").is_some_and(|rest| rest.trim_start().starts_with('='))
            })
        };
        self.lines.iter().any(|line| names_path(line))
    }

    /// Sixteen hexadecimal digits, the same for the same lines.
    pub fn key(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.lines.hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    }
}

/// The name by which cells know a dependency: `rand` of `rand = "0.9"`.
pub fn key(line: &str) -> &str {
    line.split(['=', ' ', '\t']).next().unwrap_or(line).trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recipe() -> Recipe {
        let given = ["herbarium", "image", "plotters-backend"].map(str::to_owned).to_vec();
        Recipe { given, ..Recipe::default() }
    }

    #[test]
    fn only_evcxrs_manifests_are_read() {
        let manifest =
            "[package]\nname = \"ctx\"\n[profile.dev]\nopt-level = 0\n[dependencies]\n\nregex = \"1\"\n";
        let parse = |manifest: &str| Dependencies::parse(manifest, &recipe());
        let read = parse(manifest).unwrap();
        assert_eq!(read.lines, ["regex = \"1\""]);
        assert_eq!((read.opt_level.as_str(), read.is_trial), ("0", false));
        assert!(!read.is_crate_alone());
        let alone = manifest.replace(
            "regex = \"1\"",
            "herbarium = { path = \"/x\" }\nimage = \"0.25\"\nplotters_backend = \"0.3\"",
        );
        assert!(parse(&alone).unwrap().is_crate_alone());
        assert!(parse(&manifest.replace("ctx", TRIAL)).unwrap().is_trial);
        assert_eq!(parse("[package]\nname = \"mine\"\n[dependencies]\n"), None);
    }

    #[test]
    fn the_order_of_lines_means_nothing_and_folders_are_noticed() {
        let of = |text: &str| Dependencies::from_lines(text.lines(), &recipe());
        assert_eq!(of("a = \"1\"\nb = \"2\"").key(), of(" b = \"2\"\na = \"1\"\n\n").key());
        assert_ne!(of("a = \"1\"").key(), of("a = \"2\"").key());
        assert!(of("a = { path = \"/a\" }").has_local() && of("a={version=\"1\",path=\"/a\"}").has_local());
        assert!(!of("pathfinder = \"1\"\na = { package = \"path\" }").has_local());
    }
}
