//! Changes the text that evcxr 0.22.0 writes around a cell, and decides what to do with the compiler's answer.
//!
//! evcxr prints the error of a `?` to stderr, where it is indistinguishable from the cell's own output, and does not
//! say which `?` it was: the crate reports both. evcxr also loses the variables that a failing cell has named: see
//! [`variables`]. No line is added or removed, so errors keep their line numbers.
//!
//! The parts are found by literal markers. If one is missing, the cell fails and the error names it; a test compares
//! all of them with evcxr's real output (`kernel/tests/evcxr_text`).

pub mod layout;
pub mod moves;
mod statements;
pub mod types;
mod variables;

use std::ops::Range;
use std::path::Path;

use layout::{Layout, Unfamiliar, Variable};
use moves::{CompileError, Known, Move, Moves, UsedAfterMove, Watch};
use serde_json::Value;
use types::{CRATES, TYPES, Types, inferring, without_bindings};
pub use variables::{CLOSE, OPEN};
use variables::{Insertion, Variables};

/// evcxr's conversion of a `?`'s error; what stands between the two is the learner's way of formatting (`:efmt`).
const QUESTION_MARK: [&str; 2] = [
    "> From<T> for EvcxrUserCodeError {\n                fn from(error: T) -> Self {\n                    eprintln!(",
    ", error);\n",
];
/// What stands between the two unless the learner has changed it, and the end of the conversion.
const USUAL_FORMAT: &str = "\"{}\"";
const QUESTION_END: &str = "EvcxrUserCodeError {}\n                }\n            }\n";
/// The crate's conversion, which is already compiled: rustc would compare one of the cell's with each of `From` in every crate.
const SHARED_QUESTION: &str = "use ::herbarium_notebook::store::EvcxrUserCodeError;";
/// Marks a text that has that conversion and a store.
pub const QUESTION: &str = "struct EvcxrUserCodeError {}";
const NEEDS_STORE: &str = "\nmut evcxr_variable_store: *mut evcxr_internal_runtime::VariableStore)";
/// The store of variables that evcxr writes into every cell; what it is begins and ends with.
const STORE: [&str; 2] = ["mod evcxr_internal_runtime {", "\n}\n#[unsafe(no_mangle)]"];
/// The crate's store, which is already compiled.
const SHARED_STORE: &str = "use ::herbarium_notebook::store as evcxr_internal_runtime;";
/// The end of a cell's function.
const END: &str = "evcxr_variable_store\n}";
/// The file in the folder of a kernel's cells that names the variables whose types the cell changes, one a line.
pub const STALE: &str = "stale";
/// The file there that says which variables the last cell moves away, and where: see [`Known`].
pub const MOVES: &str = "moves";
/// The first line of a text ends so when it has been changed.
const ADAPTED: &str = " // adapted";
/// How often a cell is recompiled for the variables it moves.
const MOST_ATTEMPTS: usize = 8;

/// A cell's text while it goes through the compiler.
pub struct Source {
    /// As evcxr wrote it, except for changes that do not concern variables.
    text: String,
    layout: Option<Layout>,
    pub(crate) moves: Moves,
    /// Of the variables of earlier cells, and of those of this one that are already known.
    pub(crate) types: Types,
    attempts: usize,
    /// Already adapted: a cell that is compiled again for its line tables.
    adapted: bool,
}

/// What to do with the compiler's answer.
#[derive(Debug, PartialEq)]
pub enum Verdict {
    /// These of its messages go to evcxr.
    Pass(Vec<String>),
    /// The cell is to be compiled again.
    Again,
}

impl Source {
    /// The text that evcxr has written for cells that can name these crates, the helper crate among them, or for cells
    /// without one. `folder` is that of the kernel's cells.
    pub fn of(text: &str, crates: Option<&[String]>, folder: &Path) -> Result<Source, Unfamiliar> {
        let mut source = Source {
            text: text.to_owned(),
            layout: None,
            moves: Moves::default(),
            types: Types::read(&folder.join(TYPES)),
            attempts: 0,
            adapted: true,
        };
        if text.lines().next().is_some_and(|line| line.ends_with(ADAPTED)) {
            return Ok(source);
        }
        source.adapted = false;
        let text = &source.types.name(&without_bindings(text));
        let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
        source.layout = Layout::of(&text.split('\n').collect::<Vec<_>>())?;
        if let Some(layout) = &source.layout {
            let stale = std::fs::read_to_string(folder.join(STALE)).unwrap_or_default();
            let_go(&mut lines[layout.checks.clone()], &stale);
        }
        lines[0].push_str(ADAPTED);
        source.text = lines.join("\n");
        let asks = source.layout.as_ref().is_some_and(Layout::asks) || text.contains(QUESTION);
        if let Some(crates) = crates {
            source.text = with_crates(&source.text, asks, crates)?;
        }
        let known = Known::read(&folder.join(MOVES));
        if source.code().is_some_and(|code| code == known.code) {
            source.moves.all = known.all;
        }
        Ok(source)
    }

