//! Plain messages for the known traps of Rust notebooks: what happened, and what to write instead.
//!
//! evcxr keeps a cell's variables by name and type for the next cell. A value without a nameable type, or with a
//! reference to another value, cannot be kept, and a moved value is gone.

use std::collections::HashMap;

use super::binding::at_binding;
use super::event::CellError;
use super::habits::Hints;
use super::kinds::{short, without_places};
use super::render::Note;
use crate::runtime::untyped::Untyped;
use crate::syntax;

const BRACES: &str = "or use it within one cell only, in braces: `{ let … }`";

/// evcxr's own message that it cannot keep a variable, rephrased. `None` for other messages.
pub fn not_kept(message: &str, cell: &str) -> Option<CellError> {
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let name = *quoted.first()?;
    if message.contains("contains a reference with a non-static lifetime") {
        return Some(reference(name, cell));
    }
    if message.contains("is a closure") {
        return Some(closure(name, cell));
    }
    if message.contains("cannot be persisted") {
        return Some(without_name(name, quoted.get(1).copied().unwrap_or("impl …"), cell));
    }
    if message.contains("Couldn't automatically determine type") {
        let what = format!("the type of `{name}` cannot be inferred from the cell");
        let help = format!("state it: `let {name}: … = …;`");
        return Some(at_binding(&what, name, cell, vec![Note::help(help)]));
    }
    None
}

/// The error for a cell that compiles but whose variables cannot be kept: evcxr then reports no compile error.
pub fn silent(cell: &str) -> CellError {
    match syntax::bound_closures(cell).first() {
        Some(name) => closure(name, cell),
        None => {
            let names = syntax::bound_names(cell);
            let what = "the type of a variable that this cell binds has no name, so it cannot be kept";
            let help = format!("say the type with `let name: Type = …;` ({})", names.join(", "));
            at_binding(
                what,
                names.first().map_or("", String::as_str),
                cell,
                vec![Note::help(help), Note::help(BRACES)],
            )
        }
    }
}

/// Variables whose types have a `_` in them. `ran` says whether the rest of the cell ran anyway.
pub fn untyped(variables: &[Untyped], ran: bool, cell: &str) -> CellError {
    let errors = variables.iter().map(|Untyped { name, kind }| {
        let what = format!(
            "`{name}` cannot be kept for the next cells: only `{kind}` is known of its type, and they need \
            the whole type"
        );
        let mut notes =
            vec![Note::help(format!("write it out: `let {name}: {} = …;`", kind.replace("; _]", "; 4]")))];
        if ran {
            notes.push(Note::remark("the rest of the cell ran, and its other variables are kept"));
        }
        at_binding(&what, name, cell, notes)
    });
    joined(errors.collect())
}

fn reference(name: &str, cell: &str) -> CellError {
    let what = format!("`{name}` is a reference, or holds one, and cannot be kept for the next cells");
    let notes = vec![
        Note::remark("after each cell its variables are put away, and what a reference points to would move"),
        Note::help(
            "keep a value of its own: `.clone()` or `.to_owned()` at its end, `.to_vec()` for a part of a list, \
             `.collect::<Vec<_>>()` for an iterator",
        ),
        Note::help(BRACES),
    ];
    at_binding(&what, name, cell, notes)
}

/// A closure that the cell binds.
pub fn closure(name: &str, cell: &str) -> CellError {
    let what = format!("`{name}` is a closure, and cannot be kept for the next cells");
    let notes = vec![
        Note::remark("a variable is kept by its type, and the type of a closure has no name"),
        Note::help(format!("write a function: `fn {name}(…) -> … {{ … }}`")),
        Note::help(format!("or box it: `let {name}: Box<dyn Fn(…) -> …> = Box::new(|…| …);`")),
        Note::help(BRACES),
    ];
    at_binding(&what, name, cell, notes)
}

/// Variables whose types, as rustc writes them, cannot be named.
pub fn nameless(variables: &[(String, String)], cell: &str) -> CellError {
    let errors = variables.iter().map(|(name, kind)| {
        let shown = without_places(&short(kind));
        match kind.as_str() {
            kind if kind.starts_with("{closure@") => closure(name, cell),
            kind if kind.starts_with("{async") => future(name, cell),
            kind if kind.starts_with("std::iter::") => iterator(name, &shown, "Iterator<Item = …>", cell),
            kind if kind.contains("{closure@") => with_closure(name, &shown, cell),
            kind if kind.contains("fn(") && kind.contains(" {") => with_function(name, cell),
            _ => private(name, &shown, cell),
        }
    });
    joined(errors.collect())
}

fn future(name: &str, cell: &str) -> CellError {
    let what = format!("`{name}` is a future, whose type has no name, and cannot be kept for the next cells");
    at_binding(
        &what,
        name,
        cell,
        vec![Note::help(format!("wait for it: `let {name} = ….await;`")), Note::help(BRACES)],
    )
}

