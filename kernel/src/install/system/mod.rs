//! `herbarium install --system`: kernel, compiler, libtorch and template once for all users of a machine.

mod access;
mod place;
mod toolchain;

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Options, SYSTEM_PREFIX};
use crate::error::{Error, Result};
use crate::sys;
use crate::template::recipe::Recipe;
use crate::template::shared::{self, Shared, SharedKernel, quoted};
use crate::template::{Location, Plan, build, libtch};
use place::Files;

/// The file in an installation that is locked while somebody changes it.
const LOCK: &str = ".lock";

/// Puts all that a kernel needs below the prefix, and has the program there install the kernel.
pub fn install(options: &Options) -> Result<()> {
    // Whatever the installer's own is: others must read what is made.
    sys::make_files_readable();
    let prefix = options.data_folder.prefix().unwrap_or(Path::new(SYSTEM_PREFIX));
    let prefix = std::path::absolute(prefix).map_err(Error::file(prefix))?;
    let folder = make(&Shared::folder_of(&prefix), options)?;
    let _lock = lock(&folder)?;
    let program = programs(&folder)?;
    let toolchain = toolchain::provide(&folder)?;
    let from = Location::crate_folder()?;
    let crate_folder = folder.join("crate");
    if from != crate_folder {
        println!("helper crate: {}", crate_folder.display());
        place::replace(&from, &crate_folder, Files::Copied, &builds_the_crate)?;
    }
    let mut command = Command::new(&program);
    if !options.is_custom() || std::env::var_os("LIBTORCH").is_some() {
        command.env("LIBTORCH", libtorch(&from, &folder)?);
    }
    if !options.is_custom() {
        wrapper(&from, &crate_folder)?;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(toolchain).chain(std::env::split_paths(&path)));
    command
        .arg("install")
        .args(options.kernel())
        .arg("--prefix")
        .arg(&prefix)
        .env(shared::INSTALL_INTO, &folder)
        .env("HERBARIUM_CRATE", &crate_folder)
        .env("PATH", path.unwrap_or_default())
        .env_remove("RUSTUP_TOOLCHAIN");
    let status = command.status().map_err(Error::system("running the installed program"))?;
    access::open_to_all(&folder)?;
    if !status.success() {
        return Err(Error::Install(format!(
            "the kernel was not installed; {} can be removed",
            folder.display()
        )));
    }
    let name = options.name.as_deref().unwrap_or(super::NAME);
    access::open_to_all(&options.data_folder.kernels()?.join(name))?;
    link(&program, &prefix.join("bin/herbarium"));
    println!("for all users: {}, {} MB", folder.display(), super::megabytes(&folder));
    Ok(())
}

/// Makes the folder, if this user may and others can read what will be in it.
fn make(folder: &Path, options: &Options) -> Result<PathBuf> {
    let kernels = options.data_folder.kernels()?;
    for folder in [folder, &kernels] {
        let made = fs::create_dir_all(folder);
        let made = made.and_then(|()| sys::may_write(folder));
        made.map_err(|error| match error.kind() {
            ErrorKind::PermissionDenied => Error::Install(no_rights(folder, options)),
            _ => Error::file(folder)(error),
        })?;
        if let Some(obstacle) = access::obstacle(folder) {
            return Err(Error::Install(format!(
                "other users could not use what is in {}, because they cannot enter {}: choose another place with --prefix DIR, \
                or open that folder to them: chmod o+rx {}",
                folder.display(),
                obstacle.display(),
                obstacle.display()
            )));
        }
    }
    folder.canonicalize().map_err(Error::file(folder))
}

/// Lets nobody else change the installation in a folder while the file is open. The program that is started to install the
/// kernel does not ask for it.
fn lock(folder: &Path) -> Result<File> {
    let path = folder.join(LOCK);
    let file = File::create(&path).map_err(Error::file(&path))?;
    // On a file system without locks nobody can be kept out.
    if let Err(TryLockError::WouldBlock) = file.try_lock() {
        return Err(Error::Install(format!(
            "another installation into {} is running: wait for it to end",
            folder.display()
        )));
    }
    Ok(file)
}

/// The same for the installation below a prefix, where there is one.
pub fn lock_below(prefix: &Path) -> Result<Option<File>> {
    Shared::read(&Shared::folder_of(prefix)).map(|shared| lock(&shared.folder)).transpose()
}

/// What to type instead.
fn no_rights(folder: &Path, options: &Options) -> String {
    let program = std::env::current_exe().unwrap_or_else(|_| "herbarium".into());
    let words: Vec<String> = options.kernel().iter().map(|word| format!(" {}", quoted(word))).collect();
    let is_usual = options.data_folder.prefix() == Some(Path::new(SYSTEM_PREFIX));
    let prefix = if is_usual { String::new() } else { options.data_folder.option() };
    format!(
        "this user may not write to {}: install as root, with your own tools,\n  \
        sudo env \"PATH=$PATH\" \"HOME=$HOME\"{} {} install --system{prefix}{}\n\
        or into a folder of yours that others can read: --system --prefix DIR",
        folder.display(),
        variables(std::env::var_os),
        quoted(&program.to_string_lossy()),
        words.concat(),
    )
}

