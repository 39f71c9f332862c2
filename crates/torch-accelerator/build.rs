//! Compiles the C++ side against libtorch's headers.

use std::path::PathBuf;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/accelerator.cpp");
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    if std::env::var_os("CARGO_FEATURE_DOC_ONLY").is_some() {
        return;
    }
    let (include, lib) = (libtorch().join("include"), libtorch().join("lib"));
    // So that this crate's own tests run without `LD_LIBRARY_PATH`.
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", lib.display());
    let mut build = cc::Build::new();
    build.cpp(true).std("c++17").warnings(false).file("src/accelerator.cpp");
    for folder in [include.clone(), include.join("torch/csrc/api/include")] {
        build.flag("-isystem").flag(folder.display().to_string());
    }
    let has_cuda = lib.join("libtorch_cuda.so").exists();
    if has_cuda {
        build.define("TORCH_ACCELERATOR_CUDA", None);
    }
    build.compile("torch_accelerator");
    let libraries = ["torch_cpu", "c10"].into_iter().chain(has_cuda.then_some("torch_cuda"));
    libraries.for_each(|library| println!("cargo:rustc-link-lib={library}"));
}

/// libtorch's folder: `LIBTORCH`, else where torch-sys found it.
fn libtorch() -> PathBuf {
    if let Some(folder) = std::env::var_os("LIBTORCH") {
        return folder.into();
    }
    let lib = std::env::var_os("DEP_TCH_LIBTORCH_LIB").map(PathBuf::from);
    lib.and_then(|lib| lib.parent().map(PathBuf::from)).unwrap_or_else(|| "/usr".into())
}
