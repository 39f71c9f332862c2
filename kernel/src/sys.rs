//! What needs the operating system directly, and what is there on Unix only: processes and signals, sockets, standard streams,
//! the terminal, cells' libraries. All of the kernel's unsafe code is here, in [`stop`] and in [`streams`].

mod files;
mod process;
pub mod signals;
pub mod sockets;
pub mod stop;
pub mod streams;
pub mod terminal;

use std::ffi::{CStr, CString, OsStr, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

pub use files::*;
pub use process::*;

/// Where memory runs out, the system ends this process rather than the kernel, which can say so.
pub fn volunteer_for_the_out_of_memory_killer() {
    // Only Linux asks.
    let _ = std::fs::write("/proc/self/oom_score_adj", "500");
}

/// Ignores SIGINT. A cell that can handle interrupts installs its own handler over this.
pub fn ignore_sigint() {
    // SAFETY: SIG_IGN runs no code of ours, and no other thread exists yet.
    unsafe { libc::signal(libc::SIGINT, libc::SIG_IGN) };
}

/// Makes C's `stdout` flush each line, as on a terminal: libtorch prints its tensors through it, and a pipe would
/// keep them until the process ends.
pub fn line_buffer_c_stdout() {
    unsafe extern "C" {
        #[cfg_attr(target_os = "macos", link_name = "__stdoutp")]
        static stdout: *mut libc::FILE;
    }
    // SAFETY: the C library's own stream, before anything was written to it; a null buffer lets it allocate one.
    unsafe { libc::setvbuf(stdout, std::ptr::null_mut(), libc::_IOLBF, 0) };
}

/// Loads a shared library so that all that is loaded later finds its symbols, and keeps it until the process ends.
pub fn load_globally(library: &Path) -> Result<(), String> {
    open(library, libc::RTLD_NOW | libc::RTLD_GLOBAL)
}

/// Loads a shared library for those that name it, and keeps it until the process ends.
pub fn load(library: &Path) -> Result<(), String> {
    open(library, libc::RTLD_LAZY | libc::RTLD_LOCAL)
}

fn open(library: &Path, how: i32) -> Result<(), String> {
    let path = CString::new(library.as_os_str().as_bytes()).map_err(|error| error.to_string())?;
    // SAFETY: the path is a C string that outlives the call; the library is libtorch's own, or the crate that cells use.
    if unsafe { libc::dlopen(path.as_ptr(), how) }.is_null() {
        // SAFETY: after a failed dlopen, dlerror gives a C string that stays valid until the next call.
        let reason = unsafe { CStr::from_ptr(libc::dlerror()) };
        return Err(reason.to_string_lossy().into_owned());
    }
    Ok(())
}

/// Loads a cell's library for good, and calls its function with the pointer to the variables, which it returns updated.
/// Just before, the crate, if the cell has it, clears earlier interrupts; then `started` is called with the function
/// that flushes the cell's standard output.
pub fn run_cell(
    library: &Path,
    function: &str,
    variables: *mut c_void,
    started: impl FnOnce(Option<extern "C" fn()>),
) -> Result<*mut c_void, String> {
    type Function = extern "C" fn(*mut c_void) -> *mut c_void;
    let path = CString::new(library.as_os_str().as_bytes()).map_err(|error| error.to_string())?;
    let name = CString::new(function).map_err(|error| error.to_string())?;
    // SAFETY: C strings that outlive the calls; the library is what evcxr has just compiled, and is never unloaded.
    let [symbol, begin, flush, stop] = unsafe {
        let handle = libc::dlopen(path.as_ptr(), libc::RTLD_LAZY | libc::RTLD_LOCAL);
        let find = |name: &CStr| if handle.is_null() { handle } else { libc::dlsym(handle, name.as_ptr()) };
        // The symbol whose `dlerror` is reported comes last.
        let [begin, flush, stop] = [find(BEGIN_CELL), find(FLUSH), find(STOP)];
        [find(&name), begin, flush, stop]
    };
    if symbol.is_null() {
        // SAFETY: after a failure, dlerror gives a C string that stays valid until the next call.
        let reason = unsafe { CStr::from_ptr(libc::dlerror()) };
        return Err(reason.to_string_lossy().into_owned());
    }
    if !stop.is_null() {
        // SAFETY: found by its name in a library that is never unloaded.
        unsafe { stop::add(stop) };
    }
    stop::forget();
    // SAFETY: the crate defines both so, and where there is no crate, `question` defines the second.
    let (begin, flush) = unsafe {
        (
            std::mem::transmute::<*mut c_void, Option<extern "C" fn(extern "C" fn())>>(begin),
            std::mem::transmute::<*mut c_void, Option<extern "C" fn()>>(flush),
        )
    };
    if let Some(begin) = begin {
        begin(stop::heard);
    }
    started(flush);
    // SAFETY: evcxr generates the function with this signature, and catches panics in it.
    let after = unsafe { std::mem::transmute::<*mut c_void, Function>(symbol) }(variables);
    stop::forget();
    Ok(after)
}

/// The crate's function that is called before each cell, with whom to tell that it has heard an interrupt.
const BEGIN_CELL: &CStr = c"herbarium_begin_cell";
/// The function, of the crate or of a cell without it, that empties the buffer of the cells' standard output.
const FLUSH: &CStr = c"herbarium_flush";
/// The function of a cell that gives the flag of its checks.
const STOP: &CStr = c"herbarium_stop";

/// Removes one that is not for the programs that this process starts.
///
/// # Safety
/// This process has one thread.
pub unsafe fn remove_env(name: &str) {
    // SAFETY: as the caller says.
    unsafe { std::env::remove_var(name) };
}

/// Sets a variable of this process's own environment, which evcxr and the tools it starts read.
///
/// # Safety
/// This process has one thread.
pub unsafe fn set_env(name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) {
    // SAFETY: as the caller says.
    unsafe { std::env::set_var(name, value) };
}