    /// The text to compile.
    pub fn adapted(&self) -> String {
        self.to_compile().0
    }

    /// The text to compile, and the placeholders of the variables whose types the compiler is to find out, in the order of
    /// [`inferring`].
    pub fn to_compile(&self) -> (String, Vec<usize>) {
        let (text, asked) = inferring(&self.types.name(&self.with_variables()));
        // Without `catch_unwind`, evcxr compiles a cell only to get better error messages.
        (text, if self.layout.is_some() { asked } else { Vec::new() })
    }

    /// Whether it had been adapted before.
    // The kernel compiles nothing itself.
    #[allow(dead_code)]
    pub fn is_adapted(&self) -> bool {
        self.adapted
    }

    /// The text with what is changed around variables.
    fn with_variables(&self) -> String {
        let (Some(layout), Some(code)) = (&self.layout, self.code()) else { return self.text.clone() };
        let variables = Variables::of(layout, &code, &self.moves);
        let mut lines: Vec<String> = self.text.split('\n').map(str::to_owned).collect();
        variables.change(&mut lines);
        let mut text = lines[..layout.code.start].join("\n") + "\n";
        let mut from = 0;
        for Insertion { at, text: inserted } in variables.insertions() {
            text += &code[from..at];
            text += &inserted;
            from = at;
        }
        text += &code[from..];
        text += &lines[layout.code.end..].join("\n");
        text
    }

    /// What to do about the compiler's `messages`, one JSON object each, on the text of [`Source::adapted`].
    pub fn judge(&mut self, messages: Vec<String>) -> Verdict {
        let (Some(layout), Some(code)) = (&self.layout, self.code()) else { return Verdict::Pass(messages) };
        let parsed: Vec<Value> =
            messages.iter().map(|text| serde_json::from_str(text).unwrap_or_default()).collect();
        let errors: Vec<Option<CompileError>> = parsed.iter().map(CompileError::of).collect();
        if errors.iter().all(Option::is_none) {
            return Verdict::Pass(messages);
        }
        let variables = Variables::of(layout, &code, &self.moves);
        let insertions = variables.insertions();
        let begins =
            self.adapted().split('\n').take(layout.code.start).map(|line| line.len() + 1).sum::<usize>();
        let place = |moved: &UsedAfterMove| -> Option<usize> {
            let at = moved.moved.iter().filter_map(|at| original(at.checked_sub(begins)?, &insertions));
            at.filter(|at| *at < code.len()).min()
        };
        let (mut more, mut found, mut hopeless, mut others) = (Vec::new(), Vec::new(), false, false);
        for error in errors.iter().flatten() {
            let CompileError::UsedAfterMove(moved) = error else {
                others = true;
                continue;
            };
            let of = |all: &[Variable]| all.iter().find(|one| one.lines.contains(&moved.line)).cloned();
            let named = |all: &[Variable]| all.iter().find(|one| one.name == moved.name).cloned();
            let at = place(moved);
            let new = |variable: Variable| {
                // What a variable of this cell has for a type is not known yet, but rustc says it.
                let kind = match types::is_placeholder(&variable.kind) {
                    true => moved.kind.clone(),
                    false => variable.kind,
                };
                Some(Move { name: variable.name, at: at?, kind, clones: moved.clones })
            };
            if let Some(kept) = of(&layout.kept) {
                // Report to evcxr what is lost for good, but not what is reassigned.
                match variables.is_assigned(&kept.name) && self.moves.watch < Watch::Cell {
                    true => more.extend(new(kept)),
                    false => found.extend(new(kept)),
                }
            } else if let Some(bound) = of(&layout.bound) {
                found.extend(new(bound));
            } else if moved.line == layout.end {
                match named(&layout.taken).and_then(new) {
                    Some(new) => more.push(new),
                    None => hopeless = true,
                }
            } else if moved.line != layout.closing
                || !variables.put_inside().any(|one| one.name == moved.name)
            {
                others = true;
            }
        }
        let watched = !insertions.is_empty();
        let mut grown = false;
        if !others && !hopeless {
            for new in more.clone() {
                grown |= self.moves.add(new);
            }
        }
        // The inserted code itself may be what does not compile.
        let stuck = hopeless || !more.is_empty() && !grown || others && watched;
        if stuck && self.moves.watch < Watch::Cell {
            self.moves.watch = match self.moves.watch {
                Watch::Statement if !hopeless => Watch::TopStatement,
                _ => Watch::Cell,
            };
            grown = true;
        }
        self.attempts += 1;
        if self.attempts > MOST_ATTEMPTS {
            self.moves.watch = Watch::Cell;
            grown &= self.attempts == MOST_ATTEMPTS + 1;
        }
        if grown {
            return Verdict::Again;
        }
        let passed =
            messages.into_iter().zip(parsed).zip(errors).filter_map(|((text, mut message), error)| {
                let Some(CompileError::UsedAfterMove(moved)) = error else { return Some(text) };
                if moved.line == layout.end {
                    return None;
                }
                // evcxr knows a variable by the line that stores it.
                let mut stored = layout.kept.iter().chain(&layout.bound);
                let line = match moved.line == layout.closing {
                    true => layout.kept.iter().find(|one| one.name == moved.name)?.lines.start,
                    false if stored.any(|one| one.lines.contains(&moved.line)) => moved.line,
                    false => return Some(text),
                };
                point_to(&mut message, moved.line + 1, line + 1);
                Some(message.to_string())
            });
        let passed = passed.collect();
        for one in found {
            self.moves.add(one);
        }
        Verdict::Pass(passed)
    }

