//! The progress of an installation's builds.

use std::io::Write;

use crate::stdio;

/// Shows progress: on a terminal in one line that changes, elsewhere in a line for each step.
#[derive(Default)]
pub struct Progress {
    /// Whether the terminal's cursor is behind the line.
    is_open: bool,
}

impl Progress {
    pub fn show(&mut self, text: &str) {
        if !stdio::is_terminal() {
            println!("{text}");
            return;
        }
        print!("\r\x1b[K{text}");
        let _ = std::io::stdout().flush();
        self.is_open = true;
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_open {
            print!("\r\x1b[K");
        }
    }
}
