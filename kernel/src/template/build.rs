//! Building a template, step by step.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::commands::{output, run, write};
use super::graph::Graph;
use super::helper::Helper;
use super::manifests::{self, HELPER, Torch, cargo_config, crate_manifest, seed_manifest};
use super::recipe::{self, FOLDER_PLACEHOLDER, METADATA_FILE, Recipe, reusable_arguments, strings};
use super::template_crates::{self, BESIDE, Crates};
use super::tree::link_tree;
use super::{Location, library, libtch, members, outside, quick, sources, types};
use crate::error::{Error, Result};
use crate::sys;

/// Part of the key: increased whenever the build process changes.
pub const VERSION: u32 = 21;

/// Builds everything below `template`, whose lock the caller holds. Crates compiled for an `earlier`
/// template are reused if cargo considers them fresh.
pub fn build(
    location: &Location,
    template: &Path,
    earlier: Option<&Path>,
    progress: &mut dyn FnMut(&str),
) -> Result<Recipe> {
    clear_away(template)?;
    let tools = Toolchain::find()?;
    write(&template.join("seed/src/lib.rs"), "")?;
    install_shims(template)?;
    library::copy(&tools.library, &template.join(recipe::LIBRARY), &tools.rustc)?;
    let (nightly, tells_types) = (types::is_nightly(&tools.rustc), types::are_told(&tools.rustc, template));
    library::of_session(template, tells_types)?;
    let helper = Helper::read(&location.crate_folder)?;
    write(&template.join("cargo-config.toml"), &configuration(location, &tools.target, progress)?)?;
    let dependencies = members::dependencies(&location.crate_folder)?;
    let by_path = members::by_path(&location.crate_folder)?;
    let manifest = crate_manifest(&location.crate_folder, &helper, &dependencies);
    write(&template.join(HELPER).join("Cargo.toml"), &manifest)?;
    write(&template.join("seed/Cargo.toml"), &seed_manifest(template, &helper, &dependencies))?;
    write(
        &template.join(BESIDE),
        &manifests::beside(&helper, &dependencies, &members::of_registries(&location.crate_folder)?),
    )?;
    let lock = location.crate_folder.join("Cargo.lock");
    std::fs::copy(&lock, template.join("seed/Cargo.lock")).map_err(Error::file(&lock))?;

    if let Some(earlier) = earlier {
        let target = template.join("seed/target");
        let own: Vec<&str> =
            by_path.keys().map(String::as_str).chain([&*helper.package, recipe::CELL_CRATE]).collect();
        // Another kernel may remove it meanwhile: what is missing is compiled.
        let _ = link_tree(&earlier.join("seed/target"), &target, &|name| is_shared(name, &own));
    }
    progress("building the helper crate for cells (minutes, once)");
    let record = template.join("cell-arguments.json");
    let mut cargo = tools.cargo(template, location);
    cargo
        .args(["build", "--target", &tools.target])
        .env("RUSTC_WRAPPER", template.join("bin/record-rustc"))
        .env("HERBARIUM_RECORD", &record)
        .env("HERBARIUM_HELPER", helper.library());
    run(cargo, "building the helper crate", progress)?;
    let recorded = std::fs::read(&record).map_err(Error::file(&record))?;
    let recorded = serde_json::from_slice(&recorded).ok().as_ref().and_then(strings).unwrap_or_default();
    let mut rustc_arguments = Vec::new();
    if location.libtorch.is_some() {
        let stand_ins = template.join("stand-ins");
        libtch::stand_ins(&stand_ins)?;
        // The linker takes a library from the first folder that has it.
        rustc_arguments.extend(["-L".to_owned(), format!("native={}", stand_ins.display())]);
    }
    rustc_arguments.extend(without_rpath(reusable_arguments(&recorded)));
    // With absolute paths a cell's library finds the crate's from any folder, so that it can be
    // cached.
    let compiled = template.join("seed/target").join(&tools.target).join("debug/deps");
    for folder in [&compiled, &tools.standard_libraries()] {
        rustc_arguments.push(format!("-Clink-arg=-Wl,-rpath,{}", folder.display()));
    }
    let for_quick = quick::Compiled {
        crates: &compiled,
        macros: &template.join("seed/target/debug/deps"),
        helper: &helper.library(),
        rustc: &tools.rustc,
        linker: &tools.linker(),
    };
    let quick_arguments = for_quick.arguments(&template.join("quick"), &rustc_arguments);
    write(&template.join(METADATA_FILE), &metadata(&tools, template, location, &helper)?)?;

    let recipe = Recipe {
        cargo: tools.cargo,
        rustc: tools.rustc,
        library: tools.library,
        cargo_home: outside::variable("CARGO_HOME"),
        path: outside::variable("PATH").unwrap_or_default(),
        target: tools.target,
        rustc_arguments,
        quick_arguments,
        tells_types,
        nightly,
        helper: helper.library(),
        given: helper.given(),
        prelude: helper.prelude,
    };
    let unfinished = template.join("recipe.unfinished");
    write(&unfinished, &recipe.to_json().to_string())?;
    std::fs::rename(&unfinished, template.join(recipe::FILE))
        .map_err(Error::file(template.join(recipe::FILE)))?;
    Ok(recipe)
}

