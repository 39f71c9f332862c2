//! The user's cache folder, for files that can be created or fetched again.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use crate::{Error, Result};

/// The value of an environment variable; an empty one counts as none.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// The user's cache folder: `$XDG_CACHE_HOME`, else `.cache` in the home folder.
///
/// # Errors
/// [`Error::NoCacheFolder`].
pub(crate) fn user_cache() -> Result<PathBuf> {
    // Windows has USERPROFILE. What the system's list of users says does not count: who unsets HOME wants nothing written there.
    let home = variable("HOME").or_else(|| variable("USERPROFILE"));
    cache_folder(variable("XDG_CACHE_HOME"), home.map(PathBuf::from))
}

/// The user's cache folder after the XDG Base Directory Specification, which says to ignore a
/// relative path.
fn cache_folder(xdg_cache_home: Option<OsString>, home: Option<PathBuf>) -> Result<PathBuf> {
    let xdg = xdg_cache_home.map(PathBuf::from).filter(|path| path.is_absolute());
    let home = home.filter(|home| !home.as_os_str().is_empty());
    xdg.or_else(|| home.map(|home| home.join(".cache"))).ok_or(Error::NoCacheFolder)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_cache_folder_follows_the_xdg_specification() {
        let at =
            |xdg: Option<&str>, home: Option<&str>| cache_folder(xdg.map(Into::into), home.map(Into::into));
        assert_eq!(at(Some("/c"), Some("/h")).unwrap(), Path::new("/c"));
        assert_eq!(at(Some("relative"), Some("/h")).unwrap(), Path::new("/h/.cache"));
        assert_eq!(at(None, Some("/h")).unwrap(), Path::new("/h/.cache"));
        assert!(matches!(at(None, None), Err(Error::NoCacheFolder)));
    }
}
