//! An installation for all users of a machine, in one folder that nobody but its owner writes.
//!
//! `herbarium install --system` makes it in `PREFIX/lib/herbarium`:
//!
//! | | |
//! |---|---|
//! | `bin` | this program, which finds the rest beside itself |
//! | `crate`, `torch`, `nvidia` | the helper crate's sources and libtorch |
//! | `toolchain` | rustc and cargo, if other users cannot read the installer's |
//! | `libtch`, `template` | what a user's cache has otherwise |
//! | `kernels.json` | the kernels, each with its template |
//!
//! A user's kernel takes the template as it is. What it compiles, it keeps in a *store* in the user's own cache.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::cache_folder;
use super::commands::write;
use super::recipe::Recipe;
use crate::error::{Error, Result};
use crate::sys;

/// Names the folder while `herbarium install --system` builds in it.
pub const INSTALL_INTO: &str = "HERBARIUM_INSTALL_INTO";
/// The file that makes a folder an installation for all users.
const FILE: &str = "kernels.json";

/// Such an installation.
#[derive(Debug, Clone)]
pub struct Shared {
    pub folder: PathBuf,
    pub kernels: Vec<SharedKernel>,
}

/// A kernel of all users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedKernel {
    /// The helper crate's folder.
    pub crate_folder: PathBuf,
    pub template: PathBuf,
    /// What rustc said of itself when the template was built.
    pub rustc: String,
}

impl Shared {
    /// The folder of an installation below a prefix.
    pub fn folder_of(prefix: &Path) -> PathBuf {
        prefix.join("lib/herbarium")
    }

    /// The one that this program belongs to, if it does.
    pub fn of_this_program() -> Option<Shared> {
        let program = std::env::current_exe().ok()?;
        Shared::read(program.parent()?.parent()?)
    }

    /// The one in a folder.
    pub fn read(folder: &Path) -> Option<Shared> {
        let value: Value = serde_json::from_slice(&std::fs::read(folder.join(FILE)).ok()?).ok()?;
        let kernels = value.as_array()?.iter().filter_map(|kernel| {
            let text = |key: &str| kernel[key].as_str();
            Some(SharedKernel {
                crate_folder: text("crate")?.into(),
                template: text("template")?.into(),
                rustc: text("rustc")?.to_owned(),
            })
        });
        Some(Shared { folder: folder.to_owned(), kernels: kernels.collect() })
    }

    /// `PREFIX`, of a folder `PREFIX/lib/herbarium`.
    pub fn prefix(&self) -> Option<&Path> {
        self.folder.parent()?.parent()
    }

    /// The kernel whose cells have the crate in a folder.
    pub fn kernel(&self, crate_folder: &Path) -> Option<&SharedKernel> {
        self.kernels.iter().find(|kernel| kernel.crate_folder == crate_folder)
    }

    /// Adds a kernel, or replaces that with the same crate.
    pub fn add(mut self, kernel: SharedKernel) -> Result<()> {
        self.kernels.retain(|other| other.crate_folder != kernel.crate_folder);
        self.kernels.push(kernel);
        self.write()
    }

    /// Writes which kernels there are.
    pub fn write(&self) -> Result<()> {
        let kernels = self.kernels.iter().map(|kernel| {
            json!({ "crate": kernel.crate_folder, "template": kernel.template, "rustc": kernel.rustc })
        });
        let text = serde_json::to_string_pretty(&Value::Array(kernels.collect())).unwrap_or_default();
        let (file, unfinished) = (self.folder.join(FILE), self.folder.join(".kernels.json"));
        write(&unfinished, &text)?;
        std::fs::rename(&unfinished, &file).map_err(Error::file(&file))
    }

    /// What an administrator has to type for a kernel.
    fn install_again(&self, kernel: &SharedKernel) -> String {
        let prefix = quoted(&self.prefix().unwrap_or(&self.folder).to_string_lossy());
        let (whoever, system) = ("have whoever installed it run", format!("--system --prefix {prefix}"));
        match kernel.name() {
            None => format!("{whoever} `herbarium install {system}` again"),
            // Only whoever installed it knows its crates.
            Some(name) => format!(
                "{whoever} `herbarium uninstall {system} {name}` and then `herbarium install {system} --name {name}` with \
                the same --crate and --prelude as before"
            ),
        }
    }
}

impl SharedKernel {
    /// The name of a custom kernel, whose crate is in its kernelspec's folder.
    fn name(&self) -> Option<&str> {
        let folder = self.crate_folder.parent()?;
        let is_custom = folder.parent()?.ends_with("share/jupyter/kernels");
        if is_custom { folder.file_name()?.to_str() } else { None }
    }

