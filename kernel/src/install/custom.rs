//! A kernel with crates of the user's choice: a helper crate that re-exports them, and a template of it.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::{DataFolder, Options, Progress, Spec, spec, system, trial};
use crate::dependency::Dependency;
use crate::error::{Error, Result};
use crate::template::recipe::NOTEBOOK_CRATE;
use crate::template::shared::Shared;
use crate::template::{self, Location, Plan, commands, outside};

/// The helper crate's folder in a kernelspec's.
const CRATE: &str = "crate";

/// A kernel's parts, as the options give them.
#[derive(Debug)]
struct Kernel {
    name: String,
    display_name: String,
    crates: Vec<Dependency>,
    /// The user's prelude.
    prelude: String,
}

/// Installs the kernel. If that fails, nothing is left but the compiled crates, for the next attempt.
pub fn install(options: &Options) -> Result<()> {
    let kernel = Kernel::of(options)?;
    let folder = options.data_folder.kernels()?.join(&kernel.name);
    if spec::exists(&folder) {
        return Err(taken(&kernel.name, &folder, &options.data_folder));
    }
    let installed = kernel.install(&folder);
    if installed.is_err() {
        // Nobody uses a folder without a kernelspec.
        let _ = std::fs::remove_dir_all(&folder);
    }
    let plan = installed.map_err(|error| match error {
        Error::Start(why) => Error::Install(why),
        other => other,
    })?;
    println!("crates for cells: {}", plan.path.display());
    println!("kernelspec: {} in {}", kernel.display_name, folder.display());
    Ok(())
}

/// The error for a name that another kernel has.
fn taken(name: &str, folder: &Path, data_folder: &DataFolder) -> Error {
    let removal = match Spec::read(folder) {
        Some(_) => format!(", or remove it with `herbarium uninstall {name}{}`", data_folder.option()),
        // Another program's kernel is not removed.
        None => String::new(),
    };
    Error::Usage(format!(
        "there is already a kernel `{name}` in {}: choose another --name{removal}",
        folder.display()
    ))
}

impl Kernel {
    fn of(options: &Options) -> Result<Kernel> {
        let Some(name) = options.name.clone() else {
            let what = "a kernel with other crates needs a name for Jupyter: --name NAME";
            return Err(Error::Usage(what.to_owned()));
        };
        super::check_name(&name)?;
        if name == super::NAME {
            return Err(Error::Usage(format!("`{name}` is the project's own kernel: choose another --name")));
        }
        let mut crates: Vec<Dependency> = Vec::new();
        for line in &options.crates {
            let one = Dependency::parse(line.trim(), |_| true);
            let one = one.map_err(|why| Error::Usage(why.explain("--crate", "'NAME = \"VERSION\"'")))?;
            let same = |other: &str| other.replace('-', "_") == one.name.replace('-', "_");
            if same(NOTEBOOK_CRATE) {
                return Err(Error::Usage(format!(
                    "--crate: every kernel has `{NOTEBOOK_CRATE}`: leave it out"
                )));
            }
            if crates.iter().any(|known| same(&known.name)) {
                return Err(Error::Usage(format!("--crate: `{}` is given twice", one.name)));
            }
            crates.push(one);
        }
        let display_name = options.display_name.clone().unwrap_or_else(|| format!("Rust ({name})"));
        Ok(Kernel { name, display_name, crates, prelude: options.prelude.join("\n") })
    }

    fn install(&self, folder: &Path) -> Result<Plan> {
        let crate_folder = folder.join(CRATE);
        let unfinished = |error: std::io::Error| error.kind() != std::io::ErrorKind::NotFound;
        if let Err(error) = std::fs::remove_dir_all(folder)
            && unfinished(error)
        {
            return Err(Error::Start(format!("{} is in the way: remove it", folder.display())));
        }
        commands::write(&crate_folder.join("src/lib.rs"), &self.library())?;
        commands::write(&crate_folder.join("Cargo.toml"), &self.manifest(notebook_crate().as_deref()))?;
        println!("resolving the crates");
        let mut cargo = outside::command("cargo");
        cargo.args(["generate-lockfile"]).current_dir(&crate_folder);
        commands::run(cargo, "resolving the crates", &mut |line| println!("{line}"))?;
        let plan = Plan::of(Location::of(&crate_folder)?)?;
        let mut progress = Progress::default();
        let prepared = template::prepare(&plan, &mut |line| progress.show(line), &|| false);
        drop(progress);
        if let Err(error) = prepared {
            let _ = std::fs::remove_dir_all(&plan.path);
            return Err(error);
        }
        println!("trying the prelude");
        trial::run(&crate_folder)?;
        spec::write(folder, &self.display_name, &plan.location)?;
        system::record(&plan)?;
        Ok(plan)
    }

    /// The helper crate's name.
    fn package(&self) -> String {
        format!("kernel-{}", self.name.replace('.', "-").to_lowercase())
    }

    /// The helper crate: the crates, and the names that every notebook has.
    fn library(&self) -> String {
        let mut text =
            format!("//! The crates of the kernel `{}`.\n\npub use herbarium_notebook;\n", self.name);
        for one in &self.crates {
            text += &format!("pub use {};\n", one.name.replace('-', "_"));
        }
        text + "\n/// What a cell types, whatever its crates.\npub mod prelude {\n    pub use herbarium_notebook::{\n        \
                self as notebook, DisplayHandle, EvcxrDisplay, EvcxrDisplayRich, MimeBundle, Progress, Show, clear_output,\n        \
                display, interrupted,\n    };\n}\n"
    }

