//! The messages of the contract and their form for each host (see the [module's page](super)).

use std::io::Write;

use serde_json::{Value, json};

use super::bundle::MimeBundle;
use super::host::Host;

/// One message from a cell to its host.
#[derive(Debug)]
pub(super) enum Message {
    /// Show a value.
    Display { bundle: MimeBundle, id: String },
    /// Replace what is shown under an id.
    Update { bundle: MimeBundle, id: String },
    /// The value of the last expression.
    Result { bundle: MimeBundle },
    /// Clear the output of the cell.
    Clear { wait: bool },
    /// A panic or an error; `location` is a line and a column, `frames` are the cell's calls that led to a panic
    /// elsewhere. With `fails`, the cell fails although its code continues.
    Error {
        ename: &'static str,
        evalue: String,
        traceback: Vec<String>,
        location: Option<(u32, u32)>,
        frames: Vec<u64>,
        fails: bool,
    },
    /// The cell checks for interrupts; `heard` once it has handled one.
    Listening { heard: bool },
}

/// Flushes text printed without a line feed. The kernel finds it by name and calls it from a separate thread several
/// times a second, before each input request and after each cell.
// SAFETY: no other library defines this name, and a function without arguments can be called from anywhere.
#[unsafe(no_mangle)]
extern "C" fn herbarium_flush() {
    let _ = std::io::stdout().flush();
}

impl Message {
    /// An error as the value of a cell, which so fails.
    pub(super) fn error_value(ename: &'static str, evalue: String) -> Self {
        let traceback = vec![format!("{ename}: {evalue}")];
        Message::Error { ename, traceback, evalue, location: None, frames: Vec::new(), fails: true }
    }

    /// Writes the message to standard output for this process's host; an error goes to standard
    /// error where the host has no message for it.
    ///
    /// A closed output must not stop a training, so errors are ignored.
    pub(super) fn send(&self) {
        let host = super::host::host();
        if let (Message::Error { traceback, .. }, Host::Evcxr | Host::Plain) = (self, host) {
            let _ = writeln!(std::io::stderr().lock(), "{}", traceback.join("\n"));
            return;
        }
        let bytes = self.encode(host);
        let mut stdout = std::io::stdout().lock();
        let _ = stdout.write_all(&bytes).and_then(|()| stdout.flush());
    }

    /// The exact bytes for a host; empty if that host gets nothing.
    pub(super) fn encode(&self, host: Host) -> Vec<u8> {
        match host {
            Host::Herbarium => format!("\u{1e}herbarium {}\n", self.json()).into_bytes(),
            Host::Evcxr => self.evcxr_blocks().into_bytes(),
            Host::Plain => self.plain().into_bytes(),
        }
    }

    fn json(&self) -> Value {
        let with_data = |kind: &str, bundle: &MimeBundle| {
            let (data, metadata) = bundle.wire();
            json!({ "type": kind, "data": data, "metadata": metadata })
        };
        match self {
            Message::Display { bundle, id } => {
                let mut message = with_data("display", bundle);
                message["display_id"] = id.as_str().into();
                message
            }
            Message::Update { bundle, id } => {
                let mut message = with_data("update", bundle);
                message["display_id"] = id.as_str().into();
                message
            }
            Message::Result { bundle } => with_data("result", bundle),
            Message::Clear { wait } => json!({ "type": "clear", "wait": wait }),
            Message::Listening { heard } => json!({ "type": "listening", "heard": heard }),
            Message::Error { ename, evalue, traceback, location, frames, fails } => {
                let mut message =
                    json!({ "type": "error", "ename": ename, "evalue": evalue, "traceback": traceback });
                if let Some((line, column)) = location {
                    message["location"] = json!({ "line": line, "column": column });
                }
                if !frames.is_empty() {
                    message["frames"] = frames.as_slice().into();
                }
                if *fails {
                    message["fails"] = true.into();
                }
                message
            }
        }
    }

    fn evcxr_blocks(&self) -> String {
        let (Message::Display { bundle, .. } | Message::Update { bundle, .. } | Message::Result { bundle }) =
            self
        else {
            return String::new();
        };
        let block = |mime: String| {
            let content = bundle.get(&mime).unwrap_or_default();
            format!("EVCXR_BEGIN_CONTENT {mime}\n{content}\nEVCXR_END_CONTENT\n")
        };
        bundle.mime_types().into_iter().map(block).collect()
    }

    fn plain(&self) -> String {
        match self {
            Message::Display { bundle, .. } | Message::Result { bundle } => {
                bundle.get("text/plain").map(|text| text + "\n").unwrap_or_default()
            }
            Message::Update { .. }
            | Message::Clear { .. }
            | Message::Error { .. }
            | Message::Listening { .. } => String::new(),
        }
    }
}
