//! The threads that read ahead.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::load_sample::Loaded;
use super::plan::Plan;
use crate::notebook::interrupted;
use crate::{Error, Result};

/// Polling interval for interrupts while waiting.
const LOOK_UP: Duration = Duration::from_millis(50);

/// Threads that load the pieces of a plan in order, up to a bound ahead. Dropping stops and joins them:
/// each finishes its current sample.
pub(super) struct Workers {
    desk: Arc<Desk>,
    results: Receiver<(usize, Result<Loaded>)>,
    /// Pieces that came before they were wanted.
    waiting: BTreeMap<usize, Result<Loaded>>,
    threads: Vec<JoinHandle<()>>,
}

/// What the threads share.
struct Desk {
    plan: Arc<Plan>,
    state: Mutex<State>,
    /// Notified when the bound moves or all must stop.
    bell: Condvar,
    stop: AtomicBool,
}

struct State {
    /// The next piece that nobody has taken.
    next: usize,
    /// Pieces of this batch and later ones must wait.
    bound: usize,
}

impl Workers {
    /// Starts `count` threads that may load up to batch number `bound`, exclusive.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub(super) fn start(plan: Arc<Plan>, count: usize, bound: usize) -> Result<Self> {
        let (sender, results) = channel();
        let count = count.min(plan.pieces.len());
        let desk = Arc::new(Desk {
            plan,
            state: Mutex::new(State { next: 0, bound }),
            bell: Condvar::new(),
            stop: AtomicBool::new(false),
        });
        let mut workers = Workers { desk, results, waiting: BTreeMap::new(), threads: Vec::new() };
        for number in 0..count {
            let (desk, sender) = (workers.desk.clone(), sender.clone());
            let thread = std::thread::Builder::new()
                .name(format!("herbarium loader {number}"))
                .spawn(move || desk.work(&sender))
                .map_err(|error| {
                    Error::Loader(format!("cannot start a thread ({error}): lower num_workers"))
                })?;
            workers.threads.push(thread);
        }
        Ok(workers)
    }

    /// Lets the threads load up to batch number `bound`, exclusive.
    pub(super) fn allow(&self, bound: usize) {
        self.desk.state().bound = bound;
        self.desk.bell.notify_all();
    }

    /// Waits for piece number `wanted`.
    ///
    /// # Errors
    /// What went wrong with it, or [`Error::Interrupted`].
    pub(super) fn take(&mut self, wanted: usize) -> Result<Loaded> {
        loop {
            if interrupted() {
                return Err(Error::Interrupted);
            }
            if let Some(result) = self.waiting.remove(&wanted) {
                return result;
            }
            match self.results.recv_timeout(LOOK_UP) {
                Ok((number, result)) => {
                    self.waiting.insert(number, result);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Error::Loader("the loader's threads ended before their work".into()));
                }
            }
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        {
            // Under the lock, so that no thread misses the notification between its check and its
            // wait.
            let _state = self.desk.state();
            self.desk.stop.store(true, Ordering::Relaxed);
        }
        self.desk.bell.notify_all();
        for thread in self.threads.drain(..) {
            // A panic is in the results already.
            let _ = thread.join();
        }
    }
}

impl Desk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What one thread does.
    fn work(&self, results: &Sender<(usize, Result<Loaded>)>) {
        let mut values = Vec::new();
        while let Some(number) = self.next_piece() {
            let result = self.plan.load(&self.plan.pieces[number], &mut values, &self.stop);
            if results.send((number, result)).is_err() {
                return;
            }
        }
    }

    /// Waits for a piece that may be loaded; nothing when all are taken or all must stop.
    fn next_piece(&self) -> Option<usize> {
        let mut state = self.state();
        loop {
            let piece = self.plan.pieces.get(state.next)?;
            if self.stop.load(Ordering::Relaxed) {
                return None;
            }
            if piece.batch < state.bound {
                state.next += 1;
                return Some(state.next - 1);
            }
            state = self.bell.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