/// A type with a closure in it.
fn with_closure(name: &str, kind: &str, cell: &str) -> CellError {
    let what = without_a_name(name, kind);
    let notes = vec![
        Note::remark("a variable is kept by its type, and the type of a closure has no name"),
        Note::help("box the closure where it is made: `let f: Box<dyn Fn(…) -> …> = Box::new(|…| …);`"),
        Note::help(BRACES),
    ];
    at_binding(&what, name, cell, notes)
}

/// A type with one function in it, or of a function that is none of its pointer's type.
fn with_function(name: &str, cell: &str) -> CellError {
    let what = format!(
        "`{name}` is, or holds, one particular function, whose type has no name, and cannot be kept for the next cells"
    );
    let notes = vec![
        Note::help(format!("say its type as that of any such function: `let {name}: fn(…) -> … = …;`")),
        Note::help("or, within another type, so: `Option<fn(…) -> …>`"),
        Note::help(BRACES),
    ];
    at_binding(&what, name, cell, notes)
}

/// A type that is private where it comes from, or defined inside a function.
fn private(name: &str, kind: &str, cell: &str) -> CellError {
    let what = format!(
        "`{name}` is of the type `{kind}`, which cells cannot name, and cannot be kept for the next cells"
    );
    let help = "keep what you need of it: a field, or what a method of it returns";
    at_binding(&what, name, cell, vec![Note::help(help), Note::help(BRACES)])
}

fn joined(errors: Vec<CellError>) -> CellError {
    let evalue = errors.iter().map(|error| error.evalue.as_str()).collect::<Vec<_>>().join("\n");
    let traceback = errors.into_iter().flat_map(|error| error.traceback).collect();
    CellError { ename: "CompileError".to_owned(), evalue, traceback }
}

/// evcxr's words about a type, such as `impl Iterator<Item = i32>`.
fn without_name(name: &str, kind: &str, cell: &str) -> CellError {
    let bound = kind.strip_prefix("impl ").unwrap_or("Iterator<Item = …>");
    if bound.contains("Iterator") {
        return iterator(name, kind, bound, cell);
    }
    let help = format!("box it: `let {name}: Box<dyn {bound}> = Box::new(…);`");
    at_binding(&without_a_name(name, kind), name, cell, vec![Note::help(help), Note::help(BRACES)])
}

fn iterator(name: &str, kind: &str, bound: &str, cell: &str) -> CellError {
    let notes = vec![
        Note::help(format!("take its values: `let {name} = ….collect::<Vec<_>>();`")),
        Note::help(format!("or box it: `let {name}: Box<dyn {bound}> = Box::new(…);`")),
        Note::help(BRACES),
    ];
    at_binding(&without_a_name(name, kind), name, cell, notes)
}

fn without_a_name(name: &str, kind: &str) -> String {
    format!("`{name}` has a type without a name, `{kind}`, and cannot be kept for the next cells")
}

/// Why variables are missing.
#[derive(Debug, Default)]
pub struct Gone {
    reasons: HashMap<String, Vec<Note>>,
}

impl Gone {
    /// The notes about a name that the compiler does not find.
    pub fn notes(&self, name: &str) -> &[Note] {
        self.reasons.get(name).map_or(&[], Vec::as_slice)
    }

    /// These are there now.
    pub fn are_there(&mut self, names: &[String]) {
        self.reasons.retain(|name, _| !names.contains(name));
    }

    /// Cell `number` has moved these away.
    pub fn moved(&mut self, variables: &[Moved], number: usize, hints: &Hints) {
        for moved in variables {
            let Moved { name, line, .. } = moved;
            let notes = vec![
                Note::remark(format!("`{name}` was moved away in {}: `{line}`", cell(number))),
                Note::help(format!(
                    "where it is needed afterwards, {}; then run the cell that makes `{name}` again",
                    moved.instead(hints)
                )),
            ];
            self.reasons.insert(name.clone(), notes);
        }
    }

    /// Cell `number` has changed the types of these.
    pub fn retyped(&mut self, names: &[String], number: usize) {
        for name in names {
            let text = format!(
                "`{name}` was lost in {}, which changes its type; run the cell that makes it again",
                cell(number)
            );
            self.reasons.insert(name.clone(), vec![Note::remark(text)]);
        }
    }

    /// These were lost with the program, in cell `number`.
    pub fn lost(&mut self, names: &[String], number: usize) {
        for name in names {
            let text = format!("`{name}` was lost in {}; run the cell that makes it again", cell(number));
            self.reasons.insert(name.clone(), vec![Note::remark(text)]);
        }
    }

    /// Cell `number`, which failed, would have bound these.
    pub fn never_made(&mut self, names: Vec<String>, number: usize) {
        for name in names {
            let text = format!("{} was to make `{name}`, but failed", cell(number));
            self.reasons.entry(name).or_insert_with(|| vec![Note::remark(text)]);
        }
    }
}

