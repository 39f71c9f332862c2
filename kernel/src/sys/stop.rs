//! What the [checks](crate::stops) in cells look at: each cell's library has a flag, and SIGINT sets them all.
//!
//! A flag of the library's own is what a check can look at with one instruction. All are set, since a function that an
//! earlier cell left in a variable looks at that cell's.

use std::ffi::c_void;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, Ordering};

/// A cell's library. They are never unloaded, so their flags live as long as this process.
struct Library {
    flag: *mut u8,
    earlier: *mut Library,
}

/// The library of the last cell.
static LAST: AtomicPtr<Library> = AtomicPtr::new(std::ptr::null_mut());
/// An interrupt has come that nothing in the cell has heard.
static COME: AtomicBool = AtomicBool::new(false);
/// A check has said where it has stopped the cell.
static SAID: AtomicBool = AtomicBool::new(false);
/// Says it: the line and column in the text that was compiled.
static SAY: OnceLock<fn(u32, u32)> = OnceLock::new();

/// How a check asks whether to stop: its library's flag, and where it stands.
type Ask = extern "C" fn(*const u8, u32, u32) -> bool;

/// Has SIGINT set the flags. A cell that knows how to stop installs its own handler over this.
pub fn on_sigint(say: fn(u32, u32)) {
    SAY.get_or_init(|| say);
    let handler: extern "C" fn(libc::c_int) = set_flags;
    // SAFETY: the handler touches atomics only, and no other thread exists yet.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as usize;
        action.sa_flags = libc::SA_RESTART;
        libc::sigaction(libc::SIGINT, &action, std::ptr::null_mut());
    }
}

extern "C" fn set_flags(_: libc::c_int) {
    COME.store(true, Ordering::SeqCst);
    store(1);
}

fn store(value: u8) {
    let mut library = LAST.load(Ordering::SeqCst);
    // SAFETY: libraries are added at the front and never removed, and their flags are bytes that are never freed.
    while let Some(Library { flag, earlier }) = unsafe { library.as_ref() } {
        unsafe { AtomicU8::from_ptr(*flag) }.store(value, Ordering::SeqCst);
        library = *earlier;
    }
}

/// Forgets the interrupts so far: they were meant for an earlier cell, or the cell has heard them itself.
pub fn forget() {
    COME.store(false, Ordering::SeqCst);
    SAID.store(false, Ordering::SeqCst);
    store(0);
}

/// A library has heard the interrupt, and the cell goes on as it thinks best. What is heard by a thread that works for a
/// library says nothing of the cell's own loops.
pub extern "C" fn heard() {
    if is_main_thread() {
        forget();
    }
}

/// Adds the library of the cell that is about to run; `begin` is its function that gives its flag.
///
/// # Safety
/// `begin` must be `herbarium_stop` of a library that is never unloaded.
pub unsafe fn add(begin: *mut c_void) {
    // SAFETY: the module that comes with the checks defines it so.
    let flag = unsafe { std::mem::transmute::<*mut c_void, extern "C" fn(Ask) -> *mut u8>(begin) }(ask);
    let library = Library { flag, earlier: LAST.load(Ordering::SeqCst) };
    LAST.store(Box::into_raw(Box::new(library)), Ordering::SeqCst);
}

/// Whether a check stops: on the cell's own thread always, and on others if they run code of this cell. A thread that an
/// earlier cell has left behind goes on.
extern "C" fn ask(flag: *const u8, line: u32, column: u32) -> bool {
    if !COME.load(Ordering::SeqCst) {
        return false;
    }
    let is_main = is_main_thread();
    if is_main
        && !SAID.swap(true, Ordering::SeqCst)
        && let Some(say) = SAY.get()
    {
        say(line, column);
    }
    // SAFETY: what is in the list stays there.
    is_main
        || unsafe { LAST.load(Ordering::SeqCst).as_ref() }.is_some_and(|last| last.flag.cast_const() == flag)
}

/// Whether this is the thread that runs the cells.
pub fn is_main_thread() -> bool {
    #[cfg(target_os = "linux")]
    return rustix::thread::gettid() == rustix::process::getpid();
    // SAFETY: a plain question to the system.
    #[cfg(not(target_os = "linux"))]
    return unsafe { libc::pthread_main_np() != 0 };
}
