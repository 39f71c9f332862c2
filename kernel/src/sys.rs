//! The few things that need the operating system directly: signals, process relations, the environment.
//! All of the kernel's unsafe code is here, in [`stop`] and in [`streams`].

pub mod stop;
pub mod streams;

use std::collections::HashMap;
use std::ffi::{CStr, CString, OsStr, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process, kill_process_group, test_kill_process};

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
    let path = CString::new(library.as_os_str().as_bytes()).map_err(|error| error.to_string())?;
    // SAFETY: the path is a C string that outlives the call; the library is libtorch's own.
    if unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) }.is_null() {
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

/// Sets a variable of this process's own environment, which evcxr and the tools it starts read.
///
/// # Safety
/// This process has one thread.
pub unsafe fn set_env(name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) {
    // SAFETY: as the caller says.
    unsafe { std::env::set_var(name, value) };
}

/// Asks the system to kill this process when its parent ends. `parent` shows whether that has already
/// happened.
pub fn die_with_parent(parent: Option<u32>) {
    #[cfg(target_os = "linux")]
    {
        let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
        if parent.is_some() && parent != self::parent() {
            std::process::exit(0);
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = parent;
}

/// The process that this one descends from; another one when that has ended.
pub fn parent() -> Option<u32> {
    rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get() as u32)
}

/// Sends a signal to one process. False if there is no such process.
pub fn kill(pid: u32, signal: Signal) -> bool {
    to_pid(pid).is_some_and(|pid| kill_process(pid, signal).is_ok())
}

/// Ends all other processes that were started with this value of an environment variable, where the system reports it;
/// how many there were.
pub fn end_processes_with(name: &str, value: &Path) -> usize {
    let entry = [name.as_bytes(), b"=", value.as_os_str().as_bytes()].concat();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let has_entry = |pid: &u32| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|other| other == entry)
    };
    processes
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| *pid != std::process::id() && has_entry(pid))
        .filter(|pid| kill(*pid, Signal::KILL))
        .count()
}

/// Sends a signal to a process group.
pub fn kill_group(pid: u32, signal: Signal) -> bool {
    to_pid(pid).is_some_and(|pid| kill_process_group(pid, signal).is_ok())
}

/// Whether a process of that id exists.
pub fn is_alive(pid: u32) -> bool {
    match to_pid(pid).map(test_kill_process) {
        Some(Ok(())) => true,
        Some(Err(error)) => error == rustix::io::Errno::PERM,
        None => false,
    }
}

/// Every process that descends from `root`, except those below a process in `spare`.
pub fn descendants(root: u32, spare: &[u32]) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for (pid, parent) in process_table() {
        children.entry(parent).or_default().push(pid);
    }
    let mut found = Vec::new();
    let mut open = vec![root];
    while let Some(parent) = open.pop() {
        for &pid in children.get(&parent).into_iter().flatten() {
            if !spare.contains(&pid) {
                found.push(pid);
                open.push(pid);
            }
        }
    }
    found
}

/// (process, parent) of everything that runs.
#[cfg(target_os = "linux")]
fn process_table() -> Vec<(u32, u32)> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            // The name in parentheses may hold anything; the state and the parent follow its last parenthesis.
            let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
            Some((pid, parent))
        })
        .collect()
}

#[cfg(not(target_os = "linux"))]
fn process_table() -> Vec<(u32, u32)> {
    let output = std::process::Command::new("ps").args(["-A", "-o", "pid=,ppid="]).output();
    let Ok(output) = output else { return Vec::new() };
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| {
            let mut numbers = line.split_whitespace().map(str::parse);
            Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
        })
        .collect()
}

/// The usual name of a signal, as `kill -l` has it.
pub fn signal_name(signal: i32) -> String {
    let name = match signal {
        libc::SIGHUP => "SIGHUP",
        libc::SIGINT => "SIGINT",
        libc::SIGQUIT => "SIGQUIT",
        libc::SIGILL => "SIGILL",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGKILL => "SIGKILL",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGPIPE => "SIGPIPE",
        libc::SIGALRM => "SIGALRM",
        libc::SIGTERM => "SIGTERM",
        other => return format!("signal {other}"),
    };
    name.to_owned()
}

fn to_pid(pid: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(pid).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_descends_from_its_parent() {
        let me = std::process::id();
        assert!(is_alive(me));
        assert!(!is_alive(0x7fff_fff0));
        let parent = rustix::process::getppid().unwrap().as_raw_nonzero().get() as u32;
        assert!(descendants(parent, &[]).contains(&me));
        assert!(!descendants(parent, &[me]).contains(&me));
    }

    #[test]
    fn signals_have_names() {
        assert_eq!(signal_name(11), "SIGSEGV");
        assert_eq!(signal_name(63), "signal 63");
    }
}
