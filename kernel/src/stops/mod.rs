//! The checks with which the stop button stops a cell's own loops.
//!
//! Just before rustc reads a cell, a call is inserted at the start of every loop body (and wherever else a cell may
//! spend long, see [`insertions`]). It checks a flag, and unwinds if the learner has pressed the button. evcxr and
//! rust-analyzer never see it, and the positions in rustc's messages are mapped back to the text without it.

mod insertions;

use serde_json::{Map, Value};

use crate::source;

/// The file that evcxr writes a cell to, as rustc names it.
const CELL: &str = "src/lib.rs";
/// The call.
const CHECK: &str = "crate::evcxr_stop::turn();";
/// Turns an expression into a block that starts with the call.
const OPEN: &str = "{crate::evcxr_stop::turn();";
const CLOSE: &str = "}";
/// The module for optimised code: an atomic load, which the optimiser merges with its branch.
const OPTIMISED: &str = "static STOP: ::std::sync::atomic::AtomicBool = ::std::sync::atomic::AtomicBool::new(false); \
    #[inline(always)] fn is_set() -> bool { STOP.load(::std::sync::atomic::Ordering::Relaxed) }";
/// The module for unoptimised code, where an atomic load is a function call and made loops twice as slow. A plain load
/// of one byte is enough: without optimisation it is compiled as written.
const PLAIN: &str =
    "static mut STOP: bool = false; #[inline(always)] fn is_set() -> bool { unsafe { STOP } }";
/// The rest of it. The kernel finds `herbarium_stop` by its name, gives it whom to ask and gets the flag.
const MODULE: &str = "#[inline(always)] #[track_caller] pub fn turn() { if is_set() { stop(::std::panic::Location::caller()) } } \
    pub struct Interrupt; \
    type Ask = extern \"C\" fn(*const u8, u32, u32) -> bool; \
    static mut ASK: ::std::option::Option<Ask> = ::std::option::Option::None; \
    #[unsafe(no_mangle)] pub extern \"C\" fn herbarium_stop(ask: Ask) -> *const u8 { \
    unsafe { ASK = ::std::option::Option::Some(ask) }; &raw const STOP as *const u8 } \
    #[cold] #[inline(never)] fn stop(at: &::std::panic::Location<'_>) { \
    if ::std::thread::panicking() { return } \
    if let ::std::option::Option::Some(ask) = unsafe { ASK } { \
    if ask(&raw const STOP as *const u8, at.line(), at.column()) { \
    ::std::panic::resume_unwind(::std::boxed::Box::new(Interrupt)) } } }";

/// What rustc says of a text, one JSON object each, and whether it succeeded.
type Answer = std::io::Result<(Vec<String>, bool)>;

/// Compiles a text with checks, and again without them if rustc reports an error in a check. Messages refer to the text
/// without checks.
pub fn compile(text: &str, optimised: bool, rustc: &mut dyn FnMut(&str) -> Answer) -> Answer {
    let Some(checked) = checked(text, optimised) else { return rustc(text) };
    let (messages, succeeded) = rustc(&checked.text)?;
    let read: Vec<_> =
        messages.into_iter().map(|line| serde_json::from_str(&line).map_err(|_| line)).collect();
    if !succeeded && read.iter().flatten().any(|message| checked.is_blamed_by(message)) {
        return rustc(text);
    }
    let put_back = read.into_iter().map(|read| match read {
        Ok(mut message) => {
            checked.put_back(&mut message);
            message.to_string()
        }
        Err(line) => line,
    });
    Ok((put_back.collect(), succeeded))
}

/// A text with checks.
struct Checked {
    text: String,
    /// What was put in, in order.
    inserted: Vec<Inserted>,
}

/// An inserted piece: its line and first column, from 1, its byte, and its length.
struct Inserted {
    line: u64,
    column: u64,
    /// From the text's start, from 0.
    byte: u64,
    length: u64,
}

