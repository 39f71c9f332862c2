//! Compiles the C++ side against libtorch's headers.

use std::path::{Path, PathBuf};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/c10d.cpp");
    println!("cargo:rerun-if-changed=stubs");
    if std::env::var_os("CARGO_FEATURE_DOC_ONLY").is_some() {
        return;
    }
    let found = |what: &str| std::env::var_os(what).expect("torch-cpp's build script finds libtorch");
    let libtorch = PathBuf::from(found("DEP_TORCH_CPP_LIBTORCH"));
    // So that this crate's own tests and examples run without `LD_LIBRARY_PATH`.
    println!("cargo:rustc-link-arg=-Wl,-rpath,{}", libtorch.join("lib").display());
    let include = libtorch.join("include");
    if !include.join("torch/csrc/distributed/c10d/ProcessGroupGloo.hpp").exists() {
        println!(
            "cargo:warning=torch-c10d: no headers of c10d in {}: set LIBTORCH to a libtorch 2.13, or build \
             herbarium without its feature `distributed`",
            include.display()
        );
    }
    let mut build = cc::Build::new();
    // As libtorch itself was built, or its headers leave gloo out.
    build.cpp(true).std("c++17").warnings(false).file("src/c10d.cpp").define("USE_C10D_GLOO", None);
    let nccl = nccl_headers(&libtorch);
    let mut folders = nccl.clone().unwrap_or_default();
    folders.push("stubs".into());
    folders.extend(std::env::split_paths(&found("DEP_TORCH_CPP_INCLUDE")));
    for folder in folders {
        build.flag("-isystem").flag(folder);
    }
    if nccl.is_some() {
        build.define("USE_C10D_NCCL", None);
    }
    build.compile("torch_c10d");
    let libraries = ["torch_cpu", "c10"].into_iter().chain(nccl.map(|_| "torch_cuda"));
    libraries.for_each(|library| println!("cargo:rustc-link-lib={library}"));
}

/// The folders with CUDA's and NCCL's headers, for a libtorch that has NCCL: NVIDIA's wheels beside torch's, else `CUDA_HOME`
/// and `NCCL_HOME`.
fn nccl_headers(libtorch: &Path) -> Option<Vec<PathBuf>> {
    ["CUDA_HOME", "NCCL_HOME"].iter().for_each(|name| println!("cargo:rerun-if-env-changed={name}"));
    if !libtorch.join("lib/libtorch_cuda.so").exists() {
        return None;
    }
    let mut candidates = Vec::new();
    let beside = libtorch.parent().map(|site| site.join("nvidia"));
    for package in beside.and_then(|nvidia| std::fs::read_dir(nvidia).ok()).into_iter().flatten().flatten() {
        candidates.push(package.path().join("include"));
    }
    let homes = ["CUDA_HOME", "NCCL_HOME"].into_iter().filter_map(std::env::var_os).map(PathBuf::from);
    candidates.extend(homes.chain([PathBuf::from("/usr/local/cuda")]).map(|home| home.join("include")));
    candidates.push(PathBuf::from("/usr/include"));
    let with = |header: &str| candidates.iter().find(|folder| folder.join(header).exists()).cloned();
    let found = [with("cuda_runtime_api.h"), with("nccl.h")];
    match found {
        [Some(cuda), Some(nccl)] => Some(vec![cuda, nccl]),
        [cuda, _] => {
            println!(
                "cargo:warning=torch-c10d: built without NCCL, because {} is not found: set {} to the folder above its \
                 include folder. Ranks with a GPU each then exchange through gloo",
                if cuda.is_none() { "cuda_runtime_api.h" } else { "nccl.h" },
                if cuda.is_none() { "CUDA_HOME" } else { "NCCL_HOME" },
            );
            None
        }
    }
}
