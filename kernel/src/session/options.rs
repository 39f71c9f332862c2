//! Checks evcxr's commands: some are not part of this kernel, others need the right argument.

use super::CellError;
use crate::syntax;

/// Commands that are not part of this kernel, each with its alternative.
const WITHOUT: [(&str, &str); 13] = [
    (
        ":toolchain",
        "cells need the toolchain that the crate was built with: for another, start the kernel with RUSTUP_TOOLCHAIN set",
    ),
    (":codegen_backend", "cells are compiled as the crate was, and `:opt 0` is the quickest"),
    (":linker", "cells are linked by the toolchain's own linker where there is one"),
    (":time_passes", "`:timing` says how long a cell takes"),
    (":sccache", "compiled code is kept automatically"),
    (":cache", "compiled code is kept automatically"),
    (":clear_cache", "compiled code is kept automatically; `herbarium uninstall --all` removes it"),
    (
        ":allow_static_linking",
        "the crate is shared by all cells, and dependencies are linked into those that use them",
    ),
    (":preserve_vars_on_panic", "variables are always kept"),
    (":load_config", "`:dep` and `use` lines go into the first cell of a notebook"),
    (":internal_debug", "it is for those who work on evcxr"),
    (":last_error_json", "it is for those who work on evcxr"),
    (":quit", "Jupyter's menu shuts the kernel down"),
];
/// Commands that take one of a few words, or none.
const WORDS: [(&str, &[&str]); 2] = [(":opt", &["0", "1", "2", "3", "s", "z"]), (":offline", &["0", "1"])];

/// Whether `:help` lists a command of evcxr's.
pub fn is_kept(name: &str) -> bool {
    WITHOUT.iter().all(|(without, _)| *without != name)
}

/// The error for the first command of a cell that is not part of this kernel, or has a wrong argument, which would
/// affect every later cell.
pub fn refuse(code: &str) -> Result<(), CellError> {
    let first = syntax::first_rust_line(code).unwrap_or(usize::MAX);
    let commands = code.lines().take(first).map(str::trim).filter(|line| line.starts_with(':'));
    commands
        .map(|line| line.split_once(' ').unwrap_or((line, "")))
        .try_for_each(|(name, rest)| check(name, rest.trim()))
}

fn check(name: &str, rest: &str) -> Result<(), CellError> {
    if let Some((_, instead)) = WITHOUT.iter().find(|(without, _)| *without == name) {
        return Err(CellError::new(
            "CommandError",
            format!("`{name}` is not a command of this kernel: {instead}"),
        ));
    }
    match WORDS.iter().find(|(command, _)| *command == name) {
        Some((_, words)) if !rest.is_empty() && !words.contains(&rest) => {
            let text = format!("`{name} {rest}`: write {name} and one of {}", words.join(", "));
            Err(CellError::new("CommandError", text))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_break_later_cells_is_refused() {
        let said = |code: &str| refuse(code).map_err(|error| error.evalue);
        assert!(said(":opt 2\n:offline 1\n:timing\nlet x = 1;").is_ok());
        assert!(said(":opt").is_ok());
        assert!(said(":opt 9").unwrap_err().contains("0, 1, 2"));
        assert!(said(":dep a = \"1\"\n:toolchain stable").unwrap_err().contains("RUSTUP_TOOLCHAIN"));
        assert!(said("let x = 1;\n:quit").is_ok(), "not a command there");
        assert!(is_kept(":dep") && !is_kept(":quit"));
    }
}