    /// Writes down for the kernel, and for evcxr's next attempt, what the cell moves away.
    pub fn write_moves(&self, folder: &Path) -> std::io::Result<()> {
        if self.adapted {
            return Ok(());
        }
        let line = self.layout.as_ref().map_or(1, |layout| layout.code.start + 1);
        let code = self.code().unwrap_or_default();
        Known { code, all: self.moves.all.clone(), line }.write(&folder.join(MOVES))
    }

    /// The learner's code as evcxr wrote it, with the last line feed.
    fn code(&self) -> Option<String> {
        let range = self.layout.as_ref()?.code.clone();
        let lines: Vec<&str> = self.text.split('\n').collect();
        Some(lines[range].iter().flat_map(|line| [*line, "\n"]).collect())
    }
}

/// A line of the text that was compiled, without what was put into it.
#[allow(dead_code)]
pub fn learners_line(line: &str) -> String {
    let mut kept = String::new();
    let mut rest = line;
    while let Some((before, inserted)) = rest.split_once(OPEN) {
        kept += before;
        rest = inserted.split_once(CLOSE).map_or("", |(_, after)| after);
    }
    kept + rest
}

/// The lines, from 0, that the learner's code has in a text that was compiled.
// The cargo that kernels see has no use for it, and the kernel none for `is_foreign`.
#[allow(dead_code)]
pub fn learners_lines(lines: &[String]) -> Option<Range<usize>> {
    let starts = |line: &String| line == layout::CLOSURE || line == layout::CLOSURE_WITHOUT_STORE;
    let start = lines.iter().rposition(starts)? + 1;
    let ends = |line: &String| line.ends_with(layout::CAUGHT[0]) || line == layout::CAUGHT_WITHOUT_STORE;
    Some(start..start + lines[start..].iter().position(ends)?)
}

/// What a text that was compiled defines beside its function: what cells have defined so far.
// The cargo that kernels see has no use for it.
#[allow(dead_code)]
pub fn items(text: &str) -> String {
    let function = text.rfind(layout::FUNCTION).unwrap_or(text.len());
    let generated =
        [QUESTION, SHARED_QUESTION, SHARED_STORE, STORE[0]].iter().filter_map(|mark| text.find(mark));
    let end = generated.min().unwrap_or(function).min(function);
    let items = text[..end].trim_end();
    let items = items.strip_suffix(layout::BEFORE_FUNCTION).unwrap_or(items).lines();
    items.filter(|line| !line.starts_with("#![")).flat_map(|line| [line, "\n"]).collect()
}

/// Whether the text names functions that no crate has: only the linker can say whether they exist.
#[allow(dead_code)]
pub fn is_foreign(text: &str) -> bool {
    // evcxr's own function is one `extern`; `extern crate` names no function.
    let all = text.matches("extern").count();
    all - text.matches("extern crate").count() > 1 || text.contains("asm!")
}

