//! The arguments of `herbarium run`.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::{ParameterValue, Values};
use crate::error::{Error, Result};

/// The words after `herbarium run`, taken apart.
#[derive(Debug, Default)]
pub struct Options {
    pub notebook: PathBuf,
    /// The output file; by default the notebook itself.
    pub out: Option<PathBuf>,
    pub values: Values,
    /// On how many processes of this machine, where they are to be started here.
    pub processes: Option<usize>,
    /// How often all of them are started again after one has failed.
    pub restarts: usize,
}

impl Options {
    /// Reads the words, and the files of parameters that they name. What is given by name on the command line comes
    /// before what a file says.
    pub fn parse(words: &[&str]) -> Result<Options> {
        let (mut notebooks, mut options) = (Vec::new(), Options::default());
        let (mut by_name, mut words) = (Vec::new(), words.iter().copied());
        while let Some(word) = words.next() {
            let (option, attached) = match word.split_once('=') {
                Some((option, value)) if option.starts_with("--") => (option, Some(value)),
                _ => (word, None),
            };
            let mut value = || {
                let missing = || Error::Usage(format!("`{option}` needs a value after it"));
                attached.or_else(|| words.next()).ok_or_else(missing)
            };
            match option {
                "-o" | "--output" => options.out = Some(PathBuf::from(value()?)),
                "-p" | "--parameter" | "--parameters" => {
                    let first = value()?;
                    by_name.push(match first.split_once('=') {
                        Some((name, value)) => (name.to_owned(), value.to_owned()),
                        // As papermill has it: -p NAME VALUE.
                        None => {
                            let missing =
                                || Error::Usage(format!("`-p {first}` has no value: -p {first}=VALUE"));
                            (first.to_owned(), words.next().ok_or_else(missing)?.to_owned())
                        }
                    });
                }
                "--processes" => options.processes = Some(number(option, value()?, 1)?),
                "--restarts" => options.restarts = number(option, value()?, 0)?,
                "-f" | "--parameters-file" | "--parameters_file" => {
                    for (name, value) in read_file(Path::new(value()?))? {
                        options.values.set(name, ParameterValue::Value(value));
                    }
                }
                other if other.starts_with('-') && other != "-" => {
                    return Err(Error::Usage(format!("`herbarium run` has no option `{other}`")));
                }
                notebook => notebooks.push(notebook),
            }
        }
        for (name, value) in by_name {
            options.values.set(name, ParameterValue::Word(value));
        }
        match notebooks.as_slice() {
            [one] => Ok(Options { notebook: PathBuf::from(one), ..options }),
            [] => Err(Error::Usage("`herbarium run` needs a notebook".to_owned())),
            several => Err(Error::Usage(format!(
                "one notebook at a time, not {}: {}",
                several.len(),
                several.join(", ")
            ))),
        }
    }
}

/// The words without those that say how many processes there are: what each of the processes is started with.
pub fn of_one_process<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let (mut kept, mut words) = (Vec::new(), words.iter().copied());
    while let Some(word) = words.next() {
        match word {
            "--processes" | "--restarts" => drop(words.next()),
            word if word.starts_with("--processes=") || word.starts_with("--restarts=") => {}
            word => kept.push(word),
        }
    }
    kept
}

fn number(option: &str, word: &str, least: usize) -> Result<usize> {
    let number = word.parse().ok().filter(|number| *number >= least);
    number.ok_or_else(|| {
        Error::Usage(format!("`{option} {word}`: it needs a whole number of at least {least}"))
    })
}

/// Parameters from a file: YAML (of which JSON is a part), or TOML by its name.
fn read_file(path: &Path) -> Result<Map<String, Value>> {
    let text = std::fs::read_to_string(path).map_err(Error::file(path))?;
    let wrong = |reason: String| Error::Parameters { path: path.to_owned(), reason };
    let is_toml = path.extension().is_some_and(|extension| extension == "toml");
    let value: Value = match is_toml {
        true => toml::from_str(&text).map_err(|error| wrong(error.to_string()))?,
        false => serde_saphyr::from_str(&text).map_err(|error| wrong(error.to_string()))?,
    };
    match value {
        Value::Object(values) => Ok(values),
        Value::Null => Ok(Map::new()),
        _ => Err(wrong("it must be a list of names with values, as in `epochs: 7`".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("herbarium-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn words_in_any_order() {
        let path = file("given.yaml", "epochs: 3\nname: rose\nrates: [0.1, 1e-3]\n");
        let file_option = format!("--parameters-file={}", path.display());
        let words = ["-p", "epochs=7", "a.ipynb", "-o", "out.ipynb", &file_option, "-p", "lr", "0.5"];
        let options = Options::parse(&words).unwrap();
        std::fs::remove_file(path).unwrap();
        assert_eq!((options.notebook, options.out), ("a.ipynb".into(), Some("out.ipynb".into())));
        let shown: Vec<String> =
            options.values.0.iter().map(|(name, value)| format!("{name}={}", value.shown())).collect();
        assert_eq!(shown, ["epochs=7", "name=\"rose\"", "rates=[0.1,0.001]", "lr=0.5"]);
    }

    #[test]
    fn processes_are_counted() {
        let words = ["--processes", "4", "a.ipynb", "--restarts=2", "-p", "x=1"];
        let options = Options::parse(&words).unwrap();
        assert_eq!((options.processes, options.restarts), (Some(4), 2));
        assert_eq!(of_one_process(&words), ["a.ipynb", "-p", "x=1"]);
        for wrong in ["--processes=0", "--processes=many", "--restarts=-1"] {
            assert!(Options::parse(&["a", wrong]).unwrap_err().to_string().contains("whole number"));
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let error = |words: &[&str]| Options::parse(words).unwrap_err().to_string();
        assert!(error(&[]).contains("needs a notebook"));
        assert!(error(&["a", "b"]).contains("one notebook at a time"));
        assert!(error(&["a", "-p", "x"]).contains("`-p x` has no value"));
        assert!(error(&["a", "-o"]).contains("needs a value after it"));
        assert!(error(&["a", "--what"]).contains("no option `--what`"));
        assert!(error(&["a", "-f", "/no/such.yaml"]).contains("/no/such.yaml"));
    }

    #[test]
    fn files_in_three_languages() {
        for (name, text) in [
            ("a.toml", "epochs = 3\nname = \"rose\""),
            ("a.json", "{\"epochs\": 3, \"name\": \"rose\"}"),
            ("a.yml", "# how\nepochs: 3\nname: rose"),
        ] {
            let path = file(name, text);
            let read = read_file(&path).unwrap();
            assert_eq!((read["epochs"].as_i64(), read["name"].as_str()), (Some(3), Some("rose")), "{name}");
            std::fs::remove_file(path).unwrap();
        }
        let path = file("bad.yaml", "- 1\n- 2\n");
        assert!(read_file(&path).unwrap_err().to_string().contains("names with values"));
        std::fs::remove_file(path).unwrap();
    }
}
