//! A `?` in cells without the crate: evcxr prints its error to stderr, where it cannot be told from what the cell wrote
//! there just before. Before such a cell is compiled, the print gets a mark of its own, with the line of the `?`.

use std::path::Path;

/// Begins the line before an error's text on stderr; the number of the line in the compiled source follows.
pub const MARK: &str = "\x1eherbarium-error ";
/// Set for the program that evcxr has cargo call in rustc's place, which is this one.
const WRAPPER: &str = "EVCXR_RUSTC_WRAPPER";
/// evcxr's conversion of a `?`'s error.
const PRINT: &str = "fn from(error: T) -> Self {\n                    eprintln!(";

/// Marks the errors of the cell that rustc is about to be called for, if it is for one.
pub fn mark() {
    let arguments: Vec<String> =
        std::env::args_os().filter_map(|argument| argument.into_string().ok()).collect();
    let is_cell = arguments.windows(2).any(|pair| pair == ["--crate-name", "ctx"]);
    if std::env::var_os(WRAPPER).is_none() || !is_cell {
        return;
    }
    let source = Path::new("src/lib.rs");
    // A cell that cannot be marked is still a cell: its errors are found as well as may be.
    if let Ok(text) = std::fs::read_to_string(source)
        && let Some(marked) = marked(&text)
    {
        let _ = std::fs::write(source, marked);
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
