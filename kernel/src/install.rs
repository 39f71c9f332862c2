//! `herbarium install` and `herbarium uninstall`: the kernelspec by which Jupyter finds the kernel.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::error::{Error, Result};
use crate::template::{self, Location};

/// The kernelspec's name, which is its folder's.
const NAME: &str = "herbarium";
/// What a launcher shows.
pub const DISPLAY_NAME: &str = "Rust (Herbarium)";
/// The kernel's picture in a launcher.
const LOGO: &str = include_str!("logo.svg");

/// Where a kernelspec goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The user's own Jupyter folder.
    User,
    /// `PREFIX/share/jupyter`, such as a virtual environment.
    Prefix(PathBuf),
}

impl Place {
    /// Reads `--user` or `--prefix DIR`; nothing means `--user`.
    pub fn parse(arguments: &[&str]) -> Result<Place> {
        match arguments {
            [] | ["--user"] => Ok(Place::User),
            ["--prefix", folder] => Ok(Place::Prefix(PathBuf::from(folder))),
            other => Err(Error::Usage(format!("`{}` is neither --user nor --prefix DIR", other.join(" ")))),
        }
    }

    /// The kernelspec's folder there.
    pub fn folder(&self) -> Result<PathBuf> {
        let jupyter = match self {
            Place::Prefix(prefix) => prefix.join("share/jupyter"),
            Place::User => user_folder()?,
        };
        Ok(jupyter.join("kernels").join(NAME))
    }
}

/// Jupyter's data folder of this user.
fn user_folder() -> Result<PathBuf> {
    if let Some(folder) = std::env::var_os("JUPYTER_DATA_DIR") {
        return Ok(folder.into());
    }
    let folder = if cfg!(target_os = "macos") {
        dirs::home_dir().map(|home| home.join("Library/Jupyter"))
    } else {
        dirs::data_dir().map(|data| data.join("jupyter"))
    };
    folder
        .ok_or_else(|| Error::Start("this user has no home folder: set HOME, or use --prefix DIR".to_owned()))
}

/// Writes the kernelspec, and builds the helper crate for cells so that no notebook has to.
pub fn install(place: &Place) -> Result<()> {
    let location = Location::discover()?;
    let folder = place.folder()?;
    write_spec(&folder, &location)?;
    println!("kernelspec: {} in {}", DISPLAY_NAME, folder.display());
    let template = template::prepare(&mut |line| println!("{line}"), &|| false)?;
    println!("helper crate for cells: {}", template.path.display());
    Ok(())
}

/// Removes the kernelspec; with the last one, what was built for cells goes too when `all` is asked for.
pub fn uninstall(place: &Place, all: bool) -> Result<()> {
    let folder = place.folder()?;
    match std::fs::remove_dir_all(&folder) {
        Ok(()) => println!("removed {}", folder.display()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            println!("no kernelspec in {}", folder.display());
        }
        Err(error) => return Err(Error::file(&folder)(error)),
    }
    if all {
        template::remove_all()?;
        println!("removed what was built for cells");
    }
    Ok(())
}

/// Writes `kernel.json` and the logo, each whole or not at all.
fn write_spec(folder: &Path, location: &Location) -> Result<()> {
    let program = std::env::current_exe().map_err(Error::system("finding this program"))?;
    let spec = json!({
        "argv": [program, "kernel", "-f", "{connection_file}"],
        "display_name": DISPLAY_NAME,
        "language": "rust",
        "interrupt_mode": "message",
        "env": {
            "HERBARIUM_CRATE": location.crate_folder,
            "LIBTORCH": location.libtorch,
        },
        "metadata": {"debugger": false},
    });
    std::fs::create_dir_all(folder).map_err(Error::file(folder))?;
    let text = serde_json::to_string_pretty(&spec).unwrap_or_default();
    for (name, text) in [("logo-svg.svg", LOGO), ("kernel.json", &text)] {
        let unfinished = folder.join(format!(".{name}.{}", std::process::id()));
        std::fs::write(&unfinished, text).map_err(Error::file(&unfinished))?;
        std::fs::rename(&unfinished, folder.join(name)).map_err(Error::file(folder.join(name)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_apart() {
        assert_eq!(Place::parse(&[]).unwrap(), Place::User);
        assert_eq!(Place::parse(&["--prefix", "/v"]).unwrap(), Place::Prefix("/v".into()));
        assert!(Place::parse(&["--prefix"]).is_err());
        assert_eq!(
            Place::Prefix("/v".into()).folder().unwrap(),
            Path::new("/v/share/jupyter/kernels/herbarium")
        );
    }

    #[test]
    fn the_spec_says_how_to_start_the_kernel() {
        let folder = std::env::temp_dir().join(format!("herbarium-spec-{}", std::process::id()));
        let location = Location { crate_folder: "/crate".into(), libtorch: "/torch".into() };
        write_spec(&folder, &location).unwrap();
        let text = std::fs::read_to_string(folder.join("kernel.json")).unwrap();
        let spec: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(spec["argv"][1], "kernel");
        assert_eq!(spec["interrupt_mode"], "message");
        assert_eq!(spec["env"]["LIBTORCH"], "/torch");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
