//! A dependency line, as in a manifest.

use std::path::PathBuf;

/// A crate that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Dependency {
    /// Its name in code.
    pub name: String,
    /// What stands after the `=` in a manifest.
    pub how: toml::Value,
}

/// Why a line is not a dependency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invalid {
    /// It does not have that form, with the reason if known.
    Form { line: String, why: String },
    /// The folder that it names is not that of a package.
    Folder(String),
}

impl Invalid {
    /// The error message; `what` is the command before the line, such as `:dep`.
    pub fn explain(&self, what: &str, example: &str) -> String {
        match self {
            Invalid::Form { line, why } => {
                format!("`{what} {line}` is not a dependency{why}: write `{what} {example}`")
            }
            Invalid::Folder(text) => text.clone(),
        }
    }
}

impl Dependency {
    /// `name`, `name = "1"`, `name = { … }`, `name@1`, or a folder. The path of a folder is made absolute; so is the
    /// `path` of a crate that `is_found` knows by name.
    pub fn parse(line: &str, is_found: impl Fn(&str) -> bool) -> Result<Dependency, Invalid> {
        let invalid = |why: &str| Invalid::Form { line: line.to_owned(), why: why.to_owned() };
        if line.starts_with(['.', '/', '~']) {
            return Dependency::of_folder(line);
        }
        let (name, how) = match line.split_once('=') {
            Some((name, how)) => (name.trim(), how.trim().to_owned()),
            None => match line.split_once('@') {
                Some((name, version)) => (name.trim(), format!("\"{}\"", version.trim())),
                None => (line.trim(), "\"*\"".to_owned()),
            },
        };
        let is_name = |name: &str| {
            !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
        };
        if !is_name(name) {
            return Err(invalid(""));
        }
        let table: toml::Table = format!("how = {how}")
            .parse()
            .map_err(|error: toml::de::Error| invalid(&format!(" ({})", error.message())))?;
        let how = table
            .get("how")
            .cloned()
            .filter(|how| how.is_str() || how.is_table())
            .ok_or_else(|| invalid(""))?;
        let mut wanted = Dependency { name: name.to_owned(), how };
        let path = if is_found(name) { wanted.how.get_mut("path") } else { None };
        if let Some(path) = path {
            let folder = absolute(path.as_str().unwrap_or_default())?;
            *path = folder.display().to_string().into();
        }
        Ok(wanted)
    }

    /// The crate in a folder, by the name in its manifest.
    fn of_folder(path: &str) -> Result<Dependency, Invalid> {
        let folder = absolute(path)?;
        let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).ok();
        let manifest = manifest.and_then(|text| text.parse::<toml::Table>().ok());
        let name = manifest.as_ref().and_then(|table| table.get("package")?.get("name")?.as_str());
        let Some(name) = name else {
            let text = format!("{} has no Cargo.toml that names a package", folder.display());
            return Err(Invalid::Folder(text));
        };
        let how = toml::Table::from_iter([("path".to_owned(), folder.display().to_string().into())]);
        Ok(Dependency { name: name.to_owned(), how: how.into() })
    }

    /// As a line of a manifest.
    pub fn line(&self) -> String {
        format!("{} = {}", self.name, self.how)
    }
}

/// A folder's path from the root, by the working folder and, for `~`, the user's.
fn absolute(path: &str) -> Result<PathBuf, Invalid> {
    let inside = path.strip_prefix("~/").and_then(|rest| Some(dirs::home_dir()?.join(rest)));
    let folder = inside.unwrap_or_else(|| PathBuf::from(path));
    folder.canonicalize().map_err(|error| Invalid::Folder(format!("{}: {error}", folder.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_in_a_manifest() {
        let line = |line: &str| Dependency::parse(line, |_| true).map(|wanted| wanted.line());
        assert_eq!(line("rand").unwrap(), "rand = \"*\"");
        assert_eq!(line("rand@0.9").unwrap(), "rand = \"0.9\"");
        assert_eq!(line("rand = \"0.9\" # a comment").unwrap(), "rand = \"0.9\"");
        assert!(line("rand={version=\"1\", features=[\"a\"]}").unwrap().starts_with("rand = { "));
        let here = std::env::current_dir().unwrap();
        assert_eq!(line(".").unwrap(), format!("herbarium-kernel = {{ path = \"{}\" }}", here.display()));
        for wrong in ["", "rand = 1", "rand = {", "a b = \"1\"", "./no-such-folder"] {
            assert!(line(wrong).is_err(), "{wrong}");
        }
        let text = line("rand = 1").unwrap_err().explain(":dep", "NAME = \"VERSION\"");
        assert_eq!(text, "`:dep rand = 1` is not a dependency: write `:dep NAME = \"VERSION\"`");
    }
}
