//! A `?` in cells without the crate: evcxr prints its error to stderr, where it cannot be told from what the cell wrote
//! there just before. Before such a cell is compiled, the print gets a mark of its own, with the line of the `?`.
//! And every cell gets a function that empties the buffer of its standard output, which the crate has for the others.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use super::ROLE;

/// Begins the line before an error's text on stderr; the number of the line in the compiled source follows.
pub const MARK: &str = "\x1eherbarium-error ";
/// What the user has in rustc's place, which comes after this program.
pub const NEXT_WRAPPER: &str = "HERBARIUM_RUSTC_WRAPPER";
/// Set where evcxr wants a hand in the compile itself, by this same program.
const EVCXR: &str = "EVCXR_RUSTC_WRAPPER";
/// evcxr's conversion of a `?`'s error.
const PRINT: &str = "fn from(error: T) -> Self {\n                    eprintln!(";

/// The function, for [`sys::run_cell`](crate::sys::run_cell) to find.
const FLUSH: &str = "#[unsafe(no_mangle)] extern \"C\" fn herbarium_flush() { drop(::std::io::Write::flush(&mut ::std::io::stdout())); }\n";

/// Does what cargo calls this program for in rustc's place: marks the errors of a cell, and becomes rustc.
pub fn run() -> ! {
    let mut arguments = std::env::args_os().skip(1);
    let words: Vec<_> = std::env::args_os().collect();
    if words.windows(2).any(|pair| pair[0] == "--crate-name" && pair[1] == "ctx") {
        adapt(Path::new("src/lib.rs"));
    }
    if std::env::var_os(EVCXR).is_some() {
        evcxr::runtime_hook();
    }
    let program =
        std::env::var_os(NEXT_WRAPPER).or_else(|| arguments.next()).unwrap_or_else(|| "rustc".into());
    let error = Command::new(&program).args(arguments).env_remove(ROLE).exec();
    eprintln!("error: herbarium: running {}: {error}", program.display());
    std::process::exit(101)
}

/// Marks the errors of a cell, and adds the function.
fn adapt(source: &Path) {
    // A cell that cannot be changed is still a cell: its errors are found as well as may be.
    if let Ok(text) = std::fs::read_to_string(source)
        && !text.ends_with(FLUSH)
    {
        let _ = std::fs::write(source, marked(&text).unwrap_or(text) + "\n" + FLUSH);
    }
}

/// The source with its errors marked; every line keeps its number.
fn marked(text: &str) -> Option<String> {
    let mark = MARK.escape_default();
    let print = PRINT.replace("fn from", "#[track_caller] fn from").replace(
        "eprintln!(",
        &format!(
            "::std::eprintln!(\"{mark}{{}}\", ::std::panic::Location::caller().line()); ::std::eprintln!("
        ),
    );
    text.contains(PRINT).then(|| text.replacen(PRINT, &print, 1))
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
        let text =
            format!("use x;\nimpl<T: D> From<T> for E {{\n                {PRINT}\"{{}}\", error);\n}}\n");
        let marked = marked(&text).unwrap();
        assert!(marked.contains("#[track_caller] fn from(error: T)"), "{marked}");
        assert!(marked.contains("::std::eprintln!(\"\\u{1e}herbarium-error {}\", ::std::panic::Location::caller().line()); ::std::eprintln!(\"{}\", error);"), "{marked}");
        assert_eq!(marked.lines().count(), text.lines().count());
        assert_eq!(super::marked("fn main() {}"), None);
    }

    #[test]
    fn what_was_marked_is_read() {
        assert_eq!(error_of("12\nno such flower\nsecond\n"), (12, "no such flower\nsecond"));
        assert_eq!(error_of(""), (0, ""));
    }
}
