//! Where kernelspecs are.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::template::shared::{Shared, quoted};

/// A folder of Jupyter's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DataFolder {
    /// The user's own.
    User,
    /// `PREFIX/share/jupyter`, such as a virtual environment.
    Prefix(PathBuf),
}

impl DataFolder {
    /// The folder with the kernelspecs there.
    pub fn kernels(&self) -> Result<PathBuf> {
        let jupyter = match self {
            DataFolder::Prefix(prefix) => prefix.join("share/jupyter"),
            DataFolder::User => user_folder()?,
        };
        Ok(jupyter.join("kernels"))
    }

    /// `PREFIX`, if it is one.
    pub fn prefix(&self) -> Option<&Path> {
        match self {
            DataFolder::Prefix(prefix) => Some(prefix),
            DataFolder::User => None,
        }
    }

    /// The option that names it, behind a space and as a shell takes it; nothing for the user's own.
    pub fn option(&self) -> String {
        let option = |prefix: &Path| format!(" --prefix {}", quoted(&prefix.to_string_lossy()));
        self.prefix().map(option).unwrap_or_default()
    }

    /// Those in which a kernel is usually installed: the checkout's virtual environment, the active one, the user's folder, and that of
    /// all users.
    pub fn usual() -> Vec<DataFolder> {
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut folders =
            Vec::from_iter(checkout.canonicalize().map(|folder| DataFolder::Prefix(folder.join(".venv"))));
        let active = std::env::var_os("VIRTUAL_ENV").map(|folder| DataFolder::Prefix(folder.into()));
        folders.extend(active.filter(|active| !folders.contains(active)));
        folders.push(DataFolder::User);
        let of_all = Shared::of_this_program().and_then(|shared| shared.prefix().map(Path::to_owned));
        let of_all = of_all.into_iter().chain([PathBuf::from(super::SYSTEM_PREFIX)]).map(DataFolder::Prefix);
        of_all.for_each(|folder| {
            if !folders.contains(&folder) {
                folders.push(folder)
            }
        });
        folders
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
