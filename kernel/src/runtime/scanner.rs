//! Finds markers in the stdout of the process that runs the cells, wherever in the stream they begin.
//!
//! evcxr looks for its markers at the start of a line, so that a `print!` without a newline before one hides it and
//! the cell never ends. Here text before a marker stays text, whatever it ends with.

use memchr::{memchr, memchr2};

use super::markers::{CHANGED, COMPLETE, END, Found, Line, MESSAGE, Marker, PANIC, find};

/// The longest marked line or block: a picture of 48 MB in base64. A longer one is dropped, not kept in memory.
const MAX_MARKED: usize = 64 << 20;

/// A part of the stream.
#[derive(Debug, PartialEq, Eq, Clone)]
pub enum Piece {
    /// Bytes that the cell printed.
    Text(Vec<u8>),
    /// A rich message's JSON.
    Message(Vec<u8>),
    /// A block in evcxr's form.
    Content { mime: String, body: Vec<u8> },
    /// A marked line or block that was too long.
    TooLong,
    /// The cell's code begins.
    Started,
    /// The cell panicked.
    Panicked,
    /// A `?` ended the cell.
    Failed,
    /// What the next read of standard input asks for.
    Prompt { text: String, password: bool },
    /// A line for evcxr: a variable's type has changed.
    TypeChanged(Vec<u8>),
    /// The cell's code ended.
    Finished,
}

enum State {
    Text,
    /// Inside a marked line, up to its newline.
    Line(Line),
    /// Inside evcxr's block. `line` is where the current line starts in the buffer.
    Content {
        mime: String,
        line: usize,
    },
    /// Inside a marked line that became too long.
    Skip,
}

/// Splits the stream into [`Piece`]s. Keeps back only what may still become a marker, and marked lines until their end.
pub struct Scanner {
    state: State,
    buffer: Vec<u8>,
    /// How much of the buffer holds no newline, so that a long line is not searched again and again.
    searched: usize,
}

impl Scanner {
    pub fn new() -> Scanner {
        Scanner { state: State::Text, buffer: Vec::new(), searched: 0 }
    }

