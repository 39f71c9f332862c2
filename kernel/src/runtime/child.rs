//! The process that loads and runs compiled cells.
//!
//! It does what evcxr's own runtime does, but for three things: a crash ends it by the signal that it is, where evcxr's
//! handler writes a backtrace of its own machinery and aborts; a library that cannot be loaded fails its cell instead of
//! ending the program; and a library's file is removed when its cell has run, so that a long session keeps no files.

use std::ffi::c_void;
use std::io::{self, Write};
use std::path::Path;

use serde_json::json;

use super::PARENT;
use super::markers::{COMPLETE, LOAD, MESSAGE, PANIC, STARTED};
use crate::sys;

/// Reads which library to load from stdin, runs the cell in it, and so on until stdin ends.
pub fn run() -> ! {
    // Before any thread exists, and before a cell can install a handler of its own.
    sys::ignore_sigint();
    sys::die_with_parent(std::env::var(PARENT).ok().and_then(|pid| pid.parse().ok()));
    sys::line_buffer_c_stdout();
    load_cuda();
    // Where the variables are between the cells; the cells' own code makes it and knows what it is.
    let mut variables = std::ptr::null_mut();
    let mut line = String::new();
    // One line at a time, and no lock kept: what follows may be the answer to a cell's question.
    while io::stdin().read_line(&mut line).is_ok_and(|read| read > 0) {
        variables = run_line(line.trim_end(), variables);
        line.clear();
    }
    std::process::exit(0)
}

/// Runs the cell that a line asks for. Returns where the variables are after it.
fn run_line(line: &str, variables: *mut c_void) -> *mut c_void {
    let Some((library, function)) = line.strip_prefix(LOAD).and_then(|rest| rest.rsplit_once(' ')) else {
        eprintln!("herbarium: not understood: {line}");
        return variables;
    };
    let after = sys::run_cell(Path::new(library), function, variables, || drop(write(STARTED)));
    let mut end: Vec<u8> = Vec::new();
    if let Err(reason) = &after {
        let text = format!("the compiled cell cannot be loaded: {reason}");
        let message = json!({ "type": "error", "ename": "LoadError", "evalue": text });
        end.extend([MESSAGE, message.to_string().as_bytes(), b"\n", PANIC].concat());
    }
    end.extend(COMPLETE);
    // Without a reader there is no kernel, and the next read ends this process.
    let _ = write(&end);
    let _ = std::fs::remove_file(library);
    after.unwrap_or(variables)
}

fn write(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

/// libtorch finds a GPU only if its CUDA half is loaded before the first tensor, and nothing that is linked names it.
fn load_cuda() {
    let Some(libtorch) = std::env::var_os("LIBTORCH") else { return };
    let library = std::path::Path::new(&libtorch).join("lib/libtorch_cuda.so");
    if library.exists()
        && let Err(reason) = sys::load_globally(&library)
    {
        eprintln!("No GPU will be used: {reason}");
    }
}
