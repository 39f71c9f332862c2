//! The template that every kernel starts from: the helper crate, built once as a shared library,
//! and the recipe for compiling cells against it.
//!
//! A template lives in the user's cache folder under a hash of everything that goes into it (the
//! crate's sources, the toolchain, libtorch, this program), so any change makes a new one. It is
//! built under a lock and counts as complete only once its recipe exists, which is written last:
//! two kernels that start at once, a full disk or an interrupted build never leave a half-built
//! template in use.

pub mod build;
pub mod commands;
#[path = "../cargo/graph.rs"]
mod graph;
pub mod helper;
mod key;
mod library;
pub mod libtch;
mod location;
mod manifests;
mod members;
mod outline;
pub mod outside;
mod quick;
#[path = "../cargo/recipe.rs"]
pub mod recipe;
pub mod shared;
mod sources;
#[path = "../cargo/template_crates.rs"]
pub mod template_crates;
#[path = "../cargo/tree.rs"]
mod tree;
mod types;
mod variables;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, Result};
pub use helper::Helper;
pub use location::{Location, cache_folder, can_write, settle_cache};
pub use manifests::profile;
pub use members::profile_overrides;
use recipe::Recipe;
use shared::Shared;

/// How many templates are kept when a new one is built.
const KEPT: usize = 3;

/// How often a lock that another process holds is tried.
const BETWEEN_TRIES: Duration = Duration::from_millis(100);

/// What goes into a template, and where it is, whether built or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub location: Location,
    /// The template's folder, which is the same for the same crate, toolchain, libtorch and kernel.
    pub path: PathBuf,
    /// Where a kernel keeps what it compiles, if all users share the template and so none writes to it.
    pub store: Option<PathBuf>,
}

impl Plan {
    /// For the crate, toolchain and libtorch that this process's environment names.
    pub fn make() -> Result<Plan> {
        Plan::of(Location::discover()?)
    }

    /// For what is at these places.
    pub fn of(location: Location) -> Result<Plan> {
        if shared::being_installed().is_none()
            && let Some(shared) = Shared::of_this_program()
            && let Some(kernel) = shared.kernel(&location.crate_folder)
        {
            kernel.check(&shared)?;
            let (path, store) = (kernel.template.clone(), Some(shared::store(&kernel.template)?));
            return Ok(Plan { location, path, store });
        }
        let templates = folder()?;
        std::fs::create_dir_all(&templates).map_err(Error::file(&templates))?;
        // A template contains absolute paths to itself, which must not depend on the symlink by which it
        // is reached.
        let templates = templates.canonicalize().map_err(Error::file(&templates))?;
        Ok(Plan { path: templates.join(key::of(&location)?), location, store: None })
    }

    /// Whether the template is built.
    pub fn is_built(&self) -> bool {
        Recipe::read(&self.path).is_some()
    }
}

/// A template that is whole.
#[derive(Debug)]
pub struct Template {
    /// What it was made of, and its folder.
    pub plan: Plan,
    /// How cells are compiled against it.
    pub recipe: Recipe,
    /// As long as this is open, no other kernel removes the template.
    pub hold: Option<File>,
}

/// The template of a plan; built now if it does not exist, with lines of progress to `progress`. If another process is
/// building it, this one waits, unless it is `stopped`.
pub fn prepare(plan: &Plan, progress: &mut dyn FnMut(&str), stopped: &dyn Fn() -> bool) -> Result<Template> {
    let Plan { path, location, store } = plan;
    let found = |hold, recipe| Template { plan: plan.clone(), recipe, hold };
    // Mark it as in use before reading it, so that it is not removed in between.
    let held = hold(path);
    if let Some(mut recipe) = Recipe::read(path) {
        if store.is_some() {
            // Whoever built it has other tools than this user.
            (recipe.path, recipe.cargo_home) =
                (outside::variable("PATH").unwrap_or_default(), outside::variable("CARGO_HOME"));
        }
        return Ok(found(held, recipe));
    }
    // One process builds, the others wait for it: the lock is outside the template's folder, which a build may replace.
    let lock_file = path.with_extension("lock");
    let lock = File::create(&lock_file).map_err(Error::file(&lock_file))?;
    // On a file system without locks there is nobody to wait for.
    let busy = || matches!(lock.try_lock(), Err(TryLockError::WouldBlock));
    if busy() {
        progress("waiting for another kernel that is building the helper crate");
        while busy() {
            if stopped() {
                return Err(Error::Start("stopped while waiting for another kernel".to_owned()));
            }
            std::thread::sleep(BETWEEN_TRIES);
        }
    }
    // Another process may have built it while this one waited.
    if let Some(recipe) = Recipe::read(path) {
        return Ok(found(hold(path), recipe));
    }
    // The key was computed when the kernel started. Building changed sources under the old key would make a template
    // that lies about its contents.
    if Plan::of(location.clone())? != *plan {
        let what = "the crate, the toolchain or libtorch has changed since the kernel was started: restart the kernel, or \
                    run the notebook again";
        return Err(Error::Start(what.to_owned()));
    }
    let templates = path.parent().unwrap_or(Path::new("/"));
    let helper = Helper::read(&location.crate_folder)?.library();
    let recipe = build::build(location, path, newest(templates, &helper).as_deref(), progress)?;
    let hold = hold(path);
    remove_old(templates, path, &helper);
    Ok(found(hold, recipe))
}

