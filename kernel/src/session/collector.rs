//! Puts together what a cell shows, from the frames of the process that runs it.

use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::event::{CellError, Event, Sink, Stream};
use super::progress::Build;
use super::text::Waiting;
use crate::runtime::frame::Frame;
use crate::runtime::message::{Bundle, Message};

/// Blocks in evcxr's form wait this long for the rest of their bundle, or for the end of the cell.
const JOIN_BUNDLE: Duration = Duration::from_millis(60);
/// Of what a silent cell prints, this much is kept.
const MAX_MUTED: usize = 64 * 1024;

/// Why the code of a cell did not get to its end.
#[derive(Debug, Clone, PartialEq)]
pub enum Failure {
    /// The cell said itself what to show.
    Reported(CellError),
    /// It panicked; the panic's message as the standard library prints it, if it is known.
    Panic(Option<String>),
    /// A `?`; the error's text, if it is known.
    Question(Option<String>),
}

/// How the process that runs cells ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    pub code: Option<i32>,
    pub signal: Option<i32>,
}

/// What is known when a cell's code has ended.
#[derive(Debug, Default)]
pub struct CellEnd {
    pub failure: Option<Failure>,
    pub exit: Option<Exit>,
}

/// Takes frames, gives events. All of a cell's events have been given when its last frame was answered.
#[derive(Default)]
pub struct Collector {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    sink: Option<Sink>,
    waiting: Waiting,
    bundle: Option<(Bundle, Instant)>,
    failure: Option<Failure>,
    exit: Option<Exit>,
    build: Build,
    /// What was printed since [`Collector::mute`].
    muted: Option<String>,
}

impl Collector {
    /// From now on, events go to `sink`. What is still on its way goes to the cell before.
    pub fn begin(&self, sink: Sink) {
        let mut inner = self.lock();
        inner.flush(true);
        inner.sink = Some(sink);
        inner.failure = None;
        if let Some(event) = inner.build.pending() {
            inner.give(event);
        }
    }

    /// Gives the rest of what there is. The sink stays, for threads that print after their cell.
    pub fn end(&self) {
        let mut inner = self.lock();
        inner.flush(true);
        if let Some(event) = inner.build.finish() {
            inner.give(event);
        }
    }

    /// What became of the code that has just run.
    pub fn take_end(&self) -> CellEnd {
        let mut inner = self.lock();
        CellEnd { failure: inner.failure.take(), exit: inner.exit.take() }
    }

    /// Whether the process has ended since the last [`Collector::take_end`].
    pub fn has_exited(&self) -> bool {
        self.lock().exit.is_some()
    }

    /// Keeps what is printed instead of showing it.
    pub fn mute(&self) {
        self.lock().muted = Some(String::new());
    }

    /// Shows again what is printed, and returns what was not shown.
    pub fn unmute(&self) -> String {
        let mut inner = self.lock();
        inner.flush(true);
        inner.muted.take().unwrap_or_default()
    }

    /// Shows an event that does not come from the process, after all that came from it.
    pub fn show(&self, event: Event) {
        let mut inner = self.lock();
        inner.flush(false);
        inner.emit(event);
    }

    /// Adds text that does not come from the process.
    pub fn print(&self, stream: Stream, bytes: &[u8]) {
        let mut inner = self.lock();
        inner.print(stream, bytes, Instant::now());
    }

    /// One thing of many that are being built for the cell.
    pub fn building(&self, what: &str) {
        let mut inner = self.lock();
        if let Some(event) = inner.build.step(what) {
            inner.flush(false);
            inner.give(event);
        }
    }

    /// Deals with one frame.
    pub fn frame(&self, frame: Frame) {
        self.lock().frame(frame, Instant::now());
    }

