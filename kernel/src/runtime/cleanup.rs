//! Cleans up after a kernel that was killed.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::{OUTPUT, PARENT};
use crate::sys;

/// How long to wait for the kernel's process to end, once it has closed its connection to the
/// forwarder.
const PARTING: Duration = Duration::from_secs(1);

/// A kernel that was killed leaves its folder behind, and what it has started. Its forwarder outlives it by a moment, and
/// so can clear both away.
pub fn clear_up() {
    let kernel = std::env::var(PARENT).ok().and_then(|pid| pid.parse().ok());
    let socket = std::env::var_os(OUTPUT).map(PathBuf::from);
    let (Some(kernel), Some(socket)) = (kernel, socket) else { return };
    let Some(folder) = socket.parent() else { return };
    // While a process ends, its pipes close before its children get another parent.
    let deadline = Instant::now() + PARTING;
    while sys::parent() == Some(kernel) {
        if Instant::now() >= deadline {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    // Shell commands, children of cells, and what is still being compiled and would write into the folder again.
    loop {
        let ended = sys::end_processes_with(OUTPUT, &socket);
        let removed = std::fs::remove_dir_all(folder).is_ok() || !folder.exists();
        if removed && ended == 0 || Instant::now() >= deadline {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
