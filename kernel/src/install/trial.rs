//! Trying a kernel before anybody uses it.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::error::{Error, Result};
use crate::template::{commands, outside};

/// The file of the notebook.
const NOTEBOOK: &str = "trial.ipynb";

/// Runs a notebook with one empty cell in a separate kernel whose cells have a crate: tests the prelude, and compiles it.
pub fn run(crate_folder: &Path) -> Result<()> {
    let notebook: PathBuf = crate_folder.join(NOTEBOOK);
    commands::write(
        &notebook,
        r#"{"cells": [{"cell_type": "code", "execution_count": null, "id": "trial", "metadata": {}, "outputs": [], "source": "();"}],
            "metadata": {}, "nbformat": 4, "nbformat_minor": 5}"#,
    )?;
    let program = std::env::current_exe().map_err(Error::system("finding this program"))?;
    let mut command = outside::command(program);
    command.args(["run", NOTEBOOK]).current_dir(crate_folder).env("HERBARIUM_CRATE", crate_folder);
    command.env_remove("HERBARIUM_PLAIN").stdin(Stdio::null());
    let output = command.output().map_err(Error::system("trying the kernel"))?;
    let _ = std::fs::remove_file(&notebook);
    let said = String::from_utf8_lossy(&output.stderr);
    let failed = said.split_once(crate::session::PRELUDE_FAILED);
    match (failed, output.status.success()) {
        (None, true) => Ok(()),
        (Some((_, why)), _) => Err(Error::Start(format!(
            "the prelude does not run in a cell; what was compiled is kept for the next attempt:\n{}",
            why.trim()
        ))),
        (None, false) => Err(Error::Start(format!("the kernel does not start:\n{}", said.trim()))),
    }
}
