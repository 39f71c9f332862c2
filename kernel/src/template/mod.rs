//! What every kernel starts from: the helper crate built as a shared library, once, and how cells
//! are compiled against it.
//!
//! A template lives in the user's cache folder under a key of all that goes into it (the crate's
//! sources, the toolchain, libtorch, this program), so a change of any of them makes a new one. It
//! is built under a lock and counts as whole only when its recipe, written last, is there: two
//! kernels that start at once, a full disk or an interrupted build never leave a half-built one in
//! use.

mod build;
mod commands;
#[path = "../cargo/given.rs"]
pub mod given;
mod key;
mod library;
mod libtch;
mod location;
mod manifests;
mod outline;
mod quick;
#[path = "../cargo/recipe.rs"]
pub mod recipe;
mod sources;
#[path = "../cargo/tree.rs"]
mod tree;
mod variables;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, Result};
pub use location::{Location, cache_folder};
use recipe::Recipe;

/// The cell that runs before a learner's first. Its `?` spares the learner's first `?` a second build.
pub const PRELOAD: &str = "use herbarium::prelude::*;\nherbarium::notebook::init()?;";

/// How many templates are kept when a new one is built.
const KEPT: usize = 3;

/// How often a lock that another process holds is tried.
const BETWEEN_TRIES: Duration = Duration::from_millis(100);

/// A template that is whole.
#[derive(Debug)]
pub struct Template {
    /// Its folder.
    pub path: PathBuf,
    /// How cells are compiled against it.
    pub recipe: Recipe,
    /// The libtorch that it was built for.
    pub libtorch: PathBuf,
}

/// The template for this crate, toolchain and libtorch; built now if it is not there, with `progress`
/// told a line now and then. Where another process builds it, this one waits until it is `stopped`.
pub fn prepare(progress: &mut dyn FnMut(&str), stopped: &dyn Fn() -> bool) -> Result<Template> {
    let location = Location::discover()?;
    let templates = cache_folder()?.join("template");
    std::fs::create_dir_all(&templates).map_err(Error::file(&templates))?;
    // A template has paths of its own inside, which must stay the same by whatever link it is reached.
    let templates = templates.canonicalize().map_err(Error::file(&templates))?;
    let path = templates.join(key::of(&location)?);
    if let Some(recipe) = Recipe::read(&path) {
        mark_used(&path);
        return Ok(Template { path, recipe, libtorch: location.libtorch });
    }
    let lock_file = path.with_extension("lock");
    let lock = File::create(&lock_file).map_err(Error::file(&lock_file))?;
    if lock.try_lock().is_err() {
        progress("waiting for another kernel that is building the helper crate");
        while lock.try_lock().is_err() {
            if stopped() {
                return Err(Error::Start("stopped while waiting for another kernel".to_owned()));
            }
            std::thread::sleep(BETWEEN_TRIES);
        }
    }
    // Another process may have built it while this one waited.
    if let Some(recipe) = Recipe::read(&path) {
        return Ok(Template { path, recipe, libtorch: location.libtorch });
    }
    let recipe = build::build(&location, &path, newest(&templates).as_deref(), progress)?;
    mark_used(&path);
    remove_old(&templates, &path);
    Ok(Template { path, recipe, libtorch: location.libtorch })
}

/// The template that [`prepare`] would use, if it is built.
pub fn existing() -> Result<Option<PathBuf>> {
    let path = cache_folder()?.join("template").join(key::of(&Location::discover()?)?);
    Ok(Recipe::read(&path).map(|_| path))
}

/// Removes every template; the next kernel builds one anew.
pub fn remove_all() -> Result<()> {
    let templates = cache_folder()?.join("template");
    match std::fs::remove_dir_all(&templates) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::file(&templates)(error)),
        _ => Ok(()),
    }
}

/// Lets [`remove_old`] tell which templates are in use; of no consequence when it fails.
fn mark_used(template: &Path) {
    let _ = std::fs::write(template.join("used"), "");
}

/// All templates, whole or not, from the one whose last use is longest ago.
fn by_last_use(templates: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(templates).into_iter().flatten().flatten();
    let mut found: Vec<(std::time::SystemTime, PathBuf)> = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .map(|path| {
            let used = path.join("used").metadata().and_then(|facts| facts.modified());
            (used.unwrap_or(std::time::UNIX_EPOCH), path)
        })
        .collect();
    found.sort();
    found.into_iter().map(|(_, path)| path).collect()
}

/// The whole template that was used last.
fn newest(templates: &Path) -> Option<PathBuf> {
    by_last_use(templates).into_iter().rev().find(|path| Recipe::read(path).is_some())
}

/// Keeps the templates that were used last.
fn remove_old(templates: &Path, newest: &Path) {
    let others: Vec<PathBuf> = by_last_use(templates).into_iter().filter(|path| path != newest).collect();
    let surplus = (others.len() + 1).saturating_sub(KEPT);
    for path in others.into_iter().take(surplus) {
        // A template that is being built holds its lock.
        let in_use = File::open(path.with_extension("lock")).is_ok_and(|lock| lock.try_lock().is_err());
        if !in_use {
            let _ = std::fs::remove_dir_all(&path);
            let _ = std::fs::remove_file(path.with_extension("lock"));
        }
    }
}
