//! The flags that the [checks](crate::stops) in cells read: each cell's library has one, and SIGINT sets them
//! all.
//!
//! A check can read a flag in its own library with one instruction. All flags are set, because a function that an
//! earlier cell stored in a variable reads that cell's flag.

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
/// An interrupt has arrived that nothing in the cell has handled.
static COME: AtomicBool = AtomicBool::new(false);
/// A check has reported where it stopped the cell.
static SAID: AtomicBool = AtomicBool::new(false);
/// Says it: the line and column in the text that was compiled.
static SAY: OnceLock<fn(u32, u32)> = OnceLock::new();

/// How a check asks whether to stop: its library's flag, and where it stands.
type Ask = extern "C" fn(*const u8, u32, u32) -> bool;

/// Makes SIGINT set the flags. A cell that can handle interrupts installs its own handler over
/// this.
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

/// Clears earlier interrupts: they were for an earlier cell, or the cell has handled them itself.
pub fn forget() {
    COME.store(false, Ordering::SeqCst);
    SAID.store(false, Ordering::SeqCst);
    store(0);
}

/// A library has handled the interrupt, and the cell continues as it decides. An interrupt handled on a library's
/// worker thread says nothing about the cell's own loops.
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

/// Whether a check stops: on the cell's own thread always, and on others if they run code of this cell. A thread left
/// behind by an earlier cell continues.
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
