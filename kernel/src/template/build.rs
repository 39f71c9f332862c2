//! Building a template, step by step.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::Location;
use super::recipe::{self, FOLDER_PLACEHOLDER, METADATA_FILE, Recipe, reusable_arguments, strings};
use super::tree::link_tree;
use crate::error::{Error, Result};

/// Part of the key: raised whenever the way of building changes.
pub const VERSION: u32 = 2;

/// The crates whose types a cell can name, and whose sources rust-analyzer therefore reads.
const NAMEABLE: [&str; 4] = [recipe::CELL_CRATE, "herbarium", "tch", "image"];

/// How the crate and a cell are optimised: the crate's loops always, cells for a short wait.
const PROFILE: &str = "
[profile.dev]
opt-level = 0
debug = false
strip = \"debuginfo\"
rpath = true
panic = \"unwind\"
incremental = false

[profile.dev.package.\"*\"]
opt-level = 3
debug-assertions = false
overflow-checks = false
";

/// Builds everything below `template`, whose lock the caller holds. What an `earlier` template compiled
/// is used again as far as cargo finds it fresh.
pub fn build(
    location: &Location,
    template: &Path,
    earlier: Option<&Path>,
    progress: &mut dyn FnMut(&str),
) -> Result<Recipe> {
    match std::fs::remove_dir_all(template) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Error::file(template)(error));
        }
        _ => {}
    }
    let tools = Toolchain::find()?;
    write(&template.join("seed/src/lib.rs"), "")?;
    install_shims(template)?;
    let libtch = libtch(location, progress)?;
    write(&template.join("cargo-config.toml"), &cargo_config(&tools.target, &libtch, &location.libtorch))?;
    write(&template.join("herbarium/Cargo.toml"), &crate_manifest(&location.crate_folder)?)?;
    write(&template.join("seed/Cargo.toml"), &seed_manifest(template))?;
    let lock = location.crate_folder.join("Cargo.lock");
    std::fs::copy(&lock, template.join("seed/Cargo.lock")).map_err(Error::file(&lock))?;

    if let Some(earlier) = earlier {
        let target = template.join("seed/target");
        link_tree(&earlier.join("seed/target"), &target, &is_dependency).map_err(Error::file(&target))?;
    }
    progress("building the helper crate for cells (a minute or two, once)");
    let record = template.join("cell-arguments.json");
    let mut cargo = tools.cargo(template, location);
    cargo
        .args(["build", "--target", &tools.target])
        .env("RUSTC_WRAPPER", template.join("bin/record-rustc"))
        .env("HERBARIUM_RECORD", &record);
    run(cargo, "building the helper crate", progress)?;
    let recorded = std::fs::read(&record).map_err(Error::file(&record))?;
    let recorded = serde_json::from_slice(&recorded).ok().as_ref().and_then(strings).unwrap_or_default();
    write(&template.join(METADATA_FILE), &metadata(&tools, template, location)?)?;

    let recipe = Recipe {
        cargo: tools.cargo,
        rustc: tools.rustc,
        cargo_home: std::env::var("CARGO_HOME").ok(),
        path: std::env::var("PATH").unwrap_or_default(),
        target: tools.target,
        rustc_arguments: reusable_arguments(&recorded),
    };
    let unfinished = template.join("recipe.unfinished");
    write(&unfinished, &recipe.to_json().to_string())?;
    std::fs::rename(&unfinished, template.join(recipe::FILE))
        .map_err(Error::file(template.join(recipe::FILE)))?;
    Ok(recipe)
}

/// Whether a file of a target folder is of one of the crate's dependencies, which two templates can share.
fn is_dependency(file_name: &str) -> bool {
    !["herbarium", recipe::CELL_CRATE].iter().any(|own| {
        let name = file_name.strip_prefix("lib").unwrap_or(file_name);
        name.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.']))
    })
}

/// The real tools behind rustup's proxies.
struct Toolchain {
    cargo: PathBuf,
    rustc: PathBuf,
    target: String,
}

impl Toolchain {
    fn find() -> Result<Toolchain> {
        let sysroot = PathBuf::from(output(Command::new("rustc").args(["--print", "sysroot"]))?);
        let about = output(Command::new("rustc").arg("-vV"))?;
        let target =
            about.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default().to_owned();
        let tool = |name: &str| {
            let inside = sysroot.join("bin").join(name);
            if inside.exists() { inside } else { name.into() }
        };
        Ok(Toolchain { cargo: tool("cargo"), rustc: tool("rustc"), target })
    }