    /// Gives what has waited long enough. To be called every few milliseconds.
    pub fn tick(&self) {
        self.lock().tick(Instant::now());
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A sink that panicked has lost an output at most.
        self.inner.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Inner {
    fn frame(&mut self, frame: Frame, now: Instant) {
        match frame {
            Frame::Hello { .. } | Frame::Started => {}
            Frame::Stdout(bytes) => self.print(Stream::Stdout, &bytes, now),
            Frame::Stderr(bytes) => self.print(Stream::Stderr, &bytes, now),
            Frame::Message(json) => match serde_json::from_slice(&json) {
                Ok(message) => self.message(message),
                Err(error) => self.notice(&format!("a rich message could not be read: {error}"), now),
            },
            Frame::Content { mime, body } => self.content(mime, body, now),
            Frame::Broken(why) => self.notice(&why, now),
            Frame::Panicked => {
                if !matches!(self.failure, Some(Failure::Reported(_))) {
                    self.failure = Some(Failure::Panic(self.waiting.take_panic()));
                }
            }
            Frame::Failed => {
                if self.failure.is_none() {
                    let text = self.waiting.take_last_stderr();
                    self.failure = Some(Failure::Question(text.map(|text| text.trim_end().to_owned())));
                }
            }
            Frame::Input => self.flush(false),
            Frame::Finished => {
                if let Some((data, _)) = self.bundle.take() {
                    self.flush_text(false);
                    // What a cell shows last is its value; `()` is no value.
                    if data.len() != 1 || data.get("text/plain").is_none_or(|text| text != "()") {
                        self.emit(Event::Result { data, metadata: Bundle::new(), display_id: None });
                    }
                }
                self.flush(true);
            }
            Frame::Exited { code, signal } => {
                self.exit = Some(Exit { code, signal });
                // A panic that cannot unwind ends the process: its message is the reason.
                if let Some(text) = self.waiting.take_panic() {
                    self.failure.get_or_insert(Failure::Panic(Some(text)));
                }
                self.flush(true);
            }
        }
    }

    fn print(&mut self, stream: Stream, bytes: &[u8], now: Instant) {
        // Text on stderr comes through a pipe of its own, a little sooner or later: it parts nothing.
        if stream == Stream::Stdout {
            self.flush_bundle();
        }
        self.waiting.push(stream, bytes, now);
        self.tick(now);
    }

    fn notice(&mut self, text: &str, now: Instant) {
        self.print(Stream::Stderr, format!("herbarium: {text}\n").as_bytes(), now);
    }

    fn message(&mut self, message: Message) {
        self.flush(false);
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
            Message::Error { ename, evalue, traceback } => {
                let mut error = CellError::new(&ename, evalue);
                if !traceback.is_empty() {
                    error.traceback = traceback;
                }
                self.failure = Some(Failure::Reported(error));
            }
        }
    }

    /// Blocks that follow each other are one value in several types, until a type comes again.
    fn content(&mut self, mime: String, body: Vec<u8>, now: Instant) {
        self.flush_text(false);
        if self.bundle.as_ref().is_some_and(|(bundle, _)| bundle.contains_key(&mime)) {
            self.flush_bundle();
        }
        let text = String::from_utf8_lossy(&body).into_owned();
        let is_json = mime == "application/json" || mime.ends_with("+json");
        let value = if is_json {
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        } else {
            Value::String(text)
        };
        self.bundle.get_or_insert_with(|| (Bundle::new(), now)).0.insert(mime, value);
    }

    fn tick(&mut self, now: Instant) {
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

    fn flush(&mut self, end: bool) {
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

    fn emit(&mut self, event: Event) {
        match (&mut self.muted, event) {
            (Some(muted), Event::Text { text, .. }) if muted.len() < MAX_MUTED => muted.push_str(&text),
            (Some(_), _) => {}
            (None, event) => self.give(event),
        }
    }

    /// Progress is shown even of what is otherwise silent.
    fn give(&mut self, event: Event) {
        if let Some(sink) = &self.sink {
            sink(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn collect(frames: impl FnOnce(&Collector)) -> Vec<Event> {
        let events = Arc::new(Mutex::new(Vec::new()));
        let collector = Collector::default();
        let seen = events.clone();
        collector.begin(Arc::new(move |event| seen.lock().unwrap().push(event)));
        frames(&collector);
        collector.end();
        events.lock().unwrap().clone()
    }

    fn content(mime: &str, body: &str) -> Frame {
        Frame::Content { mime: mime.into(), body: body.into() }
    }

    fn kinds(events: &[Event]) -> Vec<String> {
        let kind = |event: &Event| match event {
            Event::Text { stream, text } => format!("{stream:?} {text}"),
            Event::Display { data, .. } => format!("display {}", Value::Object(data.clone())),
            Event::Result { data, .. } => format!("result {}", Value::Object(data.clone())),
            other => format!("{other:?}"),
        };
        events.iter().map(kind).collect()
    }

    #[test]
    fn pictures_and_text_keep_their_order_and_the_last_is_the_value() {
        let events = collect(|collector| {
            collector.frame(Frame::Stdout(b"one".to_vec()));
            collector.frame(content("image/png", "AAAA"));
            collector.frame(content("text/plain", "first"));
            collector.frame(content("image/png", "BBBB"));
            collector.frame(Frame::Stdout(b"two".to_vec()));
            collector.frame(content("text/plain", "7"));
            collector.frame(Frame::Finished);
        });
        let expected = [
            "Stdout one",
            r#"display {"image/png":"AAAA","text/plain":"first"}"#,
            r#"display {"image/png":"BBBB"}"#,
            "Stdout two",
            r#"result {"text/plain":"7"}"#,
        ];
        assert_eq!(kinds(&events), expected);
    }

    #[test]
    fn an_error_from_a_question_mark_is_not_shown_as_text_too() {
        let mut end = CellEnd::default();
        let events = collect(|collector| {
            collector.frame(Frame::Stdout(b"before\n".to_vec()));
            collector.frame(Frame::Stderr(b"no such file\n".to_vec()));
            collector.frame(Frame::Failed);
            collector.frame(Frame::Finished);
            end = collector.take_end();
        });
        assert_eq!(kinds(&events), ["Stdout before\n"]);
        assert_eq!(end.failure, Some(Failure::Question(Some("no such file".to_owned()))));
    }

    #[test]
    fn the_unit_value_is_no_value() {
        let events = collect(|collector| {
            collector.frame(content("text/plain", "()"));
            collector.frame(Frame::Finished);
        });
        assert!(events.is_empty());
    }

    #[test]
    fn a_reported_error_wins_over_the_marker_that_follows() {
        let events = collect(|collector| {
            let json = br#"{"type":"error","ename":"Panic","evalue":"boom"}"#;
            collector.frame(Frame::Message(json.to_vec()));
            collector.frame(Frame::Panicked);
            let Some(Failure::Reported(error)) = collector.take_end().failure else { panic!() };
            assert_eq!((error.ename.as_str(), error.evalue.as_str()), ("Panic", "boom"));
        });
        assert!(events.is_empty());
    }
}
