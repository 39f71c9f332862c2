//! Interrupts: who is running, and how to make it stop.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::sys::{self, Signal};

/// A program that handles SIGINT has this long to come to a good end. A second interrupt ends it at once.
pub const GRACE: Duration = Duration::from_secs(5);
/// One that does not handle it can only come to its end by chance.
const GRACE_UNHANDLED: Duration = Duration::from_secs(1);
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// What the current cell is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// There is no cell.
    Idle,
    /// The cell waits for the session to start.
    Starting,
    /// It is being compiled.
    Compiling,
    /// Its code runs.
    Running,
    /// Its shell command runs; the command's process group.
    Shell(u32),
}

/// What interrupts did to a cell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Interrupted {
    /// How often it was interrupted.
    pub times: u32,
    /// The process that ran it had to be killed.
    pub killed: bool,
}

/// Knows what runs, and stops it when asked.
#[derive(Default)]
pub struct Control {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    cell: u64,
    phase: Option<Phase>,
    forwarder: Option<u32>,
    runtime: Option<u32>,
    interrupted: Interrupted,
    stopper: bool,
}

impl Control {
    /// A cell begins.
    pub fn begin(&self, phase: Phase) {
        let mut state = self.lock();
        state.cell += 1;
        state.phase = Some(phase);
        state.interrupted = Interrupted::default();
        state.stopper = false;
    }

    /// The cell has ended.
    pub fn end(&self) {
        self.set_phase(Phase::Idle);
    }

    pub fn set_phase(&self, phase: Phase) {
        self.lock().phase = Some(phase);
        self.changed.notify_all();
    }

    pub fn phase(&self) -> Phase {
        self.lock().phase.unwrap_or(Phase::Idle)
    }

    /// The processes that run cells are these now.
    pub fn set_processes(&self, forwarder: u32, runtime: u32) {
        let mut state = self.lock();
        state.forwarder = Some(forwarder);
        state.runtime = Some(runtime);
    }

    /// What was done to the current cell so far.
    pub fn interrupted(&self) -> Interrupted {
        self.lock().interrupted
    }

    /// Stops the current cell: asks its program first, and ends it if it does not stop. Returns at once.
    pub fn interrupt(self: &Arc<Self>) {
        let mut state = self.lock();
        if matches!(state.phase, None | Some(Phase::Idle)) {
            return;
        }
        state.interrupted.times += 1;
        self.changed.notify_all();
        if !std::mem::replace(&mut state.stopper, true) {
            let (control, cell) = (self.clone(), state.cell);
            std::thread::spawn(move || control.stop(cell));
        }
    }

    /// Ends the process that runs cells.
    pub fn kill_program(&self) {
        if let Some(runtime) = self.lock().runtime {
            sys::kill(runtime, Signal::KILL);
        }
    }

    /// Ends everything that runs, without asking.
    pub fn kill_all(&self) {
        for pid in sys::descendants(std::process::id(), &[]) {
            sys::kill(pid, Signal::KILL);
        }
    }

    /// Sees to it that the cell ends.
    fn stop(&self, cell: u64) {
        let mut asked: Option<(Phase, Instant)> = None;
        let mut state = self.lock();
        while state.cell == cell && state.phase != Some(Phase::Idle) {
            let phase = state.phase.unwrap_or(Phase::Idle);
            match phase {
                Phase::Idle | Phase::Starting => {}
                Phase::Compiling => {
                    let spare: Vec<u32> = state.forwarder.into_iter().collect();
                    for pid in sys::descendants(std::process::id(), &spare) {
                        sys::kill(pid, Signal::KILL);
                    }
                }
                Phase::Running | Phase::Shell(_) => {
                    let now = Instant::now();
                    match asked.filter(|(asked_phase, _)| *asked_phase == phase) {
                        None => asked = Some((phase, now + state.ask(phase))),
                        Some((_, deadline)) if now >= deadline || state.interrupted.times > 1 => {
                            state.interrupted.killed |= state.kill(phase);
                        }
                        Some(_) => {}
                    }
                }
            }
            let waited = self.changed.wait_timeout(state, BETWEEN_LOOKS);
            state = waited.unwrap_or_else(|poisoned| poisoned.into_inner()).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl State {
    /// Asks what runs to stop. Returns how long it may take.
    fn ask(&self, phase: Phase) -> Duration {
        match (phase, self.runtime) {
            (Phase::Shell(group), _) => {
                sys::kill_group(group, Signal::INT);
                GRACE
            }
            (_, Some(runtime)) => {
                sys::kill(runtime, Signal::INT);
                if sys::handles_sigint(runtime) == Some(false) { GRACE_UNHANDLED } else { GRACE }
            }
            _ => Duration::ZERO,
        }
    }

    fn kill(&self, phase: Phase) -> bool {
        match (phase, self.runtime) {
            (Phase::Shell(group), _) => {
                sys::kill_group(group, Signal::KILL);
                false
            }
            (_, Some(runtime)) => sys::kill(runtime, Signal::KILL),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupt_without_a_cell_does_nothing() {
        let control = Arc::new(Control::default());
        control.interrupt();
        assert_eq!(control.interrupted(), Interrupted::default());
        control.begin(Phase::Starting);
        control.interrupt();
        assert_eq!(control.interrupted().times, 1);
        control.end();
        control.begin(Phase::Starting);
        assert_eq!(control.interrupted().times, 0, "the next cell is a new one");
        control.end();
    }
}