    /// Whether its template can be used by this user, now.
    pub fn check(&self, shared: &Shared) -> Result<()> {
        let fault = |what: String| {
            let folder = shared.folder.display();
            Err(Error::Start(format!(
                "the installation for all users in {folder} {what}: {}",
                shared.install_again(self)
            )))
        };
        let Some(recipe) = Recipe::read(&self.template) else {
            return fault(format!("has no readable template in {}", self.template.display()));
        };
        let rustc = recipe.rustc.display();
        match about(&recipe.rustc) {
            Err(error) => fault(format!("compiles cells by {rustc}, which this user cannot run ({error})")),
            Ok(now) if now != self.rustc => {
                let [built, now] = [&self.rustc, &now].map(|about| about.lines().next().unwrap_or_default());
                fault(format!("was built by {built}, and {rustc} is {now} now"))
            }
            Ok(_) => Ok(()),
        }
    }
}

/// Adds the compiler of the installation that this program belongs to, for users who have none.
///
/// # Safety
/// This process has one thread.
pub unsafe fn settle_path() {
    let Some(shared) = Shared::of_this_program().filter(|_| being_installed().is_none()) else { return };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let programs = shared.folder.join("toolchain/bin");
    if std::env::split_paths(&path).any(|known| known == programs) {
        return;
    }
    if let Ok(path) = std::env::join_paths(std::env::split_paths(&path).chain([programs])) {
        // SAFETY: as this function's caller says.
        unsafe { sys::set_env("PATH", path) };
    }
}

/// A word as a shell takes it, for a command that somebody is to type.
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-=@+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// What a rustc says of itself.
pub fn about(rustc: &Path) -> std::io::Result<String> {
    let output = Command::new(rustc).arg("-vV").output()?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
        false => Err(std::io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
    }
}

/// The folder that `herbarium install --system` builds in, in the program that it starts for that.
pub fn being_installed() -> Option<PathBuf> {
    std::env::var_os(INSTALL_INTO).map(PathBuf::from)
}

/// Where this user's kernels keep what they compile beside a shared template. Those of templates that are gone are removed.
pub fn store(template: &Path) -> Result<PathBuf> {
    let all = cache_folder()?.join("shared");
    let store = all.join(template.file_name().unwrap_or_default());
    if !store.exists() {
        let templates = template.parent().unwrap_or(template);
        for entry in std::fs::read_dir(&all).into_iter().flatten().flatten() {
            if !templates.join(entry.file_name()).exists() {
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
        std::fs::create_dir_all(&store).map_err(Error::file(&store))?;
    }
    Ok(store)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_found_by_their_crates() {
        let prefix = std::env::temp_dir().join(format!("herbarium-shared-{}", std::process::id()));
        let folder = Shared::folder_of(&prefix);
        let kernel = |name: &str, rustc: &str| SharedKernel {
            crate_folder: prefix.join(name),
            template: folder.join("template").join(name),
            rustc: rustc.to_owned(),
        };
        assert!(Shared::read(&folder).is_none());
        let none = Shared { folder: folder.clone(), kernels: Vec::new() };
        none.add(kernel("a", "rustc 1")).unwrap();
        Shared::read(&folder).unwrap().add(kernel("b", "rustc 1")).unwrap();
        Shared::read(&folder).unwrap().add(kernel("a", "rustc 2")).unwrap();
        let shared = Shared::read(&folder).unwrap();
        assert_eq!((shared.kernels.len(), shared.prefix()), (2, Some(&*prefix)));
        assert_eq!(shared.kernel(&prefix.join("a")).unwrap().rustc, "rustc 2");
        assert_eq!(shared.kernel(&prefix.join("c")), None);
        let message = shared.kernels[0].check(&shared).unwrap_err().to_string();
        let advice = format!("`herbarium install --system --prefix {}`", prefix.display());
        assert!(message.contains("no readable template") && message.contains(&advice), "{message}");
        std::fs::remove_dir_all(&prefix).unwrap();
    }

    #[test]
    fn whoever_installed_a_kernel_is_told_what_to_type_for_it() {
        let shared = Shared { folder: Shared::folder_of(Path::new("/opt/a b")), kernels: Vec::new() };
        let advice = |crate_folder: &str| {
            let (template, rustc) = ("/nowhere".into(), String::new());
            let kernel = SharedKernel { crate_folder: crate_folder.into(), template, rustc };
            kernel.check(&shared).unwrap_err().to_string()
        };
        let own = advice("/opt/a b/lib/herbarium/crate");
        assert!(own.ends_with("run `herbarium install --system --prefix '/opt/a b'` again"), "{own}");
        let custom = advice("/opt/a b/share/jupyter/kernels/garden/crate");
        for command in [
            "`herbarium uninstall --system --prefix '/opt/a b' garden`",
            "`herbarium install --system --prefix '/opt/a b' --name garden` with the same --crate",
        ] {
            assert!(custom.contains(command), "{custom}");
        }
    }

    #[test]
    fn a_shell_takes_a_quoted_word_as_it_is() {
        for (word, as_typed) in [
            ("LIBTORCH=/opt/torch-2.13_cpu", "LIBTORCH=/opt/torch-2.13_cpu"),
            ("", "''"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
        ] {
            assert_eq!(quoted(word), as_typed);
        }
    }
}