/// Removes what an unfinished build has left. The compilers of one that was killed may still write there, so that removing
/// a folder fails because it is no longer empty: it makes room under another name first. What cannot be removed then is
/// removed with old templates.
fn clear_away(template: &Path) -> Result<()> {
    let aside = template.with_extension(format!("unfinished-{}", std::process::id()));
    match std::fs::rename(template, &aside) {
        Ok(()) => {
            let _ = std::fs::remove_dir_all(&aside);
            Ok(())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::file(template)(error)),
    }
}

/// cargo's configuration; builds tch's wrapper if the crate depends on tch.
fn configuration(location: &Location, target: &str, progress: &mut dyn FnMut(&str)) -> Result<String> {
    let overrides = members::profile_overrides(&location.crate_folder)?;
    let Some(libtorch) = &location.libtorch else { return Ok(cargo_config(target, None, &overrides)) };
    let libtch = libtch::prepare(&location.crate_folder, libtorch, progress)?;
    Ok(cargo_config(target, Some(Torch { libtch: &libtch, libtorch }), &overrides))
}

/// Arguments without `-C rpath`, which makes paths relative to where the library is written.
fn without_rpath(arguments: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for argument in arguments {
        if argument == "rpath" && kept.last().is_some_and(|last| last == "-C") {
            kept.pop();
        } else {
            kept.push(argument);
        }
    }
    kept
}

/// Whether a file of a target folder belongs to a crate that two templates can share: one of a registry, whose
/// sources do not change.
fn is_shared(file_name: &str, own: &[&str]) -> bool {
    let is_of = |own: &str| {
        let name = file_name.strip_prefix("lib").unwrap_or(file_name);
        // In file names of libraries and of packages.
        [own.to_owned(), own.replace('-', "_")].iter().any(|own| {
            name.strip_prefix(own.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '.']))
        })
    };
    !own.iter().any(|own| is_of(own))
}

/// The real tools behind rustup's proxies.
struct Toolchain {
    cargo: PathBuf,
    rustc: PathBuf,
    /// The standard library's sources.
    library: PathBuf,
    target: String,
}

impl Toolchain {
    fn find() -> Result<Toolchain> {
        let sysroot = PathBuf::from(output(outside::command("rustc").args(["--print", "sysroot"]))?);
        let about = output(outside::command("rustc").arg("-vV"))?;
        let target =
            about.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default().to_owned();
        let tool = |name: &str| {
            let inside = sysroot.join("bin").join(name);
            if inside.exists() { inside } else { name.into() }
        };
        Ok(Toolchain {
            cargo: tool("cargo"),
            rustc: tool("rustc"),
            library: library::of_sysroot(&sysroot),
            target,
        })
    }

