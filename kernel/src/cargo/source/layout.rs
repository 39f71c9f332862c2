//! Finds the parts of the function that evcxr 0.22.0 writes around a cell.

use std::fmt;
use std::ops::Range;

/// The line before the cell's function.
pub const BEFORE_FUNCTION: &str = "#[unsafe(no_mangle)]";
/// How the cell's function begins; the number of the build follows.
pub const FUNCTION: &str = "pub extern \"C\" fn run_user_code_";
/// What evcxr writes for analysis only.
const ANALYSIS: &str = "async fn evcxr_analysis_wrapper(";
/// The argument of a function for a cell that has items only, that needs no variables, and that has some.
const ITEMS_ONLY: &str = "mut x: *mut std::os::raw::c_void) -> *mut std::os::raw::c_void {x}";
const NO_STORE: &str = "evcxr_variable_store: *mut u8) -> *mut u8 {";
const STORE: &str = "mut evcxr_variable_store: *mut evcxr_internal_runtime::VariableStore)";
const CHECKS_BEGIN: &str = "{let mut vars_ok = true;";
const CHECKS_END: &str = "if !vars_ok {return evcxr_variable_store;}}";
const TAKES: &str = " = evcxr_variable_store.take_variable::<";
const PUTS: &str = "evcxr_variable_store.put_variable::<";
const NAME: &str = ">(stringify!(";
const CATCH: &str = "match std::panic::catch_unwind(";
pub const CLOSURE: &str = "  std::panic::AssertUnwindSafe(||{";
/// The same where there are no variables.
pub const CLOSURE_WITHOUT_STORE: &str = "if std::panic::catch_unwind(||{";
const RUNTIME: &str = "let mut mutex = evcxr_variable_store.lazy_arc(";
const BLOCK_ON: &str = ".block_on(async {";
const QUESTION: &str = "let _ = (|| -> std::result::Result<(), EvcxrUserCodeError> {";
const QUESTION_END: &str = "Ok(())})();";
const BLOCK_ON_OK: &str = "Ok::<(), EvcxrUserCodeError>(())";
const BLOCK_ON_END: &str = "});";
/// The end of the function, after the learner's code.
pub const CAUGHT: [&str; 5] =
    ["})) { ", "  Ok(_) => {}", "  Err(_) => {", "    println!(\"EVCXR_PANIC_NOTIFICATION\");", "}}"];
/// The same where there are no variables.
pub const CAUGHT_WITHOUT_STORE: &str = "}).is_err() {";
const END: [&str; 2] = ["evcxr_variable_store", "}"];

/// A part that is not where evcxr 0.22.0 puts it.
#[derive(Debug, PartialEq, Eq)]
pub struct Unfamiliar(pub &'static str);

impl fmt::Display for Unfamiliar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the text that evcxr wrote around the cell has no `{}` where evcxr 0.22.0 has it", self.0)
    }
}

/// A variable that a line takes from the store, or puts there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// As it is written in code, perhaps with `r#`.
    pub name: String,
    pub kind: String,
    pub mutable: bool,
    /// More than one if the type is written on several lines.
    pub lines: Range<usize>,
}

/// How the learner's code ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// By `return`.
    Plain,
    /// By `?` too.
    Question,
    /// It may `await`; by `?` too if `question` is set.
    Async { question: bool },
}

/// The lines (from 0) of a cell's function that catches panics and has variables.
#[derive(Debug, PartialEq, Eq)]
pub struct Layout {
    /// Checks the types of the variables in the store.
    pub checks: Range<usize>,
    /// Taken from the store before the learner's code.
    pub taken: Vec<Variable>,
    /// Where the code inside `catch_unwind` begins.
    pub catch: usize,
    pub body: Body,
    /// The learner's code.
    pub code: Range<usize>,
    /// Bound by the learner's code, and put into the store at its end.
    pub bound: Vec<Variable>,
    /// The learner's code, and the puts, have ended.
    pub closing: usize,
    /// What is done after a panic begins after this line.
    pub panicked: usize,
    /// Put back after the learner's code, whether or not it succeeded.
    pub kept: Vec<Variable>,
    /// The store is returned.
    pub end: usize,
}

impl Layout {
    /// Whether a `?` may end the learner's code.
    pub fn asks(&self) -> bool {
        matches!(self.body, Body::Question | Body::Async { question: true })
    }