/// The variables that the wheel's command, or the user, has set for this program: words for `env`, each behind a space.
fn variables(value: impl Fn(&'static str) -> Option<OsString>) -> String {
    let word = |name: &'static str| {
        let value = value(name)?;
        Some(format!(" {}", quoted(&format!("{name}={}", value.to_string_lossy()))))
    };
    ["HERBARIUM_CRATE", "LIBTORCH"].into_iter().filter_map(word).collect()
}

/// This program and the one beside it; returns where the first is.
fn programs(folder: &Path) -> Result<PathBuf> {
    let this = std::env::current_exe().map_err(Error::system("finding this program"))?;
    let installed = folder.join("bin/herbarium");
    for (from, name) in [(&this, "herbarium"), (&build::shim()?, "herbarium-cargo")] {
        let to = folder.join("bin").join(name);
        if *from != to {
            place::copy(from, &to)?;
        }
    }
    Ok(installed)
}

/// Whether a file of a checkout, or of a wheel's copy of one, is needed to build the helper crate. Of what else there is,
/// cargo asks for the other crates of the workspace.
fn builds_the_crate(path: &Path) -> bool {
    const OTHERS: [&str; 6] = ["target", "out", "dist", "notebooks", "docs", "shared"];
    const WHOLE: [&str; 4] = ["src", "crates", "weights", "prebuilt"];
    let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    let first = path.components().next().map(|first| first.as_os_str()).unwrap_or(OsStr::new(""));
    let is_named = |name: &&str| first == OsStr::new(name);
    if hidden || OTHERS.iter().any(is_named) || path.file_name() == Some(OsStr::new("target")) {
        return false;
    }
    let end = path.extension().unwrap_or_default();
    let is_source = ["rs", "toml", "lock", "md", ""].iter().any(|wanted| end == OsStr::new(wanted));
    WHOLE.iter().any(is_named) || is_source
}

/// libtorch for all users; returns its folder.
fn libtorch(crate_folder: &Path, folder: &Path) -> Result<PathBuf> {
    let torch = folder.join("torch");
    let Some(from) = Location::of(crate_folder)?.libtorch else { return Ok(torch) };
    let from = from.canonicalize().map_err(Error::file(&from))?;
    if from != torch {
        println!("libtorch: {}", torch.display());
        let parts = ["lib", "include", "build-version", "version.py"];
        let wanted = |path: &Path| parts.iter().any(|part| path.starts_with(part));
        place::replace(&from, &torch, Files::Linked, &wanted)?;
        // CUDA's libraries, which those of libtorch find beside their own folder.
        let cuda = from.with_file_name("nvidia");
        if cuda.is_dir() {
            place::replace(&cuda, &folder.join("nvidia"), Files::Linked, &|_| true)?;
        }
    }
    Ok(torch)
}

/// tch's compiled wrapper, with the sources as in a wheel: building it again would take minutes.
fn wrapper(from: &Path, crate_folder: &Path) -> Result<()> {
    let to = crate_folder.join(libtch::PREBUILT);
    let Location { libtorch: Some(libtorch), .. } = Location::of(from)? else { return Ok(()) };
    if to.exists() {
        return Ok(());
    }
    place::copy(&libtch::archive(from, &libtorch, &mut |line| println!("{line}"))?, &to)
}

/// The command for all users. One that somebody else has put there stays.
fn link(program: &Path, name: &Path) {
    let _ = name.parent().map(fs::create_dir_all);
    if fs::read_link(name).is_ok() {
        let _ = fs::remove_file(name);
    }
    if let Err(error) = sys::link(program, name) {
        log::warn!("{}: {error}; the program is {}", name.display(), program.display());
    }
}

/// In the program that was started for it: records that a kernel's template is for all users.
pub fn record(plan: &Plan) -> Result<()> {
    let Some(folder) = shared::being_installed() else { return Ok(()) };
    let rustc = Recipe::read(&plan.path).map(|recipe| recipe.rustc).unwrap_or_default();
    let rustc = shared::about(&rustc).map_err(Error::file(&rustc))?;
    let known = Shared::read(&folder).unwrap_or(Shared { folder, kernels: Vec::new() });
    known.add(SharedKernel {
        crate_folder: plan.location.crate_folder.clone(),
        template: plan.path.clone(),
        rustc,
    })
}

/// The installations for all users that this user meets.
pub fn found() -> Vec<Shared> {
    let usual = Shared::read(&Shared::folder_of(Path::new(SYSTEM_PREFIX)));
    let own = Shared::of_this_program();
    let is_other = |shared: &Shared| own.as_ref().is_none_or(|own| own.folder != shared.folder);
    let usual = usual.filter(is_other);
    own.into_iter().chain(usual).collect()
}

