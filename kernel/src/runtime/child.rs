//! The process that loads and runs compiled cells.
//!
//! It does what evcxr's own runtime does, with four differences: an interrupt sets the flags that cells check; a crash
//! ends it with the original signal, where evcxr's handler prints a backtrace of its own internals and aborts; a
//! library that cannot be loaded fails its cell instead of ending the program; and a library's file is removed when its
//! cell has run, so that a long session keeps no files.

use std::ffi::c_void;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::markers::{COMPLETE, MESSAGE, PANIC, STARTED};
use super::message::INTERRUPTED;
use super::stdin;
use super::stdout::Flusher;
use super::{AHEAD, PARENT, ROLE};
use crate::sys::{self, streams};

/// The variable by which evcxr tells its program that it is to run cells.
const EVCXRS_ROLE: &str = "EVCXR_IS_RUNTIME";

/// Runs the cells that the forwarder asks for, until it asks for no more.
pub fn run() -> ! {
    // Before any thread exists, and before a cell can install a handler.
    sys::stop::on_sigint(say_stopped);
    sys::die_with_parent(std::env::var(PARENT).ok().and_then(|pid| pid.parse().ok()));
    // A `herbarium` that a cell starts has no role in this kernel.
    for name in [ROLE, PARENT, EVCXRS_ROLE] {
        // SAFETY: this process has one thread.
        unsafe { sys::remove_env(name) };
    }
    sys::volunteer_for_the_out_of_memory_killer();
    sys::line_buffer_c_stdout();
    load_cuda();
    load_ahead();
    let flusher = Flusher::start();
    let orders = match stdin::split(&flusher) {
        Ok(orders) => orders,
        Err(error) => {
            log::warn!("standard input: {error}");
            std::process::exit(1)
        }
    };
    // The variable store, an opaque pointer that the cells' code creates and interprets.
    let mut variables = std::ptr::null_mut();
    for (library, function) in orders {
        variables = run_cell(Path::new(&library), &function, variables, &flusher);
    }
    std::process::exit(0)
}

/// Runs the cell in a library. Returns where the variables are after it.
fn run_cell(library: &Path, function: &str, variables: *mut c_void, flusher: &Arc<Flusher>) -> *mut c_void {
    let after = sys::run_cell(library, function, variables, |flush| {
        flusher.set_function(flush);
        write(STARTED);
    });
    flusher.flush();
    streams::restore();
    let mut end: Vec<u8> = Vec::new();
    if let Err(reason) = &after {
        let text = format!("the compiled cell cannot be loaded: {reason}");
        let message = json!({ "type": "error", "ename": "LoadError", "evalue": text });
        end.extend([MESSAGE, message.to_string().as_bytes(), b"\n", PANIC].concat());
    }
    end.extend(COMPLETE);
    write(&end);
    let _ = std::fs::remove_file(library);
    after.unwrap_or(variables)
}

/// Says that a check has stopped the cell, and where.
fn say_stopped(line: u32, column: u32) {
    let message = json!({
        "type": "error", "ename": INTERRUPTED, "evalue": "Interrupted", "location": { "line": line, "column": column },
    });
    write(&[MESSAGE, message.to_string().as_bytes(), b"\n"].concat());
}

/// Writes to the kernel, whatever the cells have done to standard output.
fn write(bytes: &[u8]) {
    // Without a reader there is no kernel, and no further order comes.
    let _ = streams::stdout().map(|mut stdout| stdout.write_all(bytes));
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

/// Loads the crate that all cells use, and with it libtorch, while evcxr starts: otherwise the first cell would wait
/// for it. What fails here fails again in that cell, which reports it.
fn load_ahead() {
    let Some(library) = std::env::var_os(AHEAD) else { return };
    // Without a thread the first cell loads it.
    let _ = std::thread::Builder::new().spawn(move || sys::load(Path::new(&library)));
}