    /// cargo in the template's seed, with its configuration.
    fn cargo(&self, template: &Path, location: &Location) -> Command {
        let mut command = Command::new(&self.cargo);
        command
            .arg("--config")
            .arg(template.join("cargo-config.toml"))
            .current_dir(template.join("seed"))
            .env("CARGO_TARGET_DIR", template.join("seed/target"))
            .env("RUSTC", &self.rustc)
            .env("LIBTORCH", &location.libtorch)
            // Flags from outside would take the place of the configuration's.
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS");
        command
    }
}

/// The program that stands for cargo in a kernel, beside this one.
pub fn shim() -> Result<PathBuf> {
    let this = std::env::current_exe().map_err(Error::system("finding this program's folder"))?;
    Ok(this.with_file_name("herbarium-cargo"))
}

/// The programs that evcxr and rust-analyzer find first: all the same, told apart by name.
fn install_shims(template: &Path) -> Result<()> {
    let shim = shim()?;
    let bin = template.join("bin");
    std::fs::create_dir_all(&bin).map_err(Error::file(&bin))?;
    let copy = bin.join("cargo");
    std::fs::copy(&shim, &copy).map_err(|error| {
        Error::Start(format!(
            "{} is missing beside this program ({error}): build it with `make kernel`",
            shim.display()
        ))
    })?;
    for name in ["rustc", "rustup", "record-rustc"] {
        std::os::unix::fs::symlink("cargo", bin.join(name)).map_err(Error::file(bin.join(name)))?;
    }
    Ok(())
}

/// tch's C++ wrapper as a shared library, so that it exists once for the crate and every cell.
fn libtch(location: &Location, progress: &mut dyn FnMut(&str)) -> Result<PathBuf> {
    progress("building tch's C++ wrapper for libtorch (one to two minutes, once)");
    let mut cargo = Command::new("cargo");
    cargo
        .args(["build", "--release", "--package", "torch-sys", "--message-format=json-render-diagnostics"])
        .current_dir(&location.crate_folder)
        .env("LIBTORCH", &location.libtorch)
        .stderr(Stdio::inherit());
    let messages = output(&mut cargo)?;
    let archive = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["reason"] == "build-script-executed")
        .filter_map(|message| Some(Path::new(message["out_dir"].as_str()?).join("libtch.a")))
        .find(|archive| archive.exists())
        .ok_or_else(|| {
            Error::Start(
                "torch-sys did not build libtch.a: is tch's version one that Herbarium knows?".to_owned(),
            )
        })?;
    let folder = super::cache_folder()?.join("libtch").join(fingerprint(&archive, &location.libtorch)?);
    let library = folder.join("libtch.so");
    if !library.exists() {
        std::fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
        let unfinished = folder.join(format!("libtch.{}", std::process::id()));
        let torch = location.libtorch.join("lib");
        let mut compiler = Command::new(std::env::var("CXX").unwrap_or_else(|_| "c++".to_owned()));
        compiler.arg("-shared").arg("-o").arg(&unfinished);
        compiler.arg("-Wl,--whole-archive").arg(&archive).arg("-Wl,--no-whole-archive").arg("-L").arg(&torch);
        compiler.args(["-ltorch", "-ltorch_cpu", "-lc10", "-Wl,-soname,libtch.so"]);
        compiler.arg(format!("-Wl,-rpath,{}", torch.display()));
        output(&mut compiler)?;
        std::fs::rename(&unfinished, &library).map_err(Error::file(&library))?;
    }
    Ok(folder)
}

/// Tells one `libtch.a` from another.
fn fingerprint(archive: &Path, libtorch: &Path) -> Result<String> {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    libtorch.hash(&mut hasher);
    std::fs::read(archive).map_err(Error::file(archive))?.hash(&mut hasher);
    Ok(format!("{:016x}", hasher.finish()))
}

