//! The process that loads and runs compiled cells.

use super::PARENT;
use crate::sys;

/// Becomes evcxr's runtime: reads which library to load from stdin, runs the cell in it, and so on until stdin ends.
pub fn run() -> ! {
    // Before any thread exists, and before a cell can install a handler of its own.
    sys::ignore_sigint();
    sys::die_with_parent(std::env::var(PARENT).ok().and_then(|pid| pid.parse().ok()));
    sys::line_buffer_c_stdout();
    load_cuda();
    evcxr::runtime_hook();
    unreachable!("evcxr's runtime ends the process")
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
