//! Cells that need more than the crate: the real cargo builds the dependencies, once.
//!
//! evcxr's manifest is left as it is. Beside it, in `build/`, stands one that has the crate added
//! and points to the same source; its target folder starts as links to what the template built.

use std::ffi::OsString;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use serde_json::Value;

use crate::recipe::{CELL_CRATE, HELPER_CRATE, reusable_arguments, strings};
use crate::tree::link_tree;
use crate::{Tools, failure};

/// The name under which this program records a cell's rustc command line for us.
pub const WRAPPER_NAME: &str = "record-rustc";
/// Where to record it.
pub const RECORD_VARIABLE: &str = "HERBARIUM_RECORD";

/// The part of evcxr's manifest that matters here.
#[derive(Debug, PartialEq, Eq)]
pub struct Dependencies {
    /// The lines below `[dependencies]`, sorted.
    lines: Vec<String>,
    /// The optimisation level of the cell itself.
    pub opt_level: String,
}

impl Dependencies {
    /// Reads a manifest that evcxr wrote; `None` for any other.
    pub fn of(manifest: &Path) -> Option<Dependencies> {
        Self::parse(&std::fs::read_to_string(manifest).ok()?)
    }

    fn parse(manifest: &str) -> Option<Dependencies> {
        let ours = [format!("name = \"{CELL_CRATE}\""), "name = \"evcxr_dummy_validate_dep\"".to_owned()];
        if !manifest.lines().any(|line| ours.iter().any(|name| line.trim() == name)) {
            return None;
        }
        let opt_level = manifest
            .lines()
            .find_map(|line| line.trim().strip_prefix("opt-level = "))
            .unwrap_or("0")
            .trim_matches('"')
            .to_owned();
        let (_, dependencies) = manifest.split_once("[dependencies]")?;
        let mut lines: Vec<String> =
            dependencies.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
        lines.sort();
        Some(Dependencies { lines, opt_level })
    }

    /// Whether a cell can do with what the template has.
    pub fn is_crate_alone(&self) -> bool {
        self.lines.iter().all(|line| line.starts_with("herbarium ") || line.starts_with("herbarium="))
    }

    fn key(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.lines.hash(&mut hasher);
        hasher.finish()
    }

    /// The template's manifest with these dependencies added to the crate's.
    fn manifest(&self, template: &Path) -> std::io::Result<String> {
        let mut manifest = std::fs::read_to_string(template.join("seed/Cargo.toml"))?;
        for line in self.lines.iter().filter(|line| !line.starts_with("herbarium")) {
            manifest.push_str(line);
            manifest.push('\n');
        }
        Ok(manifest)
    }
}

/// Builds the dependencies where that has not been done, and returns rustc's arguments for the cell.
pub fn build_dependencies(
    tools: &Tools,
    folder: &Path,
    dependencies: &Dependencies,
) -> Result<Vec<String>, ExitCode> {
    let record = folder.join("build").join(format!("{:016x}.json", dependencies.key()));
    if let Some(known) = read_record(&record) {
        return Ok(reusable_arguments(&known));
    }
    let built = prepare(tools, folder, dependencies).and_then(|build| {
        // An empty cell: what it says about the learner's code comes from the compile that follows.
        std::fs::write(build.join("src/lib.rs"), "")?;
        tools
            .command(&tools.recipe.cargo)
            .args(["build", "--target", &tools.recipe.target, "--config"])
            .arg(tools.template.join("cargo-config.toml"))
            .current_dir(&build)
            .env("CARGO_TARGET_DIR", folder.join("target"))
            // The flags that evcxr gives would take the place of the configuration's.
            .env_remove("RUSTFLAGS")
            .env("RUSTC_WRAPPER", tools.template.join("bin").join(WRAPPER_NAME))
            .env(RECORD_VARIABLE, &record)
            .stdout(Stdio::null())
            .status()
    });
    match built {
        Ok(status) if status.success() => match read_record(&record) {
            Some(arguments) => Ok(reusable_arguments(&arguments)),
            None => Err(failure("cargo did not say how it compiled the cell")),
        },
        Ok(status) => Err(ExitCode::from(status.code().unwrap_or(101) as u8)),
        Err(error) => Err(failure(&format!("preparing {}: {error}", folder.join("build").display()))),
    }
}