/// Maps a byte of the changed code back to the learner's code; `None` inside inserted text.
fn original(changed: usize, insertions: &[Insertion]) -> Option<usize> {
    let mut shift = 0;
    for Insertion { at, text } in insertions {
        if at + shift > changed {
            break;
        }
        if at + shift + text.len() > changed {
            return None;
        }
        shift += text.len();
    }
    Some(changed - shift)
}

/// Keeps only a message's spans in line `from`, and moves them to line `to`, both from 1. The move may be in the
/// cell's last expression, and evcxr would then conclude that the expression cannot be displayed.
fn point_to(message: &mut Value, from: usize, to: usize) {
    message["children"] = Value::Array(Vec::new());
    let Some(spans) = message["spans"].as_array_mut() else { return };
    spans.retain(|span| span["is_primary"] == true && span["line_start"] == from);
    for span in spans {
        span["line_start"] = to.into();
        span["line_end"] = to.into();
    }
}

/// Makes evcxr's type check fail for a variable whose type the cell redefines, since a value of the old type must not
/// be used as the new one. evcxr then forgets the variable, and runs the cell without it.
pub(crate) fn let_go(checks: &mut [String], stale: &str) {
    for name in stale.lines() {
        let end = format!(">(stringify!({name}));");
        if let Some(check) = checks.iter_mut().find(|check| check.ends_with(&end)) {
            *check = format!(
                "vars_ok &= {{ evcxr_variable_store.put_variable::<()>(stringify!({name}), ()); ::std::println!(\"EVCXR_VARIABLE_CHANGED_TYPE:{name}\"); false }};"
            );
        }
    }
}

/// Replaces parts of evcxr's text by the notebook crate. No line is added or removed.
///
/// Each cell names the helper crate: the notebook crate is in its library, and would otherwise be linked into the cell once
/// more, with its own interrupt flag and store. It names the other crates so that rustc writes types by paths that begin with
/// them.
fn with_crates(text: &str, asks: bool, crates: &[String]) -> Result<String, Unfamiliar> {
    let mut text = text.to_owned();
    if asks {
        text = with_reported_errors(&text).ok_or(Unfamiliar(QUESTION_MARK[0]))?;
    }
    if text.contains(NEEDS_STORE) {
        text = with_shared_store(&text, crates).ok_or(Unfamiliar(STORE[0]))?;
        text = with_end(&text).ok_or(Unfamiliar(END))?;
    }
    Ok(text)
}

/// Uses the crate's variable store instead of a generated one.
fn with_shared_store(text: &str, crates: &[String]) -> Option<String> {
    let start = text.find(STORE[0])?;
    let end = start + text[start..].find(STORE[1])? + "\n}".len();
    let lines = "\n".repeat(text[start..end].matches('\n').count());
    let crates: String = crates.iter().map(|name| format!("extern crate {name}; ")).collect();
    let crates = format!("mod {CRATES} {{ {crates}}} {SHARED_STORE}");
    Some(format!("{}{crates}{lines}{}", &text[..start], &text[end..]))
}

/// Makes the conversion of a `?`'s error report to the crate: the crate's own does, and one with the learner's way of formatting is
/// changed.
fn with_reported_errors(text: &str) -> Option<String> {
    let start = text.find(QUESTION_MARK[0])?;
    let format = start + QUESTION_MARK[0].len();
    let end = format + text[format..].find(QUESTION_MARK[1])?;
    if &text[format..end] == USUAL_FORMAT {
        let start = text[..start].rfind(QUESTION)?;
        let end = end + text[end..].find(QUESTION_END)? + QUESTION_END.len();
        let lines = "\n".repeat(text[start..end].matches('\n').count());
        return Some(format!("{}{SHARED_QUESTION}{lines}{}", &text[..start], &text[end..]));
    }
    let conversion = QUESTION_MARK[0]
        .replace("fn from", "#[track_caller] fn from")
        .replace("eprintln!(", "::herbarium_notebook::failed(&::std::format_args!(");
    let (format, rest) = (&text[format..end], &text[end + QUESTION_MARK[1].len()..]);
    Some(format!("{}{conversion}{format}, error));\n{rest}", &text[..start]))
}

/// Reports the cell's end to the crate, however it ended.
fn with_end(text: &str) -> Option<String> {
    let before = text.trim_end().strip_suffix(END)?;
    Some(format!("{before}{{ ::herbarium_notebook::end_cell(); evcxr_variable_store }}\n}}\n"))
}