/// The state of one, or what is wrong with it.
pub fn state(shared: &Shared) -> std::result::Result<String, String> {
    let mut about = Vec::new();
    for kernel in &shared.kernels {
        kernel.check(shared).map_err(|error| error.to_string())?;
        let rustc = Recipe::read(&kernel.template).map(|recipe| recipe.rustc).unwrap_or_default();
        for needed in [
            &rustc,
            &kernel.template.join("recipe.json"),
            &kernel.crate_folder,
            &shared.folder.join("bin/herbarium"),
        ] {
            if let Some(obstacle) = access::obstacle(needed) {
                let (needed, obstacle) = (needed.display(), obstacle.display());
                return Err(format!(
                    "other users cannot read {needed}: have its owner run `chmod -R o+rX {obstacle}`"
                ));
            }
        }
        about.push(format!("{}, compiled by {}", kernel.template.display(), rustc.display()));
    }
    Ok(format!("{}: {}", shared.folder.display(), about.join("; ")))
}

/// Removes the kernel whose cells have a crate from an installation, and with the last one the installation.
pub fn remove(prefix: &Path, crate_folder: &Path) -> Result<()> {
    let Some(mut shared) = Shared::read(&Shared::folder_of(prefix)) else { return Ok(()) };
    let gone = shared.kernel(crate_folder).cloned();
    shared.kernels.retain(|kernel| kernel.crate_folder != crate_folder);
    if shared.kernels.is_empty() {
        fs::remove_dir_all(&shared.folder).map_err(Error::file(&shared.folder))?;
        let command = prefix.join("bin/herbarium");
        if fs::read_link(&command).is_ok_and(|program| program.starts_with(&shared.folder)) {
            fs::remove_file(&command).map_err(Error::file(&command))?;
        }
        println!("removed {}", shared.folder.display());
        return Ok(());
    }
    shared.write()?;
    if let Some(kernel) = gone {
        fs::remove_dir_all(&kernel.template).map_err(Error::file(&kernel.template))?;
        println!("removed {}", kernel.template.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crate_is_built_from_its_sources_and_little_else() {
        let needed = |path: &str| builds_the_crate(Path::new(path));
        for path in [
            "Cargo.toml",
            "Cargo.lock",
            "README.md",
            "LICENSE-MIT",
            "src/fonts/DejaVuSans.ttf",
            "weights/a.safetensors",
            "crates/torch-c10d/src/engine.cpp",
            "kernel/src/main.rs",
            "tests/data/main.rs",
            "prebuilt/libtch.a",
        ] {
            assert!(needed(path), "{path}");
        }
        for path in [
            "target/release/herbarium",
            ".git",
            ".venv",
            "notebooks/flowers.ipynb",
            "tests/parity/a.bin",
            "out/a.rs",
        ] {
            assert!(!needed(path), "{path}");
        }
    }

    #[test]
    fn who_may_not_write_gets_a_line_to_type() {
        let options = Options::parse(&["--system", "--name", "a", "--crate", "rand = \"0.9\""]).unwrap();
        let said = no_rights(Path::new("/usr/local/lib/herbarium"), &options);
        assert!(said.contains("install --system --name a --crate 'rand = \"0.9\"'\n"), "{said}");
        let elsewhere = Options::parse(&["--system", "--prefix", "/opt/a b"]).unwrap();
        assert!(no_rights(Path::new("/opt"), &elsewhere).contains("install --system --prefix '/opt/a b'\n"));
    }

    #[test]
    fn what_the_wheel_has_set_is_part_of_the_line_to_type() {
        let set = |name: &str| match name {
            "HERBARIUM_CRATE" => Some(OsString::from("/wheel/crate")),
            "LIBTORCH" => Some(OsString::from("/my cache/libtorch")),
            _ => None,
        };
        assert_eq!(variables(set), " HERBARIUM_CRATE=/wheel/crate 'LIBTORCH=/my cache/libtorch'");
        assert_eq!(variables(|_| None), "");
    }

    #[test]
    fn two_do_not_install_into_one_folder_at_once() {
        let prefix = std::env::temp_dir().join(format!("herbarium-lock-{}", std::process::id()));
        let folder = Shared::folder_of(&prefix);
        fs::create_dir_all(&folder).unwrap();
        assert!(lock_below(&prefix).unwrap().is_none(), "there is no installation yet");
        Shared { folder: folder.clone(), kernels: Vec::new() }.write().unwrap();
        let first = lock(&folder).unwrap();
        let said = lock_below(&prefix).unwrap_err().to_string();
        assert!(said.contains("is running: wait for it to end"), "{said}");
        drop(first);
        let _second = lock_below(&prefix).unwrap().unwrap();
        // Whoever uninstalls the last kernel leaves no lock behind.
        remove(&prefix, Path::new("/crate")).unwrap();
        assert!(!folder.exists());
        fs::remove_dir_all(&prefix).unwrap();
    }
}
