//! Lets the crate's own tests and binaries find libtorch at run time without `LD_LIBRARY_PATH`, and tells the tests which
//! optional data are present.

use std::env;
use std::path::PathBuf;

fn main() {
    println!("cargo:rerun-if-changed=src/build.rs");
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    if let Ok(libtorch) = env::var("LIBTORCH") {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{libtorch}/lib");
    }
    what_tests_need();
}

/// Sets a cfg for each kind of data that some tests need and a clone lacks. Tests whose data are missing are
/// ignored and say so: `#[cfg_attr(not(photographs), ignore = "needs …")]`.
fn what_tests_need() {
    let set = |name: &str| {
        println!("cargo:rerun-if-env-changed={name}");
        env::var_os(name).filter(|value| !value.is_empty())
    };
    let shared = PathBuf::from("../shared");
    let parity = set("HERBARIUM_PARITY").map_or_else(|| shared.join("parity"), PathBuf::from);
    let beside = |path: &str| parity.join("..").join(path).exists();
    let needs = [
        ("photographs", set("HERBARIUM_DATA").is_some() || shared.join("data/flowers12").exists()),
        (
            "photographs_and_weights",
            beside("data/flowers12") && beside("weights/resnet18_partial.safetensors"),
        ),
        ("whole_parity", parity.is_dir()),
        ("found_files", shared.join("cases").exists()),
        ("peer_python", set("HERBARIUM_PEER_PYTHON").is_some()),
        ("network_namespaces", may_make_network_namespaces()),
    ];
    for (name, is_there) in needs {
        println!("cargo:rustc-check-cfg=cfg({name})");
        if is_there {
            println!("cargo:rustc-cfg={name}");
        }
    }
}

/// Whether this is root's build, on a system that has `ip`.
#[cfg(unix)]
fn may_make_network_namespaces() -> bool {
    use std::os::unix::fs::MetadataExt;
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    is_root && ["/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip"].iter().any(|ip| PathBuf::from(ip).exists())
}

#[cfg(not(unix))]
fn may_make_network_namespaces() -> bool {
    false
}
