//! The `cargo`, `rustc` and `rustup` that evcxr and rust-analyzer see inside a kernel.
//!
//! Most of their questions have the same answer every time, and most cells do not need cargo: a cell is
//! compiled by rustc directly, with the arguments that cargo used when the template, and the cell's
//! further dependencies, were built. Everything else goes to the real tools.

mod cell;
mod dependencies;
// The kernel uses all of it.
#[allow(dead_code)]
#[path = "../sys/files.rs"]
mod files;
mod graph;
mod inference;
mod manifest;
mod memory;
mod metadata;
#[path = "../template/outline.rs"]
mod outline;
mod outlines;
mod prepare;
mod query;
mod recipe;
mod record;
mod reporter;
mod resolve;
mod source;
// Only the template's builder uses all of it.
#[allow(dead_code)]
#[path = "../template/sources.rs"]
mod sources;
#[path = "../stops/mod.rs"]
mod stops;
// Only the template's builder and the kernel use all of it.
#[allow(dead_code)]
mod template_crates;
mod trace;
mod wrapper;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use recipe::Recipe;

/// The argument by which evcxr forbids network access.
const OFFLINE: &str = "--offline";

/// The template and its recipe, for one run of this program.
struct Tools {
    template: PathBuf,
    /// Where is kept what kernels compile: in the template, or where all users share that, in this user's own folder.
    store: PathBuf,
    recipe: Recipe,
}

impl Tools {
    fn new(template: PathBuf, mut recipe: Recipe) -> Tools {
        let variable = |name: &str| std::env::var(name).ok();
        let store = std::env::var_os(recipe::STORE_VARIABLE).map(PathBuf::from);
        if store.is_some() {
            recipe.path = variable(recipe::OUTSIDE_PATH).unwrap_or_default();
            recipe.cargo_home = variable(recipe::OUTSIDE_CARGO_HOME);
        }
        Tools { store: store.unwrap_or_else(|| template.clone()), template, recipe }
    }

    /// Where something that kernels keep is, or is to be kept: in the store, unless the template came with it.
    fn place(&self, what: impl AsRef<Path>) -> PathBuf {
        let given = self.template.join(&what);
        if given.exists() { given } else { self.store.join(what) }
    }

    /// A real tool, with the environment of outside the kernel.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env("PATH", &self.recipe.path)
            .env("RUSTC", &self.recipe.rustc)
            // evcxr's way of having all of a build below its own target folder.
            .env_remove("CARGO_BUILD_BUILD_DIR");
        match &self.recipe.cargo_home {
            Some(home) => command.env("CARGO_HOME", home),
            None => command.env_remove("CARGO_HOME"),
        };
        command
    }
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let called_as = arguments.next().unwrap_or_default();
    let arguments: Vec<OsString> = arguments.collect();
    if let Some(record) = std::env::var_os(wrapper::RECORD_VARIABLE)
        && Path::new(&called_as).file_stem().is_some_and(|name| name == wrapper::NAME)
    {
        return wrapper::record_and_compile(Path::new(&record), &arguments);
    }
    let Some(template) = std::env::var_os(recipe::TEMPLATE_VARIABLE).map(PathBuf::from) else {
        return failure(&format!(
            "{} is not set: this program runs inside Herbarium kernels only",
            recipe::TEMPLATE_VARIABLE
        ));
    };
    let Some(recipe) = Recipe::read(&template) else {
        return failure(&format!(
            "{} is not a complete template: run `herbarium install` again",
            template.display()
        ));
    };
    let tools = Tools::new(template, recipe);
    let words: Vec<&str> = arguments.iter().filter_map(|argument| argument.to_str()).collect();
    match Path::new(&called_as).file_stem().and_then(|name| name.to_str()) {
        Some("rustup") if words == ["which", "cargo"] => print_line(&tools.template.join("bin/cargo")),
        Some("rustup") if words == ["which", "rustc"] => print_line(&tools.template.join("bin/rustc")),
        Some("rustup") => run(Command::new("rustup").args(&arguments).env("PATH", &tools.recipe.path)),
        Some("rustc") => query::answer(&tools, &tools.recipe.rustc, &arguments),
        _ => cargo(&tools, &words, &arguments),
    }
}

/// Handles the cargo calls of evcxr, rust-analyzer and the kernel.
fn cargo(tools: &Tools, words: &[&str], arguments: &[OsString]) -> ExitCode {
    // In offline mode, evcxr passes `--offline` first.
    match words.iter().find(|word| **word != OFFLINE) {
        Some(&"metadata") => metadata::answer(tools, words, arguments),
        Some(&"build") => cell::build(tools, false, words, arguments),
        Some(&"check") => cell::build(tools, true, words, arguments),
        Some(&"locate-project") => metadata::locate(tools, words, arguments),
        Some(&recipe::PREPARE) => prepare::run(tools, words.contains(&OFFLINE)),
        _ => query::answer(tools, &tools.recipe.cargo, arguments),
    }
}

/// Runs a command to its end and ends as it did.
fn run(command: &mut Command) -> ExitCode {
    match command.status() {
        Ok(status) => ExitCode::from(status.code().unwrap_or(101) as u8),
        Err(error) => failure(&format!("running {:?}: {error}", command.get_program())),
    }
}

fn print_line(path: &Path) -> ExitCode {
    println!("{}", path.display());
    ExitCode::SUCCESS
}

fn failure(message: &str) -> ExitCode {
    eprintln!("error: herbarium: {message}");
    ExitCode::from(101)
}
