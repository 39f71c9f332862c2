//! `CategoryNames`: cat_to_name.json.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::transforms::repr::{PyStr, py_dict};
use crate::{Error, Result};

/// Names for labels, from a JSON file of one object, `{"21": "fire lily", "3": "canterbury bells", …}`.
///
/// The labels are those of the data set's folders, not the network's indices: look an index up in the
/// data set's classes first, `names.name(&class_names[index])`. Prints as the tutorial's dict.
#[derive(Clone)]
pub struct CategoryNames {
    path: PathBuf,
    names: Arc<Map<String, Value>>,
}

impl CategoryNames {
    /// Reads the file, whose order is kept.
    ///
    /// # Errors
    /// When it cannot be read, is not JSON (with line and column), or is anything but one object of texts.
    pub fn from_json(path: impl AsRef<Path>) -> Result<Self> {
        fn from_json(path: &Path) -> Result<CategoryNames> {
            let path = path.to_path_buf();
            let text = std::fs::read(&path).map_err(Error::io("reading", &path))?;
            let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&text);
            let error = |line, column, problem| Error::Json { path: path.clone(), line, column, problem };
            let names: Map<String, Value> = match serde_json::from_slice(text) {
                Ok(Value::Object(names)) => names,
                Ok(_) => return Err(error(1, 1, "one object is needed, {\"label\": \"name\", …}".into())),
                Err(wrong) => {
                    let problem = wrong.to_string();
                    let problem = problem.split(" at line ").next().unwrap_or_default();
                    return Err(error(wrong.line(), wrong.column(), problem.into()));
                }
            };
            if let Some((label, value)) = names.iter().find(|(_, value)| !value.is_string()) {
                return Err(error(1, 1, format!("label '{label}' has {value}, not a name in quotes")));
            }
            Ok(CategoryNames { path, names: Arc::new(names) })
        }
        from_json(path.as_ref())
    }

    /// Labels that are their own names, for folders that are named like `fire lily`, `fire_lily` or
    /// `fire-lily` instead of numbered.
    pub fn from_classes(classes: &[String]) -> Self {
        let name = |class: &String| class.replace(['_', '-'], " ");
        let names = classes.iter().map(|class| (class.clone(), name(class).into())).collect();
        CategoryNames { path: "the classes".into(), names: Arc::new(names) }
    }

    /// The names in `data_dir/cat_to_name.json` where there is such a file, else the classes themselves, as
    /// [`CategoryNames::from_classes`] has them.
    ///
    /// # Errors
    /// When the file is there and cannot be used, or lacks one of `classes`.
    pub fn for_classes(data_dir: impl AsRef<Path>, classes: &[String]) -> Result<Self> {
        fn for_classes(data_dir: &Path, classes: &[String]) -> Result<CategoryNames> {
            let file = data_dir.join("cat_to_name.json");
            if !file.exists() {
                return Ok(CategoryNames::from_classes(classes));
            }
            let names = CategoryNames::from_json(file)?;
            classes.iter().try_for_each(|class| names.name(class).map(drop))?;
            Ok(names)
        }
        for_classes(data_dir.as_ref(), classes)
    }

    /// The name of `label`.
    ///
    /// # Errors
    /// When the file has no such label.
    pub fn name(&self, label: impl AsRef<str>) -> Result<&str> {
        let label = label.as_ref();
        self.names
            .get(label)
            .and_then(Value::as_str)
            .ok_or_else(|| Error::UnknownLabel { label: label.into(), path: self.path.clone() })
    }

    /// How many labels have a name.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether no label has one.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Labels and names, in the file's order.
    pub fn entries(&self) -> Vec<(String, String)> {
        self.texts().map(|(label, name)| (label.to_string(), name.to_string())).collect()
    }

    fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.names.iter().map(|(label, name)| (label.as_str(), name.as_str().unwrap_or_default()))
    }
}

impl fmt::Display for CategoryNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries: Vec<_> = self.texts().map(|(label, name)| (label, PyStr(name).to_string())).collect();
        f.write_str(&py_dict(&entries))
    }
}

impl fmt::Debug for CategoryNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

crate::notebook::vars::known_by_len!([] CategoryNames: "name";);
