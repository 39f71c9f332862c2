//! Resolves dependencies, and checks whether their packages are compatible with the template's.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::Tools;
use crate::graph::Graph;
use crate::recipe::CELL_CRATE;
use crate::reporter::{Failure, Reporter};
use crate::template_crates::Crates;

/// cargo's messages when the registry cannot be reached.
const NO_NETWORK: [&str; 9] = [
    "Could not resolve host",
    "Couldn't connect",
    "Could not connect",
    "failed to download",
    "download of",
    "network failure",
    "Timeout was reached",
    "timed out",
    "failed to fetch",
];

/// Dependencies and all that they need, beside the helper crate's own.
pub type Resolved = Graph;

/// Asks cargo, over the network if there is one, and otherwise from what was fetched before.
pub fn resolve(
    tools: &Tools,
    project: &Path,
    offline: bool,
    reporter: &mut Reporter,
) -> Result<Resolved, Failure> {
    let first = ask(tools, project, offline, reporter)?;
    let answer = match first {
        Err(said) if !offline && NO_NETWORK.iter().any(|sign| said.contains(sign)) => {
            reporter.progress("The registry cannot be reached: looking at what was fetched before");
            match ask(tools, project, true, reporter)? {
                Ok(answer) => {
                    reporter.note("The registry could not be reached: what was fetched before is used.");
                    answer
                }
                Err(_) => {
                    let why = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().trim();
                    return Err(Failure::Explained(format!(
                        "the registry cannot be reached ({why}), and what was fetched before is not enough"
                    )));
                }
            }
        }
        Err(said) => return Err(Failure::Explained(without_manifest(&said))),
        Ok(answer) => answer,
    };
    let metadata: Value = serde_json::from_str(&answer)
        .map_err(|error| Failure::Explained(format!("cargo metadata's answer is not JSON: {error}")))?;
    Ok(Resolved::of(metadata))
}

/// `cargo metadata` in `project`: its answer, or what it said.
fn ask(
    tools: &Tools,
    project: &Path,
    offline: bool,
    reporter: &mut Reporter,
) -> std::io::Result<Result<String, String>> {
    let mut command = tools.command(&tools.recipe.cargo);
    command
        .args(["metadata", "--format-version", "1", "--filter-platform", &tools.recipe.target, "--config"])
        .arg(tools.template.join("cargo-config.toml"))
        .args(offline.then_some("--offline"))
        .current_dir(project)
        // Somebody waits.
        .env("CARGO_NET_RETRY", "1")
        .env("CARGO_HTTP_TIMEOUT", "15");
    run_reporting(&mut command, reporter)
}

/// Runs a command and passes its progress on as it arrives; returns its stdout, or its stderr on
/// failure.
pub fn run_reporting(
    command: &mut Command,
    reporter: &mut Reporter,
) -> std::io::Result<Result<String, String>> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let stdout = child.stdout.take();
    let reader = std::thread::spawn(move || {
        let mut answer = String::new();
        stdout.map(|mut stdout| stdout.read_to_string(&mut answer)).transpose().map(|_| answer)
    });
    let mut said = String::new();
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).split(b'\n') {
            let line = String::from_utf8_lossy(&line?).into_owned();
            if is_progress(&line) {
                if !is_own(&line) {
                    reporter.progress(line.trim());
                }
            } else {
                said.push_str(&line);
                said.push('\n');
            }
        }
    }
    let answer = reader.join().unwrap_or_else(|_| Ok(String::new()))?;
    Ok(if child.wait()?.success() { Ok(answer) } else { Err(said) })
}

/// Whether a line is progress of cargo's: `   Compiling rand v0.9.2`.
fn is_progress(line: &str) -> bool {
    const WORDS: [&str; 10] = [
        "Updating",
        "Locking",
        "Adding",
        "Downloading",
        "Downloaded",
        "Compiling",
        "Blocking",
        "Finished",
        "Upgrading",
        "Removing",
    ];
    line.split_whitespace().next().is_some_and(|word| WORDS.contains(&word)) && line.starts_with(' ')
}

/// Whether a line is about the generated package, or repeats what the reader sees anyway.
fn is_own(line: &str) -> bool {
    line.contains(&format!("{CELL_CRATE} v1.0.0")) || line.trim_start().starts_with("Finished")
}

/// cargo's message without the parts about the generated manifest.
fn without_manifest(said: &str) -> String {
    let kept: Vec<&str> = said
        .lines()
        .filter(|line| !is_own(line) && !line.contains("/dependencies/") && !line.trim().is_empty())
        .collect();
    // Some errors are about that package: the same crate under two names.
    let text = if kept.is_empty() { said.trim().to_owned() } else { kept.join("\n") };
    text.strip_prefix("error: ").unwrap_or(&text).to_owned()
}

