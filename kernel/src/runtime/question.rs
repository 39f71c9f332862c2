//! Changes the text of a cell without the crate, just before rustc reads it: it gets the [checks](stops) with which the
//! stop button stops its loops, and its `?`s are marked. evcxr prints the error of a `?` to stderr, where it is
//! indistinguishable from the cell's own output; the print gets a mark with the line of the `?`. And every cell gets a
//! function that empties the buffer of its standard output, which the crate has for the others.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

use super::ROLE;
use crate::source::layout::Unfamiliar;
use crate::source::{QUESTION, Source, Verdict};
use crate::{stops, sys};

/// Begins the line before an error's text on stderr; the number of the line in the compiled source follows.
pub const MARK: &str = "\x1eherbarium-error ";
/// The user's own RUSTC_WRAPPER, which is called by this program.
pub const NEXT_WRAPPER: &str = "HERBARIUM_RUSTC_WRAPPER";
/// Set where evcxr wants a hand in the compile itself, by this same program.
const EVCXR: &str = "EVCXR_RUSTC_WRAPPER";
/// evcxr's conversion of a `?`'s error.
const PRINT: &str = "fn from(error: T) -> Self {\n                    eprintln!(";

/// The function, for [`sys::run_cell`](crate::sys::run_cell) to find.
const FLUSH: &str = "#[unsafe(no_mangle)] extern \"C\" fn herbarium_flush() { drop(::std::io::Write::flush(&mut ::std::io::stdout())); }\n";

/// Runs as cargo's rustc: changes a cell's text, and lets rustc compile it.
pub fn run() -> ! {
    let mut arguments = std::env::args_os().skip(1);
    let words: Vec<_> = std::env::args_os().collect();
    let is_cell = words.windows(2).any(|pair| pair[0] == "--crate-name" && pair[1] == "ctx");
    if !is_cell && std::env::var_os(EVCXR).is_some() {
        evcxr::runtime_hook();
    }
    let program = match std::env::var_os(EVCXR) {
        // evcxr's own wrapper is this program without its role.
        Some(_) => std::env::current_exe().map(Into::into).unwrap_or_default(),
        None => std::env::var_os(NEXT_WRAPPER).or_else(|| arguments.next()).unwrap_or_else(|| "rustc".into()),
    };
    let mut command = Command::new(&program);
    command.args(arguments).env_remove(ROLE);
    let error = match is_cell {
        true => match compile(&mut command, Path::new("src/lib.rs"), is_optimised(&words)) {
            Ok(status) => std::process::exit(status),
            Err(error) => error,
        },
        false => sys::become_command(&mut command),
    };
    eprintln!("error: herbarium: running {}: {error}", program.display());
    std::process::exit(101)
}

fn is_optimised(words: &[OsString]) -> bool {
    let level = words.iter().rev().find_map(|word| word.to_str()?.strip_prefix("opt-level="));
    level.is_some_and(|level| level != "0")
}

/// Compiles a cell, again where [`Source`] says so, with its errors marked and the function added. Its messages go to
/// cargo when they are final.
fn compile(command: &mut Command, source: &Path, optimised: bool) -> std::io::Result<i32> {
    let text = std::fs::read_to_string(source)?;
    let text = text.strip_suffix(FLUSH).unwrap_or(&text);
    let unfamiliar = |why: Unfamiliar| std::io::Error::other(why.to_string());
    let text = marked(text).map_err(unfamiliar)?;
    let mut cell = Source::of(&text, None, Path::new("")).map_err(unfamiliar)?;
    loop {
        let text = cell.adapted() + FLUSH;
        let mut code = None;
        let (messages, _) = stops::compile(&text, optimised, &mut |text| {
            std::fs::write(source, text)?;
            let output = command.stdout(Stdio::inherit()).stderr(Stdio::piped()).output()?;
            code = output.status.code();
            let messages = String::from_utf8_lossy(&output.stderr).lines().map(str::to_owned).collect();
            Ok((messages, output.status.success()))
        })?;
        if let Verdict::Pass(messages) = cell.judge(messages) {
            messages.iter().for_each(|message| eprintln!("{message}"));
            // evcxr reads the file after rustc has run.
            std::fs::write(source, text)?;
            cell.write_moves(Path::new(""))?;
            return Ok(code.unwrap_or(101));
        }
    }
}

/// The source with its errors marked; every line keeps its number.
fn marked(text: &str) -> Result<String, Unfamiliar> {
    let is_marked = text.contains(MARK.escape_default().to_string().as_str());
    if !text.contains(QUESTION) || is_marked {
        return Ok(text.to_owned());
    }
    let mark = MARK.escape_default();
    let print = PRINT.replace("fn from", "#[track_caller] fn from").replace(
        "eprintln!(",
        &format!(
            "::std::eprintln!(\"{mark}{{}}\", ::std::panic::Location::caller().line()); ::std::eprintln!("
        ),
    );
    if !text.contains(PRINT) {
        return Err(Unfamiliar(PRINT));
    }
    Ok(text.replacen(PRINT, &print, 1))
}

/// The line in the compiled source and the text of an error, from stderr's text after [`MARK`].
pub fn error_of(marked: &str) -> (usize, &str) {
    let (line, text) = marked.split_once('\n').unwrap_or((marked, ""));
    (line.trim().parse().unwrap_or(0), text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_print_is_marked_on_its_line() {
        let text = format!(
            "use x;\n{QUESTION}\nimpl<T: D> From<T> for E {{\n                {PRINT}\"{{}}\", error);\n}}\n"
        );
        let marked = marked(&text).unwrap();
        assert!(marked.contains("#[track_caller] fn from(error: T)"), "{marked}");
        assert!(marked.contains("::std::eprintln!(\"\\u{1e}herbarium-error {}\", ::std::panic::Location::caller().line()); ::std::eprintln!(\"{}\", error);"), "{marked}");
        assert_eq!(marked.lines().count(), text.lines().count());
        assert_eq!(super::marked(&marked).unwrap(), marked, "once");
        assert_eq!(super::marked("fn main() {}").unwrap(), "fn main() {}");
        assert_eq!(super::marked(QUESTION), Err(Unfamiliar(PRINT)));
    }

    #[test]
    fn what_was_marked_is_read() {
        assert_eq!(error_of("12\nno such flower\nsecond\n"), (12, "no such flower\nsecond"));
        assert_eq!(error_of(""), (0, ""));
    }
}