/// The text of a cell as evcxr writes it, with checks; `None` where it needs none.
fn checked(text: &str, optimised: bool) -> Option<Checked> {
    let mut insertions = insertions::insertions(text, optimised);
    if insertions.is_empty() {
        return None;
    }
    put_before_moves(text, &mut insertions);
    insertions.sort_by_key(|(at, _)| *at);
    // Two blocks may end at the same place.
    insertions.dedup_by(|one, other| one == other && one.1 != CLOSE);
    let (mut out, mut inserted, mut done) = (String::new(), Vec::new(), 0);
    let (mut line, mut line_start) = (1, 0);
    for (at, piece) in insertions {
        for byte in text.as_bytes()[done..at].iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
            line += 1;
            line_start = out.len() + byte.0 + 1;
        }
        out.push_str(&text[done..at]);
        let column = out[line_start..].chars().count() as u64 + 1;
        inserted.push(Inserted { line, column, byte: out.len() as u64, length: piece.len() as u64 });
        out.push_str(piece);
        done = at;
    }
    out.push_str(&text[done..]);
    let flag = if optimised { OPTIMISED } else { PLAIN };
    out.push_str(&format!("\n#[doc(hidden)] mod evcxr_stop {{ {flag} {MODULE} }}\n"));
    Some(Checked { text: out, inserted })
}

/// Puts a statement's check before the code that takes over the variables it moves: if the check stops the cell, they
/// are still there.
fn put_before_moves(text: &str, insertions: &mut [insertions::Insertion]) {
    for (start, _) in text.rmatch_indices(source::OPEN) {
        let inserted = &text[start..];
        let length = inserted.find(source::CLOSE).map_or(inserted.len(), |end| end + source::CLOSE.len());
        // What ends a statement is not put before one.
        if inserted[source::OPEN.len()..].starts_with(';') {
            continue;
        }
        for (at, _) in insertions.iter_mut().filter(|(_, piece)| *piece == CHECK) {
            if (start..=start + length).contains(at) {
                *at = start;
            }
        }
    }
}

impl Checked {
    /// Maps the positions in a message back to the text without checks.
    fn put_back(&self, message: &mut Value) {
        match message {
            Value::Object(fields) => {
                // Others are of a library's macro.
                if fields.get("file_name").is_none_or(|name| name == CELL) {
                    self.put_back_span(fields);
                }
                fields.values_mut().for_each(|value| self.put_back(value));
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.put_back(value)),
            Value::String(text) if text.contains(CHECK) => *text = text.replace(CHECK, ""),
            _ => {}
        }
    }

    /// The same for one span.
    fn put_back_span(&self, span: &mut Map<String, Value>) {
        let first = span.get("line_start").and_then(Value::as_u64);
        let lines = span.get_mut("text").and_then(Value::as_array_mut);
        for (shown, line) in lines.into_iter().flatten().zip(first.into_iter().flat_map(|first| first..)) {
            self.put_back_text(shown, line);
        }
        for name in ["byte_start", "byte_end"] {
            if let Some(at) = span.get(name).and_then(Value::as_u64) {
                span.insert(name.to_owned(), self.byte(at).into());
            }
        }
        for [line, column] in [["line_start", "column_start"], ["line_end", "column_end"]] {
            let place = [line, column].map(|name| span.get(name).and_then(Value::as_u64));
            if let [Some(line), Some(at)] = place {
                span.insert(column.to_owned(), self.column(line, at).into());
            }
        }
    }

    /// The same for a line that a message quotes, and for what it points out there.
    fn put_back_text(&self, shown: &mut Value, line: u64) {
        for name in ["highlight_start", "highlight_end"] {
            if let Some(at) = shown[name].as_u64() {
                shown[name] = self.column(line, at).into();
            }
        }
        let is_inserted = |at: u64| {
            let mut of_line = self.inserted.iter().filter(|piece| piece.line == line);
            of_line.any(|piece| (piece.column..piece.column + piece.length).contains(&at))
        };
        if let Some(text) = shown["text"].as_str() {
            let kept = text.chars().zip(1..).filter(|(_, at)| !is_inserted(*at));
            shown["text"] = kept.map(|(letter, _)| letter).collect::<String>().into();
        }
    }

    /// Whether an error is about a check, not the learner's code. Then the cell is compiled without checks.
    fn is_blamed_by(&self, message: &Value) -> bool {
        let spans = message["spans"].as_array().map(Vec::as_slice).unwrap_or_default();
        message["level"] == "error" && spans.iter().any(|span| self.holds(span))
    }

    fn holds(&self, span: &Value) -> bool {
        let number = |name: &str| span[name].as_u64().unwrap_or_default();
        let holds = |piece: &Inserted| {
            let columns = piece.column..=piece.column + piece.length;
            piece.length > CLOSE.len() as u64
                && number("line_start") == piece.line
                && number("line_end") == piece.line
                && columns.contains(&number("column_start"))
                && columns.contains(&number("column_end"))
        };
        span["is_primary"] == true && self.inserted.iter().any(holds)
    }

