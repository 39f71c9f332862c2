//! Ctrl-C, and being told to end: what a program handles instead of ending at once.

use std::{io, thread};

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// A signal that has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// SIGINT, a terminal's Ctrl-C.
    Interrupt,
    /// SIGTERM, or SIGHUP, by which a terminal says that it is gone.
    Terminate,
}

/// The process's signals.
pub struct Signals {
    runtime: Runtime,
    interrupt: Signal,
    terminate: Signal,
    /// `None` where it is ignored, as `nohup` has it.
    hangup: Option<Signal>,
}

impl Signals {
    /// From here on signals do not end this process. One that arrives before [`pass_to`](Signals::pass_to) waits for it.
    pub fn receive() -> io::Result<Signals> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let inside = runtime.enter();
        let interrupt = signal(SignalKind::interrupt())?;
        let terminate = signal(SignalKind::terminate())?;
        let hangup = if is_ignored(libc::SIGHUP) { None } else { Some(signal(SignalKind::hangup())?) };
        drop(inside);
        Ok(Signals { runtime, interrupt, terminate, hangup })
    }

    /// Calls `hear` with each signal, in a thread.
    pub fn pass_to(self, mut hear: impl FnMut(Heard) + Send + 'static) {
        let Signals { runtime, mut interrupt, mut terminate, mut hangup } = self;
        thread::spawn(move || {
            loop {
                let heard = runtime.block_on(async {
                    tokio::select! {
                        _ = interrupt.recv() => Heard::Interrupt,
                        _ = terminate.recv() => Heard::Terminate,
                        _ = next(&mut hangup) => Heard::Terminate,
                    }
                });
                hear(heard);
            }
        });
    }
}

/// The next one, or never.
async fn next(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

fn is_ignored(signal: libc::c_int) -> bool {
    // SAFETY: all zeros are a valid `sigaction`, which the call fills in; it changes nothing.
    let mut current: libc::sigaction = unsafe { std::mem::zeroed() };
    unsafe {
        libc::sigaction(signal, std::ptr::null(), &mut current) == 0 && current.sa_sigaction == libc::SIG_IGN
    }
}
