//! Where the helper crate and libtorch are on this machine.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::shared::Shared;
use crate::error::{Error, Result};
use crate::sys;

/// What a template is built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The folder of the helper crate: `HERBARIUM_CRATE`, else the checkout that this program was built in.
    pub crate_folder: PathBuf,
    /// libtorch's folder, if the crate depends on tch: `LIBTORCH`, else what `make` wrote into the checkout's
    /// `.cargo/config.toml`.
    pub libtorch: Option<PathBuf>,
}

impl Location {
    /// Finds both, or says what to set.
    pub fn discover() -> Result<Location> {
        Location::of(&Location::crate_folder()?)
    }

    /// The helper crate's folder.
    pub fn crate_folder() -> Result<PathBuf> {
        let checkout = || Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let crate_folder = match (std::env::var_os("HERBARIUM_CRATE"), Shared::of_this_program()) {
            (Some(folder), _) => PathBuf::from(folder),
            (None, Some(shared)) => shared.folder.join("crate"),
            (None, None) => checkout(),
        };
        crate_folder.canonicalize().map_err(|error| {
            Error::Start(format!(
                "the helper crate is not at {}: {error}. Set HERBARIUM_CRATE to the checkout's folder, or run `make` there again",
                crate_folder.display()
            ))
        })
    }

    /// For the helper crate in a folder.
    pub fn of(crate_folder: &Path) -> Result<Location> {
        // A folder that is gone has no manifest either.
        for (file, advice) in [
            ("Cargo.toml", "set HERBARIUM_CRATE to the folder of a kernel's crate"),
            ("Cargo.lock", "run `cargo generate-lockfile` there"),
        ] {
            if !crate_folder.join(file).is_file() {
                let folder = crate_folder.display();
                return Err(Error::Start(format!("the helper crate in {folder} has no {file}: {advice}")));
            }
        }
        let crate_folder = crate_folder.canonicalize().map_err(Error::file(crate_folder))?;
        let libtorch = if needs_libtorch(&crate_folder) { Some(find_libtorch(&crate_folder)?) } else { None };
        Ok(Location { crate_folder, libtorch })
    }
}

/// Whether the crate depends on tch.
fn needs_libtorch(crate_folder: &Path) -> bool {
    let lock = std::fs::read_to_string(crate_folder.join("Cargo.lock")).unwrap_or_default();
    lock.lines().any(|line| line == "name = \"torch-sys\"")
}

/// The libtorch for a crate that depends on tch.
fn find_libtorch(crate_folder: &Path) -> Result<PathBuf> {
    let libtorch = match std::env::var_os("LIBTORCH") {
        Some(folder) => PathBuf::from(folder),
        None => of_all_users().or_else(|| from_cargo_config(crate_folder)).ok_or_else(|| {
            Error::Start(format!(
                "libtorch is not set up: {}, or set LIBTORCH to its folder",
                how_to_set_up(crate_folder)
            ))
        })?,
    };
    if let Err(error) = readable(&libtorch) {
        let libtorch = libtorch.display();
        let make = format!("{}, or correct LIBTORCH", how_to_set_up(crate_folder));
        return Err(Error::Start(match error.kind() {
            ErrorKind::PermissionDenied => format!(
                "this user may not read the libtorch in {libtorch}: have its owner run `chmod -R a+rX {libtorch}`, or {make}"
            ),
            _ => format!("there is no libtorch in {libtorch}: {make}"),
        }));
    }
    Ok(libtorch)
}

/// The libtorch of the installation that this program belongs to.
fn of_all_users() -> Option<PathBuf> {
    Some(Shared::of_this_program()?.folder.join("torch")).filter(|torch| torch.exists())
}

/// What fetches libtorch: in a crate's folder that pip has installed, the wheel's own command.
fn how_to_set_up(crate_folder: &Path) -> String {
    if crate_folder.join(super::libtch::PREBUILT).exists() {
        "run `herbarium setup`".to_owned()
    } else {
        format!("run `make libtorch` in {}", crate_folder.display())
    }
}

/// Fails if there is no folder of libraries there, or this user may not read one of them.
fn readable(libtorch: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(libtorch.join("lib"))? {
        match File::open(entry?.path()) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// The line `LIBTORCH = "…"` of the checkout's `.cargo/config.toml`.
fn from_cargo_config(crate_folder: &Path) -> Option<PathBuf> {
    let text = std::fs::read_to_string(crate_folder.join(".cargo/config.toml")).ok()?;
    let config: toml::Table = text.parse().ok()?;
    Some(config.get("env")?.get("LIBTORCH")?.as_str()?.into())
}

/// Whether this user can write into a folder, or make it if there is none.
pub fn can_write(folder: &Path) -> bool {
    let existing = folder.ancestors().find(|folder| folder.exists());
    existing.is_some_and(|folder| sys::may_write(folder).is_ok())
}

/// Where the user's cache folder cannot be written, as in a read-only home, a private folder for temporary files takes its
/// place, for cells too.
///
/// # Safety
/// This process has one thread.
pub unsafe fn settle_cache() {
    let usual = dirs::cache_dir();
    if usual.as_ref().is_some_and(|cache| can_write(&cache.join("herbarium"))) {
        return;
    }
    let other = std::env::temp_dir().join(format!("herbarium-cache-{}", sys::user()));
    let made = sys::create_private_folder(&other);
    // Somebody else may have made it, to see or change what is in it.
    let is_private = sys::is_private_folder(&other);
    if !is_private {
        let why = made.map_or_else(|error| error.to_string(), |()| "it is not private".to_owned());
        return log::warn!("there is no cache folder: {} cannot be used ({why})", other.display());
    }
    let usual = usual.unwrap_or_else(|| "~/.cache".into());
    log::info!("{} cannot be written, so the cache is {}", usual.display(), other.display());
    // SAFETY: as this function's caller says.
    unsafe { sys::set_env("XDG_CACHE_HOME", other) };
}

/// The user's cache folder for all that Herbarium builds or fetches.
pub fn cache_folder() -> Result<PathBuf> {
    dirs::cache_dir()
        .map(|folder| folder.join("herbarium"))
        .ok_or_else(|| Error::Start("this user has no cache folder: set HOME or XDG_CACHE_HOME".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_a_crate_is_named_with_what_to_do() {
        let folder = std::env::temp_dir().join(format!("herbarium-location-{}", std::process::id()));
        let why = || Location::of(&folder).unwrap_err().to_string();
        assert!(why().contains("has no Cargo.toml: set HERBARIUM_CRATE"), "{}", why());
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("Cargo.toml"), "").unwrap();
        assert!(why().contains("has no Cargo.lock: run `cargo generate-lockfile` there"), "{}", why());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