    /// The helper crate's manifest, which says how cells use it. `notebook` is the folder of `herbarium-notebook`; without it
    /// that crate comes from the registry, in this program's version.
    fn manifest(&self, notebook: Option<&Path>) -> String {
        let library = self.package().replace('-', "_");
        let prelude =
            format!("use ::{library}::prelude::*;\n{}\n::herbarium_notebook::init()?;", self.prelude);
        let names: Vec<Value> = self.crates.iter().map(|one| one.name.as_str().into()).collect();
        let table = |pairs: Vec<(&str, Value)>| {
            Value::Table(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
        };
        let of_notebook = table(vec![match notebook {
            Some(folder) => ("path", folder.display().to_string().into()),
            None => ("version", env!("CARGO_PKG_VERSION").into()),
        }]);
        let mut dependencies = Table::from_iter([(NOTEBOOK_CRATE.to_owned(), of_notebook)]);
        dependencies.extend(self.crates.iter().map(|one| (one.name.clone(), one.how.clone())));
        let cells = table(vec![("prelude", prelude.into()), ("crates", names.into())]);
        let package = table(vec![
            ("name", self.package().into()),
            ("version", "0.1.0".into()),
            ("edition", "2024".into()),
            ("publish", false.into()),
            ("metadata", table(vec![("notebook", cells)])),
        ]);
        let parts =
            [("package", package), ("dependencies", dependencies.into()), ("workspace", table(vec![]))];
        let manifest: Table = parts.into_iter().map(|(key, part)| (key.to_owned(), part)).collect();
        manifest.to_string()
    }
}

/// The sources of `herbarium-notebook` that came with this program: those in the folder that `HERBARIUM_CRATE` names (the
/// wheel's), of the installation for all users, or in the checkout that it was built in. A program from a registry has none.
fn notebook_crate() -> Option<PathBuf> {
    let given = std::env::var_os("HERBARIUM_CRATE").map(PathBuf::from);
    let of_all_users = Shared::of_this_program().map(|shared| shared.folder.join("crate"));
    let candidates =
        given.into_iter().chain(of_all_users).chain([Path::new(env!("CARGO_MANIFEST_DIR")).join("..")]);
    let mut found = candidates.map(|folder| folder.join("crates").join(NOTEBOOK_CRATE));
    found.find_map(|folder| folder.join("Cargo.toml").is_file().then(|| folder.canonicalize().ok())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::helper::Helper;

    fn kernel(arguments: &[&str]) -> Result<Kernel> {
        Kernel::of(&Options::parse(arguments).unwrap())
    }

    #[test]
    fn the_helper_crate_re_exports_the_crates() {
        let crates = ["--crate", "ndarray = \"0.16\"", "--crate", "plotters-svg = { version = \"0.3\" }"];
        let kernel = kernel(
            &[&["--name", "Data.2"], &crates[..], &["--prelude", "use ndarray::prelude::*;"]].concat(),
        )
        .unwrap();
        assert_eq!(kernel.display_name, "Rust (Data.2)");
        assert!(
            kernel.library().contains("pub use ndarray;\npub use plotters_svg;\n"),
            "{}",
            kernel.library()
        );
        let folder = std::env::temp_dir().join(format!("herbarium-custom-{}", std::process::id()));
        commands::write(&folder.join("Cargo.toml"), &kernel.manifest(notebook_crate().as_deref())).unwrap();
        let helper = Helper::read(&folder).unwrap();
        assert_eq!(helper.library(), "kernel_data_2");
        assert_eq!(
            helper.prelude,
            "use ::kernel_data_2::prelude::*;\nuse ndarray::prelude::*;\n::herbarium_notebook::init()?;"
        );
        assert_eq!(helper.given(), ["kernel-data-2", "ndarray", "plotters-svg", "herbarium-notebook"]);
        std::fs::remove_dir_all(&folder).unwrap();

        let published: Table = kernel.manifest(None).parse().unwrap();
        let notebook = &published["dependencies"][NOTEBOOK_CRATE];
        assert_eq!(notebook.to_string(), format!("{{ version = \"{}\" }}", env!("CARGO_PKG_VERSION")));
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_to_do() {
        let message = |arguments: &[&str]| kernel(arguments).unwrap_err().to_string();
        assert!(message(&["--crate", "rand"]).contains("--name NAME"));
        assert!(message(&["--name", "my kernel"]).contains("Jupyter allows letters"));
        assert!(message(&["--name", "herbarium"]).contains("choose another --name"));
        let line = message(&["--name", "a", "--crate", "rand = 1"]);
        assert!(
            line.contains("`--crate rand = 1` is not a dependency: write `--crate 'NAME = \"VERSION\"'`"),
            "{line}"
        );
        assert!(message(&["--name", "a", "--crate", "rand", "--crate", "rand = \"0.9\""]).contains("twice"));
        assert!(message(&["--name", "a", "--crate", "herbarium-notebook"]).contains("leave it out"));
    }

    #[test]
    fn a_name_that_is_taken_is_refused_with_what_to_type() {
        let prefix = std::env::temp_dir().join(format!("herbarium taken {}", std::process::id()));
        let words = ["--prefix", prefix.to_str().unwrap(), "--name", "garden"];
        let options = Options::parse(&words).unwrap();
        let folder = options.data_folder.kernels().unwrap().join("garden");
        let message = || install(&options).unwrap_err().to_string();
        commands::write(&folder.join("kernel.json"), "{\"argv\": [\"python\"]}").unwrap();
        let said = message();
        assert!(said.contains("choose another --name") && !said.contains("uninstall"), "{said}");
        let location = Location { crate_folder: "/crate".into(), libtorch: None };
        spec::write(&folder, "Rust (garden)", &location).unwrap();
        let command = format!("`herbarium uninstall garden --prefix '{}'`", prefix.display());
        assert!(message().contains(&command), "{}", message());
        std::fs::remove_dir_all(&prefix).unwrap();
    }
}
