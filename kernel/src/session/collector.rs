//! Assembles a cell's output from the frames of the process that runs it.

use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use super::assembly::Assembly;
pub use super::assembly::{CellEnd, Differences, Exit, Failure};
use super::event::{Event, Sink, Stream};
use crate::runtime::frame::Frame;

/// Turns frames into events. When a cell's last frame has been answered, all its events have been
/// emitted.
#[derive(Default)]
pub struct Collector {
    inner: Mutex<Assembly>,
}

impl Collector {
    /// From now on, events go to `sink`. Pending output still goes to the previous cell.
    pub fn begin(&self, sink: Sink) {
        let mut inner = self.lock();
        inner.flush(true);
        inner.sink = Some(sink);
        inner.failure = None;
        inner.untyped.clear();
        inner.store = Differences::default();
        if let Some(event) = inner.build.pending() {
            inner.give(event);
        }
    }

    /// Emits the remaining output. The sink stays, for threads that print after their cell.
    pub fn end(&self) {
        let mut inner = self.lock();
        inner.flush(true);
        if let Some(event) = inner.build.finish() {
            inner.give(event);
        }
    }

    /// How the code that has just run ended.
    pub fn take_end(&self) -> CellEnd {
        let mut inner = self.lock();
        CellEnd {
            failure: inner.failure.take(),
            exit: inner.exit.take(),
            untyped: std::mem::take(&mut inner.untyped),
            store: std::mem::take(&mut inner.store),
        }
    }

    /// Whether the process has ended since the last [`Collector::take_end`].
    pub fn has_exited(&self) -> bool {
        self.lock().exit.is_some()
    }

    /// Stores printed text instead of showing it.
    pub fn mute(&self) {
        let mut inner = self.lock();
        inner.flush(false);
        inner.muted = Some(String::new());
    }

    /// Shows printed text again, and returns the stored text.
    pub fn unmute(&self) -> String {
        let mut inner = self.lock();
        inner.flush(true);
        inner.muted.take().unwrap_or_default()
    }

    /// Shows an event that does not come from the process, after all output of the process.
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

    /// The prompt for a read of standard input: the one the cell gave, or the unfinished last line of its output,
    /// which is then shown only as the prompt. All earlier output is shown first.
    pub fn prompt(&self, given: Option<String>) -> String {
        let mut inner = self.lock();
        let prompt = given.or_else(|| inner.take_unfinished_line()).unwrap_or_default();
        inner.flush(false);
        prompt
    }

    /// One step of a build for the cell.
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

    /// Emits output that has waited long enough. To be called every few milliseconds.
    pub fn tick(&self) {
        self.lock().tick(Instant::now());
    }

    fn lock(&self) -> MutexGuard<'_, Assembly> {
        // A panic in a sink has lost at most one output.
        self.inner.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::Value;

    use super::*;
    use crate::runtime::message::Origin;
    use crate::runtime::question::MARK;

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
        assert_eq!(end.failure, Some(Failure::Question(Some("no such file".to_owned()), None)));
    }

    #[test]
    fn what_was_on_stderr_before_a_marked_error_stays_there() {
        let mut end = CellEnd::default();
        let events = collect(|collector| {
            collector.frame(Frame::Stderr(format!("a warning\n{MARK}").into_bytes()));
            // Longer than any pending text waits.
            std::thread::sleep(super::super::text::JOIN * 3);
            collector.tick();
            collector.frame(Frame::Stdout(b"meanwhile\n".to_vec()));
            collector.frame(Frame::Stderr(b"7\nno such file\n".to_vec()));
            collector.frame(Frame::Failed);
            collector.frame(Frame::Finished);
            end = collector.take_end();
        });
        assert_eq!(kinds(&events), ["Stderr a warning\n", "Stdout meanwhile\n"]);
        assert_eq!(end.failure, Some(Failure::Question(Some("no such file".to_owned()), Some(7))));
    }

    #[test]
    fn the_unit_value_is_no_value() {
        let events = collect(|collector| {
            collector.frame(content("text/plain", "()"));
            collector.frame(Frame::Finished);
        });
        assert!(events.is_empty());
    }

    const REPORT: &[u8] =
        br#"{"type":"error","ename":"Panic","evalue":"boom","location":{"line":3,"column":1}}"#;

    #[test]
    fn a_reported_panic_is_the_error_if_the_cell_ends_by_it() {
        let events = collect(|collector| {
            collector.frame(Frame::Message(REPORT.to_vec()));
            collector.frame(Frame::Panicked);
            collector.frame(Frame::Finished);
            let Some(Failure::Reported(error, Origin { location: Some(location), .. })) =
                collector.take_end().failure
            else {
                panic!()
            };
            assert_eq!((error.ename.as_str(), error.evalue.as_str(), location.line), ("Panic", "boom", 3));
        });
        assert!(events.is_empty());
    }

    #[test]
    fn a_reported_panic_is_text_if_the_cell_goes_on() {
        let events = collect(|collector| {
            collector.frame(Frame::Message(REPORT.to_vec()));
            collector.frame(Frame::Stdout(b"went on".to_vec()));
            collector.frame(Frame::Finished);
            assert!(collector.take_end().failure.is_none());
        });
        assert_eq!(kinds(&events)[0], "Stdout went on");
        assert!(kinds(&events)[1].contains("boom"));
    }
}
