//! The record of dependencies that were built.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::Tools;
use crate::manifest::Dependencies;
use crate::recipe::strings;

/// How a cell is compiled with dependencies, and what rust-analyzer reads of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// rustc's arguments beside those of every cell.
    pub arguments: Vec<String>,
    /// `cargo metadata`'s answer, with a placeholder for the kernel's folder.
    pub metadata: Value,
    /// The files that the arguments name never change.
    pub lasting: bool,
    /// A note for whoever asked for them.
    pub note: Option<String>,
}

/// The folder with what was built beside a template.
pub fn shared_folder(tools: &Tools, dependencies: &Dependencies) -> PathBuf {
    tools.store.join("dependencies").join(dependencies.key())
}

/// Where the record of these dependencies is: with the template for all kernels of a user, or in the kernel's own `folder` where
/// one of them is a folder whose sources may change.
pub fn place(tools: &Tools, folder: &Path, dependencies: &Dependencies) -> PathBuf {
    match dependencies.has_local() {
        true => folder.join("build").join(dependencies.key()).join("record.json"),
        false => shared_folder(tools, dependencies).join("record.json"),
    }
}

impl Record {
    /// Reads a record; `None` where there is none.
    pub fn read(place: &Path) -> Option<Record> {
        let value: Value = serde_json::from_slice(&std::fs::read(place).ok()?).ok()?;
        Some(Record {
            arguments: strings(&value["arguments"])?,
            metadata: value["metadata"].clone(),
            lasting: value["lasting"].as_bool()?,
            note: value["note"].as_str().map(str::to_owned),
        })
    }

    /// Writes it whole or not at all.
    pub fn write(&self, place: &Path) -> std::io::Result<()> {
        let text = json!({
            "arguments": self.arguments,
            "metadata": self.metadata,
            "lasting": self.lasting,
            "note": self.note,
        });
        let unfinished = place.with_extension(std::process::id().to_string());
        std::fs::create_dir_all(place.parent().unwrap_or(Path::new("/")))?;
        std::fs::write(&unfinished, text.to_string())?;
        std::fs::rename(&unfinished, place)
    }
}
