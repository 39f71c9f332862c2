//! Tracks and reports what happens to a cell's variables.

use super::line_map::line_in_cell;
use super::traps::Moved;
use super::worker::Worker;
use super::{CellError, Stream, failure};
use crate::{source, syntax};

impl Worker {
    /// Runs Rust, and remembers why variables are missing afterwards.
    pub(super) fn evaluate_and_remember(&mut self, code: &str) -> Result<(), CellError> {
        let result = self.evaluate(code);
        self.remember_gone(code, result.is_ok());
        if self.shared.control.interrupted().times == 0 {
            self.settle();
        }
        result
    }

    /// What evcxr has of variables, with their types.
    pub(super) fn variables_and_types(&self) -> Vec<(String, String)> {
        let known = self.context.iter().flat_map(|context| context.variables_and_types());
        known.map(|(name, kind)| (name.to_owned(), self.types.name(kind))).collect()
    }

    /// The variables that there are, by name.
    pub(super) fn variables(&self) -> Vec<String> {
        let known = self.context.iter().flat_map(|context| context.variables_and_types());
        let mut names: Vec<String> = known.map(|(name, _)| name.to_owned()).collect();
        names.retain(|name| !self.unsettled.gone.contains(name));
        names.extend(self.unsettled.kept.iter().map(|variable| variable.name.clone()));
        names.sort();
        names.dedup();
        names
    }

    /// The variables that were there before the cell and are not any more.
    pub(super) fn lost(&self) -> Vec<String> {
        let now = self.variables();
        self.last.iter().filter(|name| !now.contains(name)).cloned().collect()
    }

    /// Reads what the cell moves away, and where.
    pub(super) fn see_moves(&mut self, generated: &str, code: &str) {
        let known = self.folder.moves();
        let mut names: Vec<&str> = known.all.iter().map(|one| one.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let moved = names.into_iter().filter_map(|name| {
            let (first, line) = known.of(name)?;
            let number = line_in_cell(line, generated, code);
            let line = match number {
                // Without other statements on the same line.
                Some(_) => generated.lines().nth(line - 1).map(source::learners_line),
                None => syntax::line_with(code, name).map(str::to_owned),
            };
            let line = line.unwrap_or_default().trim().to_owned();
            let (kind, clones) = (first.kind.clone(), first.clones);
            Some(Moved { name: name.to_owned(), kind, clones, number, line })
        });
        self.moved = moved.collect();
    }

    /// The error of a failed cell, with its effect on the variables.
    pub(super) fn with_variables(&self, mut error: CellError, code: &str) -> CellError {
        let there = self.variables();
        let lost = self.lost();
        if !lost.is_empty() {
            let listed: Vec<String> = lost.iter().map(|name| self.in_list(name)).collect();
            error = error.with_note(&failure::lost_variables(&listed));
        }
        let (still, never) = bound(code).into_iter().partition::<Vec<String>, _>(|name| there.contains(name));
        if !still.is_empty() {
            let note = format!("Still with the old value, because the cell failed: {}", still.join(", "));
            error = error.with_note(&note);
        }
        let never: Vec<String> = never.into_iter().filter(|name| !lost.contains(name)).collect();
        if !never.is_empty() {
            error = error.with_note(&format!("Not kept, because the cell failed: {}", never.join(", ")));
        }
        error
    }

    /// Reports the variables that a successful cell has cost.
    pub(super) fn say_of_success(&self, returned: bool, code: &str) {
        let there = self.variables();
        let lost: Vec<String> = self.stale.iter().filter(|name| !there.contains(name)).cloned().collect();
        if !lost.is_empty() {
            let (types, cells) = match lost.len() {
                1 => ("its type", "the cell that makes it"),
                _ => ("their types", "the cells that make them"),
            };
            let names: Vec<String> = lost.iter().map(|name| format!("`{name}`")).collect();
            let text = format!(
                "Lost, because this cell changes {types}: {}. Run {cells} again.\n",
                names.join(", ")
            );
            self.shared.collector.print(Stream::Stderr, text.as_bytes());
        }
        let names = bound(code);
        if returned && !names.is_empty() {
            let (still, never) = names.into_iter().partition::<Vec<String>, _>(|name| there.contains(name));
            let mut text = String::from("The cell ended at a `return`.");
            if !still.is_empty() {
                text += &format!(" Still with the old value: {}.", still.join(", "));
            }
            if !never.is_empty() {
                text += &format!(" Not kept: {}.", never.join(", "));
            }
            self.shared.collector.print(Stream::Stderr, (text + "\n").as_bytes());
        }
    }

    fn in_list(&self, name: &str) -> String {
        self.moved.iter().find(|moved| moved.name == name).map_or_else(|| name.to_owned(), Moved::in_list)
    }

    fn remember_gone(&mut self, code: &str, succeeded: bool) {
        let there = self.variables();
        let mut missing = self.lost();
        let is_missing = |name: &String| missing.contains(name);
        let moved: Vec<Moved> = self.moved.iter().filter(|one| is_missing(&one.name)).cloned().collect();
        missing.retain(|name| moved.iter().all(|one| one.name != *name));
        self.gone.moved(&moved, self.number, &self.hints);
        let never = bound(code).into_iter().filter(|name| !there.contains(name));
        let (retyped, missing) =
            missing.into_iter().partition::<Vec<String>, _>(|name| self.stale.contains(name));
        self.gone.retyped(&retyped, self.number);
        self.gone.lost(&missing, self.number);
        if succeeded {
            let made: Vec<Moved> =
                never.filter_map(|name| self.moved.iter().find(|one| one.name == name).cloned()).collect();
            self.gone.moved(&made, self.number, &self.hints);
        } else {
            self.gone.never_made(never.collect(), self.number);
        }
        self.gone.are_there(&there);
    }
}

/// The names that a cell binds, each once.
fn bound(code: &str) -> Vec<String> {
    let mut names = syntax::bound_names(code);
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}
