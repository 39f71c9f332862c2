//! Pending text: joined into larger pieces of whole characters, in order of arrival.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::event::Stream;
use crate::runtime::question::MARK;

/// Text waits this long for more to join it.
pub const JOIN: Duration = Duration::from_millis(30);
/// How long a possible panic message waits for the report that the cell has panicked: values are dropped in
/// between.
pub const JOIN_PANIC: Duration = Duration::from_secs(1);
/// The most that text on stderr waits, in multiples of `JOIN`, however much follows it.
const MAX_JOINS: u32 = 5;
/// How Rust begins to say that there is no memory, before it ends the program.
const ALLOCATION: &str = "memory allocation of ";
/// More text than this is shown without waiting.
const MAX_WAITING: usize = 256 * 1024;

/// Decodes UTF-8 whose characters may be split between reads.
#[derive(Default)]
pub struct Decoder {
    rest: Vec<u8>,
}

impl Decoder {
    /// The text of the previous remainder and `bytes`, without an incomplete character at the end. Invalid UTF-8
    /// becomes U+FFFD.
    pub fn decode(&mut self, bytes: &[u8]) -> String {
        self.rest.extend_from_slice(bytes);
        let whole = self.rest.len() - unfinished(&self.rest);
        let text = String::from_utf8_lossy(&self.rest[..whole]).into_owned();
        self.rest.drain(..whole);
        text
    }

    /// What is left at the end.
    pub fn finish(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.rest)).into_owned()
    }
}

/// How many bytes at the end are the start of a character.
fn unfinished(bytes: &[u8]) -> usize {
    for back in 1..=bytes.len().min(3) {
        let byte = bytes[bytes.len() - back];
        let length = match byte {
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            0x80..=0xbf => continue,
            _ => return 0,
        };
        return if length > back { back } else { 0 };
    }
    0
}

struct Segment {
    stream: Stream,
    text: String,
    first: Instant,
    last: Instant,
}

/// Text that a cell has printed and that has not been shown yet.
#[derive(Default)]
pub struct Waiting {
    stdout: Decoder,
    stderr: Decoder,
    segments: VecDeque<Segment>,
}

impl Waiting {
    /// Adds bytes that came at `now`.
    pub fn push(&mut self, stream: Stream, bytes: &[u8], now: Instant) {
        let text = match stream {
            Stream::Stdout => self.stdout.decode(bytes),
            Stream::Stderr => self.stderr.decode(bytes),
        };
        self.push_text(stream, text, now);
    }

    fn push_text(&mut self, stream: Stream, text: String, now: Instant) {
        if text.is_empty() {
            return;
        }
        match self.segments.back_mut() {
            Some(last) if last.stream == stream => {
                last.text.push_str(&text);
                last.last = now;
            }
            _ => self.segments.push_back(Segment { stream, text, first: now, last: now }),
        }
    }

    /// What has waited long enough at `now`. Text on stderr may turn out to be an error message, so the last of it
    /// waits until no more comes.
    pub fn take_due(&mut self, now: Instant) -> Vec<(Stream, String)> {
        let Some(first) = self.segments.front() else { return Vec::new() };
        let size: usize = self.segments.iter().map(|segment| segment.text.len()).sum();
        if size < MAX_WAITING && now < first.first + JOIN {
            return Vec::new();
        }
        // The last text on stderr, and with it what came after it.
        let last_stderr = self.segments.iter().rposition(|segment| segment.stream == Stream::Stderr);
        // And what has been marked as an error already.
        let last_stderr = self.marked().or(last_stderr);
        let keep_from = last_stderr.filter(|&index| {
            let segment = &self.segments[index];
            let is_error = ["panicked at ", ALLOCATION, MARK].iter().any(|sign| segment.text.contains(sign));
            let wait = if is_error { JOIN_PANIC } else { JOIN };
            size < MAX_WAITING && now < segment.last + wait && now < segment.first + wait * MAX_JOINS
        });
        let count = keep_from.unwrap_or(self.segments.len());
        self.segments.drain(..count).map(|segment| (segment.stream, segment.text)).collect()
    }

