//! The file that a notebook with its outputs is written to.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::notebook::Notebook;
use crate::error::{Error, Result};

/// A place that was tried before the first cell, so that hours of work do not end with an error.
pub struct Destination {
    path: PathBuf,
}

impl Destination {
    /// Makes the folder where there is none. Fails where no notebook can be written.
    pub fn prepare(path: &Path) -> Result<Destination> {
        let path = std::path::absolute(path).map_err(Error::file(path))?;
        // A link stays one.
        let path = fs::canonicalize(&path).unwrap_or(path);
        let there = fs::metadata(&path);
        if there.as_ref().is_ok_and(fs::Metadata::is_dir) {
            let reason = format!("a folder. Name a file: {}", path.join("out.ipynb").display());
            return Err(Error::Destination { path, reason });
        }
        let destination = Destination { path };
        let tried = match there {
            Ok(_) => File::options().write(true).open(&destination.path).map(drop),
            Err(_) => {
                let folder = destination.folder();
                fs::create_dir_all(folder).map_err(Error::file(folder))?;
                File::create(destination.beside()).and_then(|_| fs::remove_file(destination.beside()))
            }
        };
        tried.map_err(Error::file(&destination.path))?;
        Ok(destination)
    }

    /// Writes the notebook, whole or not at all. Where that has become impossible meanwhile, it is written to the folder for
    /// temporary files, and the error says so.
    pub fn write(&self, notebook: &Notebook) -> Result<()> {
        let text = notebook.to_text();
        let Err(error) = self.write_text(&text) else { return Ok(()) };
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let rescue = std::env::temp_dir().join(format!("{}-{name}", std::process::id()));
        match fs::write(&rescue, text) {
            Ok(()) => {
                let reason = format!(
                    "not written ({error}). The notebook with its outputs is in {}",
                    rescue.display()
                );
                Err(Error::Destination { path: self.path.clone(), reason })
            }
            Err(_) => Err(Error::file(&self.path)(error)),
        }
    }

    fn write_text(&self, text: &str) -> io::Result<()> {
        let temporary = self.beside();
        let result = write_synced(&temporary, text).and_then(|()| {
            if let Ok(facts) = fs::metadata(&self.path) {
                fs::set_permissions(&temporary, facts.permissions())?;
            }
            fs::rename(&temporary, &self.path)
        });
        let Err(error) = result else { return Ok(()) };
        // There may be no temporary file to remove.
        let _ = fs::remove_file(&temporary);
        match error.kind() {
            // The folder takes no new file, or the file is mounted by itself, as in a container.
            ErrorKind::PermissionDenied | ErrorKind::ResourceBusy => write_synced(&self.path, text),
            _ => Err(error),
        }
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    /// The file that becomes the notebook once it is whole.
    fn beside(&self) -> PathBuf {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        self.folder().join(format!(".{name}.{}.tmp", std::process::id()))
    }
}

fn write_synced(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys;

    #[test]
    fn a_link_and_permissions_stay() {
        let folder = std::env::temp_dir().join(format!("herbarium-destination-{}", std::process::id()));
        let (file, link) = (folder.join("deep/a.ipynb"), folder.join("link.ipynb"));
        let notebook = Notebook::parse(r#"{"nbformat": 4, "cells": []}"#).unwrap();
        Destination::prepare(&file).unwrap().write(&notebook).unwrap();
        sys::set_mode(&file, 0o640).unwrap();
        sys::link("deep/a.ipynb", &link).unwrap();
        fs::write(&file, "").unwrap();
        Destination::prepare(&link).unwrap().write(&notebook).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), notebook.to_text());
        assert_eq!(
            (sys::mode(&file).unwrap(), fs::read_dir(folder.join("deep")).unwrap().count()),
            (0o640, 1)
        );
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        let refused = Destination::prepare(&folder).map(drop).unwrap_err().to_string();
        assert!(refused.contains("out.ipynb"), "{refused}");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_place_that_has_gone_costs_no_outputs() {
        let folder = std::env::temp_dir().join(format!("herbarium-gone-{}", std::process::id()));
        let destination = Destination::prepare(&folder.join("a.ipynb")).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        let notebook = Notebook::parse(r#"{"nbformat": 4, "cells": []}"#).unwrap();
        let error = destination.write(&notebook).unwrap_err().to_string();
        let rescue = PathBuf::from(error.split_once("outputs is in ").unwrap().1);
        assert_eq!(fs::read_to_string(&rescue).unwrap(), notebook.to_text());
        fs::remove_file(&rescue).unwrap();
    }
}
