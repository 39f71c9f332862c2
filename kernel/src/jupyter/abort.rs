//! Cells that must not run because an earlier one failed.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts the execute requests.
#[derive(Default)]
pub struct Aborts {
    received: AtomicU64,
    until: AtomicU64,
}

impl Aborts {
    /// The number of a request that has just come.
    pub fn number(&self) -> u64 {
        self.received.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Aborts every request received so far.
    pub fn abort_received(&self) {
        self.until.store(self.received.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    pub fn is_aborted(&self, number: u64) -> bool {
        number <= self.until.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waited_is_aborted_and_what_comes_later_is_not() {
        let aborts = Aborts::default();
        let (_failed, waiting) = (aborts.number(), aborts.number());
        assert!(!aborts.is_aborted(waiting));
        aborts.abort_received();
        assert!(aborts.is_aborted(waiting));
        assert!(!aborts.is_aborted(aborts.number()));
    }
}