    /// Everything; at the `end` of the stream, incomplete characters too.
    pub fn take_all(&mut self, end: bool) -> Vec<(Stream, String)> {
        if end {
            let (now, out, err) = (Instant::now(), self.stdout.finish(), self.stderr.finish());
            self.push_text(Stream::Stdout, out, now);
            self.push_text(Stream::Stderr, err, now);
        }
        self.segments.drain(..).map(|segment| (segment.stream, segment.text)).collect()
    }

    /// The text on stderr with the mark of an error.
    fn marked(&self) -> Option<usize> {
        self.segments
            .iter()
            .rposition(|segment| segment.stream == Stream::Stderr && segment.text.contains(MARK))
    }

    /// Takes what has come on stderr after the mark of an error; what was before it stays.
    pub fn take_marked(&mut self) -> Option<String> {
        let index = self.marked()?;
        let segment = &mut self.segments[index];
        let start = segment.text.rfind(MARK)?;
        let mut taken = segment.text.split_off(start).split_off(MARK.len());
        for later in self.segments.range_mut(index + 1..).filter(|segment| segment.stream == Stream::Stderr) {
            taken.push_str(&std::mem::take(&mut later.text));
        }
        self.segments.retain(|segment| !segment.text.is_empty());
        Some(taken)
    }

    /// Takes the line on stdout that has no end, if nothing has come after it.
    pub fn take_unfinished_line(&mut self) -> Option<String> {
        let last = self.segments.back_mut().filter(|segment| segment.stream == Stream::Stdout)?;
        let start = last.text.rfind(['\n', '\r']).map_or(0, |end| end + 1);
        let line = last.text.split_off(start);
        self.segments.retain(|segment| !segment.text.is_empty());
        (!line.is_empty()).then_some(line)
    }

    /// The text on stderr that came last, if nobody has seen it yet.
    pub fn last_stderr(&self) -> Option<&str> {
        let segment = self.segments.iter().rev().find(|segment| segment.stream == Stream::Stderr)?;
        Some(&segment.text)
    }

    /// Takes the text on stderr that came last, if nobody has seen it yet.
    pub fn take_last_stderr(&mut self) -> Option<String> {
        let index = self.segments.iter().rposition(|segment| segment.stream == Stream::Stderr)?;
        self.segments.remove(index).map(|segment| segment.text)
    }

    /// Takes the message of a failed allocation, with which Rust ends a program: how many bytes were asked for.
    pub fn take_allocation(&mut self) -> Option<u64> {
        let mut stderr = self.segments.iter_mut().rev().filter(|segment| segment.stream == Stream::Stderr);
        let (segment, start) = stderr.find_map(|segment| {
            let start = segment.text.rfind(ALLOCATION)?;
            Some((segment, start))
        })?;
        let bytes = segment.text[start..].split_whitespace().nth(3)?.parse().ok()?;
        segment.text.truncate(start);
        self.segments.retain(|segment| !segment.text.is_empty());
        Some(bytes)
    }