    /// The column in the text without checks.
    fn column(&self, line: u64, column: u64) -> u64 {
        let before = self.inserted.iter().filter(|piece| piece.line == line && piece.column < column);
        // A position inside a piece maps to where the piece was inserted.
        column - before.map(|piece| piece.length.min(column - piece.column)).sum::<u64>()
    }

    /// The byte in the text without checks.
    fn byte(&self, at: u64) -> u64 {
        let before = self.inserted.iter().filter(|piece| piece.byte < at);
        at - before.map(|piece| piece.length.min(at - piece.byte)).sum::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_that_a_message_quotes_is_put_back() {
        let text = "fn f() {\n  let é = a.map(|x| x * 2).colect();\n}\n";
        let checked = checked(text, false).unwrap();
        let [line, original] = [&checked.text, text].map(|text| text.lines().nth(1).unwrap());
        assert!(line.contains(OPEN), "{line}");
        let column = |line: &str| line[..line.find("colect").unwrap()].chars().count() + 1;
        let span = |file: &str, text: &str, at: usize| {
            json!({ "file_name": file, "line_start": 2, "line_end": 2, "column_start": at, "column_end": at + 6,
                    "text": [{ "text": text, "highlight_start": at, "highlight_end": at + 6 }] })
        };
        let mut message = json!({ "spans": [span(CELL, line, column(line)), span("a.rs", line, 9)] });
        checked.put_back(&mut message);
        assert_eq!(message["spans"][0], span(CELL, original, column(original)));
        assert_eq!(message["spans"][1]["column_start"], 9, "another file's");
    }

    #[test]
    fn two_blocks_may_end_at_one_place() {
        let text = "fn f() {\n  let set = || handler = |x: i32| x + 1;\n}\n";
        let checked = checked(text, false).unwrap().text;
        assert_eq!(checked.matches('{').count(), checked.matches('}').count(), "{checked}");
    }

    #[test]
    fn lines_stay_and_columns_are_put_back() {
        let text = "fn f() {\n  let é = 1; loop { é.x(); while a { b } } c\n}\n";
        let checked = checked(text, true).unwrap();
        let wanted =
            format!("fn f() {{\n  let é = 1; loop {{{CHECK} é.x(); while a {{{CHECK} b }} }} c\n}}\n");
        assert!(checked.text.starts_with(&wanted), "{}", checked.text);
        let line = checked.text.lines().nth(1).unwrap();
        let original = text.lines().nth(1).unwrap();
        for word in ["let", "é.x", "b }", "c"] {
            let column = |line: &str| line[..line.find(word).unwrap()].chars().count() + 1;
            if word == "c" {
                continue;
            }
            assert_eq!(checked.column(2, column(line) as u64), column(original) as u64, "{word}");
        }
        let end = |line: &str| line.chars().count() as u64;
        let span = json!({"line_start": 2, "column_start": 1, "line_end": 2, "column_end": end(line)});
        let mut message = json!({"spans": [span], "text": format!("a {CHECK}b")});
        checked.put_back(&mut message);
        assert_eq!(message["spans"][0]["column_end"], end(original));
        assert_eq!(message["text"], "a b");
    }

    #[test]
    fn a_statement_is_stopped_before_it_takes_over_what_it_moves() {
        let (open, close) = (source::OPEN, source::CLOSE);
        let taken = format!(
            "{open}let a = read(&a);{close}{open}let b = read(&b);{close}println!(\"{{}}\", f(a, b));"
        );
        let text = format!("fn f() {{ g(); {taken} h() }}");
        let checked = checked(&text, true).unwrap();
        assert!(
            checked.text.starts_with(&format!("fn f() {{ g(); {CHECK}{taken} h() }}")),
            "{}",
            checked.text
        );
        assert_eq!(checked.byte(text.len() as u64 + CHECK.len() as u64), text.len() as u64);
    }

    #[test]
    fn an_error_of_a_check_is_known() {
        let checked = checked("fn f() { loop { x } }", true).unwrap();
        let at = |from: usize, to: usize| json!({"level": "error", "spans": [{"is_primary": true, "line_start": 1, "line_end": 1, "column_start": from, "column_end": to}]});
        assert!(checked.is_blamed_by(&at(17, 17 + CHECK.len() - 1)));
        assert!(!checked.is_blamed_by(&at(10, 14)) && !checked.is_blamed_by(&at(17, 17 + CHECK.len() + 2)));
    }
}
