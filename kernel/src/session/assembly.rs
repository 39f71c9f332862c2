//! The state behind the [collector](super::collector): from frames to events.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::event::{CellError, Event, Sink, Stream};
use super::progress::Build;
use super::text::Waiting;
use crate::runtime::frame::Frame;
use crate::runtime::message::{Bundle, Message, Origin};
use crate::runtime::question;
use crate::runtime::untyped::Untyped;

/// How long a block in evcxr's format waits for the rest of its bundle, or for the end of the cell.
const JOIN_BUNDLE: Duration = Duration::from_millis(60);
/// How much output of a silent cell is kept.
const MAX_MUTED: usize = 64 * 1024;

/// Why a cell's code did not run to its end.
#[derive(Debug, Clone, PartialEq)]
pub enum Failure {
    /// A panic or a `?` that sent its own error message.
    Reported(CellError, Origin),
    /// It panicked; the panic's message as the standard library prints it, if it is known.
    Panic(Option<String>),
    /// A `?` without the crate; the error's text, if it is known, and its line in the compiled source.
    Question(Option<String>, Option<usize>),
}

/// How the process that runs cells ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    pub code: Option<i32>,
    pub signal: Option<i32>,
    /// The size in bytes of the allocation that failed, if one did.
    pub allocation: Option<u64>,
    /// What it had just written to stderr.
    pub said: Option<String>,
}

/// What is known when a cell's code has ended.
#[derive(Debug, Default)]
pub struct CellEnd {
    pub failure: Option<Failure>,
    pub exit: Option<Exit>,
    pub untyped: Vec<Untyped>,
    pub store: Differences,
}

/// Where the variable store differs from evcxr's knowledge.
#[derive(Debug, Default, PartialEq)]
pub struct Differences {
    /// In the store, with the type they had before the cell.
    pub kept: Vec<String>,
    /// Not in the store.
    pub gone: Vec<String>,
    /// A `return` ended the cell.
    pub returned: bool,
}

/// The state of the current cell, with its pending output.
#[derive(Default)]
pub struct Assembly {
    pub sink: Option<Sink>,
    waiting: Waiting,
    bundle: Option<(Bundle, Instant)>,
    pub failure: Option<Failure>,
    /// A panic or an error that may turn out to end the cell, or not.
    reported: Option<(CellError, Origin)>,
    pub exit: Option<Exit>,
    /// Variables that the cell could not store.
    pub untyped: Vec<Untyped>,
    pub store: Differences,
    pub build: Build,
    /// What was printed since [`mute`](super::collector::Collector::mute).
    pub muted: Option<String>,
}

impl Assembly {
    /// Deals with one frame that came at `now`.
    pub fn frame(&mut self, frame: Frame, now: Instant) {
        match frame {
            Frame::Hello { .. } | Frame::Started => {}
            Frame::Untyped(variables) => self.untyped.extend(variables),
            Frame::Stdout(bytes) => self.print(Stream::Stdout, &bytes, now),
            Frame::Stderr(bytes) => self.print(Stream::Stderr, &bytes, now),
            Frame::Message(json) => match serde_json::from_slice(&json) {
                Ok(message) => self.message(message),
                Err(error) => self.notice(&format!("a rich message could not be read: {error}"), now),
            },
            Frame::Content { mime, body } => self.content(mime, body, now),
            Frame::Broken(why) => self.notice(&why, now),
            // What is known about the panic came before this frame: as a message of the crate, or as text on stderr.
            Frame::Panicked => {
                self.failure = Some(self.take_panic().unwrap_or(Failure::Panic(None)));
            }
            Frame::Failed => {
                if self.failure.is_none() && !self.store.returned {
                    // Without the crate, the error is on stderr, after a mark.
                    let reported = self.reported.take();
                    self.failure = Some(match reported {
                        Some((error, origin)) => Failure::Reported(error, origin),
                        None => self.question(),
                    });
                }
            }
            // The listener asks.
            Frame::Input { .. } => {}
            // An error report that no `Panicked` or `Failed` has claimed did not end the cell. Blocks that still wait
            // are the cell's value: all earlier ones have been shown as displays.
            Frame::Finished => {
                self.show_reported(now);
                if let Some((data, _)) = self.bundle.take() {
                    self.flush_text(false);
                    // The last block of a cell is its value; `()` does not count as one.
                    if data.len() != 1 || data.get("text/plain").is_none_or(|text| text != "()") {
                        self.emit(Event::Result { data, metadata: Bundle::new(), display_id: None });
                    }
                }
                self.flush(true);
            }
            Frame::Exited { code, signal } => {
                let allocation = self.waiting.take_allocation();
                let said = self.waiting.last_stderr().map(str::to_owned);
                self.exit = Some(Exit { code, signal, allocation, said });
                // A panic that cannot unwind ends the process; its message gives the reason.
                if let Some(failure) = self.take_panic() {
                    self.failure.get_or_insert(failure);
                }
                self.flush(true);
            }
        }
    }

    /// Adds text, to be shown when more has joined it.
    pub fn print(&mut self, stream: Stream, bytes: &[u8], now: Instant) {
        // Text on stderr comes through a separate pipe, a little earlier or later, so it does not end
        // a bundle.
        if stream == Stream::Stdout {
            self.flush_bundle();
        }
        self.waiting.push(stream, bytes, now);
        self.tick(now);
    }

