//! Where a cell moves variables of earlier cells, according to the compiler.

use std::path::Path;

use serde_json::{Value, json};

use super::types::CRATES;

/// A variable, and where in the learner's code (in bytes) it is moved away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    pub name: String,
    pub at: usize,
    pub kind: String,
    /// Its type has `Clone`.
    pub clones: bool,
}

/// How precisely a cell tracks its moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Watch {
    /// A variable is kept until the innermost statement that moves it begins.
    #[default]
    Statement,
    /// Until the cell's top-level statement that moves it begins.
    TopStatement,
    /// A variable that the cell moves is lost wherever the cell fails, as in plain evcxr.
    Cell,
}

/// The moves of a cell found so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moves {
    pub all: Vec<Move>,
    pub watch: Watch,
}

impl Moves {
    pub fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Move> {
        self.all.iter().filter(move |one| one.name == name)
    }

    /// Whether it was new.
    pub fn add(&mut self, new: Move) -> bool {
        let known = self.of(&new.name).any(|one| one.at == new.at);
        if !known {
            self.all.push(new);
        }
        !known
    }
}

/// An error about a value that is used after it was moved away.
#[derive(Debug)]
pub struct UsedAfterMove {
    /// The variable.
    pub name: String,
    /// Where it is used, a line of the source from 0.
    pub line: usize,
    /// Where it is moved, in bytes of the source.
    pub moved: Vec<usize>,
    /// Its type; empty if rustc does not say it.
    pub kind: String,
    /// Its type has `Clone`.
    pub clones: bool,
}

/// An error of the compiler. `None` for other messages.
pub enum CompileError {
    UsedAfterMove(UsedAfterMove),
    Other,
}

impl CompileError {
    /// From one of rustc's messages.
    pub fn of(message: &Value) -> Option<CompileError> {
        let text = message["message"].as_str().unwrap_or_default();
        if message["level"] != "error" || text.starts_with("aborting due to") {
            return None;
        }
        if message["code"]["code"] != "E0382" {
            return Some(CompileError::Other);
        }
        let spans = message["spans"].as_array().map(Vec::as_slice).unwrap_or_default();
        let used =
            spans.iter().find(|span| span["is_primary"] == true).and_then(|span| number(&span["line_start"]));
        // "use of moved value: `pair.0`"
        let name = text.split('`').nth(1).and_then(|place| place.split('.').next());
        let (Some(line), Some(name)) = (used, name) else { return Some(CompileError::Other) };
        let moved = spans.iter().filter(|span| {
            let label = span["label"].as_str().unwrap_or_default();
            span["is_primary"] != true && label.contains("moved")
        });
        let moved = moved.filter_map(|span| number(&in_source(span)?["byte_start"])).collect();
        let labels = spans.iter().filter_map(|span| span["label"].as_str());
        let kind = labels
            .filter_map(|label| label.split_once("has type `"))
            .find_map(|(_, rest)| rest.split('`').next());
        let kind = kind.unwrap_or_default().replace(&format!("{CRATES}::"), "");
        let clones = message["children"].to_string().contains("consider cloning");
        Some(CompileError::UsedAfterMove(UsedAfterMove {
            name: name.to_owned(),
            line: line - 1,
            moved,
            kind,
            clones,
        }))
    }
}

/// The span in the cell's source from which a macro's came.
fn in_source(span: &Value) -> Option<&Value> {
    match span["file_name"].as_str()?.ends_with("lib.rs") {
        true => Some(span),
        false => in_source(span["expansion"].get("span")?),
    }
}

fn number(value: &Value) -> Option<usize> {
    usize::try_from(value.as_u64()?).ok()
}

/// What a file in the folder of a kernel's cells says of the last cell that was compiled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// The learner's code as evcxr wrote it.
    pub code: String,
    pub all: Vec<Move>,
    /// The line of the source, from 1, at which that code begins.
    pub line: usize,
}

impl Known {
    /// Reads the file; nothing if there is none.
    pub fn read(file: &Path) -> Known {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        let moves = value["moves"].as_array().into_iter().flatten();
        let moves = moves.filter_map(|one| {
            let text = |key: &str| Some(one[key].as_str()?.to_owned());
            Some(Move {
                name: text("name")?,
                at: number(&one["at"])?,
                kind: text("kind")?,
                clones: one["clones"] == true,
            })
        });
        let code = value["code"].as_str().unwrap_or_default().to_owned();
        Known { code, all: moves.collect(), line: number(&value["line"]).unwrap_or(1) }
    }

    /// Writes the file, or none if there is nothing to record.
    pub fn write(&self, file: &Path) -> std::io::Result<()> {
        if self.all.is_empty() {
            return match std::fs::remove_file(file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            };
        }
        let moves = self
            .all
            .iter()
            .map(|one| json!({ "name": one.name, "at": one.at, "kind": one.kind, "clones": one.clones }));
        let moves: Vec<Value> = moves.collect();
        std::fs::write(file, json!({ "code": self.code, "line": self.line, "moves": moves }).to_string())
    }

    /// The first move of `name`, and its line in the source, from 1.
    // The cargo that kernels see only writes moves.
    #[allow(dead_code)]
    pub fn of(&self, name: &str) -> Option<(&Move, usize)> {
        let first = self.all.iter().filter(|one| one.name == name).min_by_key(|one| one.at)?;
        Some((first, self.line + self.code.get(..first.at)?.matches('\n').count()))
    }
}
