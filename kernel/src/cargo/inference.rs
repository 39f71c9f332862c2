//! Finds out from rustc what types the variables of a cell have, and whether the next cell can name them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::Tools;
use crate::recipe::{CELL_CRATE, Recipe, WHOLE_PATHS};
use crate::source::types::{CRATES, NAMELESS, PUT_INFERRED, TYPES, Types};

/// The file with the paths that cells of other kernels could name.
const KNOWN_PATHS: &str = "paths";
/// The crates that every cell can name.
const STANDARD: [&str; 3] = ["std", "core", "alloc"];
/// The cell with its types' paths imported, to see whether they can be.
const TRIAL: &str = "src/paths.rs";

/// By the place of a variable in what [`Source::to_compile`](crate::source::Source::to_compile) asks for.
type Kinds = BTreeMap<usize, String>;

/// What has become of a cell's types.
pub enum Settled {
    /// They are written down for the next cells.
    Kept,
    /// These variables are functions: the cell is to be compiled again, with them as pointers.
    Again(Vec<(String, String)>),
    /// Some cannot be named; with an error for evcxr, which knows no more than that.
    Nameless(String),
}

/// The crates that a cell can name, the helper crate first: these are given to rustc by `--extern`, except for procedural
/// macros, which no type comes from.
pub fn nameable_crates(recipe: &Recipe, more: &[String]) -> Vec<String> {
    let mut names = vec![recipe.helper.clone()];
    let given = recipe.rustc_arguments.windows(2).chain(more.windows(2)).filter(|pair| pair[0] == "--extern");
    for (name, file) in given.filter_map(|pair| pair[1].split_once('=')) {
        let name = name.rsplit(':').next().unwrap_or(name).to_owned();
        if !file.ends_with(".so") && !file.ends_with(".dylib") && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Has rustc write the cell's MIR beside its library, with whole paths. The option for these is unstable; a cell that asks
/// for unstable features itself is refused by a stable toolchain as ever.
pub fn ask(command: &mut Command, text: &str, recipe: &Recipe) {
    let mut attributes = text.lines().take_while(|line| line.starts_with("#!["));
    if attributes.any(|line| line.contains("feature(")) && !recipe.nightly {
        return;
    }
    command.args(["--emit=mir", WHOLE_PATHS]);
    if !recipe.nightly {
        command.env("RUSTC_BOOTSTRAP", "1");
    }
}

/// The command that compiles [`TRIAL`] where another compiles a cell.
pub fn trial(command: &Command) -> Command {
    let mut trial = Command::new(command.get_program());
    for argument in command.get_args() {
        match argument.to_str() {
            Some("src/lib.rs") => trial.arg(TRIAL),
            Some("--emit=link") => trial.arg("--emit=metadata"),
            Some("--emit=mir") => &mut trial,
            _ => trial.arg(argument),
        };
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => trial.env(name, value),
            None => trial.env_remove(name),
        };
    }
    trial.current_dir(command.get_current_dir().unwrap_or(Path::new(".")));
    trial
}

/// The types, as one more of rustc's messages.
pub fn answer(output: &Path) -> std::io::Result<String> {
    let file = output.join(format!("{CELL_CRATE}.mir"));
    let mut kinds = Kinds::new();
    // It has every constant of the cell, which may be large.
    for line in BufReader::new(File::open(&file)?).split(b'\n') {
        kinds.extend(of_mir(&String::from_utf8_lossy(&line?)));
    }
    std::fs::remove_file(&file)?;
    Ok(json!({ "types": kinds }).to_string())
}

/// The types that are among the messages of a compile.
pub fn read(messages: &[String]) -> Option<Kinds> {
    let message: Value = serde_json::from_str(messages.last()?).ok()?;
    serde_json::from_value(message.get("types")?.clone()).ok()
}

/// Writes the types of a cell that compiles down for the next ones, if these can name them; the cell is given as it was
/// compiled.
pub fn settle(
    kinds: Kinds,
    (text, asked): (&str, &[usize]),
    types: &mut Types,
    tools: &Tools,
    folder: &Path,
    trial: &mut Command,
) -> std::io::Result<Settled> {
    let placeholder = |index: &usize| asked.get(*index).copied();
    let functions: Vec<(&usize, &String)> =
        kinds.iter().filter(|(_, kind)| pointer(kind).is_some()).collect();
    if !functions.is_empty() {
        let name = |index: &usize| variable(text, *index).unwrap_or_default().to_owned();
        let names = functions.iter().map(|(index, kind)| (name(index), kind.to_string())).collect();
        let pointers = functions
            .iter()
            .filter_map(|(index, kind)| Some((placeholder(index)?, pointer(kind)?.to_owned())));
        types.extend(pointers);
        return Ok(Settled::Again(names));
    }
    let unnamable = unnamable(&kinds, text, tools, folder, trial)?;
    let is_lost = |kind: &str| is_nameless(kind) || paths(kind).any(|path| unnamable.contains(&path));
    let lost: Vec<(String, String)> = kinds
        .iter()
        .filter(|(_, kind)| is_lost(kind))
        .map(|(index, kind)| (variable(text, *index).unwrap_or_default().to_owned(), kind.clone()))
        .collect();
    if !lost.is_empty() {
        return Ok(Settled::Nameless(nameless(&lost, folder)?));
    }
    // Where the end of the cell cannot be reached, nothing is ever put into the store.
    let kind = |index: usize| kinds.get(&index).cloned().unwrap_or_else(|| "()".to_owned());
    types.extend(asked.iter().enumerate().map(|(index, number)| (*number, kind(index))));
    types.write(&folder.join(TYPES))?;
    Ok(Settled::Kept)
}

/// Writes down for the kernel which variables have which types without a name; the error for evcxr, which knows no more.
pub fn nameless(lost: &[(String, String)], folder: &Path) -> std::io::Result<String> {
    std::fs::write(folder.join(NAMELESS), json!(lost).to_string())?;
    let names: Vec<&str> = lost.iter().map(|(name, _)| name.as_str()).collect();
    Ok(error(&format!("types without a name: {}", names.join(", "))))
}

/// Those of the types' paths that a cell cannot name.
fn unnamable<'a>(
    kinds: &'a Kinds,
    text: &str,
    tools: &Tools,
    folder: &Path,
    trial: &mut Command,
) -> std::io::Result<Vec<&'a str>> {
    let known = [&tools.template, &tools.store].map(|folder| folder.join(KNOWN_PATHS));
    let known = known.map(|file| std::fs::read_to_string(file).unwrap_or_default()).concat();
    let known: BTreeSet<&str> = known.lines().collect();
    let kinds = kinds.values().filter(|kind| !is_nameless(kind));
    let all: BTreeSet<&str> =
        kinds.flat_map(|kind| paths(kind)).filter(|path| !known.contains(path)).collect();
    let all: Vec<&str> = all.into_iter().collect();
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let refused = refused(&all, text, folder, trial)?;
    // The crates of a `:dep` may change, and there are others of the same name.
    let is_lasting = |path: &&str| {
        let given = path.strip_prefix("::").and_then(|path| path.split("::").next());
        given.is_some_and(|name| tools.recipe.is_given(name))
            || STANDARD.iter().any(|name| path.starts_with(&format!("{name}::")))
    };
    let fine: Vec<&str> =
        all.iter().copied().filter(|path| !refused.contains(path)).filter(is_lasting).collect();
    if !fine.is_empty() {
        // That it could not be written only costs time.
        let file = File::options().create(true).append(true).open(tools.store.join(KNOWN_PATHS));
        let _ = file.and_then(|mut file| file.write_all((fine.join("\n") + "\n").as_bytes()));
    }
    Ok(refused)
}

