//! The compiler for all users' cells.

use std::path::{Path, PathBuf};

use super::access;
use super::place::{self, Files};
use crate::error::{Error, Result};
use crate::sys;
use crate::template::{commands, outside};

/// The folder for it in an installation.
pub const FOLDER: &str = "toolchain";

/// Puts the present toolchain where all users can run it: a link where they can already, otherwise what compiles cells. Returns
/// its programs' folder.
pub fn provide(folder: &Path) -> Result<PathBuf> {
    let ours = folder.join(FOLDER);
    let sysroot = PathBuf::from(commands::output(outside::command("rustc").args(["--print", "sysroot"]))?);
    let about = commands::output(outside::command("rustc").arg("-vV"))?;
    let target = about.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default().to_owned();
    let needed = ["bin/rustc", "bin/cargo", "lib", "lib/rustlib/src/rust/library/core"];
    for part in needed.map(|part| sysroot.join(part)) {
        if !part.exists() {
            return Err(Error::Install(format!(
                "the Rust toolchain in {} has no {}: install Rust by rustup, with `rustup component add rust-src`",
                sysroot.display(),
                part.display()
            )));
        }
    }
    if sysroot == ours.canonicalize().unwrap_or_else(|_| ours.clone()) {
        return Ok(ours.join("bin"));
    }
    let obstacle = needed.iter().find_map(|part| access::obstacle(&sysroot.join(part)));
    match obstacle {
        Some(obstacle) => {
            println!(
                "toolchain: other users cannot read {} (because of {}), so what compiles cells goes to {}",
                sysroot.display(),
                obstacle.display(),
                ours.display()
            );
            place::replace(&sysroot, &ours, Files::Linked, &|path| compiles_cells(path, &target))?;
        }
        None => {
            println!("toolchain: {}", sysroot.display());
            place::remove(&ours)?;
            sys::link(&sysroot, &ours).map_err(Error::file(&ours))?;
        }
    }
    Ok(ours.join("bin"))
}

/// Whether a file of a toolchain is needed to compile a cell, or another crate.
fn compiles_cells(path: &Path, target: &str) -> bool {
    let rustlib = Path::new("lib/rustlib");
    let folders = [rustlib.join(target), rustlib.join("src")];
    match path.strip_prefix(rustlib) {
        Ok(inside) if inside.components().next().is_some() => {
            folders.iter().any(|folder| path.starts_with(folder) || folder.starts_with(path))
        }
        _ => {
            let programs = ["bin", "bin/cargo", "bin/rustc", "bin/rustdoc"];
            path.starts_with("lib") || programs.iter().any(|program| path == Path::new(program))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documentation_and_other_targets_stay_behind() {
        let needed = |path: &str| compiles_cells(Path::new(path), "x86_64-unknown-linux-gnu");
        for path in
            ["bin/rustc", "lib/librustc_driver-1.so", "lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld"]
        {
            assert!(needed(path), "{path}");
        }
        assert!(
            needed("lib") && needed("lib/rustlib") && needed("lib/rustlib/src/rust/library/core/src/lib.rs")
        );
        for path in
            ["share", "share/doc", "bin/rust-gdb", "lib/rustlib/wasm32-unknown-unknown", "lib/rustlib/etc"]
        {
            assert!(!needed(path), "{path}");
        }
    }
}
