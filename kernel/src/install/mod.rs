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
    let folder = options.data_folder.kernels()?.join(NAME);
    spec::write(&folder, DISPLAY_NAME, &plan.location)?;
    println!("kernelspec: {DISPLAY_NAME} in {}", folder.display());
    let mut progress = Progress::default();
    template::prepare(&plan, &mut |line| progress.show(line), &|| false)?;
    drop(progress);
    println!("helper crate for cells: {}", plan.path.display());
    if shared::being_installed().is_some() {
        // So that no user's kernel has to compile its own first cells.
        println!("trying the kernel");
        trial::run(&plan.location.crate_folder)?;
    }
    system::record(&plan)
}

/// Removes a kernelspec with the template of a custom kernel, and on request all templates.
pub fn uninstall(options: &Options) -> Result<()> {
    let name = options.name.as_deref().unwrap_or(NAME);
    let folder = options.data_folder.kernels()?.join(name);
    let spec = Spec::read(&folder);
    if spec.is_none() && spec::exists(&folder) {
        return Err(Error::Usage(format!("the kernel `{name}` in {} is not Herbarium's", folder.display())));
    }
    let helper =
        spec.as_ref().filter(|spec| spec.is_custom()).and_then(|spec| Helper::read(&spec.crate_folder).ok());
    match std::fs::remove_dir_all(&folder) {
        Ok(()) => println!("removed {}", folder.display()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            println!("no kernelspec in {}{}", folder.display(), elsewhere(name));
        }
        Err(error) => return Err(Error::file(&folder)(error)),
    }
    if let Some(prefix) = options.data_folder.prefix()
        && let Some(spec) = &spec
    {
        system::remove(prefix, &spec.crate_folder)?;
    }
    if let Some(helper) = helper {
        template::remove_of(&helper.library())?;
    }
    if options.all {
        template::remove_all()?;
        println!("removed what was built for cells");
    }
    Ok(())
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
