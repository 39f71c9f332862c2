//! A notebook's cells as one `main.rs`.

use std::collections::HashSet;
use std::path::Path;

use crate::run::{MAY_FAIL, Notebook, SKIPPED};
use crate::syntax::{self, Element};

const HEAD: &str = "\
// Cells define what later ones may not use, and rebind what earlier ones have used.
#![allow(unused_variables, unused_mut, unused_assignments, unused_imports, unused_must_use, dead_code)]
";

/// The tags of cells that become comments, and why.
const COMMENTS: [(&str, &str); 2] = [(MAY_FAIL, "meant to fail"), (SKIPPED, "left out")];

/// The pieces of a program, each in its place.
#[derive(Debug, Default)]
pub struct Program {
    /// What stands behind each `:dep`.
    pub dependencies: Vec<String>,
    /// How many code cells there are.
    pub cells: usize,
    uses: Vec<String>,
    items: Vec<String>,
    main: Vec<String>,
    defined: HashSet<String>,
    /// How many blocks of `main` are open: each begins where a name is defined again.
    blocks: usize,
}

impl Program {
    /// `prelude` runs before a notebook's first cell; what it does there is for kernels, what it uses for all.
    ///
    /// # Errors
    /// Which cell is not Rust.
    pub fn of(notebook: &Notebook, prelude: &str) -> Result<Program, String> {
        let mut program = Program::default();
        for element in syntax::elements(prelude).unwrap_or_default() {
            if let Element::Use(text) = element {
                program.use_once(text);
            }
        }
        for cell in 0..notebook.len() {
            let source = notebook.source(cell);
            if source.trim().is_empty() {
            } else if !notebook.is_code(cell) {
                program.main.push(comment(&source));
            } else if let Some((_, why)) = COMMENTS.iter().find(|(tag, _)| notebook.has_tag(cell, tag)) {
                program.cells += 1;
                program.main.push(comment(&format!("A cell that is {why}:\n\n{source}")));
            } else {
                program.cells += 1;
                let number = program.cells;
                program.cell(&source).ok_or_else(|| {
                    format!(
                        "code cell {number} is not Rust that works in a program: run it, and correct it first"
                    )
                })?;
            }
        }
        Ok(program)
    }

    fn cell(&mut self, source: &str) -> Option<()> {
        let commands = syntax::first_rust_line(source).unwrap_or(usize::MAX);
        for line in source.lines().take(commands).filter(|line| syntax::is_command(line)) {
            match line.trim_start().strip_prefix(":dep ") {
                Some(words) => self.dependencies.push(words.trim().to_owned()),
                None => self.main.push(comment(line)),
            }
        }
        let is_rust = |(number, line): &(usize, &str)| *number >= commands || !syntax::is_command(line);
        let rust: String =
            source.lines().enumerate().filter(is_rust).map(|(_, line)| format!("{line}\n")).collect();
        let mut lines: Vec<String> = Vec::new();
        for element in syntax::elements(&rust)? {
            match element {
                Element::Use(text) if self.blocks == 0 => self.use_once(text),
                Element::Use(text) => lines.push(text),
                Element::Item { name, text } => {
                    let is_new = name.is_none_or(|name| self.defined.insert(name));
                    if !is_new {
                        // Inside a block the new definition hides the old one, from here on.
                        lines.push("{".to_owned());
                        self.blocks += 1;
                    }
                    if self.blocks == 0 { self.items.push(text) } else { lines.push(text) }
                }
                Element::Statement(text) => lines.push(text),
                Element::Value(text) => lines.push(shown(&text)),
                Element::Comment(text) => match lines.last_mut().filter(|_| !text.contains('\n')) {
                    Some(last) => *last += &format!(" {text}"),
                    None => lines.push(text),
                },
            }
        }
        if !lines.is_empty() {
            self.main.push(lines.join("\n"));
        }
        Some(())
    }

    fn use_once(&mut self, text: String) {
        if !self.uses.contains(&text) {
            self.uses.push(text);
        }
    }

    /// The whole of `main.rs`.
    pub fn text(&self, notebook: &Path) -> String {
        let name = notebook.file_name().unwrap_or_default().to_string_lossy();
        let items: String = self.items.iter().map(|item| format!("{item}\n\n")).collect();
        let closing = "}\n".repeat(self.blocks);
        format!(
            "//! {name} as a program: its cells in order. Paths in it are relative to the notebook's \
            folder.\n\n{HEAD}\n{}\n\n{items}\
             fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {{\n{}\n{closing}Ok(())\n}}\n",
            self.uses.join("\n"),
            self.main.join("\n\n")
        )
    }
}

/// A last expression as a statement that prints what the cell shows.
fn shown(text: &str) -> String {
    // Comments before it stay outside.
    let start =
        text.lines().take_while(|line| line.trim_start().starts_with("//")).map(|line| line.len() + 1).sum();
    let (before, expression) = text.split_at(start);
    format!("{before}({expression}).evcxr_display();")
}

/// A text in comments.
fn comment(text: &str) -> String {
    let lines = text.trim().lines().map(|line| format!("// {line}").trim_end().to_owned());
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRELUDE: &str = "use herbarium::prelude::*;\nherbarium::notebook::init()?;";

    fn program(cells: &[(&str, &str)]) -> Program {
        let cells: Vec<_> = cells
            .iter()
            .map(|(kind, source)| {
                serde_json::json!({"cell_type": kind, "metadata": {"tags": if source.contains("fails") { vec![MAY_FAIL] } else { vec![] }}, "source": source})
            })
            .collect();
        let text = serde_json::json!({"nbformat": 4, "cells": cells}).to_string();
        Program::of(&Notebook::parse(&text).unwrap(), PRELUDE).unwrap()
    }

    #[test]
    fn cells_become_a_program() {
        let program = program(&[
            ("markdown", "# Flowers\n\nand more"),
            ("code", ":dep regex = \"1\"\nuse herbarium::prelude::*;\nuse std::fs;"),
            ("code", ":vars\nlet x = 1; // one\nfn f() -> i32 { 1 }\nx"),
            ("code", "let y = fails;"),
            ("code", "// why\nf() + x"),
            ("code", "fn f() -> i32 { 2 }\nuse std::io;\nprintln!(\"{}\", f())"),
        ]);
        assert_eq!(program.dependencies, ["regex = \"1\""]);
        let text = program.text(Path::new("a/flowers.ipynb"));
        let expected = "use herbarium::prelude::*;\nuse std::fs;\n\nfn f() -> i32 { 1 }\n\n\
            fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {\n\
            // # Flowers\n//\n// and more\n\n// :vars\n\nlet x = 1; // one\n(x).evcxr_display();\n\n\
            // A cell that is meant to fail:\n//\n// let y = fails;\n\n// why\n(f() + x).evcxr_display();\n\n\
            {\nfn f() -> i32 { 2 }\nuse std::io;\nprintln!(\"{}\", f());\n}\nOk(())\n}\n";
        assert!(text.ends_with(expected), "{text}");
    }

    #[test]
    fn the_cell_that_is_not_rust_is_named() {
        let text = serde_json::json!({"nbformat": 4, "cells": [{"cell_type": "code", "metadata": {}, "source": "let x = "}]});
        let error = Program::of(&Notebook::parse(&text.to_string()).unwrap(), PRELUDE).unwrap_err();
        assert!(error.starts_with("code cell 1 is not Rust"), "{error}");
    }
}
