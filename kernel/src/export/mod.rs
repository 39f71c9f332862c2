//! `herbarium export`: a notebook as a program.

mod manifest;
mod program;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::error::{Error, Result};
use crate::run::Notebook;
use crate::stdio;
use crate::template::shared::quoted;
use crate::template::{Helper, Location, profile_overrides};
use program::Program;

/// Where a program's settings for cargo stand in its folder.
const CONFIG: &str = ".cargo/config.toml";

/// Writes the cargo project of a notebook, whose `main` does what its cells do in order.
pub fn export(words: &[&str]) -> Result<ExitCode> {
    let (notebook, folder) = parse(words)?;
    let location = Location::discover()?;
    let helper = Helper::read(&location.crate_folder)?;
    let program = Program::of(&Notebook::read(&notebook)?, &helper.prelude)
        .map_err(|reason| Error::Notebook { path: notebook.clone(), reason })?;
    if folder.read_dir().is_ok_and(|mut entries| entries.next().is_some()) || folder.is_file() {
        return Err(Error::Usage(format!(
            "{} already exists: name another folder with -o, or remove it",
            folder.display()
        )));
    }
    let name = manifest::package_name(&notebook);
    let base = std::path::absolute(&notebook).map_err(Error::file(&notebook))?;
    let base = base.parent().unwrap_or(Path::new("/"));
    let text = program.text(&notebook);
    let given = manifest::given(&helper, &location.crate_folder, &text);
    let manifest = manifest::manifest(&name, &program.dependencies, base, given)?;
    let unfinished = folder.with_extension(format!("{}.unfinished", std::process::id()));
    let written = write(&unfinished, &location, &manifest, &text)
        .and_then(|()| std::fs::remove_dir(&folder).or_else(not_there).map_err(Error::file(&folder)))
        .and_then(|()| std::fs::rename(&unfinished, &folder).map_err(Error::file(&folder)));
    if written.is_err() {
        // There may be nothing to remove.
        let _ = std::fs::remove_dir_all(&unfinished);
    }
    written?;
    stdio::print(&format!(
        "{}: a program of {} cells. Run it in the notebook's folder: {}\n",
        folder.display(),
        program.cells,
        command(&folder, location.libtorch.is_some())
    ));
    Ok(ExitCode::SUCCESS)
}

/// What runs a program, from whatever folder; `has_settings` is whether it has settings for cargo.
fn command(folder: &Path, has_settings: bool) -> String {
    let word = |file: &str| quoted(&folder.join(file).to_string_lossy());
    let command = format!("cargo run --release --manifest-path {}", word("Cargo.toml"));
    // cargo looks for settings from the working folder upward, not beside the manifest.
    if has_settings { format!("{command} --config {}", word(CONFIG)) } else { command }
}

/// A notebook, and where its program is to be: beside it, in a folder of its name, unless `-o` says where.
fn parse(words: &[&str]) -> Result<(PathBuf, PathBuf)> {
    let (mut notebook, mut folder) = (None, None);
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        match word.strip_prefix("--output=").or(word.strip_prefix("-o=")) {
            Some(value) => folder = Some(PathBuf::from(value)),
            None if word == "-o" || word == "--output" => match words.next() {
                Some(value) => folder = Some(PathBuf::from(value)),
                None => {
                    return Err(Error::Usage(format!("`{word}` needs a value after it")));
                }
            },
            None if word.starts_with('-') || notebook.is_some() => {
                return Err(Error::Usage(format!("`herbarium export` has no option `{word}`")));
            }
            None => notebook = Some(PathBuf::from(word)),
        }
    }
    let Some(notebook) = notebook else {
        return Err(Error::Usage("`herbarium export` needs a notebook".to_owned()));
    };
    let folder = folder.unwrap_or_else(|| notebook.with_extension(""));
    // So that `.` has a name, too.
    let folder = std::path::absolute(&folder).map_err(Error::file(&folder))?;
    // A slash at the end would be lost behind another name.
    let folder: PathBuf = folder.components().collect();
    Ok((notebook, folder))
}

fn not_there(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

fn write(folder: &Path, location: &Location, manifest: &str, main: &str) -> Result<()> {
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(Error::file(parent))?;
        }
        std::fs::write(&path, text).map_err(Error::file(&path))
    };
    file("Cargo.toml", manifest)?;
    file("src/main.rs", main)?;
    if let Some(libtorch) = &location.libtorch {
        file("build.rs", &manifest::build_script())?;
        file(CONFIG, &manifest::cargo_config(libtorch, profile_overrides(&location.crate_folder)?))?;
    }
    // The versions that the crate was tested with.
    let lock = location.crate_folder.join("Cargo.lock");
    std::fs::copy(&lock, folder.join("Cargo.lock")).map(drop).map_err(Error::file(&lock))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_known_from_everywhere() {
        let here = std::env::current_dir().unwrap();
        for (words, folder) in [
            (&["a b/c.ipynb"][..], here.join("a b/c")),
            (&["c.ipynb", "-o", "."][..], here.clone()),
            (&["c.ipynb", "--output=d/"][..], here.join("d")),
            (&["-o", "/e", "c.ipynb"][..], "/e".into()),
        ] {
            assert_eq!(parse(words).unwrap().1, folder, "{words:?}");
        }
    }

    #[test]
    fn the_command_can_be_pasted_into_a_shell() {
        let plain = "cargo run --release --manifest-path /a/Cargo.toml";
        assert_eq!(command(Path::new("/a"), false), plain);
        assert_eq!(command(Path::new("/a"), true), format!("{plain} --config /a/.cargo/config.toml"));
        let spaces = command(Path::new("/my notebooks/a"), true);
        let files = "'/my notebooks/a/Cargo.toml' --config '/my notebooks/a/.cargo/config.toml'";
        assert!(spaces.ends_with(files), "{spaces}");
    }
}