    /// Adds bytes, and returns the pieces that are complete.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Piece> {
        self.buffer.extend_from_slice(bytes);
        let mut pieces = Vec::new();
        while self.step(&mut pieces) {}
        pieces
    }

    /// The stream has ended: what was kept back is text.
    pub fn finish(&mut self) -> Vec<Piece> {
        let state = std::mem::replace(&mut self.state, State::Text);
        let rest = std::mem::take(&mut self.buffer);
        self.searched = 0;
        match state {
            State::Text if rest.is_empty() => Vec::new(),
            State::Text => vec![Piece::Text(rest)],
            // An incomplete message is dropped.
            State::Line(_) | State::Skip => vec![Piece::TooLong],
            State::Content { mime, .. } => vec![Piece::Content { mime, body: rest }],
        }
    }

    /// Does one step. False when it needs more bytes.
    fn step(&mut self, pieces: &mut Vec<Piece>) -> bool {
        match &self.state {
            State::Text => self.text(pieces),
            State::Line(line) => {
                let line = *line;
                self.line(line, pieces)
            }
            State::Content { .. } => self.content(pieces),
            State::Skip => self.skip(),
        }
    }

    fn text(&mut self, pieces: &mut Vec<Piece>) -> bool {
        let mut from = 0;
        let (end, found) = loop {
            let Some(offset) = memchr2(MESSAGE[0], b'E', &self.buffer[from..]) else {
                break (self.buffer.len(), Found::No);
            };
            let start = from + offset;
            match find(&self.buffer[start..]) {
                Found::No => from = start + 1,
                found => break (start, found),
            }
        };
        if end > 0 {
            pieces.push(Piece::Text(self.buffer[..end].to_vec()));
        }
        let Found::Marker(length, marker) = found else {
            self.buffer.drain(..end);
            return false;
        };
        self.buffer.drain(..end + length);
        match marker {
            Marker::Line(line) => self.state = State::Line(line),
            Marker::Started => pieces.push(Piece::Started),
            Marker::Complete => pieces.push(Piece::Finished),
            Marker::Panic => pieces.push(Piece::Panicked),
            Marker::Failed => pieces.push(Piece::Failed),
        }
        self.searched = 0;
        true
    }

    fn line(&mut self, line: Line, pieces: &mut Vec<Piece>) -> bool {
        let Some(end) = memchr(b'\n', &self.buffer[self.searched..]).map(|end| self.searched + end) else {
            self.searched = self.buffer.len();
            return self.guard(pieces);
        };
        let mut content: Vec<u8> = self.buffer.drain(..=end).collect();
        content.pop();
        self.searched = 0;
        self.state = State::Text;
        match line {
            Line::Message => pieces.push(Piece::Message(content)),
            Line::Begin => {
                let mime = String::from_utf8_lossy(&content).trim().to_owned();
                self.state = State::Content { mime, line: 0 };
            }
            Line::Prompt { password } => {
                pieces.push(Piece::Prompt { text: String::from_utf8_lossy(&content).into_owned(), password })
            }
            Line::Changed => pieces.push(Piece::TypeChanged([CHANGED, &content].concat())),
        }
        true
    }

    fn content(&mut self, pieces: &mut Vec<Piece>) -> bool {
        let State::Content { mime, line } = &mut self.state else { return false };
        while let Some(end) = memchr(b'\n', &self.buffer[self.searched..]).map(|end| self.searched + end) {
            let text = &self.buffer[*line..end];
            // A block cut short by a panic or the cell's end stops there.
            let cut = [PANIC, COMPLETE].iter().any(|marker| text == &marker[..marker.len() - 1]);
            if text == END || cut {
                let body = self.buffer[..line.saturating_sub(1)].to_vec();
                pieces.push(Piece::Content { mime: std::mem::take(mime), body });
                self.buffer.drain(..if cut { *line } else { end + 1 });
                self.searched = 0;
                self.state = State::Text;
                return true;
            }
            *line = end + 1;
            self.searched = end + 1;
        }
        self.searched = self.buffer.len();
        self.guard(pieces)
    }

    /// Gives up a marked line or block that has become too long.
    fn guard(&mut self, pieces: &mut Vec<Piece>) -> bool {
        if self.buffer.len() <= MAX_MARKED {
            return false;
        }
        pieces.push(Piece::TooLong);
        self.buffer.clear();
        self.searched = 0;
        self.state = State::Skip;
        false
    }

    fn skip(&mut self) -> bool {
        let Some(end) = memchr(b'\n', &self.buffer) else {
            self.buffer.clear();
            return false;
        };
        self.buffer.drain(..=end);
        self.state = State::Text;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Joins adjacent texts: where the stream was cut has no meaning.
    fn joined(pieces: Vec<Piece>) -> Vec<Piece> {
        let mut out: Vec<Piece> = Vec::new();
        for piece in pieces {
            match (out.last_mut(), piece) {
                (Some(Piece::Text(last)), Piece::Text(text)) => last.extend(text),
                (_, piece) => out.push(piece),
            }
        }
        out
    }

    fn text(text: &str) -> Piece {
        Piece::Text(text.as_bytes().to_vec())
    }

    const STREAM: &[u8] = b"one\ntwo EE\x1eherb\x1eherbarium {\"type\":\"clear\"}\nthree\
        EVCXR_BEGIN_CONTENT text/html\n<b>\n</b>\nEVCXR_END_CONTENT\n\
        EVCXR_BEGIN_CONTENT text/plain\n\nEVCXR_END_CONTENT\n\
        EVCXR_INPUT_REQUEST_PASSWORD:pass? \nEVCXR_INPUT_REQUEST:name\n\
        EVCXR_VARIABLE_CHANGED_TYPE:x\nEVCXR_EVCXR_ERROR_OCCURRED\n\
        \x1eherbarium-started\nEVCXR_PANIC_NOTIFICATION\nno newlineEVCXR_EXECUTION_COMPLETE\nEVCXR_EXECUTION_COMPLETEnot\nEVCX";

    fn expected() -> Vec<Piece> {
        vec![
            text("one\ntwo EE\x1eherb"),
            Piece::Message(br#"{"type":"clear"}"#.to_vec()),
            text("three"),
            Piece::Content { mime: "text/html".into(), body: b"<b>\n</b>".to_vec() },
            Piece::Content { mime: "text/plain".into(), body: Vec::new() },
            Piece::Prompt { text: "pass? ".into(), password: true },
            Piece::Prompt { text: "name".into(), password: false },
            Piece::TypeChanged(b"EVCXR_VARIABLE_CHANGED_TYPE:x".to_vec()),
            text("EVCXR_"),
            Piece::Failed,
            Piece::Started,
            Piece::Panicked,
            text("no newline"),
            Piece::Finished,
            text("EVCXR_EXECUTION_COMPLETEnot\nEVCX"),
        ]
    }

    #[test]
    fn markers_are_found_wherever_the_stream_is_cut() {
        for first in 0..=STREAM.len() {
            let mut scanner = Scanner::new();
            let mut pieces = scanner.feed(&STREAM[..first]);
            pieces.extend(scanner.feed(&STREAM[first..]));
            pieces.extend(scanner.finish());
            assert_eq!(joined(pieces), expected(), "cut at {first}");
        }
    }

    #[test]
    fn markers_are_found_byte_by_byte() {
        let mut scanner = Scanner::new();
        let mut pieces: Vec<Piece> = STREAM.iter().flat_map(|byte| scanner.feed(&[*byte])).collect();
        pieces.extend(scanner.finish());
        assert_eq!(joined(pieces), expected());
    }

    #[test]
    fn text_is_not_kept_back() {
        let mut scanner = Scanner::new();
        assert_eq!(scanner.feed(b"50%"), vec![text("50%")]);
        assert_eq!(scanner.feed(b"HERE"), vec![text("HER")]);
        assert_eq!(scanner.feed(b"LSE"), vec![text("ELS")]);
        assert_eq!(scanner.finish(), vec![text("E")]);
    }

    #[test]
    fn a_block_that_a_panic_cut_short_ends_there() {
        let mut scanner = Scanner::new();
        let pieces = scanner.feed(
            b"EVCXR_BEGIN_CONTENT text/plain\nhalf\nEVCXR_PANIC_NOTIFICATION\nEVCXR_EXECUTION_COMPLETE\n",
        );
        let half = Piece::Content { mime: "text/plain".into(), body: b"half".to_vec() };
        assert_eq!(pieces, vec![half, Piece::Panicked, Piece::Finished]);
    }

    #[test]
    fn a_line_without_an_end_is_given_up() {
        let mut scanner = Scanner::new();
        let mut pieces = scanner.feed(MESSAGE);
        let chunk = vec![b'x'; 1 << 20];
        for _ in 0..70 {
            pieces.extend(scanner.feed(&chunk));
        }
        assert!(scanner.buffer.len() <= MAX_MARKED);
        pieces.extend(scanner.feed(b"\nafter"));
        assert_eq!(pieces, vec![Piece::TooLong, text("after")]);
    }
}
