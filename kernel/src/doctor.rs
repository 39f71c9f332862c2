//! `herbarium doctor`: what is installed, and how to install the rest.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::install::{self, DataFolder, Spec};
use crate::template::{self, Location, Plan};
use crate::toolchain;

/// One check: what was checked, and either its state or what to do.
struct Finding {
    what: String,
    result: Result<String, String>,
}

/// Checks everything a notebook needs and prints a line for each; fails if something is wrong.
pub fn run() -> ExitCode {
    let findings = [
        ("Rust", rust()),
        ("rust-src", rust_src()),
        ("C++ compiler", compiler()),
        ("helper crate", crate_folder()),
        ("libtorch", libtorch()),
        ("crate for cells", Plan::make().map_err(|error| error.to_string()).and_then(|plan| built(&plan))),
        ("kernelspec", kernelspec()),
        ("weights", Ok(weights())),
        ("data set", data()),
    ];
    let findings = findings.map(|(what, result)| Finding { what: what.to_owned(), result });
    let findings = findings.into_iter().chain(of_all_users()).chain(custom_kernels());
    let mut sound = true;
    for Finding { what, result } in findings {
        match result {
            Ok(state) => println!("ok    {what:16} {state}"),
            Err(advice) => {
                sound = false;
                println!("FAIL  {what:16} {advice}");
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
    let about = first_line("rustc", &["--version"]).ok_or_else(|| {
        "rustc cannot be run: install Rust, and make sure that it is on the PATH".to_owned()
    })?;
    toolchain::check(&about).map(|()| about)
}

fn rust_src() -> Result<String, String> {
    let sysroot = first_line("rustc", &["--print", "sysroot"]).unwrap_or_default();
    let library = Path::new(&sysroot).join("lib/rustlib/src/rust/library");
    if library.join("core").is_dir() {
        Ok(library.display().to_string())
    } else {
        Err("no crate for cells can be built without it: rustup component add rust-src".to_owned())
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
    let Some(folder) = Location::discover().map_err(|error| error.to_string())?.libtorch else {
        return Ok("not needed by the helper crate".to_owned());
    };
    let version = std::fs::read_to_string(folder.join("build-version"))
        .map_or_else(|_| "version not stated".to_owned(), |version| version.trim().to_owned());
    if !folder.join("lib/libtorch_cuda.so").exists() {
        return Ok(format!("{version}, {}", folder.display()));
    }
    let query = ["--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"];
    let card = first_line("nvidia-smi", &query).filter(|card| !card.is_empty());
    let card = card.unwrap_or_else(|| {
        "no GPU is found (nvidia-smi, which comes with NVIDIA's driver, shows none): training runs on the CPU".to_owned()
    });
    Ok(format!("{version} with CUDA, {}; {card}", folder.display()))
}

/// Whether a kernel's template is built.
fn built(plan: &Plan) -> Result<String, String> {
    if plan.is_built() {
        return Ok(format!("{}, {} MB", plan.path.display(), install::megabytes(&plan.path)));
    }
    let what = "not built for the present crate, toolchain and libtorch: `herbarium install`, or the next kernel, builds it";
    Err(what.to_owned())
}

fn kernelspec() -> Result<String, String> {
    let found = DataFolder::usual().iter().flat_map(Spec::all).find(|spec| spec.name == install::NAME);
    found.map(|spec| spec.folder.display().to_string()).ok_or_else(|| {
        "Jupyter does not know the kernel: `herbarium install`, or `make kernel` in the checkout".to_owned()
    })
}

/// The installations for all users of the machine.
fn of_all_users() -> Vec<Finding> {
    let found = install::system::found();
    found
        .iter()
        .map(|shared| Finding { what: "all users".to_owned(), result: install::system::state(shared) })
        .collect()
}

/// The kernels with crates of the user's choice.
fn custom_kernels() -> Vec<Finding> {
    let specs = DataFolder::usual().iter().flat_map(Spec::all).filter(Spec::is_custom).collect::<Vec<_>>();
    let findings = specs.iter().map(|spec| {
        let plan = Location::of(&spec.crate_folder).and_then(Plan::of);
        let result = plan.map_err(|error| error.to_string()).and_then(|plan| match plan.is_built() {
            true => built(&plan).map(|built| format!("{}; {built}", install::crates(spec))),
            false => Err("not built for the present toolchain: the next kernel builds it".to_owned()),
        });
        Finding { what: format!("kernel {}", spec.name), result }
    });
    findings.collect()
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
