//! Ctrl-C and SIGTERM, which a run handles instead of ending at once.

use std::thread;

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::{Error, Result};

/// A signal that has arrived.
pub enum Heard {
    /// SIGINT, a terminal's Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

/// The process's signals.
pub struct Signals {
    runtime: Runtime,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// From here on signals do not end this process. One that arrives before [`pass_to`](Signals::pass_to) waits for it.
    pub fn receive() -> Result<Signals> {
        let failed = || Error::system("signals cannot be received");
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed())?;
        let inside = runtime.enter();
        let interrupt = signal(SignalKind::interrupt()).map_err(failed())?;
        let terminate = signal(SignalKind::terminate()).map_err(failed())?;
        drop(inside);
        Ok(Signals { runtime, interrupt, terminate })
    }

    /// Calls `hear` with each signal, in a thread.
    pub fn pass_to(self, mut hear: impl FnMut(Heard) + Send + 'static) {
        let Signals { runtime, mut interrupt, mut terminate } = self;
        thread::spawn(move || {
            runtime.block_on(async {
                loop {
                    tokio::select! {
                        _ = interrupt.recv() => hear(Heard::Interrupt),
                        _ = terminate.recv() => hear(Heard::Terminate),
                    }
                }
            });
        });
    }
}
