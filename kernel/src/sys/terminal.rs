//! The terminal in which `herbarium run` asks.

use std::io;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// While there is one, the terminal does not show what is typed.
pub struct Hidden {
    shown: Option<Termios>,
}

impl Hidden {
    /// Begins to hide it; nothing where standard input is not a terminal.
    pub fn begin() -> Hidden {
        let shown = tcgetattr(io::stdin()).ok();
        if let Some(mut modes) = shown.clone() {
            modes.local_modes -= LocalModes::ECHO;
            let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &modes);
        }
        Hidden { shown }
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        if let Some(shown) = &self.shown {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, shown);
        }
    }
}