/// A variable that a cell has moved away.
#[derive(Debug, Clone, Default)]
pub struct Moved {
    pub name: String,
    /// Its type, if it is known.
    pub kind: String,
    /// Its type has `Clone`.
    pub clones: bool,
    /// The line of the cell that moves it, from 1, if it is known, and its text.
    pub number: Option<usize>,
    pub line: String,
}

impl Moved {
    /// What to write instead of the move, to keep the variable.
    fn instead(&self, hints: &Hints) -> String {
        let Moved { name, kind, .. } = self;
        hints.instead_of_move(name, kind).unwrap_or_else(|| match self.clones {
            true => format!("give a copy there, `{name}.clone()`, or lend it, `&{name}`"),
            false => format!("lend it there, `&{name}` or `&mut {name}`"),
        })
    }

    /// Its entry in the list of variables lost in a failed cell.
    pub fn in_list(&self) -> String {
        match self.number {
            Some(number) => format!("{}, which line {number} moved away: `{}`", self.name, self.line),
            None => self.name.clone(),
        }
    }
}

/// How a notebook numbers its cells; a silent one has no number.
fn cell(number: usize) -> String {
    if number == 0 { "an earlier cell".to_owned() } else { format!("cell [{number}]") }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// evcxr 0.22.0's own words.
    #[test]
    fn says_what_to_write_instead() {
        let reference =
            "The variable `r` contains a reference with a non-static lifetime so\ncan't be persisted.";
        let error = not_kept(reference, "let v = vec![1];\nlet r = &v[0];").unwrap();
        assert!(error.evalue.starts_with("`r` is a reference"), "{}", error.evalue);
        let shown = error.traceback.join("\n");
        assert!(shown.contains("line 2, column 5") && shown.contains(".clone()"), "{shown}");

        let iterator = "The variable `it` has type `impl Iterator<Item = i32>` which cannot be persisted.\n";
        let shown = not_kept(iterator, "let it = evens();").unwrap().traceback.join("\n");
        assert!(shown.contains("let it: Box<dyn Iterator<Item = i32>> = Box::new(…);"), "{shown}");
        assert!(shown.contains("collect::<Vec<_>>()"));

        let kinds = [
            ("{closure@src/lib.rs:1:2: 1:9}", "is a closure", "let x: Box<dyn Fn"),
            (
                "std::iter::Map<std::ops::Range<i32>, {closure@src/lib.rs:1:2: 1:9}>",
                "`Map<Range<i32>, {closure}>`",
                ".collect::<Vec<_>>()",
            ),
            ("{async block@src/lib.rs:1:2: 1:9}", "is a future", ".await"),
            ("(i32, {closure@src/lib.rs:1:2: 1:9})", "`(i32, {closure})`", "Box::new"),
            ("std::option::Option<fn(i32) -> i32 {double}>", "one particular function", "Option<fn(…) -> …>"),
            (
                "run_user_code_1::{closure#0}::P",
                "the type `P`, which cells cannot name",
                "keep what you need",
            ),
            ("tch::wrappers::Hidden", "the type `Hidden`, which cells cannot name", "keep what you need"),
        ];
        for (kind, what, help) in kinds {
            let error = nameless(&[("x".to_owned(), kind.to_owned())], "let x = f();");
            let shown = error.traceback.join("\n");
            assert!(
                error.evalue.contains(what) && shown.contains(help) && shown.contains("line 1"),
                "{shown}"
            );
        }

        assert!(silent("let g = move |x: i32| x;").evalue.starts_with("`g` is a closure"));
        assert!(not_kept("something else", "").is_none());
    }

    #[test]
    fn remembers_where_a_variable_went() {
        let names = |all: &[&str]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
        let mut gone = Gone::default();
        let moved = |name: &str, kind: &str, clones| Moved {
            name: name.to_owned(),
            kind: kind.to_owned(),
            clones,
            number: Some(2),
            line: format!("let other = {name};"),
        };
        gone.moved(
            &[
                moved("model", "Model", false),
                moved("t", "tch::Tensor", false),
                moved("v", "Vec<Tensor>", true),
            ],
            7,
            &Hints::read(Path::new("../src/notebook/hints.toml")).unwrap(),
        );
        assert!(gone.notes("model")[1].text.contains("lend it there, `&model` or `&mut model`"));
        assert!(gone.notes("t")[1].text.contains("`t.copy()`, or `t.shallow_clone()`"));
        assert!(gone.notes("v")[1].text.contains("`v.clone()`"));
        assert_eq!(gone.notes("model")[0].text, "`model` was moved away in cell [7]: `let other = model;`");
        gone.never_made(names(&["model", "x"]), 8);
        assert!(gone.notes("model")[0].text.contains("moved"));
        assert!(gone.notes("x")[0].text.contains("cell [8] was to make `x`"));
        gone.are_there(&names(&["model"]));
        assert!(gone.notes("model").is_empty());
    }
}