/// `cargo metadata` with the crate added, cut down to what a cell can name.
pub fn metadata(tools: &Tools, folder: &Path, words: &[&str]) -> ExitCode {
    let Some(dependencies) = Dependencies::of(&folder.join("Cargo.toml")) else {
        return failure("the kernel's Cargo.toml is gone: restart the kernel");
    };
    let build = match prepare(tools, folder, &dependencies) {
        Ok(build) => build,
        Err(error) => return failure(&format!("preparing {}: {error}", folder.join("build").display())),
    };
    let output = tools
        .command(&tools.recipe.cargo)
        .args(["metadata", "--format-version", "1", "--filter-platform", &tools.recipe.target, "--config"])
        .arg(tools.template.join("cargo-config.toml"))
        .args(words.iter().filter(|word| ["--no-deps", "--offline"].contains(word)))
        .current_dir(&build)
        .env("CARGO_TARGET_DIR", folder.join("target"))
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => return failure(&format!("running cargo: {error}")),
    };
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    if !output.status.success() {
        return ExitCode::from(output.status.code().unwrap_or(101) as u8);
    }
    let text = String::from_utf8_lossy(&output.stdout);
    // rust-analyzer wants the cell where evcxr writes it.
    print!("{}", text.replace(&build.display().to_string(), &folder.display().to_string()));
    ExitCode::SUCCESS
}

/// The folder with the manifest that the real cargo gets, and its target folder linked to the template's.
fn prepare(tools: &Tools, folder: &Path, dependencies: &Dependencies) -> std::io::Result<PathBuf> {
    let build = folder.join("build");
    std::fs::create_dir_all(build.join("src"))?;
    if !build.join("Cargo.lock").exists() {
        std::fs::copy(tools.template.join("seed/Cargo.lock"), build.join("Cargo.lock"))?;
        std::fs::write(build.join("src/lib.rs"), "")?;
        link_tree(&tools.template.join("seed/target"), &folder.join("target"), &|_| true)?;
    }
    std::fs::write(build.join("Cargo.toml"), dependencies.manifest(&tools.template)?)?;
    Ok(build)
}

fn read_record(record: &Path) -> Option<Vec<String>> {
    strings(&serde_json::from_slice(&std::fs::read(record).ok()?).ok()?)
}

/// rustc's wrapper: writes the cell's arguments to `record`, compiles everything as asked.
pub fn record_and_compile(record: &Path, arguments: &[OsString]) -> ExitCode {
    let Some((rustc, rest)) = arguments.split_first() else {
        return failure("the recording wrapper was called without rustc");
    };
    let words: Vec<String> = rest.iter().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let compiles = |name: &str| words.windows(2).any(|pair| pair[0] == "--crate-name" && pair[1] == name);
    let mut command = Command::new(rustc);
    command.args(rest);
    if compiles(HELPER_CRATE) {
        // cargo asks for the library alone; cells read the metadata faster from a file of its own.
        command.arg("--emit=metadata");
    }
    if compiles(CELL_CRATE)
        && let Err(error) = std::fs::write(record, Value::from(words).to_string())
    {
        return failure(&format!("writing {}: {error}", record.display()));
    }
    crate::run(&mut command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_evcxrs_manifests_are_read() {
        let manifest =
            "[package]\nname = \"ctx\"\n[profile.dev]\nopt-level = 0\n[dependencies]\n\nregex = \"1\"\n";
        let read = Dependencies::parse(manifest).unwrap();
        assert_eq!(read.lines, ["regex = \"1\""]);
        assert_eq!(read.opt_level, "0");
        assert!(!read.is_crate_alone());
        let alone = manifest.replace("regex = \"1\"", "herbarium = { path = \"/x\" }");
        assert!(Dependencies::parse(&alone).unwrap().is_crate_alone());
        assert_eq!(Dependencies::parse("[package]\nname = \"mine\"\n[dependencies]\n"), None);
    }
}
