//! Keeps the variables of earlier cells even if a cell fails.
//!
//! evcxr makes a cell take all variables from the store and put them back at its end. Variables that the learner's code
//! rebinds or moves are not put back, and would be lost if the code failed. Here the function around the learner's code
//! owns each variable until the code has finished, or reaches the statement that moves it. Only there does the code
//! take the variable over, by a bitwise copy, and set a flag that makes the function `forget` its own.

use std::collections::HashSet;
use std::fmt::Write;
use std::ops::Range;

use super::layout::{Body, Layout, Variable};
use super::moves::{Moves, Watch};
use super::statements::{Moving, Statements};

/// Set when the code has run to its end.
const ENDED: &str = "evcxr_ended";
/// Begins and ends text that is inserted into the learner's code.
pub const OPEN: &str = "/*herbarium:*/";
pub const CLOSE: &str = "/*:herbarium*/";

/// Text to insert into the learner's code, at a byte offset.
#[derive(Debug, PartialEq, Eq)]
pub struct Insertion {
    pub at: usize,
    pub text: String,
}

/// How each variable of a cell is handled.
pub struct Variables<'a> {
    layout: &'a Layout,
    moves: &'a Moves,
    code: &'a str,
    statements: Statements,
    /// Rebound by the cell, which evcxr has not noticed.
    overlooked: Vec<&'a Variable>,
    /// Not named by the cell: they stay in the store, since moving and dropping each type would have
    /// to be compiled.
    idle: HashSet<&'a str>,
}

/// How the code takes over a variable that it moves away.
enum TakesOver {
    /// Where a statement moves it, to the end of the block.
    There(Vec<Moving>),
    /// For the statements that move it and give it another value at once.
    ForStatements(Vec<Moving>),
    /// From the first statement of the cell that moves it, since the code gives it another value later.
    From(Option<Moving>),
}

