//! The process that loads and runs compiled cells.

use super::PARENT;
use crate::sys;

/// Becomes evcxr's runtime: reads which library to load from stdin, runs the cell in it, and so on until stdin ends.
pub fn run() -> ! {
    // Before any thread exists, and before a cell can install a handler of its own.
    sys::ignore_sigint();
    sys::die_with_parent(std::env::var(PARENT).ok().and_then(|pid| pid.parse().ok()));
    sys::line_buffer_c_stdout();
    evcxr::runtime_hook();
    unreachable!("evcxr's runtime ends the process")
}