    /// The panic that has just ended the cell, if known.
    fn take_panic(&mut self) -> Option<Failure> {
        let reported = self.reported.take().map(|(error, origin)| Failure::Reported(error, origin));
        reported.or_else(|| self.waiting.take_panic().map(|text| Failure::Panic(Some(text))))
    }

    /// The error of a `?` without the crate: the text after its mark, or without a mark the last text on
    /// stderr.
    fn question(&mut self) -> Failure {
        match self.waiting.take_marked() {
            Some(marked) => {
                let (line, text) = question::error_of(&marked);
                Failure::Question(Some(text.to_owned()), Some(line))
            }
            None => {
                let text = self.waiting.take_last_stderr();
                Failure::Question(text.map(|text| text.trim_end().to_owned()), None)
            }
        }
    }

    /// The line of the output that has no end, if nobody has seen it yet.
    pub fn take_unfinished_line(&mut self) -> Option<String> {
        self.waiting.take_unfinished_line()
    }

    /// A panic that did not end the cell (it was caught, or ended a thread) is shown as text on
    /// stderr.
    fn show_reported(&mut self, now: Instant) {
        if let Some((error, _)) = self.reported.take() {
            self.print(Stream::Stderr, format!("{}\n", error.traceback.join("\n")).as_bytes(), now);
        }
    }

    fn notice(&mut self, text: &str, now: Instant) {
        self.print(Stream::Stderr, format!("herbarium: {text}\n").as_bytes(), now);
    }

    fn message(&mut self, message: Message) {
        // Text and messages come through one pipe: text printed before a message must be shown before it.
        let is_shown = match &message {
            Message::Listening { .. } | Message::Kept { .. } | Message::Gone { .. } | Message::Returned => {
                false
            }
            Message::Display { .. }
            | Message::Update { .. }
            | Message::Result { .. }
            | Message::Clear { .. }
            | Message::Error { .. } => true,
        };
        if is_shown {
            self.flush(false);
        }
        match message {
            Message::Display { data, metadata, display_id } => {
                self.emit(Event::Display { data, metadata, display_id })
            }
            Message::Update { data, metadata, display_id } => {
                self.emit(Event::Update { data, metadata, display_id })
            }
            Message::Result { data, metadata, display_id } => {
                self.emit(Event::Result { data, metadata, display_id })
            }
            Message::Clear { wait } => self.emit(Event::Clear { wait }),
            // Shows nothing; the listener has already informed `Control`.
            Message::Listening { .. } => {}
            Message::Kept { name } => self.store.kept.push(name),
            Message::Gone { name } => self.store.gone.push(name),
            Message::Returned => self.store.returned = true,
            // Whether an error ends the cell is known only later, when `Panicked` or `Failed` follows or not. Until
            // then it waits in `reported`; one that waited before it did not end the cell, and is shown as text.
            Message::Error { ename, evalue, traceback, origin, fails } => {
                self.show_reported(Instant::now());
                let mut error = CellError::new(&ename, evalue);
                if !traceback.is_empty() {
                    error.traceback = traceback;
                }
                if fails && self.failure.is_none() {
                    self.failure = Some(Failure::Reported(error, origin));
                } else {
                    self.reported = Some((error, origin));
                }
            }
        }
    }

    /// Consecutive blocks are one value in several MIME types; a repeated type starts the next
    /// value.
    fn content(&mut self, mime: String, body: Vec<u8>, now: Instant) {
        self.flush_text(false);
        if self.bundle.as_ref().is_some_and(|(bundle, _)| bundle.contains_key(&mime)) {
            self.flush_bundle();
        }
        let text = String::from_utf8_lossy(&body).into_owned();
        self.bundle.get_or_insert_with(|| (Bundle::new(), now)).0.insert(mime, Value::String(text));
    }

    /// Emits output that has waited long enough.
    pub fn tick(&mut self, now: Instant) {
        if self.bundle.as_ref().is_some_and(|(_, since)| now >= *since + JOIN_BUNDLE) {
            self.flush_bundle();
        }
        for (stream, text) in self.waiting.take_due(now) {
            self.emit(Event::Text { stream, text });
        }
        if let Some(event) = self.build.due(now) {
            self.give(event);
        }
    }

    /// Emits all pending output; at the `end` of the stream, incomplete characters too.
    pub fn flush(&mut self, end: bool) {
        self.flush_text(end);
        self.flush_bundle();
    }

    fn flush_text(&mut self, end: bool) {
        for (stream, text) in self.waiting.take_all(end) {
            self.emit(Event::Text { stream, text });
        }
    }

    fn flush_bundle(&mut self) {
        if let Some((data, _)) = self.bundle.take() {
            self.emit(Event::Display { data, metadata: Bundle::new(), display_id: None });
        }
    }

    /// Emits an event, unless the cell is silent.
    pub fn emit(&mut self, event: Event) {
        match (&mut self.muted, event) {
            (Some(muted), Event::Text { text, .. }) if muted.len() < MAX_MUTED => muted.push_str(&text),
            (Some(_), _) => {}
            (None, event) => self.give(event),
        }
    }

    /// Emits an event even if the cell is silent: progress is always shown.
    pub fn give(&mut self, event: Event) {
        if let Some(sink) = &self.sink {
            sink(event.with_objects());
        }
    }
}
