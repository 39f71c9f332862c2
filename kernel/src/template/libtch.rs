//! tch's C++ wrapper as a shared library, so that it exists once for the crate and every cell.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::commands::output;
use super::{Location, cache_folder};
use crate::error::{Error, Result};

/// Builds `libtch.so` for this libtorch if there is none yet; its folder.
pub fn build(location: &Location, progress: &mut dyn FnMut(&str)) -> Result<PathBuf> {
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
    let folder = cache_folder()?.join("libtch").join(fingerprint(&archive, &location.libtorch)?);
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
    let mut hasher = DefaultHasher::new();
    libtorch.hash(&mut hasher);
    std::fs::read(archive).map_err(Error::file(archive))?.hash(&mut hasher);
    Ok(format!("{:016x}", hasher.finish()))
}
