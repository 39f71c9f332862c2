//! The options of `herbarium install` and `herbarium uninstall`.

use std::path::PathBuf;

use super::DataFolder;
use crate::error::{Error, Result};

/// The arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    pub data_folder: DataFolder,
    /// The kernel's name; without one it is the project's own kernel.
    pub name: Option<String>,
    pub display_name: Option<String>,
    /// The crates that its cells have, as lines of a manifest.
    pub crates: Vec<String>,
    /// What runs before a learner's first cell.
    pub prelude: Vec<String>,
    /// For all users of the machine.
    pub system: bool,
    /// Also remove what was built.
    pub all: bool,
}

impl Options {
    pub fn parse(arguments: &[&str]) -> Result<Options> {
        let mut options = Options {
            data_folder: DataFolder::User,
            name: None,
            display_name: None,
            crates: Vec::new(),
            prelude: Vec::new(),
            system: false,
            all: false,
        };
        let mut words = arguments.iter().copied();
        while let Some(word) = words.next() {
            let (option, attached) = match word.split_once('=').filter(|(option, _)| option.starts_with("--"))
            {
                Some((option, value)) => (option, Some(value)),
                None => (word, None),
            };
            let mut value = || {
                let value = attached.or_else(|| words.next());
                value
                    .map(str::to_owned)
                    .ok_or_else(|| Error::Usage(format!("`{option}` needs a value after it")))
            };
            match option {
                "--user" => options.data_folder = DataFolder::User,
                "--prefix" => options.data_folder = DataFolder::Prefix(PathBuf::from(value()?)),
                "--name" => options.name = Some(value()?),
                "--display-name" => options.display_name = Some(value()?),
                "--crate" => options.crates.push(value()?),
                "--prelude" => options.prelude.push(value()?),
                "--system" => options.system = true,
                "--all" => options.all = true,
                name if !name.starts_with('-') && options.name.is_none() => {
                    options.name = Some(name.to_owned())
                }
                other => return Err(Error::Usage(format!("`{other}` is not an option here"))),
            }
        }
        if options.system && options.data_folder == DataFolder::User {
            options.data_folder = DataFolder::Prefix(PathBuf::from(super::SYSTEM_PREFIX));
        }
        Ok(options)
    }

    /// The words that say which kernel it is.
    pub fn kernel(&self) -> Vec<String> {
        let given = |option: &str, values: &[String]| {
            values.iter().flat_map(|value| [option.to_owned(), value.clone()]).collect::<Vec<_>>()
        };
        [
            given("--name", self.name.as_slice()),
            given("--display-name", self.display_name.as_slice()),
            given("--crate", &self.crates),
            given("--prelude", &self.prelude),
        ]
        .concat()
    }

    /// Whether it is a custom kernel.
    pub fn is_custom(&self) -> bool {
        self.name.is_some()
            || self.display_name.is_some()
            || !self.crates.is_empty()
            || !self.prelude.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        assert_eq!(Options::parse(&[]).unwrap().data_folder, DataFolder::User);
        let prefix = Options::parse(&["--prefix", "/v", "--all"]).unwrap();
        assert_eq!((prefix.data_folder.clone(), prefix.all), (DataFolder::Prefix("/v".into()), true));
        assert_eq!(prefix.data_folder.kernels().unwrap(), PathBuf::from("/v/share/jupyter/kernels"));
        let line = "polars = { version = \"0.55\" }";
        let custom =
            ["--name=polars", "--crate", line, "--crate=rand@0.9", "--prelude", "use polars::prelude::*;"];
        let custom = Options::parse(&custom).unwrap();
        assert_eq!((custom.name.as_deref(), custom.is_custom()), (Some("polars"), true));
        assert_eq!(custom.crates, [line, "rand@0.9"]);
        let words = custom.kernel();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        assert_eq!(Options::parse(&words).unwrap(), custom);
        let system = Options::parse(&["--system"]).unwrap();
        assert_eq!((system.system, system.data_folder), (true, DataFolder::Prefix("/usr/local".into())));
        let elsewhere = Options::parse(&["--system", "--prefix", "/opt"]).unwrap();
        assert_eq!(elsewhere.data_folder, DataFolder::Prefix("/opt".into()));
        assert_eq!(Options::parse(&["polars", "--user"]).unwrap().name.as_deref(), Some("polars"));
        for wrong in [&["--prefix"][..], &["a", "b"], &["--nme", "a"], &["--crate"]] {
            assert!(Options::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
