//! Interrupts: who is running, and how to make it stop.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::sys::{self, Signal};

/// How long a program may take to stop by itself. A second interrupt kills it at once.
pub const GRACE: Duration = Duration::from_secs(5);
/// How long a cell that has reported handling the interrupt may take to end. A cell that only reports that it
/// checks is never killed: only the learner knows how long one of its batches takes.
const GRACE_HEARD: Duration = Duration::from_secs(60);
/// When to tell the learner that the kernel waits for a cell that checks for interrupts.
const TELL_AFTER: Duration = Duration::from_secs(3);
const TELL: &str = "Waiting for the running batch to end. A second interrupt ends the program at once, and its variables are lost.\n";
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// What the current cell is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// There is no cell.
    Idle,
    /// The cell waits for the session to start.
    Starting,
    /// The same, while the template is being compiled.
    Building,
    /// It is being compiled.
    Compiling,
    /// Its code runs.
    Running,
    /// Its shell command runs; the command's process group.
    Shell(u32),
}

/// The effect of interrupts on a cell.
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
    /// The next cell is about to start: an interrupt applies to it.
    announced: bool,
    forwarder: Option<u32>,
    runtime: Option<u32>,
    /// The process with rust-analyzer.
    analyst: Option<u32>,
    /// Nothing is to be started any more.
    ending: bool,
    interrupted: Interrupted,
    stopper: bool,
    listening: Listening,
    /// The template is being compiled, whether or not a cell waits for it.
    building: bool,
}

/// Whether the cell's own code stops soon after an interrupt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Listening {
    #[default]
    Unknown,
    /// It checks for interrupts.
    Listens,
    /// It has handled one.
    Heard,
}

impl Control {
    /// A cell will begin. Frontends show it as running from now on, so an interrupt from now on counts for it.
    pub fn announce(&self) {
        let mut state = self.lock();
        state.announced = true;
        state.interrupted = Interrupted::default();
    }

    /// A cell begins.
    pub fn begin(&self, phase: Phase) {
        let mut state = self.lock();
        state.cell += 1;
        let builds = phase == Phase::Starting && state.building;
        state.phase = Some(if builds { Phase::Building } else { phase });
        if !std::mem::take(&mut state.announced) {
            state.interrupted = Interrupted::default();
        }
        state.stopper = false;
        state.listening = Listening::Unknown;
    }

    /// The cell checks for interrupts, or has `heard` one.
    pub fn set_listening(&self, heard: bool) {
        self.lock().listening = if heard { Listening::Heard } else { Listening::Listens };
        self.changed.notify_all();
    }

