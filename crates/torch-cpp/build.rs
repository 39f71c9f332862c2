//! Finds libtorch, for the build scripts of crates that depend on this one.

use std::path::PathBuf;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    let libtorch = libtorch();
    let own = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("include");
    let include = libtorch.join("include");
    let folders = [own, include.clone(), include.join("torch/csrc/api/include")];
    println!("cargo:libtorch={}", libtorch.display());
    println!("cargo:include={}", std::env::join_paths(folders).expect("no colon in a path").display());
    // So that this crate's own tests run without `LD_LIBRARY_PATH`.
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", libtorch.join("lib").display());
}

/// libtorch's folder: `LIBTORCH`, else where torch-sys found it.
fn libtorch() -> PathBuf {
    if let Some(folder) = std::env::var_os("LIBTORCH") {
        return folder.into();
    }
    let lib = std::env::var_os("DEP_TCH_LIBTORCH_LIB").map(PathBuf::from);
    lib.and_then(|lib| lib.parent().map(PathBuf::from)).unwrap_or_else(|| "/usr".into())
}