impl Resolved {
    /// The packages that the cell asks for itself, by the names that it gives them.
    pub fn asked_for(&self) -> Vec<(String, String)> {
        let beside = crate::template_crates::BESIDE_PREFIX.replace('-', "_");
        self.of_root().into_iter().filter(|(name, _)| !name.starts_with(&beside)).collect()
    }

    /// How these packages fit the template's.
    pub fn fit(&self, crates: &Crates) -> Fit {
        let asked = self.asked_for();
        let needed = self.closure(asked.iter().map(|(_, id)| id.as_str()));
        let mut others = Vec::new();
        let mut shares = false;
        for id in &needed {
            let (name, version) = self.title(id);
            let Some(own) = crates.given.iter().find(|own| own.name == name) else { continue };
            if asked.iter().any(|(_, other)| other == id) {
                // The learner has given it another name.
                continue;
            }
            if own.version != version {
                others.push(format!("{name} {version}, where the notebook's is {}", own.version));
            } else if self.is_same(id, crates) {
                shares = true;
            } else {
                others.push(format!("{name} {version} with other features than the notebook's"));
            }
        }
        Fit { shares: shares && others.is_empty(), others }
    }

    /// Whether a package and all that it needs are those of the template.
    fn is_same(&self, id: &str, crates: &Crates) -> bool {
        self.closure(std::iter::once(id)).iter().all(|id| {
            let node = self.nodes.get(id);
            let features =
                node.and_then(|node| crate::recipe::strings(&node["features"])).unwrap_or_default();
            crates.features.get(id).is_some_and(|own| *own == features)
        })
    }
}

/// How packages fit the template's.
#[derive(Debug, PartialEq, Eq)]
pub struct Fit {
    /// They share crates with the template: same version, same features.
    pub shares: bool,
    /// The crates that they need in another version or with other features, whose types therefore
    /// differ.
    pub others: Vec<String>,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    fn resolved(image: &str, features: &[&str], also: &[&str]) -> Resolved {
        let kinds = json!([{"kind": null}]);
        let metadata = json!({
            "packages": [
                {"id": "art", "name": "art", "version": "1.0.0", "targets": [{"kind": ["lib"]}]},
                {"id": image, "name": "image", "version": image, "targets": [{"kind": ["lib"]}]},
                {"id": "png", "name": "png", "version": "1.0.0", "targets": [{"kind": ["lib"]}]},
            ],
            "resolve": {"root": "root", "nodes": [
                {"id": "root", "deps": [{"name": "art", "pkg": "art", "dep_kinds": kinds}, {"name": "given_image", "pkg": "0.25.1", "dep_kinds": kinds}]},
                {"id": "art", "deps": [{"name": "image", "pkg": image, "dep_kinds": kinds}], "features": []},
                {"id": image, "deps": [{"name": "png", "pkg": "png", "dep_kinds": kinds}], "features": features},
                {"id": "png", "deps": [], "features": also},
            ]},
        });
        Resolved::of(metadata)
    }

    #[test]
    fn a_crate_of_the_template_is_shared_in_its_very_form_only() {
        let own = crate::template_crates::TemplateCrate {
            name: "image".to_owned(),
            version: "0.25.1".to_owned(),
            enabled: vec!["bmp".to_owned()],
            declared: BTreeMap::new(),
        };
        let features = [("0.25.1", vec!["bmp".to_owned()]), ("png", Vec::new())];
        let features = features.map(|(id, features)| (id.to_owned(), features)).into_iter().collect();
        let crates = Crates { given: vec![own], features, libraries: Vec::new() };
        assert_eq!(resolved("0.25.1", &["bmp"], &[]).fit(&crates), Fit { shares: true, others: Vec::new() });
        let others = |resolved: Resolved| resolved.fit(&crates).others;
        assert_eq!(
            others(resolved("0.25.1", &["bmp", "avif"], &[])),
            ["image 0.25.1 with other features than the notebook's"]
        );
        assert_eq!(others(resolved("0.25.1", &["bmp"], &["simd"])).len(), 1, "what it needs is another");
        assert_eq!(
            others(resolved("0.24.9", &["bmp"], &[])),
            ["image 0.24.9, where the notebook's is 0.25.1"]
        );
    }

    #[test]
    fn what_cargo_says_is_sorted() {
        assert!(is_progress("   Compiling rand v0.9.2") && is_progress("    Updating the index"));
        assert!(!is_progress("error: no matching package named `rnd` found"));
        let said = "error: no matching package named `rnd` found\nlocation searched: the index\n\
                    required by package `ctx v1.0.0 (/t/dependencies/1)`\n";
        assert_eq!(
            without_manifest(said),
            "no matching package named `rnd` found\nlocation searched: the index"
        );
    }
}