    /// The template is being compiled while a cell waits, or no longer.
    pub fn set_building(&self, building: bool) {
        let mut state = self.lock();
        match (state.phase, building) {
            (Some(Phase::Starting), true) => state.phase = Some(Phase::Building),
            (Some(Phase::Building), false) => state.phase = Some(Phase::Starting),
            _ => {}
        }
        state.building = building;
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

    /// Records the processes that now run the cells.
    pub fn set_processes(&self, forwarder: u32, runtime: u32) {
        let mut state = self.lock();
        state.forwarder = Some(forwarder);
        state.runtime = Some(runtime);
    }

    /// The interrupts of the current cell so far.
    pub fn interrupted(&self) -> Interrupted {
        self.lock().interrupted
    }

    /// Stops the current cell: first asks its program, then kills it if it does not stop. Returns at once. `tell`
    /// reports a wait to the learner.
    pub fn interrupt(self: &Arc<Self>, tell: impl Fn(&str) + Send + 'static) {
        let mut state = self.lock();
        if matches!(state.phase, None | Some(Phase::Idle)) {
            if state.announced {
                state.interrupted.times += 1;
            }
            return;
        }
        state.interrupted.times += 1;
        self.changed.notify_all();
        if !std::mem::replace(&mut state.stopper, true) {
            let (control, cell) = (self.clone(), state.cell);
            std::thread::spawn(move || control.stop(cell, tell));
        }
    }

    /// Ends the process that runs cells.
    pub fn kill_program(&self) {
        if let Some(runtime) = self.lock().runtime {
            sys::kill(runtime, Signal::KILL);
        }
    }

    /// Records the process with rust-analyzer, which no interrupt is for. False if the session is ending.
    pub fn set_analyst(&self, process: Option<u32>) -> bool {
        let mut state = self.lock();
        state.analyst = process;
        !state.ending
    }

    /// Ends everything that runs, without asking.
    pub fn kill_all(&self) {
        self.lock().ending = true;
        for pid in sys::descendants(std::process::id(), &[]) {
            sys::kill(pid, Signal::KILL);
        }
    }

    /// Makes sure that the cell ends.
    fn stop(&self, cell: u64, tell: impl Fn(&str)) {
        let mut asked: Option<StopRequest> = None;
        let mut state = self.lock();
        while state.cell == cell && state.phase != Some(Phase::Idle) {
            let phase = state.phase.unwrap_or(Phase::Idle);
            match phase {
                Phase::Idle | Phase::Starting => {}
                Phase::Compiling | Phase::Building => state.kill_compilers(),
                Phase::Running | Phase::Shell(_) => match asked.as_mut().filter(|asked| asked.phase == phase)
                {
                    None => asked = Some(StopRequest::new(phase, state.ask(phase))),
                    Some(asked) => {
                        if asked.is_over(&state) {
                            state.interrupted.killed |= state.kill(phase);
                        } else if asked.is_to_be_announced(&state) {
                            // `tell` may block on the frontend.
                            drop(state);
                            tell(TELL);
                            state = self.lock();
                        }
                    }
                },
            }
            let waited = self.changed.wait_timeout(state, BETWEEN_LOOKS);
            state = waited.unwrap_or_else(|poisoned| poisoned.into_inner()).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A program that was asked to stop.
struct StopRequest {
    phase: Phase,
    at: Instant,
    grace: Duration,
    announced: bool,
}

impl StopRequest {
    fn new(phase: Phase, grace: Duration) -> StopRequest {
        StopRequest { phase, at: Instant::now(), grace, announced: false }
    }

    /// Whether the waiting is over.
    fn is_over(&self, state: &State) -> bool {
        let grace = match state.listening {
            Listening::Unknown => self.grace,
            Listening::Listens => Duration::MAX,
            Listening::Heard => GRACE_HEARD,
        };
        state.interrupted.times > 1 || self.at.elapsed() >= grace
    }

    fn is_to_be_announced(&mut self, state: &State) -> bool {
        let due = state.listening != Listening::Unknown && self.at.elapsed() >= TELL_AFTER;
        due && !std::mem::replace(&mut self.announced, true)
    }
}

impl State {
    fn kill_compilers(&self) {
        let spare: Vec<u32> = self.forwarder.into_iter().chain(self.analyst).collect();
        for pid in sys::descendants(std::process::id(), &spare) {
            sys::kill(pid, Signal::KILL);
        }
    }

    /// Asks the running code to stop. Returns how long that may take.
    fn ask(&self, phase: Phase) -> Duration {
        match (phase, self.runtime) {
            (Phase::Shell(group), _) => {
                sys::kill_group(group, Signal::INT);
                GRACE
            }
            (_, Some(runtime)) => {
                sys::kill(runtime, Signal::INT);
                GRACE
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
        control.interrupt(|_| {});
        assert_eq!(control.interrupted(), Interrupted::default());
        control.begin(Phase::Starting);
        control.interrupt(|_| {});
        assert_eq!(control.interrupted().times, 1);
        control.end();
        control.begin(Phase::Starting);
        assert_eq!(control.interrupted().times, 0, "the next cell is a new one");
        control.end();
    }

    #[test]
    fn an_interrupt_counts_from_the_announcement_of_a_cell() {
        let control = Arc::new(Control::default());
        control.announce();
        control.interrupt(|_| {});
        control.begin(Phase::Starting);
        assert_eq!(control.interrupted().times, 1);
        control.end();
        control.announce();
        assert_eq!(control.interrupted().times, 0, "the next cell is a new one");
        control.begin(Phase::Starting);
        control.end();
        control.interrupt(|_| {});
        control.begin(Phase::Starting);
        assert_eq!(control.interrupted().times, 0, "it came between two cells");
        control.end();
    }

    #[test]
    fn a_cell_that_listens_is_waited_for_until_it_has_heard() {
        let ago = |seconds| Instant::now().checked_sub(Duration::from_secs(seconds)).unwrap();
        let mut asked = StopRequest::new(Phase::Running, GRACE);
        let mut state = State::default();
        state.interrupted.times = 1;
        asked.at = ago(6);
        assert!(asked.is_over(&state) && !asked.is_to_be_announced(&state));
        state.listening = Listening::Listens;
        asked.at = ago(600);
        assert!(!asked.is_over(&state));
        assert!(asked.is_to_be_announced(&state) && !asked.is_to_be_announced(&state), "once");
        state.listening = Listening::Heard;
        assert!(asked.is_over(&state));
        asked.at = ago(20);
        assert!(!asked.is_over(&state));
        state.interrupted.times = 2;
        assert!(asked.is_over(&state));
    }
}
