//! `cargo metadata`, from which rust-analyzer learns what sources to load.
//!
//! Loading all sources of all dependencies is most of a plain evcxr kernel's start time. A cell
//! needs only the crates whose types it can name, and from std's workspace only core, alloc and std.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::dependencies;
use crate::manifest::Dependencies;
use crate::outlines::for_folder;
use crate::prepare::PREPARED;
use crate::recipe::{ANALYSIS, CELL_CRATE, LIBRARY, METADATA_FILE, SESSION_LIBRARY, pruned};
use crate::reporter::Reporter;
use crate::{OFFLINE, Tools, failure, query, run};

/// std's crates that a cell's types come from.
const STD_PACKAGES: [&str; 4] = ["core", "alloc", "std", "proc_macro"];

/// Answers for a kernel's folder and for std's workspace; asks the real cargo for all else.
pub fn answer(tools: &Tools, words: &[&str], arguments: &[OsString]) -> ExitCode {
    let manifest = manifest_path(words);
    let folder = manifest.parent().unwrap_or(Path::new("/"));
    if [LIBRARY, SESSION_LIBRARY].iter().any(|library| folder == tools.template.join(library)) {
        return std_metadata(tools, folder, arguments);
    }
    let Some(dependencies) = Dependencies::of(&manifest, &tools.recipe) else {
        return run(tools.command(&tools.recipe.cargo).args(arguments));
    };
    let analyses = std::env::var_os(ANALYSIS).is_some();
    if dependencies.is_trial && (analyses || is_prepared(folder, &dependencies)) {
        println!("{{}}");
        return ExitCode::SUCCESS;
    }
    // The session's rust-analyzer; evcxr itself, which asks for the crates' names, says nothing of the manifest.
    let cell_alone = tools.recipe.tells_types && !analyses && words.contains(&"--manifest-path");
    if cell_alone || dependencies.is_crate_alone() {
        return crate_metadata(tools, folder, cell_alone);
    }
    match dependencies::provide(
        tools,
        folder,
        &dependencies,
        words.contains(&OFFLINE),
        &mut Reporter::default(),
    ) {
        Ok(record) => {
            println!("{}", for_folder(&record.metadata.to_string(), folder));
            ExitCode::SUCCESS
        }
        Err(error) => failure(&error.to_string()),
    }
}

/// Whether the kernel has already built these dependencies, together with those of earlier cells.
fn is_prepared(folder: &Path, dependencies: &Dependencies) -> bool {
    let prepared = std::fs::read_to_string(folder.join(PREPARED)).unwrap_or_default();
    dependencies.lines.iter().all(|line| prepared.lines().any(|known| known == line))
}

/// `cargo locate-project`: a kernel's folder is a separate workspace.
pub fn locate(tools: &Tools, words: &[&str], arguments: &[OsString]) -> ExitCode {
    let manifest = manifest_path(words);
    if Dependencies::of(&manifest, &tools.recipe).is_none() {
        return run(tools.command(&tools.recipe.cargo).args(arguments));
    }
    println!("{}", json!({"root": manifest}));
    ExitCode::SUCCESS
}

/// The manifest that a command line names, else the working folder's.
fn manifest_path(words: &[&str]) -> PathBuf {
    let named = words.windows(2).find(|pair| pair[0] == "--manifest-path").map(|pair| PathBuf::from(pair[1]));
    named.unwrap_or_else(|| std::env::current_dir().unwrap_or_default().join("Cargo.toml"))
}

/// The answer recorded with the template, for this kernel's folder: all of it, or the cell alone.
fn crate_metadata(tools: &Tools, folder: &Path, cell_alone: bool) -> ExitCode {
    let recorded = std::fs::read_to_string(tools.template.join(METADATA_FILE));
    let answer = recorded.and_then(|text| match cell_alone {
        true => Ok(pruned(serde_json::from_str(&text)?, |package| package["name"] == CELL_CRATE).to_string()),
        false => Ok(text),
    });
    match answer {
        Ok(text) => {
            println!("{}", for_folder(&text, folder));
            ExitCode::SUCCESS
        }
        Err(error) => failure(&format!("reading the template's {METADATA_FILE}: {error}")),
    }
}

/// The toolchain's answer about std's workspace, cut down to the crates whose sources the template has.
fn std_metadata(tools: &Tools, folder: &Path, arguments: &[OsString]) -> ExitCode {
    let no_deps = arguments.iter().any(|argument| argument == "--no-deps");
    let name = if no_deps { "std-no-deps.json" } else { "std.json" };
    let memory = tools.place(Path::new(query::FOLDER).join(name));
    if let Ok(text) = std::fs::read_to_string(&memory) {
        println!("{text}");
        return ExitCode::SUCCESS;
    }
    let own = tools.recipe.library.join("Cargo.toml");
    let output = tools
        .command(&tools.recipe.cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", &tools.recipe.target])
        .args(no_deps.then_some("--no-deps"))
        .arg("--manifest-path")
        .arg(&own)
        // std uses unstable features.
        .env("RUSTC_BOOTSTRAP", "1")
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => return failure(&format!("running cargo: {error}")),
    };
    let whole: Option<Value> = serde_json::from_slice(&output.stdout).ok();
    let Some(whole) = whole.filter(|_| output.status.success()) else {
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
        return ExitCode::from(output.status.code().unwrap_or(101) as u8);
    };
    let pruned =
        pruned(whole, |package| STD_PACKAGES.iter().any(|name| package["name"] == *name)).to_string();
    let text = pruned.replace(&tools.recipe.library.display().to_string(), &folder.display().to_string());
    query::remember(&memory, &text);
    println!("{text}");
    ExitCode::SUCCESS
}
