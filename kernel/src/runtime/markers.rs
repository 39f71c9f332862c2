//! Markers in a cell's output for everything that is not text.

/// The cell's library is loaded, and its code begins.
pub const STARTED: &[u8] = b"\x1eherbarium-started\n";
/// A line with a rich message starts so.
pub const MESSAGE: &[u8] = b"\x1eherbarium ";
pub const BEGIN: &[u8] = b"EVCXR_BEGIN_CONTENT ";
pub const END: &[u8] = b"EVCXR_END_CONTENT";
/// evcxr asks for a cell to be run by this, the library's path and the function's name.
pub const LOAD: &str = "LOAD_AND_RUN ";
pub const COMPLETE: &[u8] = b"EVCXR_EXECUTION_COMPLETE\n";
pub const PANIC: &[u8] = b"EVCXR_PANIC_NOTIFICATION\n";
pub const FAILED: &[u8] = b"EVCXR_ERROR_OCCURRED\n";
pub const CHANGED: &[u8] = b"EVCXR_VARIABLE_CHANGED_TYPE:";
pub const INPUT: &[u8] = b"EVCXR_INPUT_REQUEST:";
pub const PASSWORD: &[u8] = b"EVCXR_INPUT_REQUEST_PASSWORD:";

/// A marker that extends to the end of its line.
#[derive(Clone, Copy)]
pub enum Line {
    Message,
    Begin,
    /// What the next read of standard input asks for; hidden, if it is a password.
    Prompt {
        password: bool,
    },
    Changed,
}

/// What bytes begin with.
pub enum Found {
    /// A whole marker of that length.
    Marker(usize, Marker),
    /// May become a marker when more bytes arrive.
    Partial,
    No,
}

/// A marker.
#[derive(Clone, Copy)]
pub enum Marker {
    Line(Line),
    Started,
    Complete,
    Panic,
    Failed,
}

const MARKERS: [(&[u8], Marker); 9] = [
    (STARTED, Marker::Started),
    (MESSAGE, Marker::Line(Line::Message)),
    (BEGIN, Marker::Line(Line::Begin)),
    (COMPLETE, Marker::Complete),
    (PANIC, Marker::Panic),
    (FAILED, Marker::Failed),
    (CHANGED, Marker::Line(Line::Changed)),
    (INPUT, Marker::Line(Line::Prompt { password: false })),
    (PASSWORD, Marker::Line(Line::Prompt { password: true })),
];

/// What `bytes` begin with.
pub fn find(bytes: &[u8]) -> Found {
    for (marker, kind) in MARKERS {
        if bytes.starts_with(marker) {
            return Found::Marker(marker.len(), kind);
        }
    }
    if MARKERS.iter().any(|(marker, _)| marker.starts_with(bytes)) { Found::Partial } else { Found::No }
}