/// Those of these paths that rustc does not find where a cell's items are.
fn refused<'a>(
    paths: &[&'a str],
    text: &str,
    folder: &Path,
    trial: &mut Command,
) -> std::io::Result<Vec<&'a str>> {
    let mut tried = text.to_owned();
    let before = text.matches('\n').count() + 1;
    for path in paths {
        tried += &format!("\nuse {path} as _;");
    }
    std::fs::write(folder.join(TRIAL), tried)?;
    let output = trial.stdout(Stdio::null()).stderr(Stdio::piped()).output()?;
    let _ = std::fs::remove_file(folder.join(TRIAL));
    let mut found = Vec::new();
    for line in String::from_utf8_lossy(&output.stderr).lines() {
        let message: Value = serde_json::from_str(line).unwrap_or_default();
        let spans = message["spans"].as_array().into_iter().flatten();
        let lines =
            spans.filter(|_| message["level"] == "error").filter_map(|span| span["line_start"].as_u64());
        found.extend(lines.filter_map(|line| paths.get((line as usize).checked_sub(before + 1)?).copied()));
    }
    if found.is_empty() && !output.status.success() {
        return Err(std::io::Error::other(
            "the types of the cell's variables could not be tried: run it again",
        ));
    }
    Ok(found)
}

/// The variable with this place.
fn variable(text: &str, index: usize) -> Option<&str> {
    let start = format!("{PUT_INFERRED}_, {index}>(stringify!(");
    text.split_once(&start)?.1.split(')').next()
}

