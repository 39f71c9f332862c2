//! `cargo metadata`, which tells rust-analyzer what sources to load.
//!
//! Loading every source of every dependency is most of what a plain evcxr kernel's start takes.
//! A cell only needs the crates whose types it can name, and of std's workspace core, alloc and std.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::Value;

use crate::recipe::{FOLDER_PLACEHOLDER, METADATA_FILE, pruned};
use crate::workspace::Dependencies;
use crate::{Tools, failure, run, workspace};

/// std's crates that a cell's types come from.
const STD_PACKAGES: [&str; 4] = ["core", "alloc", "std", "proc_macro"];

/// Answers for a kernel's folder and for std's workspace; asks the real cargo for all else.
pub fn answer(tools: &Tools, words: &[&str], arguments: &[OsString]) -> ExitCode {
    let manifest = words
        .windows(2)
        .find(|pair| pair[0] == "--manifest-path")
        .map(|pair| PathBuf::from(pair[1]))
        .or_else(|| Some(std::env::current_dir().ok()?.join("Cargo.toml")))
        .unwrap_or_else(|| "Cargo.toml".into());
    let folder = manifest.parent().unwrap_or(Path::new("/"));
    if folder.ends_with("rustlib/src/rust/library") || folder.ends_with("library/sysroot") {
        return std_metadata(tools, folder, arguments);
    }
    match Dependencies::of(&manifest) {
        Some(dependencies) if dependencies.is_crate_alone() => crate_metadata(tools, folder),
        Some(_) => workspace::metadata(tools, folder, words),
        None => run(tools.command(&tools.recipe.cargo).args(arguments)),
    }
}

/// The answer recorded with the template, for this kernel's folder.
fn crate_metadata(tools: &Tools, folder: &Path) -> ExitCode {
    match std::fs::read_to_string(tools.template.join(METADATA_FILE)) {
        Ok(text) => {
            println!("{}", text.replace(FOLDER_PLACEHOLDER, &folder.display().to_string()));
            ExitCode::SUCCESS
        }
        Err(error) => failure(&format!("reading the template's {METADATA_FILE}: {error}")),
    }
}

/// std's workspace cut down to the crates that a cell can name.
fn std_metadata(tools: &Tools, folder: &Path, arguments: &[OsString]) -> ExitCode {
    let no_deps = arguments.iter().any(|argument| argument == "--no-deps");
    let memory = tools.template.join("queries").join(if no_deps { "std-no-deps.json" } else { "std.json" });
    if let Ok(text) = std::fs::read_to_string(&memory) {
        println!("{text}");
        return ExitCode::SUCCESS;
    }
    let output = match tools.command(&tools.recipe.cargo).args(arguments).current_dir(folder).output() {
        Ok(output) => output,
        Err(error) => return failure(&format!("running cargo: {error}")),
    };
    let whole: Option<Value> = serde_json::from_slice(&output.stdout).ok();
    let Some(whole) = whole.filter(|_| output.status.success()) else {
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
        return ExitCode::from(output.status.code().unwrap_or(101) as u8);
    };
    let text = pruned(whole, |name| STD_PACKAGES.contains(&name)).to_string();
    if std::fs::create_dir_all(tools.template.join("queries")).is_ok() {
        let unfinished = memory.with_extension(std::process::id().to_string());
        let _ = std::fs::write(&unfinished, &text).and_then(|()| std::fs::rename(&unfinished, &memory));
    }
    println!("{text}");
    ExitCode::SUCCESS
}