/// Where templates are.
fn folder() -> Result<PathBuf> {
    Ok(built_folder()?.join("template"))
}

/// Where templates and all that they need are built: the user's cache, or what is being installed for all users.
fn built_folder() -> Result<PathBuf> {
    shared::being_installed().map_or_else(cache_folder, Ok)
}

/// Removes the templates of one helper crate, but for those that a kernel uses.
pub fn remove_of(helper: &str) -> Result<()> {
    let templates = folder()?;
    let own = |path: &PathBuf| Recipe::read(path).is_some_and(|recipe| recipe.helper == helper);
    by_last_use(&templates).iter().filter(|path| own(path)).for_each(|path| remove_unused(path));
    Ok(())
}

/// Removes every template; the next kernel builds a new one.
pub fn remove_all() -> Result<()> {
    let templates = folder()?;
    match std::fs::remove_dir_all(&templates) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::file(&templates)(error)),
        _ => Ok(()),
    }
}

/// The file whose modification time is that of the template's last use. Kernels that use the template hold it open and
/// locked.
const USED: &str = "used";

/// Marks a template as used now and, while the file is open, as in use. Failures are ignored.
fn hold(template: &Path) -> Option<File> {
    let file = template.join(USED);
    // One that all users share can only be read.
    let used = File::create(&file).or_else(|_| File::open(&file)).ok()?;
    let _ = used.set_modified(std::time::SystemTime::now());
    used.lock_shared().ok()?;
    Some(used)
}

/// All templates, whole or not, from the one whose last use is longest ago.
fn by_last_use(templates: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(templates).into_iter().flatten().flatten();
    let mut found: Vec<(std::time::SystemTime, PathBuf)> = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .map(|path| {
            let used = path.join(USED).metadata().and_then(|facts| facts.modified());
            (used.unwrap_or(std::time::UNIX_EPOCH), path)
        })
        .collect();
    found.sort();
    found.into_iter().map(|(_, path)| path).collect()
}

/// Whether a template may be one of a helper crate, whole or not: that of another kernel is left alone.
fn is_of(template: &Path, helper: &str) -> bool {
    Recipe::read(template).is_none_or(|recipe| recipe.helper == helper)
}

/// The whole template of a helper crate that was used last.
fn newest(templates: &Path, helper: &str) -> Option<PathBuf> {
    let own = |path: &PathBuf| Recipe::read(path).is_some_and(|recipe| recipe.helper == helper);
    by_last_use(templates).into_iter().rev().find(own)
}

/// Keeps the templates of a helper crate that were used last, and those that are being built or used.
fn remove_old(templates: &Path, newest: &Path, helper: &str) {
    let mut others = by_last_use(templates);
    others.retain(|path| path != newest && is_of(path, helper));
    let surplus = (others.len() + 1).saturating_sub(KEPT);
    others.iter().take(surplus).for_each(|path| remove_unused(path));
}

/// Removes a template that no kernel builds or uses.
fn remove_unused(path: &Path) {
    let locks = [path.with_extension("lock"), path.join(USED)].map(File::open);
    // The locks are held until it is removed, so that a starting kernel does not use a half-removed
    // template.
    if locks.iter().flatten().all(|lock| lock.try_lock().is_ok()) {
        let _ = std::fs::remove_dir_all(path);
        let _ = std::fs::remove_file(path.with_extension("lock"));
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn a_template_that_a_kernel_uses_outlives_newer_ones() {
        let templates = std::env::temp_dir().join(format!("herbarium-templates-{}", std::process::id()));
        let template = |name: &str| templates.join(name);
        for (age, name) in ["e", "d", "c", "b", "a"].iter().enumerate() {
            std::fs::create_dir_all(template(name)).unwrap();
            let used = File::create(template(name).join(USED)).unwrap();
            used.set_modified(SystemTime::now() - Duration::from_secs(60 * age as u64)).unwrap();
        }
        let there = || ["a", "b", "c", "d", "e"].map(|name| template(name).exists());

        // The kernel that uses the oldest has done so for an hour.
        let held = hold(&template("a")).unwrap();
        held.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
        remove_old(&templates, &template("e"), "garden");
        assert_eq!(there(), [true, false, true, true, true]);
        drop(held);
        remove_old(&templates, &template("e"), "garden");
        assert_eq!(there(), [false, false, true, true, true]);
        std::fs::remove_dir_all(&templates).unwrap();
    }
}
