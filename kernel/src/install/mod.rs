//! `herbarium install`, `herbarium list` and `herbarium uninstall`: the kernelspecs by which Jupyter finds kernels.

mod custom;
mod data_folder;
mod options;
mod progress;
mod spec;
pub mod system;
mod trial;

use std::path::Path;

use crate::error::{Error, Result};
use crate::template::{self, Helper, Plan, shared};
pub use data_folder::DataFolder;
pub use options::Options;
use progress::Progress;
pub use spec::Spec;

/// The name of the project's own kernel.
pub const NAME: &str = "herbarium";
/// Where a machine's own installations go, and Jupyter finds kernels for all users.
pub const SYSTEM_PREFIX: &str = "/usr/local";
/// Its name in a launcher.
pub const DISPLAY_NAME: &str = "Rust (Herbarium)";

/// Writes the kernelspec, and builds its template so that no notebook has to wait for it.
pub fn install(options: &Options) -> Result<()> {
    if options.system {
        return system::install(options);
    }
    if options.is_custom() {
        return custom::install(options);
    }
    let plan = Plan::make()?;
    if shared::being_installed().is_none() {
        register(options, &plan)?;
        return build(&plan);
    }
    build(&plan)?;
    // So that no user's kernel has to compile its own first cells.
    println!("trying the kernel");
    trial::run(&plan.location.crate_folder)?;
    system::record(&plan)?;
    // Last, so that after a failure no user meets a kernel that does not start.
    register(options, &plan)
}

/// Writes the kernelspec of the project's own kernel.
fn register(options: &Options, plan: &Plan) -> Result<()> {
    let folder = options.data_folder.kernels()?.join(NAME);
    spec::write(&folder, DISPLAY_NAME, &plan.location)?;
    println!("kernelspec: {DISPLAY_NAME} in {}", folder.display());
    Ok(())
}

/// Builds the template of the project's own kernel.
fn build(plan: &Plan) -> Result<()> {
    let mut progress = Progress::default();
    template::prepare(plan, &mut |line| progress.show(line), &|| false)?;
    drop(progress);
    println!("helper crate for cells: {}", plan.path.display());
    Ok(())
}

/// Removes a kernelspec with the template of a custom kernel, and on request all templates.
pub fn uninstall(options: &Options) -> Result<()> {
    let name = options.name.as_deref().unwrap_or(NAME);
    check_name(name)?;
    let folder = options.data_folder.kernels()?.join(name);
    match Spec::read(&folder) {
        Some(spec) => remove(&spec, &options.data_folder)?,
        None if folder.exists() => {
            let folder = folder.display();
            return Err(Error::Usage(format!("the kernel `{name}` in {folder} is not Herbarium's")));
        }
        None => println!("no kernelspec in {}{}", folder.display(), elsewhere(name)),
    }
    if options.all {
        template::remove_all()?;
        println!("removed what was built for cells");
    }
    Ok(())
}

/// Removes a kernelspec, and what an installation for all users or a template has for that kernel alone.
fn remove(spec: &Spec, data_folder: &DataFolder) -> Result<()> {
    // Before anything is gone.
    let _lock = data_folder.prefix().map(system::lock_below).transpose()?.flatten();
    let helper = if spec.is_custom() { Helper::read(&spec.crate_folder).ok() } else { None };
    std::fs::remove_dir_all(&spec.folder).map_err(Error::file(&spec.folder))?;
    println!("removed {}", spec.folder.display());
    if let Some(prefix) = data_folder.prefix() {
        system::remove(prefix, &spec.crate_folder)?;
    }
    helper.map_or(Ok(()), |helper| template::remove_of(&helper.library()))
}

/// Refuses what cannot name a kernel's folder, such as a path, which would lead elsewhere.
fn check_name(name: &str) -> Result<()> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if !name.is_empty() && name.chars().all(is_plain) && !name.starts_with('.') {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "`{name}` cannot be a kernel's name: Jupyter allows letters without accents, digits, `-`, `_` and, \
        except at the start, `.`"
    )))
}

/// Where else there is a kernel of this name.
fn elsewhere(name: &str) -> String {
    let found = DataFolder::usual().into_iter().filter_map(|folder| match &folder {
        DataFolder::Prefix(prefix) => {
            let is_there = Spec::all(&folder).iter().any(|spec| spec.name == name);
            is_there.then(|| format!("; there is one in --prefix {}", prefix.display()))
        }
        DataFolder::User => None,
    });
    found.collect()
}

/// Prints each of this program's kernels in the usual folders, or in one: its name, what it is shown as, its crates, its folder.
pub fn list(arguments: &[&str]) -> Result<()> {
    let folders = match arguments {
        [] => DataFolder::usual(),
        some => vec![Options::parse(some)?.data_folder],
    };
    let found: Vec<Spec> = folders.iter().flat_map(Spec::all).collect();
    let width =
        |part: fn(&Spec) -> &str| found.iter().map(|spec| part(spec).chars().count()).max().unwrap_or(0);
    let (names, titles) = (width(|spec| &spec.name), width(|spec| &spec.display_name));
    for spec in &found {
        let Spec { name, display_name, folder, .. } = spec;
        println!("{name:<names$}  {display_name:<titles$}  {}", folder.display());
        println!("{:<names$}  {}", "", crates(spec));
    }
    if found.is_empty() {
        println!("no kernels: `herbarium install` installs one");
    }
    Ok(())
}

/// The crates that a kernel's cells can name, or what is wrong with the kernel.
pub fn crates(spec: &Spec) -> String {
    match Helper::read(&spec.crate_folder) {
        Ok(helper) => helper.asked_for().join(", "),
        Err(error) => error.to_string(),
    }
}

/// The size of all files below a folder, in millions of bytes.
pub fn megabytes(folder: &Path) -> u64 {
    fn bytes(folder: &Path) -> u64 {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .map(|entry| match entry.metadata() {
                Ok(facts) if facts.is_dir() => bytes(&entry.path()),
                Ok(facts) => facts.len(),
                Err(_) => 0,
            })
            .sum()
    }
    bytes(folder) / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Location;

    #[test]
    fn nothing_but_a_kernel_of_this_program_is_removed() {
        let prefix = std::env::temp_dir().join(format!("herbarium-uninstall-{}", std::process::id()));
        let data_folder = DataFolder::Prefix(prefix.clone());
        let kernels = data_folder.kernels().unwrap();
        let [own, other, project] = [kernels.join("own"), kernels.join("other"), prefix.join("project")];
        for folder in [&other, &project] {
            std::fs::create_dir_all(folder).unwrap();
        }
        let location = Location { crate_folder: "/crate".into(), libtorch: None };
        spec::write(&own, "Rust (own)", &location).unwrap();

        let uninstall = |name: &str| {
            uninstall(&Options::parse(&["--prefix", prefix.to_str().unwrap(), name]).unwrap())
                .map_err(|error| error.to_string())
        };
        for name in ["", ".", "..", "../../../project", project.to_str().unwrap(), "a/../../../../project"] {
            let said = uninstall(name).unwrap_err();
            assert!(said.contains("cannot be a kernel's name"), "{name}: {said}");
        }
        let said = uninstall("other").unwrap_err();
        assert!(said.contains("is not Herbarium's"), "{said}");
        uninstall("own").unwrap();
        uninstall("never").unwrap();
        assert!(project.exists() && other.exists() && !own.exists());
        std::fs::remove_dir_all(&prefix).unwrap();
    }
}
