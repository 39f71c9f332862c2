//! The interrupt flag: lets a long loop notice that the learner pressed the stop button.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use super::host::{Host, host};
use super::message::Message;
use super::panic::install_hook;
use crate::{Error, Result};

/// Prepares this process for Herbarium's kernel: SIGINT sets the flag that [`interrupted`] reads,
/// and a panic is sent as an `error` message instead of being printed.
///
/// The kernel calls it once when it starts; calling it again is harmless. In any other process it does nothing.
///
/// # Errors
/// [`Error::Interrupt`] if the operating system refuses the signal handler.
pub fn init() -> Result<()> {
    if host() == Host::Herbarium {
        install_hook();
        flag().as_ref().map_err(|reason| Error::Interrupt(reason.clone()))?;
    }
    Ok(())
}

/// Whether the learner has asked to stop. Loops check it between batches; it stays set until the cell
/// ends or [`take_interrupt`] clears it.
///
/// Always `false` outside Herbarium's kernel, where SIGINT keeps its usual effect. The first call in a
/// cell reports to the kernel that the cell checks for interrupts; the kernel then waits for the batch
/// to end, however long that takes.
pub fn interrupted() -> bool {
    if host() != Host::Herbarium {
        return false;
    }
    let heard = flag().as_ref().is_ok_and(|flag| flag.load(Ordering::SeqCst));
    let now = if heard { HEARD } else { LISTENING };
    if SAID.fetch_max(now, Ordering::SeqCst) < now {
        Message::Listening { heard }.send();
    }
    if heard {
        tell_heard();
    }
    heard
}

/// What this cell has reported to the kernel: nothing, [`LISTENING`] or [`HEARD`].
static SAID: AtomicU8 = AtomicU8::new(0);
const LISTENING: u8 = 1;
const HEARD: u8 = 2;

/// Clears an interrupt that the cell has not handled, as it must not reach the next cell. The kernel
/// makes each cell call this last.
pub fn end_cell() {
    take_interrupt();
    STOPPING.store(false, Ordering::SeqCst);
    SAID.store(0, Ordering::SeqCst);
}

/// The same at the start of a cell, for an interrupt that arrived between two cells. The kernel finds it by its name,
/// and learns of the cell's beginning only after it: what is sent to this cell comes later.
// SAFETY: no other library defines this name, and the kernel calls it with what it says here.
#[unsafe(no_mangle)]
extern "C" fn herbarium_begin_cell(heard: extern "C" fn()) {
    TELL_HEARD.get_or_init(|| heard);
    end_cell();
}

/// The callback that reports to the kernel that an interrupt was handled, so that it need not stop the
/// cell's own loops.
static TELL_HEARD: OnceLock<extern "C" fn()> = OnceLock::new();

fn tell_heard() {
    if let Some(tell) = TELL_HEARD.get() {
        tell();
    }
}

/// Like [`interrupted`], but clears the flag: for a loop that stops because of it. The rest of the cell can finish
/// the loop's work, but no further training starts: see [`stopping`].
pub fn take_interrupt() -> bool {
    let taken =
        host() == Host::Herbarium && flag().as_ref().is_ok_and(|flag| flag.swap(false, Ordering::SeqCst));
    if taken {
        STOPPING.store(true, Ordering::SeqCst);
        tell_heard();
    }
    taken
}

/// Whether the learner has asked this cell to stop, even if a loop has already taken the interrupt: for work that
/// should then not start.
pub fn stopping() -> bool {
    STOPPING.load(Ordering::SeqCst) || interrupted()
}

/// A loop of this cell has taken an interrupt.
static STOPPING: AtomicBool = AtomicBool::new(false);

/// The flag, with its signal handler registered on first use. Where each cell links its own copy
/// of this crate, each copy registers its own, and signal-hook calls them all.
fn flag() -> &'static Result<Arc<AtomicBool>, String> {
    static FLAG: OnceLock<Result<Arc<AtomicBool>, String>> = OnceLock::new();
    FLAG.get_or_init(|| {
        let flag = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&flag))
            .map(|_| flag)
            .map_err(|error| error.to_string())
    })
}
