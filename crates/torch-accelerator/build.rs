//! Compiles the C++ side against libtorch's headers.

use std::path::PathBuf;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/accelerator.cpp");
    if std::env::var_os("CARGO_FEATURE_DOC_ONLY").is_some() {
        return;
    }
    let found = |what: &str| std::env::var_os(what).expect("torch-cpp's build script finds libtorch");
    let lib = PathBuf::from(found("DEP_TORCH_CPP_LIBTORCH")).join("lib");
    // So that this crate's own tests run without `LD_LIBRARY_PATH`.
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", lib.display());
    let mut build = cc::Build::new();
    build.cpp(true).std("c++17").warnings(false).file("src/accelerator.cpp");
    for folder in std::env::split_paths(&found("DEP_TORCH_CPP_INCLUDE")) {
        build.flag("-isystem").flag(folder);
    }
    let has_cuda = lib.join("libtorch_cuda.so").exists();
    if has_cuda {
        build.define("TORCH_ACCELERATOR_CUDA", None);
    }
    build.compile("torch_accelerator");
    let libraries = ["torch_cpu", "c10"].into_iter().chain(has_cuda.then_some("torch_cuda"));
    libraries.for_each(|library| println!("cargo:rustc-link-lib={library}"));
}