impl<'a> Variables<'a> {
    pub fn of(layout: &'a Layout, code: &'a str, moves: &'a Moves) -> Variables<'a> {
        let words: HashSet<&str> = code.split(|c: char| c != '_' && !c.is_alphanumeric()).collect();
        let names = layout.taken.iter().map(|variable| variable.name.as_str());
        let idle = names.filter(|name| !words.contains(plain(name))).collect();
        let statements = Statements::of(code);
        let bound = if layout.kept.is_empty() { Vec::new() } else { statements.bound() };
        // evcxr does not see what a pattern like `[a, b]` binds.
        let overlooked = layout.kept.iter().filter(|variable| bound.contains(&variable.name)).collect();
        Variables { layout, moves, code, statements, overlooked, idle }
    }

    /// Changes lines around the learner's code; none is added or removed.
    pub fn change(&self, lines: &mut [String]) {
        let layout = self.layout;
        let unused =
            layout.taken.iter().chain(&layout.kept).filter(|one| self.idle.contains(one.name.as_str()));
        for variable in unused.chain(self.overlooked.iter().copied()) {
            lines[variable.lines.clone()].iter_mut().for_each(String::clear);
        }
        let returns = self.words_of_code("return");
        let mut before = String::new();
        if returns || self.returned().next().is_some() || self.watched().next().is_some() {
            let _ = write!(before, "let {ENDED} = ::std::cell::Cell::new(false); ");
            self.note_end(lines, returns);
        }
        for variable in self.watched() {
            let _ = write!(before, "let {} = ::std::cell::Cell::new(false); ", flag(&variable.name));
        }
        lines[layout.catch].insert_str(0, &before);
        let inside: String = self.put_inside().map(put).collect();
        lines[layout.closing].insert_str(0, &inside);
        for variable in layout.kept.iter().filter(|one| self.stays(&one.name) && self.is_watched(&one.name)) {
            let (name, flag) = (&variable.name, flag(&variable.name));
            // evcxr believes that it is still there: changing its type makes evcxr drop it.
            let gone = format!(
                "evcxr_variable_store.put_variable::<()>(stringify!({name}), ()); {}",
                message("gone", name)
            );
            let forget = format!(
                "if {flag}.get() {{ ::std::mem::forget({name}); if !{ENDED}.get() {{ {gone} }} }} else {{ "
            );
            lines[variable.lines.start].insert_str(0, &forget);
            lines[variable.lines.end - 1].push_str(" }");
        }
        let returned: String = self.returned().map(|variable| self.give_back(variable)).collect();
        lines[layout.end].insert_str(0, &returned);
    }

    /// The insertions into the learner's code that take over the variables it moves.
    pub fn insertions(&self) -> Vec<Insertion> {
        let mut all = Vec::new();
        for variable in self.watched() {
            let (name, flag) = (&variable.name, flag(&variable.name));
            let mutable = if variable.mutable { "mut " } else { "" };
            let here = |at: usize| {
                let text = format!(
                    "let {mutable}{name} = unsafe {{ {flag}.set(true); ::std::ptr::read(&{name}) }};"
                );
                Insertion { at, text: marked(&text) }
            };
            match self.takes_over(name) {
                TakesOver::There(places) => {
                    // A block that has taken the variable over moves its own copy.
                    all.extend(
                        outermost(places, |place| place.statement.start..place.block_end)
                            .map(|place| here(place.statement.start)),
                    );
                }
                TakesOver::ForStatements(places) => {
                    for place in outermost(places, |place| place.statement.clone()) {
                        let open = format!(
                            "{{ let evcxr_place = &raw mut {name}; let mut {name} = unsafe {{ {flag}.set(true); ::std::ptr::read(evcxr_place) }};"
                        );
                        let close = format!(
                            "; unsafe {{ ::std::ptr::write(evcxr_place, {name}); }} {flag}.set(false); }}"
                        );
                        all.push(Insertion { at: place.statement.start, text: marked(&open) });
                        all.push(Insertion { at: place.statement.end, text: marked(&close) });
                    }
                }
                TakesOver::From(place) => all.push(here(place.map_or(0, |place| place.statement.start))),
            }
        }
        all.sort_by_key(|insertion| insertion.at);
        all
    }

    /// Whether the cell's end puts `name` back, whatever the cell does, as far as evcxr is concerned.
    pub fn stays(&self, name: &str) -> bool {
        !self.is_overlooked(name) && self.layout.kept.iter().any(|variable| variable.name == name)
    }

    /// Whether the code gives the variable another value.
    pub fn is_assigned(&self, name: &str) -> bool {
        self.statements.assigns(name)
    }

    /// Those that the code has at its end and puts into the store itself.
    pub fn put_inside(&self) -> impl Iterator<Item = &'a Variable> {
        let late = self.layout.kept.iter().filter(|one| {
            self.stays(&one.name)
                && self.is_watched(&one.name)
                && matches!(self.takes_over(&one.name), TakesOver::From(_))
        });
        self.overlooked.iter().copied().chain(late)
    }