    /// The folder with the standard library's own shared library.
    fn standard_libraries(&self) -> PathBuf {
        self.of_target().join("lib")
    }

    /// The linker that comes with the toolchain; not all have one.
    fn linker(&self) -> PathBuf {
        self.of_target().join("bin/rust-lld")
    }

    /// What the toolchain has for the target.
    fn of_target(&self) -> PathBuf {
        // The sources are in lib/rustlib/src/rust/library.
        let rustlib = self.library.ancestors().nth(3).unwrap_or(Path::new("/"));
        rustlib.join(&self.target)
    }

    /// cargo in the template's seed, with its configuration.
    fn cargo(&self, template: &Path, location: &Location) -> Command {
        let mut command = outside::command(&self.cargo);
        command
            .arg("--config")
            .arg(template.join("cargo-config.toml"))
            .current_dir(template.join("seed"))
            .env("CARGO_TARGET_DIR", template.join("seed/target"))
            .env("RUSTC", &self.rustc)
            .envs(location.libtorch.iter().map(|libtorch| ("LIBTORCH", libtorch)))
            // Flags from outside would override the configuration's.
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS");
        command
    }
}

/// The program that replaces cargo in a kernel, next to this one.
pub fn shim() -> Result<PathBuf> {
    let this = std::env::current_exe().map_err(Error::system("finding this program's folder"))?;
    Ok(this.with_file_name("herbarium-cargo"))
}

/// Installs the programs that evcxr and rust-analyzer find first: one executable under several
/// names.
fn install_shims(template: &Path) -> Result<()> {
    let shim = shim()?;
    let bin = template.join("bin");
    std::fs::create_dir_all(&bin).map_err(Error::file(&bin))?;
    let copy = bin.join("cargo");
    if !shim.exists() {
        let what =
            format!("{} is missing from this program's folder: build it with `make kernel`", shim.display());
        return Err(Error::Start(what));
    }
    std::fs::copy(&shim, &copy).map_err(Error::file(&copy))?;
    for name in ["rustc", "rustup", "record-rustc"] {
        sys::link("cargo", bin.join(name)).map_err(Error::file(bin.join(name)))?;
    }
    Ok(())
}

/// `cargo metadata` of the seed, pruned and with a placeholder for the kernel's folder. Its data about all crates
/// are written to [`template_crates::FILE`].
fn metadata(tools: &Toolchain, template: &Path, location: &Location, helper: &Helper) -> Result<String> {
    let mut cargo = tools.cargo(template, location);
    cargo.args(["metadata", "--format-version", "1", "--filter-platform", &tools.target]);
    let text = output(&mut cargo)?;
    let whole: Value = serde_json::from_str(&text)
        .map_err(|error| Error::Start(format!("cargo metadata's answer is not JSON: {error}")))?;
    let crates = Crates::of_metadata(&whole, &helper.package, &helper.given());
    write(&template.join(template_crates::FILE), &crates.to_json().to_string())?;
    let graph = Graph::of(whole.clone());
    let named = graph.of_root();
    let needed = graph.closure(named.iter().map(|(_, id)| id.as_str()));
    let mut kept = recipe::pruned(whole, |package| {
        let (name, version) = (&package["name"], &package["version"]);
        let is_given = crates.given.iter().any(|given| *name == given.name && *version == given.version);
        let is_read = match (&helper.read, package["id"].as_str()) {
            (Some(read), _) => read.iter().any(|read| name == read),
            (None, Some(id)) => needed.contains(id) && graph.is_read(id),
            (None, None) => false,
        };
        // The cell, the helper crate and what this names by path come from no registry.
        package["source"].is_null() || is_given || is_read
    });
    let outlines = template.join("outlines");
    sources::redirect(&mut kept, &outlines).map_err(Error::file(&outlines))?;
    Ok(kept.to_string().replace(&template.join("seed").display().to_string(), FOLDER_PLACEHOLDER))
}
