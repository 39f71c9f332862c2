//! `herbarium doctor`: what is installed, and what to do about what is not.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::install::Place;
use crate::template::{self, Location};
use crate::toolchain;

/// One thing looked at: what it is, and either how it stands or what to do.
struct Finding {
    what: &'static str,
    result: Result<String, String>,
}

/// Looks at everything a notebook needs and prints a line for each; fails if something is amiss.
pub fn run() -> ExitCode {
    let findings = [
        Finding { what: "Rust", result: rust() },
        Finding { what: "rust-src", result: rust_src() },
        Finding { what: "C++ compiler", result: compiler() },
        Finding { what: "helper crate", result: crate_folder() },
        Finding { what: "libtorch", result: libtorch() },
        Finding { what: "crate for cells", result: built_for_cells() },
        Finding { what: "kernelspec", result: kernelspec() },
        Finding { what: "weights", result: Ok(weights()) },
        Finding { what: "data set", result: data() },
    ];
    let mut sound = true;
    for Finding { what, result } in findings {
        match result {
            Ok(state) => println!("ok    {what:16} {state}"),
            Err(advice) => {
                sound = false;
                println!("AMISS {what:16} {advice}");
            }
        }
    }
    if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A program's first line of output.
fn first_line(program: &str, arguments: &[&str]) -> Option<String> {
    let output =
        Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned())
}

fn rust() -> Result<String, String> {
    let about = first_line("rustc", &["--version"])
        .ok_or_else(|| "rustc cannot be run: install Rust, and see that it is on the PATH".to_owned())?;
    toolchain::check(&about).map(|()| about)
}

fn rust_src() -> Result<String, String> {
    let sysroot = first_line("rustc", &["--print", "sysroot"]).unwrap_or_default();
    let library = Path::new(&sysroot).join("lib/rustlib/src/rust/library");
    if library.join("core").is_dir() {
        Ok(library.display().to_string())
    } else {
        Err("the types of variables cannot be told without it: rustup component add rust-src".to_owned())
    }
}

fn compiler() -> Result<String, String> {
    let program = std::env::var("CXX").unwrap_or_else(|_| "c++".to_owned());
    first_line(&program, &["--version"])
        .ok_or_else(|| format!("{program} cannot be run: install a C++ compiler, or set CXX"))
}

fn crate_folder() -> Result<String, String> {
    Location::discover()
        .map(|found| found.crate_folder.display().to_string())
        .map_err(|error| error.to_string())
}

fn libtorch() -> Result<String, String> {
    let folder = Location::discover().map_err(|error| error.to_string())?.libtorch;
    let version = std::fs::read_to_string(folder.join("build-version"))
        .map_or_else(|_| "version not stated".to_owned(), |version| version.trim().to_owned());
    if folder.join("lib/libtorch_cuda.so").exists() {
        Ok(format!("{version} with CUDA, {}", folder.display()))
    } else {
        Ok(format!("{version}, {}", folder.display()))
    }
}

fn built_for_cells() -> Result<String, String> {
    match template::existing() {
        Ok(Some(path)) => Ok(format!("{}, {} MB", path.display(), megabytes(&path))),
        Ok(None) => Err("not built for the present crate, toolchain and libtorch: `herbarium install`, or the next kernel, builds it".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn kernelspec() -> Result<String, String> {
    let mut places = vec![Place::User];
    if let Some(environment) = std::env::var_os("VIRTUAL_ENV") {
        places.insert(0, Place::Prefix(environment.into()));
    }
    if let Ok(location) = Location::discover() {
        places.insert(0, Place::Prefix(location.crate_folder.join(".venv")));
    }
    let folders: Vec<PathBuf> = places.iter().filter_map(|place| place.folder().ok()).collect();
    match folders.iter().find(|folder| folder.join("kernel.json").exists()) {
        Some(folder) => Ok(folder.display().to_string()),
        None => {
            Err("Jupyter does not know the kernel: `herbarium install`, or `make kernel` in the checkout"
                .to_owned())
        }
    }
}

fn weights() -> String {
    let mut folders: Vec<PathBuf> =
        std::env::var_os("HERBARIUM_WEIGHTS").map(PathBuf::from).into_iter().collect();
    folders.extend(template::cache_folder().map(|folder| folder.join("weights")));
    let files: Vec<String> = folders
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flatten()
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "safetensors"))
        .map(|entry| entry.path().display().to_string())
        .collect();
    if files.is_empty() {
        "none: networks start from random weights (environment.md says how to add some)".to_owned()
    } else {
        files.join(", ")
    }
}

fn data() -> Result<String, String> {
    match std::env::var_os("HERBARIUM_DATA").map(PathBuf::from) {
        None => Ok("the drawn flowers (HERBARIUM_DATA is not set)".to_owned()),
        Some(folder) if folder.join("train").is_dir() && folder.join("valid").is_dir() => {
            Ok(folder.display().to_string())
        }
        Some(folder) => {
            Err(format!("HERBARIUM_DATA is {}, which has no train and valid folders", folder.display()))
        }
    }
}

/// The size of all files below a folder.
fn megabytes(folder: &Path) -> u64 {
    fn bytes(folder: &Path) -> u64 {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .map(|entry| match entry.metadata() {
                Ok(facts) if facts.is_dir() => bytes(&entry.path()),
                Ok(facts) => facts.len(),
                Err(_) => 0,
            })
            .sum()
    }
    bytes(folder) / 1_000_000
}
