//! Kernelspecs: the files by which Jupyter finds a kernel.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::DataFolder;
use crate::error::{Error, Result};
use crate::template::Location;

/// The kernel's picture in a launcher.
const LOGO: &str = include_str!("logo.svg");
/// The file that makes a folder a kernelspec.
const FILE: &str = "kernel.json";

/// A kernelspec of this program's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// The kernel's name, which is its folder's.
    pub name: String,
    /// What a launcher shows.
    pub display_name: String,
    pub folder: PathBuf,
    /// The folder of the crate that its cells have.
    pub crate_folder: PathBuf,
}

impl Spec {
    /// Reads the one in a folder; `None` for that of another kernel, or where there is none.
    pub fn read(folder: &Path) -> Option<Spec> {
        let value: Value = serde_json::from_slice(&std::fs::read(folder.join(FILE)).ok()?).ok()?;
        Some(Spec {
            name: folder.file_name()?.to_str()?.to_owned(),
            display_name: value["display_name"].as_str()?.to_owned(),
            folder: folder.to_owned(),
            crate_folder: value["env"]["HERBARIUM_CRATE"].as_str()?.into(),
        })
    }

    /// All in one of Jupyter's folders, by name.
    pub fn all(data_folder: &DataFolder) -> Vec<Spec> {
        let folder = data_folder.kernels().ok().and_then(|folder| std::fs::read_dir(folder).ok());
        let entries = folder.into_iter().flatten().flatten();
        let mut found: Vec<Spec> = entries.filter_map(|entry| Spec::read(&entry.path())).collect();
        found.sort_by(|one, other| one.name.cmp(&other.name));
        found
    }

    /// Whether its cells have crates that the user has chosen.
    pub fn is_custom(&self) -> bool {
        // The spec has the crate's folder without symlinks, by which this one may be reached.
        let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        whole(&self.crate_folder).starts_with(whole(&self.folder))
    }
}

/// Whether there is a kernelspec in a folder, of whatever kernel.
pub fn exists(folder: &Path) -> bool {
    folder.join(FILE).exists()
}

/// Writes the kernelspec, each file whole or not at all.
pub fn write(folder: &Path, display_name: &str, location: &Location) -> Result<()> {
    let program = std::env::current_exe().map_err(Error::system("finding this program"))?;
    let mut spec = json!({
        "argv": [text_of(&program)?, "kernel", "-f", "{connection_file}"],
        "display_name": display_name,
        "language": "rust",
        "interrupt_mode": "message",
        "env": {"HERBARIUM_CRATE": text_of(&location.crate_folder)?},
        "metadata": {"debugger": false},
    });
    if let Some(libtorch) = &location.libtorch {
        spec["env"]["LIBTORCH"] = json!(text_of(libtorch)?);
    }
    std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
    let text = serde_json::to_string_pretty(&spec).unwrap_or_default();
    for (name, text) in [("logo-svg.svg", LOGO), (FILE, &text)] {
        let unfinished = folder.join(format!(".{name}.{}", std::process::id()));
        std::fs::write(&unfinished, text).map_err(Error::file(&unfinished))?;
        std::fs::rename(&unfinished, folder.join(name)).map_err(Error::file(folder.join(name)))?;
    }
    Ok(())
}

/// A path as JSON takes it.
fn text_of(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| {
        Error::Install(format!(
            "{} cannot stand in a kernelspec, because its name is not UTF-8: rename it",
            path.display()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spec_says_how_to_start_the_kernel() {
        let folder = std::env::temp_dir().join(format!("herbarium-spec-{}", std::process::id()));
        let location = Location { crate_folder: "/crate".into(), libtorch: Some("/torch".into()) };
        write(&folder, "Rust (Herbarium)", &location).unwrap();
        let text = std::fs::read_to_string(folder.join(FILE)).unwrap();
        let spec: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(spec["argv"][1], "kernel");
        assert_eq!(spec["interrupt_mode"], "message");
        assert_eq!(spec["env"]["LIBTORCH"], "/torch");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2);
        let read = Spec::read(&folder).unwrap();
        assert_eq!((read.display_name.as_str(), read.is_custom()), ("Rust (Herbarium)", false));
        std::fs::write(folder.join(FILE), "{\"argv\": [\"python\"], \"display_name\": \"Python\"}").unwrap();
        assert_eq!(Spec::read(&folder), None, "another kernel");
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_custom_kernel_is_recognised_behind_a_symlink() {
        let base = std::env::temp_dir().join(format!("herbarium-spec-link-{}", std::process::id()));
        let (home, link) = (base.join("home"), base.join("link"));
        let crate_folder = home.join("garden/crate");
        std::fs::create_dir_all(&crate_folder).unwrap();
        crate::sys::link("home", &link).unwrap();
        let location = Location { crate_folder: crate_folder.canonicalize().unwrap(), libtorch: None };
        write(&link.join("garden"), "Rust (garden)", &location).unwrap();
        assert!(Spec::read(&link.join("garden")).unwrap().is_custom());
        let elsewhere = Location { crate_folder: home.canonicalize().unwrap(), libtorch: None };
        write(&link.join("garden"), "Rust (garden)", &elsewhere).unwrap();
        assert!(!Spec::read(&link.join("garden")).unwrap().is_custom());
        std::fs::remove_dir_all(&base).unwrap();
    }

    #[test]
    fn a_path_that_json_cannot_hold_is_named() {
        use std::os::unix::ffi::OsStrExt;
        let folder = std::env::temp_dir().join(format!("herbarium-spec-utf-8-{}", std::process::id()));
        let cafe: PathBuf = std::ffi::OsStr::from_bytes(b"/caf\xe9").into();
        let of_crate = Location { crate_folder: cafe.clone(), libtorch: None };
        let of_libtorch = Location { crate_folder: "/crate".into(), libtorch: Some(cafe) };
        for location in [of_crate, of_libtorch] {
            let said = write(&folder, "Rust", &location).unwrap_err().to_string();
            assert!(said.contains("/caf") && said.contains("not UTF-8: rename it"), "{said}");
        }
        assert!(!folder.exists());
    }
}