/// Replaces torch-sys's build script by the shared library.
fn cargo_config(target: &str, libtch: &Path, libtorch: &Path) -> String {
    let (libtch, lib) = (libtch.display(), libtorch.join("lib"));
    let lib = lib.display();
    format!(
        "[target.{target}.tch]\n\
         rustc-link-search = [\"native={libtch}\", \"native={lib}\"]\n\
         rustc-link-lib = [\"dylib=tch\", \"dylib=torch\", \"dylib=torch_cpu\", \"dylib=c10\", \"dylib=stdc++\"]\n\
         libtorch_lib = \"{lib}\"\n\n\
         [target.{target}]\n\
         rustflags = [\"-Cprefer-dynamic\", \"-Clink-arg=-Wl,-rpath,{libtch}\", \"-Clink-arg=-Wl,-rpath,{lib}\"]\n"
    )
}

/// The crate as a shared library: the same sources and dependencies, another kind of output.
fn crate_manifest(crate_folder: &Path) -> Result<String> {
    let path = crate_folder.join("Cargo.toml");
    let text = std::fs::read_to_string(&path).map_err(Error::file(&path))?;
    let manifest: toml::Table =
        text.parse().map_err(|error| Error::Start(format!("{}: {error}", path.display())))?;
    let dependencies =
        manifest.get("dependencies").cloned().unwrap_or(toml::Value::Table(Default::default()));
    let package = toml::toml! {
        name = "herbarium"
        version = "0.1.0"
        edition = "2024"
    };
    let library = toml::Table::from_iter([
        ("path".to_owned(), crate_folder.join("src/lib.rs").display().to_string().into()),
        ("crate-type".to_owned(), vec!["dylib"].into()),
    ]);
    let ours = toml::Table::from_iter([
        ("package".to_owned(), toml::Value::Table(package)),
        ("lib".to_owned(), toml::Value::Table(library)),
        ("dependencies".to_owned(), dependencies),
    ]);
    Ok(ours.to_string())
}

/// A cell's package with the crate as its dependency; further dependencies are added below the last line.
fn seed_manifest(template: &Path) -> String {
    let crate_path = template.join("herbarium");
    format!(
        "[package]\nname = \"{}\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\n\
         [lib]\npath = \"src/lib.rs\"\ncrate-type = [\"cdylib\"]\n\n[workspace]\n{PROFILE}\n\
         [dependencies]\nherbarium = {{ path = \"{}\" }}\n",
        recipe::CELL_CRATE,
        crate_path.display()
    )
}

/// `cargo metadata` of the seed, cut down and with the place of the kernel's folder left open.
fn metadata(tools: &Toolchain, template: &Path, location: &Location) -> Result<String> {
    let mut cargo = tools.cargo(template, location);
    cargo.args(["metadata", "--format-version", "1", "--filter-platform", &tools.target]);
    let text = output(&mut cargo)?;
    let whole: Value = serde_json::from_str(&text)
        .map_err(|error| Error::Start(format!("cargo metadata's answer is not JSON: {error}")))?;
    let kept = super::recipe::pruned(whole, |name| NAMEABLE.contains(&name)).to_string();
    Ok(kept.replace(&template.join("seed").display().to_string(), FOLDER_PLACEHOLDER))
}

fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
    }
    std::fs::write(path, text).map_err(Error::file(path))
}

/// A command's output without the last newline, or an error with what it said.
fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| {
        Error::Start(format!("{name} cannot be run ({error}): is it installed and on the PATH?"))
    })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Error::Start(format!("{name} ended with {}:\n{}", output.status, said.trim())));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

/// Runs cargo, telling `progress` which crate it is at; its last lines are the error's text.
fn run(mut command: Command, what: &str, progress: &mut dyn FnMut(&str)) -> Result<()> {
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| Error::Start(format!("{what}: {error}")))?;
    let mut said = Vec::new();
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).lines().map_while(std::result::Result::ok) {
            if line.trim_start().starts_with("Compiling") {
                progress(line.trim());
            }
            said.push(line);
        }
    }
    let status = child.wait().map_err(|error| Error::Start(format!("{what}: {error}")))?;
    if status.success() {
        return Ok(());
    }
    let errors: Vec<&str> =
        said.iter().map(String::as_str).filter(|line| !line.trim_start().starts_with("Compiling")).collect();
    Err(Error::Start(format!("{what} ended with {status}:\n{}", errors.join("\n"))))
}
