//! Compiles the C++ side against libtorch's headers.

use std::path::PathBuf;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/c10d.cpp");
    println!("cargo:rerun-if-changed=stubs");
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    // So that this crate's own tests and examples run without `LD_LIBRARY_PATH`.
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", libtorch().join("lib").display());
    let include = libtorch().join("include");
    if !include.join("torch/csrc/distributed/c10d/ProcessGroupGloo.hpp").exists() {
        println!(
            "cargo:warning=torch-c10d: no headers of c10d in {}: set LIBTORCH to a libtorch 2.13, or build \
             herbarium without its feature `distributed`",
            include.display()
        );
    }
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .warnings(false)
        // As libtorch itself was built, or its headers leave gloo out.
        .define("USE_C10D_GLOO", None)
        .file("src/c10d.cpp")
        .flag("-isystem")
        .flag("stubs")
        .flag("-isystem")
        .flag(include.display().to_string())
        .flag("-isystem")
        .flag(include.join("torch/csrc/api/include").display().to_string())
        .compile("torch_c10d");
    println!("cargo:rustc-link-lib=torch_cpu");
    println!("cargo:rustc-link-lib=c10");
}

/// libtorch's folder: `LIBTORCH`, else where torch-sys found it.
fn libtorch() -> PathBuf {
    if let Some(folder) = std::env::var_os("LIBTORCH") {
        return folder.into();
    }
    let lib = std::env::var_os("DEP_TCH_LIBTORCH_LIB").map(PathBuf::from);
    lib.and_then(|lib| lib.parent().map(PathBuf::from)).unwrap_or_else(|| "/usr".into())
}
