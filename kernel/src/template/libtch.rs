//! tch's C++ wrapper as a shared library, so that it exists once for the crate and every cell.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::commands::{empty_library, output};
use super::{built_folder, outside};
use crate::error::{Error, Result};

/// torch-sys's static library in a crate's folder that comes from a wheel (kernel/wheel).
pub const PREBUILT: &str = "prebuilt/libtch.a";

/// The folder with `libtch.so` for this libtorch, built now if there is none yet.
pub fn prepare(crate_folder: &Path, libtorch: &Path, progress: &mut dyn FnMut(&str)) -> Result<PathBuf> {
    let folder = built_folder()?.join("libtch").join(fingerprint(crate_folder, libtorch)?);
    let library = folder.join("libtch.so");
    if !library.exists() {
        std::fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
        let unfinished = folder.join(format!("libtch.{}", std::process::id()));
        let archive = archive(crate_folder, libtorch, progress)?;
        link(&archive, &libtorch.join("lib"), &unfinished)?;
        std::fs::rename(&unfinished, &library).map_err(Error::file(&library))?;
    }
    Ok(folder)
}

/// Identifies a `libtch.so`: torch-sys's version and the libtorch it is for.
fn fingerprint(crate_folder: &Path, libtorch: &Path) -> Result<String> {
    let lock = crate_folder.join("Cargo.lock");
    let text = std::fs::read_to_string(&lock).map_err(Error::file(&lock))?;
    let version = text.lines().skip_while(|line| *line != "name = \"torch-sys\"").nth(1);
    let mut hasher = DefaultHasher::new();
    version.hash(&mut hasher);
    libtorch.hash(&mut hasher);
    libtorch.join("lib").metadata().and_then(|facts| facts.modified()).ok().hash(&mut hasher);
    Ok(format!("{:016x}", hasher.finish()))
}

/// torch-sys's static library: the one that came with the crate, else one built now.
pub fn archive(crate_folder: &Path, libtorch: &Path, progress: &mut dyn FnMut(&str)) -> Result<PathBuf> {
    let prebuilt = crate_folder.join(PREBUILT);
    if prebuilt.exists() {
        return Ok(prebuilt);
    }
    progress("building tch's C++ wrapper for libtorch (one to two minutes, once)");
    build(crate_folder, libtorch)
}

/// torch-sys's static library, built in the checkout. It has a target folder by itself, which `make` fills while the kernel is
/// compiled: cargo works in a target folder once at a time.
fn build(crate_folder: &Path, libtorch: &Path) -> Result<PathBuf> {
    let target = outside::variable("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    let mut cargo = outside::command("cargo");
    cargo
        .args(["build", "--release", "--package", "torch-sys", "--message-format=json-render-diagnostics"])
        .arg("--target-dir")
        .arg(target.join("libtch"))
        .current_dir(crate_folder)
        .env("LIBTORCH", libtorch)
        .stderr(Stdio::inherit());
    output(&mut cargo)?
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["reason"] == "build-script-executed")
        .filter_map(|message| Some(Path::new(message["out_dir"].as_str()?).join("libtch.a")))
        .find(|archive| archive.exists())
        .ok_or_else(|| {
            Error::Start(
                "torch-sys did not build libtch.a: is tch's version one that Herbarium knows?".to_owned(),
            )
        })
}

/// All of the archive in one shared library that finds libtorch by itself.
fn link(archive: &Path, libtorch: &Path, library: &Path) -> Result<()> {
    let mut compiler = Command::new(std::env::var("CXX").unwrap_or_else(|_| "c++".to_owned()));
    compiler.arg("-shared").arg("-o").arg(library);
    compiler.arg("-Wl,--whole-archive").arg(archive).arg("-Wl,--no-whole-archive").arg("-L").arg(libtorch);
    compiler.args(["-ltorch", "-ltorch_cpu", "-lc10", "-Wl,-soname,libtch.so"]);
    compiler.arg(format!("-Wl,-rpath,{}", libtorch.display()));
    output(&mut compiler).map(drop)
}

/// Empty libraries with libtorch's names. A cell links against tch's wrapper alone, but the linker would read the
/// hundred thousand symbols of the real ones for each cell, because torch-sys names them.
pub fn stand_ins(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
    for name in ["torch", "torch_cpu", "torch_cuda", "c10"] {
        empty_library(&folder.join(format!("lib{name}.so")))?;
    }
    Ok(())
}