    /// Takes the message of the last panic on stderr, if nobody has seen it yet; what was before it stays.
    pub fn take_panic(&mut self) -> Option<String> {
        let segment = self.segments.iter_mut().rev().find(|segment| segment.stream == Stream::Stderr)?;
        let panicked = segment.text.rfind("panicked at ")?;
        let start = segment.text[..panicked].rfind("thread '")?;
        let message = segment.text.split_off(start);
        segment.text.truncate(segment.text.trim_end_matches('\n').len());
        if !segment.text.is_empty() {
            segment.text.push('\n');
        }
        self.segments.retain(|segment| !segment.text.is_empty());
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_whole_wherever_they_are_cut() {
        let text = "a é – 🌺 z";
        for cut in 0..=text.len() {
            let mut decoder = Decoder::default();
            let mut out = decoder.decode(&text.as_bytes()[..cut]);
            assert!(!out.contains('\u{fffd}'), "cut at {cut}");
            out += &decoder.decode(&text.as_bytes()[cut..]);
            assert_eq!(out + &decoder.finish(), text, "cut at {cut}");
        }
    }

    #[test]
    fn what_is_not_utf8_is_replaced_and_loses_nothing_after_it() {
        let mut decoder = Decoder::default();
        assert_eq!(decoder.decode(b"a\xff\xfeb"), "a\u{fffd}\u{fffd}b");
        assert_eq!(decoder.decode(b"\xf0\x9f"), "");
        assert_eq!(decoder.finish(), "\u{fffd}");
    }

    #[test]
    fn text_is_joined_in_order_and_due_after_a_while() {
        let (start, mut waiting) = (Instant::now(), Waiting::default());
        waiting.push(Stream::Stdout, b"a", start);
        waiting.push(Stream::Stdout, b"b", start);
        waiting.push(Stream::Stderr, b"c", start + JOIN);
        assert!(waiting.take_due(start).is_empty());
        assert_eq!(waiting.take_due(start + JOIN), vec![(Stream::Stdout, "ab".to_owned())]);
        assert_eq!(waiting.take_due(start + JOIN * 2), vec![(Stream::Stderr, "c".to_owned())]);
    }

    #[test]
    fn the_message_of_a_panic_is_separated_from_what_was_before() {
        let mut waiting = Waiting::default();
        waiting.push(
            Stream::Stderr,
            b"warning\n\nthread 'main' panicked at src/lib.rs:1:1:\nboom\n",
            Instant::now(),
        );
        assert_eq!(waiting.take_panic().unwrap(), "thread 'main' panicked at src/lib.rs:1:1:\nboom\n");
        assert_eq!(waiting.take_all(true), vec![(Stream::Stderr, "warning\n".to_owned())]);
        assert!(waiting.take_panic().is_none());
    }

    #[test]
    fn a_failed_allocation_says_how_much() {
        let mut waiting = Waiting::default();
        let text = b"a warning\nmemory allocation of 1125899906842624 bytes failed\n";
        waiting.push(Stream::Stderr, text, Instant::now());
        assert_eq!(waiting.take_allocation(), Some(1 << 50));
        assert_eq!(waiting.take_all(true), vec![(Stream::Stderr, "a warning\n".to_owned())]);
    }

    #[test]
    fn stderr_that_never_rests_is_shown_now_and_then() {
        let (start, mut waiting) = (Instant::now(), Waiting::default());
        for step in 0..MAX_JOINS * 2 {
            waiting.push(Stream::Stderr, b".", start + JOIN / 2 * step);
            assert!(waiting.take_due(start + JOIN / 2 * step).is_empty());
        }
        assert_eq!(waiting.take_due(start + JOIN * MAX_JOINS).len(), 1);
    }

    #[test]
    fn the_line_before_a_question_is_the_last_of_stdout() {
        let mut waiting = Waiting::default();
        waiting.push(Stream::Stdout, b"Hello\nName? ", Instant::now());
        assert_eq!(waiting.take_unfinished_line().unwrap(), "Name? ");
        assert_eq!(waiting.take_unfinished_line(), None);
        waiting.push(Stream::Stdout, b"Age? ", Instant::now());
        waiting.push(Stream::Stderr, b"a warning\n", Instant::now());
        assert_eq!(waiting.take_unfinished_line(), None);
        assert_eq!(waiting.take_all(true)[0].1, "Hello\nAge? ");
    }

    #[test]
    fn stdout_that_comes_after_the_message_does_not_push_it_out() {
        let (start, mut waiting) = (Instant::now(), Waiting::default());
        waiting.push(Stream::Stderr, b"thread 'main' panicked at src/lib.rs:1:1:\nboom\n", start);
        waiting.push(Stream::Stdout, b"late", start + JOIN * 2);
        assert!(waiting.take_due(start + JOIN * 2).is_empty());
        assert!(waiting.take_panic().unwrap().ends_with("boom\n"));
        assert_eq!(waiting.take_due(start + JOIN * 3), vec![(Stream::Stdout, "late".to_owned())]);
    }
}
