//! Dependencies that are not in the template: built separately, once for all kernels of a user.
//!
//! cargo builds them in the template's target folder, but as a separate package that does not depend on the helper
//! crate. So whatever features they ask for, the helper crate and its dependencies stay as they are, and crates that
//! both need with the same features are already compiled. If they use a crate that cells can name, the package also
//! asks for everything the helper crate asks for: feature unification then gives the template's features, and the
//! types are the same.

use std::fs::File;
use std::path::Path;

use serde_json::Value;

use crate::Tools;
use crate::manifest::{Dependencies, key};
use crate::outlines;
use crate::recipe::{reusable_arguments, strings};
use crate::record::{self, Record};
use crate::reporter::{Failure, Reporter};
use crate::resolve::{Resolved, resolve, run_reporting};
use crate::template_crates::{BESIDE, BESIDE_PREFIX, Crates};
use crate::wrapper;

/// The record of these dependencies, which are built now if necessary. `folder` is the one of the kernel's cells.
pub fn provide(
    tools: &Tools,
    folder: &Path,
    dependencies: &Dependencies,
    offline: bool,
    reporter: &mut Reporter,
) -> Result<Record, Failure> {
    let place = record::place(tools, folder, dependencies);
    if let Some(known) = known(&place, reporter) {
        return Ok(known);
    }
    reporter.progress(&format!("Resolving {}", dependencies.lines.join(", ")));
    let project = record::shared_folder(tools, dependencies);
    std::fs::create_dir_all(project.join("src"))?;
    let lock = File::create(project.join("lock"))?;
    if lock.try_lock().is_err() {
        reporter.progress("Waiting for another kernel that builds the same");
        lock.lock()?;
    }
    // Another kernel may have built it meanwhile.
    if let Some(known) = known(&place, reporter) {
        return Ok(known);
    }
    let crates = Crates::read(&tools.template).ok_or_else(|| {
        Failure::Explained("the template is incomplete: run `herbarium install` again".to_owned())
    })?;
    let project = Project { tools, folder, path: &project, dependencies };
    project.write_manifest(true)?;
    std::fs::write(project.path.join("src/lib.rs"), "")?;
    std::fs::copy(tools.template.join("seed/Cargo.lock"), project.path.join("Cargo.lock"))?;
    let resolved = resolve(tools, project.path, offline, reporter)?;
    refuse_two_libraries(&resolved, &crates)?;
    let fit = resolved.fit(&crates);
    let note = (!fit.others.is_empty()).then(|| {
        let names: Vec<&str> = dependencies.lines.iter().map(|line| key(line)).collect();
        let (names, others) = (names.join(", "), fit.others.join("; "));
        format!("{names} uses {others}: built separately, so the two have different types.")
    });
    note.iter().for_each(|note| reporter.note(note));
    project.write_manifest(fit.shares)?;
    let record = Record { note, ..project.build(&resolved, reporter)? };
    record.write(&place)?;
    Ok(record)
}

/// The existing record, with its note.
fn known(place: &Path, reporter: &mut Reporter) -> Option<Record> {
    let record = Record::read(place)?;
    record.note.iter().for_each(|note| reporter.note(note));
    Some(record)
}

/// Two versions of a package that wraps a C library would define the same symbols.
fn refuse_two_libraries(resolved: &Resolved, crates: &Crates) -> Result<(), Failure> {
    let own = crates.features.keys().find(|id| id.contains("torch-sys"));
    let packages = resolved.metadata["packages"].as_array().into_iter().flatten();
    let other = packages
        .filter(|package| package["links"] == "tch")
        .find(|package| package["id"].as_str() != own.map(String::as_str));
    match other {
        Some(_) if own.is_none() => Err(Failure::Explained(
            "this needs torch-sys, which is compiled once for all cells of a kernel: make one that has it with `herbarium \
             install --name NAME --crate 'tch = \"…\"'`"
                .to_owned(),
        )),
        Some(package) => Err(Failure::Explained(format!(
            "this needs torch-sys {}, and the kernel has another version of it loaded: a program cannot have both",
            package["version"].as_str().unwrap_or_default()
        ))),
        None => Ok(()),
    }
}

/// The package that the real cargo builds.
struct Project<'a> {
    tools: &'a Tools,
    /// Of the kernel's cells.
    folder: &'a Path,
    path: &'a Path,
    dependencies: &'a Dependencies,
}

