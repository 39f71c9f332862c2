//! The Herbarium kernel: Rust cells in Jupyter, with evcxr.

mod doctor;
mod error;
mod install;
mod jupyter;
mod run;
mod runtime;
mod session;
mod stdio;
mod syntax;
mod sys;
mod template;

use std::path::PathBuf;
use std::process::ExitCode;

use error::{Error, Result};
use install::Place;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const HELP: &str = "\
Rust notebooks for image classification.

Usage:
  herbarium kernel -f FILE            Serve as a Jupyter kernel; Jupyter starts it so.
  herbarium run NOTEBOOK [-o OUT]     Run a notebook's cells in order. Writes OUT, or NOTEBOOK itself.
  herbarium install [--user | --prefix DIR]
                                      Tell Jupyter of the kernel, and build the helper crate for cells.
  herbarium uninstall [--user | --prefix DIR] [--all]
                                      Undo that; with --all also remove what was built for cells.
  herbarium doctor                    What is installed, and what to do about what is not.
  herbarium help | version
";

fn main() -> ExitCode {
    runtime::enter_role();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match dispatch(&arguments) {
        Ok(code) => code,
        Err(error) => {
            stdio::log(&format!("herbarium: {error}"));
            ExitCode::from(2)
        }
    }
}

fn dispatch(arguments: &[&str]) -> Result<ExitCode> {
    match arguments {
        ["kernel", "-f", file] => jupyter::serve(&PathBuf::from(file)).map(|()| ExitCode::SUCCESS),
        ["run", notebook] => run::run(&PathBuf::from(notebook), None),
        ["run", notebook, "-o" | "--output", out] | ["run", "-o" | "--output", out, notebook] => {
            run::run(&PathBuf::from(notebook), Some(&PathBuf::from(out)))
        }
        ["install", place @ ..] => install::install(&Place::parse(place)?).map(|()| ExitCode::SUCCESS),
        ["uninstall", place @ .., "--all"] => {
            install::uninstall(&Place::parse(place)?, true).map(|()| ExitCode::SUCCESS)
        }
        ["uninstall", place @ ..] => {
            install::uninstall(&Place::parse(place)?, false).map(|()| ExitCode::SUCCESS)
        }
        ["doctor"] => Ok(doctor::run()),
        ["help" | "--help" | "-h"] | [] => {
            print!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        ["version" | "--version" | "-V"] => {
            println!("herbarium {}", env!("CARGO_PKG_VERSION"));
            Ok(ExitCode::SUCCESS)
        }
        other => Err(Error::Usage(format!("`herbarium {}` is not a command", other.join(" ")))),
    }
}