    /// `None` for a text that runs nothing, or nothing with variables.
    pub fn of(lines: &[&str]) -> Result<Option<Layout>, Unfamiliar> {
        let Some(function) = lines.iter().rposition(|line| line.starts_with(FUNCTION)) else {
            return if lines.contains(&ANALYSIS) { Ok(None) } else { Err(Unfamiliar(FUNCTION)) };
        };
        match lines.get(function + 1) {
            Some(&(ITEMS_ONLY | NO_STORE)) => return Ok(None),
            Some(&STORE) => {}
            _ => return Err(Unfamiliar(STORE)),
        }
        let (checks, taken, catch) = stored(lines, function)?;
        if lines.get(catch) != Some(&CATCH) {
            // Without `catch_unwind`, evcxr compiles a cell only to get better error messages.
            return Ok(None);
        }
        if lines.get(catch + 1) != Some(&CLOSURE) {
            return Err(Unfamiliar(CLOSURE));
        }
        let mut start = catch + 2;
        let mut body = Body::Plain;
        if lines.get(start).is_some_and(|line| line.starts_with(RUNTIME)) {
            start = after(lines, start, BLOCK_ON)? + 1;
            body = Body::Async { question: false };
        } else if lines.get(start) == Some(&QUESTION) {
            start += 1;
            body = Body::Question;
        }
        let mut end = lines.len() - usize::from(lines.last() == Some(&""));
        for text in END.iter().rev() {
            end = before(lines, end, text)?;
        }
        let (kept, mut closing) = puts_before(lines, end);
        for text in CAUGHT.iter().rev() {
            closing = before(lines, closing, text)?;
        }
        let panicked = closing + 2;
        match &mut body {
            Body::Plain => {}
            Body::Question => closing = before(lines, closing, QUESTION_END)?,
            Body::Async { question } => {
                closing = before(lines, closing, BLOCK_ON_END)?;
                *question = before(lines, closing, BLOCK_ON_OK).is_ok();
                closing -= usize::from(*question);
            }
        }
        let (bound, code_end) = puts_before(lines, closing);
        Ok(Some(Layout {
            checks,
            taken,
            catch,
            body,
            code: start..code_end,
            bound,
            closing,
            panicked,
            kept,
            end,
        }))
    }
}

/// The variables that a cell's text takes from the store, adapted or not.
// `herbarium-cargo` uses the layout itself.
#[allow(dead_code)]
pub fn taken(text: &str) -> Vec<Variable> {
    let lines: Vec<&str> = text.split('\n').collect();
    let function = lines.iter().rposition(|line| line.starts_with(FUNCTION));
    function.and_then(|function| stored(&lines, function).ok()).map(|(_, taken, _)| taken).unwrap_or_default()
}

/// The lines that look at the types of stored variables, the variables that are taken, and the line after these.
fn stored(lines: &[&str], function: usize) -> Result<(Range<usize>, Vec<Variable>, usize), Unfamiliar> {
    let checks = after(lines, function, CHECKS_BEGIN)? + 1;
    let checks = checks..after(lines, checks, CHECKS_END)?;
    let mut line = checks.end + 1;
    let mut taken = Vec::new();
    loop {
        match take_at(lines, line) {
            Some(variable) => {
                line = variable.lines.end;
                taken.push(variable);
            }
            // A variable that the cell does not use.
            None if lines.get(line) == Some(&"") => line += 1,
            None => return Ok((checks, taken, line)),
        }
    }
}

/// The first line from `line` on that is `text`.
fn after(lines: &[&str], line: usize, text: &'static str) -> Result<usize, Unfamiliar> {
    let found = lines[line..].iter().position(|other| *other == text);
    found.map(|found| line + found).ok_or(Unfamiliar(text))
}

/// The line before `line`, which is to be `text`.
fn before(lines: &[&str], line: usize, text: &'static str) -> Result<usize, Unfamiliar> {
    match line.checked_sub(1) {
        Some(before) if lines[before] == text => Ok(before),
        _ => Err(Unfamiliar(text)),
    }
}

/// The variable that is taken from the store at `line`.
fn take_at(lines: &[&str], line: usize) -> Option<Variable> {
    let (pattern, rest) = lines.get(line)?.strip_prefix("let ")?.split_once(TAKES)?;
    let (name, mutable) = match pattern.strip_prefix("mut ") {
        Some(name) => (name, true),
        None => (pattern, false),
    };
    let ending = format!("{NAME}{name}));");
    let last = line + lines[line..].iter().position(|line| line.ends_with(&ending))?;
    let kind = joined(rest, &lines[line + 1..=last]);
    let kind = kind.strip_suffix(&ending)?.to_owned();
    Some(Variable { name: name.to_owned(), kind, mutable, lines: line..last + 1 })
}

/// The variables that are put into the store in the lines before `line`, and the first of these lines.
fn puts_before(lines: &[&str], mut line: usize) -> (Vec<Variable>, usize) {
    let mut found = Vec::new();
    while let Some(variable) = put_before(lines, line) {
        line = variable.lines.start;
        found.insert(0, variable);
    }
    (found, line)
}

fn put_before(lines: &[&str], line: usize) -> Option<Variable> {
    let last = line.checked_sub(1)?;
    let (_, name) = lines[last].strip_suffix(");")?.rsplit_once("), ")?;
    let ending = format!("{NAME}{name}), {name});");
    lines[last].ends_with(&ending).then_some(())?;
    let first = lines[..line].iter().rposition(|line| line.starts_with(PUTS))?;
    let kind = joined(lines[first].strip_prefix(PUTS)?, &lines[first + 1..line]);
    let kind = kind.strip_suffix(&ending)?.to_owned();
    Some(Variable { name: name.to_owned(), kind, mutable: false, lines: first..line })
}

fn joined(first: &str, rest: &[&str]) -> String {
    rest.iter().fold(first.to_owned(), |text, line| text + "\n" + line)
}