impl Project<'_> {
    /// With the template's profile, and `beside` with what the helper crate depends on.
    fn write_manifest(&self, beside: bool) -> std::io::Result<()> {
        let seed = std::fs::read_to_string(self.tools.template.join("seed/Cargo.toml"))?;
        let head = seed.split("[dependencies").next().unwrap_or_default();
        let mut manifest = format!("{head}[dependencies]\n{}\n", self.dependencies.lines.join("\n"));
        if beside {
            manifest.push_str(&std::fs::read_to_string(self.tools.template.join(BESIDE))?);
        }
        std::fs::write(self.path.join("Cargo.toml"), manifest)
    }

    fn build(&self, resolved: &Resolved, reporter: &mut Reporter) -> Result<Record, Failure> {
        let arguments = self.path.join("arguments.json");
        let mut cargo = self.tools.command(&self.tools.recipe.cargo);
        cargo
            .args([
                "build",
                "--message-format=json-render-diagnostics",
                "--target",
                &self.tools.recipe.target,
                "--config",
            ])
            .arg(self.tools.template.join("cargo-config.toml"))
            .current_dir(self.path)
            .env("CARGO_TARGET_DIR", self.tools.store.join(wrapper::TARGET))
            // evcxr's flags would override the configuration's.
            .env_remove("RUSTFLAGS")
            .env("RUSTC_WRAPPER", self.tools.template.join("bin").join(wrapper::NAME))
            .env(wrapper::RECORD_VARIABLE, &arguments);
        let messages = run_reporting(&mut cargo, reporter)?.map_err(Failure::Explained)?;
        let recorded = serde_json::from_slice(&std::fs::read(&arguments)?).ok();
        let recorded = recorded.as_ref().and_then(strings).unwrap_or_default();
        let mut arguments =
            beyond_template(&reusable_arguments(&recorded), &self.tools.recipe.rustc_arguments);
        if self.dependencies.has_local() {
            self.keep_local(&messages, &mut arguments)?;
        }
        let metadata = outlines::metadata(self.tools, resolved)?;
        Ok(Record { arguments, metadata, lasting: !self.dependencies.has_local(), note: None })
    }

    /// Links the libraries of local packages into the kernel's folder: when their sources change, the next kernel
    /// rebuilds them, but this one must still find the libraries that its variables come from.
    fn keep_local(&self, messages: &str, arguments: &mut Vec<String>) -> std::io::Result<()> {
        let kept = self.folder.join("build").join(self.dependencies.key()).join("local");
        std::fs::create_dir_all(&kept)?;
        let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let artifacts = messages.filter(|message| message["reason"] == "compiler-artifact");
        let local = artifacts.filter(|message| {
            message["package_id"].as_str().is_some_and(|id| id.starts_with("path+"))
                && message["target"]["name"] != crate::recipe::CELL_CRATE
        });
        for artifact in local {
            let files = artifact["filenames"].as_array().into_iter().flatten().filter_map(Value::as_str);
            for file in files.map(Path::new) {
                let copy = kept.join(file.file_name().unwrap_or_default());
                if copy.exists() {
                    std::fs::remove_file(&copy)?;
                }
                if std::fs::hard_link(file, &copy).is_err() {
                    std::fs::copy(file, &copy)?;
                }
                let (file, copy) = (file.display().to_string(), copy.display().to_string());
                arguments.iter_mut().for_each(|argument| *argument = argument.replace(&file, &copy));
            }
        }
        arguments.splice(0..0, ["-L".to_owned(), format!("dependency={}", kept.display())]);
        Ok(())
    }
}

/// The dependencies' arguments that the template does not already give a cell.
fn beyond_template(arguments: &[String], template: &[String]) -> Vec<String> {
    let beside = BESIDE_PREFIX.replace('-', "_");
    let is_new = |pair: &&[String]| match pair[0].as_str() {
        "-L" => !template.contains(&pair[1]),
        "--extern" => !pair[1].starts_with(&beside),
        _ => false,
    };
    arguments.windows(2).filter(is_new).flatten().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_gets_the_crates_that_the_template_has_not() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let recorded = words(
            "-C embed-bitcode=no -L dependency=/t/deps --extern given_image=/t/i.rlib --extern rand=/t/r.rlib -L native=/t/z",
        );
        let template = words("-C embed-bitcode=no -L dependency=/t/deps");
        assert_eq!(beyond_template(&recorded, &template), words("--extern rand=/t/r.rlib -L native=/t/z"));
    }
}
