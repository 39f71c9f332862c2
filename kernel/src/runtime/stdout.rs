//! Standard output in the cells' process: text without a line feed shows too.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How long printed text waits in the cells' buffer at most.
const BETWEEN_FLUSHES: Duration = Duration::from_millis(100);
/// How long to wait for a flush: a cell's thread may hold the lock on standard output indefinitely.
const PATIENCE: Duration = Duration::from_millis(500);

/// Empties the buffer that the cells' library has for standard output.
pub struct Flusher {
    /// The function that does; known from the first cell on.
    function: Mutex<Option<extern "C" fn()>>,
    requests: Mutex<Sender<Sender<()>>>,
}

impl Flusher {
    /// Starts the thread that flushes now and then.
    pub fn start() -> Arc<Flusher> {
        let (requests, queue) = channel();
        let flusher = Arc::new(Flusher { function: Mutex::new(None), requests: Mutex::new(requests) });
        let for_thread = flusher.clone();
        std::thread::spawn(move || for_thread.work(&queue));
        flusher
    }

    pub fn set_function(&self, function: Option<extern "C" fn()>) {
        *self.function.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = function;
    }

    /// Flushes now.
    pub fn flush(&self) {
        let (done, flushed) = channel();
        let requests = self.requests.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if requests.send(done).is_ok() {
            let _ = flushed.recv_timeout(PATIENCE);
        }
    }

    fn work(&self, queue: &Receiver<Sender<()>>) {
        loop {
            let request = queue.recv_timeout(BETWEEN_FLUSHES);
            if matches!(request, Err(RecvTimeoutError::Disconnected)) {
                return;
            }
            let function = *self.function.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            if let Some(flush) = function {
                flush();
            }
            // The caller may have stopped waiting.
            let _ = request.map(|done| done.send(()));
        }
    }
}