/// An error of the compiler that speaks of no place.
fn error(message: &str) -> String {
    json!({
        "$message_type": "diagnostic", "message": message, "code": null, "level": "error", "spans": [], "children": [],
        "rendered": message,
    })
    .to_string()
}

/// The types that rustc has inferred, from the cell's MIR.
fn of_mir(mir: &str) -> BTreeMap<usize, String> {
    let calls = mir.match_indices(PUT_INFERRED).filter_map(|(at, _)| {
        let arguments = in_angle_brackets(&mir[at + PUT_INFERRED.len()..])?;
        let (kind, index) = arguments.rsplit_once(", ")?;
        let digits = index.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(index.len());
        Some((index[..digits].parse().ok()?, without_crates(kind)))
    });
    calls.collect()
}

/// What stands before the bracket that closes one which has been opened.
fn in_angle_brackets(text: &str) -> Option<&str> {
    let (mut depth, mut last) = (0, ' ');
    for (at, letter) in text.char_indices() {
        match letter {
            '<' | '(' | '[' | '{' => depth += 1,
            // An arrow.
            '>' if last == '-' => {}
            '>' if depth == 0 => return Some(&text[..at]),
            '>' | ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        last = letter;
    }
    None
}

/// A type by the paths that a cell can write, whatever modules it has.
fn without_crates(kind: &str) -> String {
    kind.replace(CRATES, "")
}

/// The type of a function pointer, for the type of one function, such as `fn(i32) -> i32 {double}`: a variable of the first
/// can be kept.
fn pointer(kind: &str) -> Option<&str> {
    let is_function = kind.starts_with("fn(")
        || ["for<", "unsafe fn(", "extern ", "unsafe extern "].iter().any(|start| kind.starts_with(start));
    let (pointer, _) = kind.split_once(" {")?;
    (is_function && kind.ends_with('}') && !pointer.contains('{')).then_some(pointer)
}

/// Whether a type has a part without a name: a closure, a function, or what an `async` block makes.
fn is_nameless(kind: &str) -> bool {
    kind.contains('{')
}

/// The paths in a type, such as `std::vec::Vec` and `::tch::Tensor` in `std::vec::Vec<::tch::Tensor>`.
fn paths(kind: &str) -> impl Iterator<Item = &str> {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':' || letter == '#';
    kind.split(move |letter| !is_part(letter))
        .map(|path| path.trim_end_matches(':'))
        .filter(|path| path.contains("::"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_from_mir() {
        let mir = "_1 = herbarium_notebook::store::VariableStore::put_inferred::<std::boxed::Box<dyn std::ops::Fn(i32) -> [u8; 3]>, 12>(copy _2) -> [return: bb2];\n\
                   _2 = X::put_inferred::<(evcxr_crates::tch::Tensor, {closure@src/lib.rs:1:2: 3:4}), 3_usize>(move _3)";
        let found: Vec<(usize, String)> = of_mir(mir).into_iter().collect();
        assert_eq!(found[0], (3, "(::tch::Tensor, {closure@src/lib.rs:1:2: 3:4})".to_owned()));
        assert_eq!(found[1], (12, "std::boxed::Box<dyn std::ops::Fn(i32) -> [u8; 3]>".to_owned()));
    }

    #[test]
    fn what_can_be_named() {
        assert_eq!(pointer("fn(i32) -> i32 {double}"), Some("fn(i32) -> i32"));
        assert_eq!(
            pointer("for<'a> fn(&'a str) -> &'a str {m::f::<u8>}"),
            Some("for<'a> fn(&'a str) -> &'a str")
        );
        assert_eq!(pointer("{closure@src/lib.rs:1:2: 3:4}"), None);
        assert!(is_nameless("Map<Range<i32>, {closure@src/lib.rs:1:2: 3:4}>") && !is_nameless("[u8; 4]"));
        let found: Vec<&str> =
            paths("std::vec::Vec<(::tch::Tensor, i32, Own, for<'a> fn(&'a m::B))>").collect();
        assert_eq!(found, ["std::vec::Vec", "::tch::Tensor", "m::B"]);
    }
}
