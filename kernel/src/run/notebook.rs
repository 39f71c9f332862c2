//! A notebook file, nbformat 4. What is not changed is kept as it is, unknown keys and their order too.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::outputs::Outputs;
use crate::error::{Error, Result};
use crate::parameters;

/// A notebook in memory.
#[derive(Debug)]
pub struct Notebook {
    root: Map<String, Value>,
}

impl Notebook {
    /// Reads a notebook of format 4.
    pub fn read(path: &Path) -> Result<Notebook> {
        let text = fs::read_to_string(path).map_err(Error::file(path))?;
        Notebook::parse(&text).map_err(|reason| Error::Notebook { path: path.to_owned(), reason })
    }

    pub fn parse(text: &str) -> std::result::Result<Notebook, String> {
        let text = text.trim_start_matches('\u{feff}');
        let root: Map<String, Value> = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match root.get("nbformat").and_then(Value::as_u64) {
            Some(4) => {}
            Some(other) => return Err(format!("its format is {other}, and only 4 can be run")),
            None => return Err("it has no `nbformat`".to_owned()),
        }
        if !root
            .get("cells")
            .is_some_and(|cells| cells.as_array().is_some_and(|cells| cells.iter().all(Value::is_object)))
        {
            return Err("it has no list of cells".to_owned());
        }
        Ok(Notebook { root })
    }

    /// How many cells there are.
    pub fn len(&self) -> usize {
        self.cells().len()
    }

    /// Whether a cell is one of code.
    pub fn is_code(&self, cell: usize) -> bool {
        self.cells()[cell]["cell_type"] == "code"
    }

    /// The positions of the code cells.
    pub fn code_cells(&self) -> Vec<usize> {
        (0..self.len()).filter(|&cell| self.is_code(cell)).collect()
    }

    /// A cell's text.
    pub fn source(&self, cell: usize) -> String {
        match &self.cells()[cell]["source"] {
            Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
            other => other.as_str().unwrap_or_default().to_owned(),
        }
    }

    /// Whether a cell has a tag.
    pub fn has_tag(&self, cell: usize, tag: &str) -> bool {
        self.cells()[cell]["metadata"]["tags"]
            .as_array()
            .is_some_and(|tags| tags.iter().any(|other| other == tag))
    }

    /// The first code cell with a tag.
    pub fn cell_tagged(&self, tag: &str) -> Option<usize> {
        self.code_cells().into_iter().find(|cell| self.has_tag(*cell, tag))
    }

    /// Inserts a cell that sets parameters: it replaces an earlier such cell, or goes after the declaring cell, or
    /// first.
    pub fn inject(&mut self, code: &str, declared: Option<usize>) {
        let earlier = self.cell_tagged(parameters::INJECTED);
        let source: Vec<Value> = code.trim_end().split_inclusive('\n').map(Value::from).collect();
        let mut cell = json!({
            "cell_type": "code", "execution_count": null, "metadata": { "tags": [parameters::INJECTED] },
            "outputs": [], "source": source
        });
        // Cells have had names since format 4.5.
        if self.root.get("nbformat_minor").and_then(Value::as_u64).is_some_and(|minor| minor >= 5) {
            cell["id"] = Value::String(uuid::Uuid::new_v4().simple().to_string()[..8].to_owned());
        }
        let Some(cells) = self.root["cells"].as_array_mut() else { return };
        match (earlier, declared) {
            (Some(earlier), _) => cells[earlier] = cell,
            (None, declared) => cells.insert(declared.map_or(0, |declared| declared + 1), cell),
        }
    }

    /// Empties a code cell: no outputs, no count.
    pub fn clear(&mut self, cell: usize) {
        self.set(cell, Value::Null, Vec::new());
    }

    /// Sets a code cell's count and outputs.
    pub fn finish(&mut self, cell: usize, count: usize, outputs: &Outputs) {
        self.set(cell, json!(count), outputs.to_json(count));
    }

    fn set(&mut self, cell: usize, count: Value, outputs: Vec<Value>) {
        if let Some(cell) = self.root["cells"][cell].as_object_mut() {
            cell.insert("execution_count".to_owned(), count);
            cell.insert("outputs".to_owned(), Value::Array(outputs));
        }
    }

    fn cells(&self) -> &[Value] {
        self.root["cells"].as_array().map(Vec::as_slice).unwrap_or_default()
    }

    /// The file's text, in Jupyter's own layout: one space of indentation, a newline at the end.
    pub fn to_text(&self) -> String {
        let mut text = Vec::new();
        let layout = serde_json::ser::PrettyFormatter::with_indent(b" ");
        // What was read as JSON can be written as JSON.
        let _ = serde::Serialize::serialize(
            &self.root,
            &mut serde_json::Serializer::with_formatter(&mut text, layout),
        );
        text.push(b'\n');
        String::from_utf8_lossy(&text).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"nbformat": 4, "nbformat_minor": 5, "metadata": {"x": {"b": 1, "a": 2}}, "cells": [
        {"cell_type": "markdown", "id": "m", "metadata": {}, "source": "é"},
        {"cell_type": "code", "id": "c", "metadata": {"tags": ["raises-exception"]}, "source": ["a\n", "b"],
         "execution_count": 7, "outputs": [{"old": 1}]}]}"#;

    #[test]
    fn cells_are_read_and_changed_and_the_rest_is_kept() {
        let mut notebook = Notebook::parse(TEXT).unwrap();
        assert_eq!(notebook.code_cells(), [1]);
        assert_eq!(notebook.source(1), "a\nb");
        assert!(notebook.has_tag(1, "raises-exception") && !notebook.has_tag(0, "raises-exception"));
        notebook.clear(1);
        let text = notebook.to_text();
        assert!(text.starts_with("{\n \"nbformat\": 4,"), "{text}");
        let (mut before, after): (Value, Value) =
            (serde_json::from_str(TEXT).unwrap(), serde_json::from_str(&text).unwrap());
        before["cells"][1]["execution_count"] = Value::Null;
        before["cells"][1]["outputs"] = json!([]);
        assert_eq!(before, after);
        assert!(text.find("\"b\": 1").unwrap() < text.find("\"a\": 2").unwrap());
    }

    #[test]
    fn parameters_come_after_their_defaults_and_replace_earlier_ones() {
        let mut notebook = Notebook::parse(&format!("\u{feff}{TEXT}")).unwrap();
        notebook.inject("// Parameters\nlet a = 1;\n", Some(1));
        assert_eq!(
            (notebook.code_cells().len(), notebook.source(2).as_str()),
            (2, "// Parameters\nlet a = 1;")
        );
        assert_eq!(notebook.cells()[2]["id"].as_str().map(str::len), Some(8));
        notebook.inject("let a = 2;", Some(1));
        assert_eq!((notebook.code_cells().len(), notebook.source(2).as_str()), (2, "let a = 2;"));
        let mut other = Notebook::parse(r#"{"nbformat": 4, "nbformat_minor": 2, "cells": []}"#).unwrap();
        other.inject("let a = 2;", None);
        assert_eq!(other.cell_tagged(parameters::INJECTED), Some(0));
        assert!(other.cells()[0].get("id").is_none());
    }

    #[test]
    fn what_is_no_notebook_says_why() {
        assert!(Notebook::parse("[").is_err());
        assert!(Notebook::parse(r#"{"nbformat": 3}"#).unwrap_err().contains("format is 3"));
        assert!(Notebook::parse(r#"{"nbformat": 4, "cells": [1]}"#).is_err());
        assert!(matches!(Notebook::read(Path::new("/no/such.ipynb")), Err(Error::File { .. })));
    }
}