    fn taken(&self) -> impl Iterator<Item = &'a Variable> {
        self.layout.taken.iter().filter(|variable| !self.idle.contains(variable.name.as_str()))
    }

    fn is_overlooked(&self, name: &str) -> bool {
        self.overlooked.iter().any(|variable| variable.name == name)
    }

    fn is_watched(&self, name: &str) -> bool {
        self.moves.watch < Watch::Cell && self.moves.of(name).next().is_some()
    }

    /// The variables whose moves are located.
    fn watched(&self) -> impl Iterator<Item = &'a Variable> {
        self.taken().filter(|variable| self.is_watched(&variable.name))
    }

    /// The variables that are put back only if the code fails, or stops before it moves them.
    fn returned(&self) -> impl Iterator<Item = &'a Variable> {
        let watch = self.moves.watch;
        self.taken().filter(move |variable| watch < Watch::Cell && !self.stays(&variable.name))
    }

    fn takes_over(&self, name: &str) -> TakesOver {
        let watch = self.moves.watch;
        let places: Option<Vec<Moving>> =
            self.moves.of(name).map(|one| self.statements.moving(name, one.at, watch)).collect();
        let Some(places) = places else { return TakesOver::From(None) };
        if !self.statements.assigns(name) {
            return TakesOver::There(places);
        }
        if places.iter().all(|place| place.assigns) {
            return TakesOver::ForStatements(places);
        }
        let places =
            self.moves.of(name).filter_map(|one| self.statements.moving(name, one.at, Watch::TopStatement));
        TakesOver::From(places.min_by_key(|place| place.statement.start))
    }

    fn words_of_code(&self, word: &str) -> bool {
        self.code.split(|c: char| c != '_' && !c.is_alphanumeric()).any(|other| other == word)
    }

    /// Makes the code record that it ran to its end, and report to evcxr if it `returns` earlier.
    fn note_end(&self, lines: &mut [String], returns: bool) {
        let layout = self.layout;
        lines[layout.closing].insert_str(0, &format!("{ENDED}.set(true); "));
        lines[layout.panicked].push_str(&format!(" {ENDED}.set(false);"));
        if !returns {
            return;
        }
        // A `?` has already been reported.
        let replace = |line: &mut String, from: &str, to: &str| *line = line.replacen(from, to, 1);
        let without_error = match layout.body {
            Body::Plain | Body::Async { question: false } => "Ok(_)",
            Body::Question => {
                replace(&mut lines[layout.code.start - 1], "let _ = ", "");
                replace(&mut lines[layout.closing], "})();", "})().is_ok()");
                "Ok(true)"
            }
            Body::Async { question: true } => {
                replace(&mut lines[layout.closing + 1], "});", "}).is_ok()");
                "Ok(true)"
            }
        };
        // evcxr then forgets what the code would have bound.
        let returned = "::std::println!(\"\\x1eherbarium {{\\\"type\\\":\\\"returned\\\"}}\"); ::std::println!(\"EVCXR_ERROR_OCCURRED\");";
        lines[layout.panicked - 1] =
            format!("  {without_error} if !{ENDED}.get() => {{ {returned} }} Ok(_) => {{}}");
    }

    /// Puts a variable back into the store, unless the code has moved it away or has bound another in its place.
    fn give_back(&self, variable: &Variable) -> String {
        let name = &variable.name;
        let rebound = self.is_overlooked(name) || self.layout.bound.iter().any(|one| one.name == *name);
        let unless_ended = if rebound { format!("if !{ENDED}.get() ") } else { String::new() };
        let unless_moved = match self.is_watched(name) {
            true => format!("if {}.get() {{ ::std::mem::forget({name}); }} else ", flag(name)),
            false => String::new(),
        };
        format!("{unless_moved}{unless_ended}{{ {}{} }} ", put(variable), message("kept", name))
    }
}

/// Without those that begin in the `scope` of another.
fn outermost(
    mut places: Vec<Moving>,
    scope: impl Fn(&Moving) -> Range<usize>,
) -> impl Iterator<Item = Moving> {
    places.sort_by_key(|place| (place.statement.start, usize::MAX - place.statement.end));
    let mut kept: Vec<Moving> = Vec::new();
    for place in places {
        if !kept.iter().any(|other| scope(other).contains(&place.statement.start)) {
            kept.push(place);
        }
    }
    kept.into_iter()
}

/// Set while the code has taken the variable over.
fn flag(name: &str) -> String {
    format!("evcxr_moved_{}", plain(name))
}

fn plain(name: &str) -> &str {
    name.trim_start_matches("r#")
}

fn put(variable: &Variable) -> String {
    let Variable { name, kind, .. } = variable;
    format!("evcxr_variable_store.put_variable::<{}>(stringify!({name}), {name}); ", kind.replace('\n', " "))
}

/// Tells the kernel what became of a variable (`runtime::message` of the kernel).
fn message(what: &str, name: &str) -> String {
    format!(
        "::std::println!(\"\\x1eherbarium {{{{\\\"type\\\":\\\"{what}\\\",\\\"name\\\":\\\"{name}\\\"}}}}\");"
    )
}

fn marked(text: &str) -> String {
    format!("{OPEN}{text}{CLOSE}")
}
