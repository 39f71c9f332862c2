//! The Herbarium kernel: Rust cells in Jupyter, with evcxr.

mod analysis;
mod dependency;
mod doctor;
mod error;
mod export;
mod install;
mod jupyter;
mod launchers;
mod parameters;
mod run;
mod runtime;
mod session;
// Shared with the cargo that cells with the crate are compiled by.
#[path = "cargo/source/mod.rs"]
mod source;
mod stdio;
mod stops;
mod syntax;
mod sys;
mod template;
mod toolchain;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use error::{Error, Result};
use install::Options;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const HELP: &str = "\
Rust notebooks for image classification.

Usage:
  herbarium kernel -f FILE            Serve as a Jupyter kernel, for Jupyter to start.
  herbarium run NOTEBOOK [-o OUT] [-p NAME=VALUE]... [--parameters-file FILE]...
                                      Run a notebook's cells in order. Writes OUT, or NOTEBOOK itself. The values
                                      are for the parameters that its cell tagged `parameters` declares.
      [--processes N] [--restarts K]  On N processes of this machine that train together; all are started again up to
                                      K times, with the trainings' last states, when one fails.
  herbarium export NOTEBOOK [-o DIR]  Write a cargo project that does what the notebook's cells do.
  herbarium parameters NOTEBOOK       List a notebook's parameters.
  herbarium setup [--user | --prefix DIR | --system]
                                      Where pip has installed this program: fetch libtorch, then `install`.
  herbarium install [--user | --prefix DIR]
                                      Register the kernel with Jupyter, and build the helper crate for cells.
  herbarium install --system [--prefix DIR]
                                      The same for all users of this machine, who then compile nothing: below
                                      /usr/local, or DIR.
  herbarium install --name NAME [--display-name TEXT] [--crate LINE]... [--prelude CODE]... [--user | --prefix DIR | --system]
                                      A kernel whose cells have other crates from the start. LINE is one of a
                                      manifest: 'ndarray = \"0.16\"'. CODE runs before the first cell.
  herbarium list [--user | --prefix DIR | --system]
                                      List the installed kernels and their crates.
  herbarium uninstall [NAME] [--user | --prefix DIR | --system] [--all]
                                      Remove a kernel; with --all also what was built for cells.
  herbarium doctor                    Report what is installed, and what to do about what is missing.
  herbarium help | version
";

fn main() -> ExitCode {
    stdio::start_log();
    analysis::process::enter_role();
    runtime::enter_role();
    // SAFETY: this process has not started a thread yet.
    unsafe {
        template::settle_cache();
        template::shared::settle_path();
    }
    let done = arguments().and_then(|arguments| {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        dispatch(&arguments)
    });
    match done {
        Ok(code) => code,
        Err(error) => {
            log::error!("{error}");
            ExitCode::from(2)
        }
    }
}

/// This program's arguments as texts, which a name of a file need not be.
fn arguments() -> Result<Vec<String>> {
    let not_text =
        |word: OsString| Error::Usage(format!("`{}` is not UTF-8: rename it", word.to_string_lossy()));
    std::env::args_os().skip(1).map(|word| word.into_string().map_err(not_text)).collect()
}

/// The connection file among the kernel's arguments. Other arguments that a frontend passes on, such as the
/// script of `jupyter run`, are not for the kernel.
fn connection_file<'a>(arguments: &[&'a str]) -> Option<&'a str> {
    let at = arguments.iter().position(|argument| *argument == "-f");
    let apart = at.and_then(|at| arguments.get(at + 1).copied());
    apart.or_else(|| arguments.iter().find_map(|argument| argument.strip_prefix("-f=")))
}

fn dispatch(arguments: &[&str]) -> Result<ExitCode> {
    match arguments {
        ["kernel", arguments @ ..] => match connection_file(arguments) {
            Some(file) => jupyter::serve(&PathBuf::from(file)).map(|()| ExitCode::SUCCESS),
            None => Err(Error::Usage("`herbarium kernel` needs the connection file: -f FILE".to_owned())),
        },
        ["run", words @ ..] => {
            let options = parameters::Options::parse(words)?;
            if options.processes.is_some() || options.restarts > 0 {
                return run::launch(words, &options);
            }
            run::run(&options)
        }
        ["export", words @ ..] => export::export(words),
        ["parameters", "--translate"] => translate(),
        ["parameters", notebook] => run::show_parameters(&PathBuf::from(notebook)),
        ["setup", ..] => Err(Error::Usage(
            "`herbarium setup` is a command of the wheel that pip installs; in a checkout: `make setup`"
                .to_owned(),
        )),
        ["install", options @ ..] => install::install(&Options::parse(options)?).map(|()| ExitCode::SUCCESS),
        ["list", place @ ..] => install::list(place).map(|()| ExitCode::SUCCESS),
        ["uninstall", options @ ..] => {
            install::uninstall(&Options::parse(options)?).map(|()| ExitCode::SUCCESS)
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

/// Answers another program's question about parameters.
fn translate() -> Result<ExitCode> {
    let question =
        std::io::read_to_string(std::io::stdin()).map_err(Error::system("reading the question"))?;
    let answer =
        parameters::translate(&question).map_err(|error| Error::Usage(format!("the question: {error}")))?;
    println!("{answer}");
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_connection_file_is_found_among_other_arguments() {
        assert_eq!(connection_file(&["-f", "a.json"]), Some("a.json"));
        assert_eq!(connection_file(&["-f", "a.json", "script.rs", "--", "-f", "b"]), Some("a.json"));
        assert_eq!(connection_file(&["--debug", "-f=a.json"]), Some("a.json"));
        assert_eq!(connection_file(&["script.rs", "-f"]), None);
    }
}
