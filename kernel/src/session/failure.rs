//! The error messages of a cell that failed.

use std::time::Duration;

use super::collector::{Exit, Failure};
use super::control::{GRACE, Interrupted};
use super::event::{CellError, Outcome, ansi};
use super::limits;
use super::line_map::line_in_cell;
use crate::runtime::message::INTERRUPTED;
use crate::sys;

/// The error for a panic or a `?`. `generated` is the source that was compiled, `cell` the learner's.
pub fn from_failure(failure: Failure, generated: &str, cell: &str) -> CellError {
    match failure {
        Failure::Reported(error, place) => {
            let line = place.location.and_then(|place| line_in_cell(place.line, generated, cell));
            match (line, place.location) {
                (Some(line), _) => with_line(error, line, cell),
                (None, Some(place)) if error.ename == INTERRUPTED => {
                    let source = generated.lines().nth(place.line.wrapping_sub(1)).unwrap_or_default().trim();
                    error.with_note(&format!(
                        "{}in an earlier cell's code:{} {source}",
                        ansi::GUTTER,
                        ansi::RESET
                    ))
                }
                _ => error,
            }
        }
        Failure::Question(Some(text), line) if !text.is_empty() => {
            let error = CellError::new("Error", without_frames(&text));
            match line.and_then(|line| line_in_cell(line, generated, cell)) {
                Some(line) => with_line(error, line, cell),
                None => error,
            }
        }
        Failure::Question(..) => {
            CellError::new("Error", "a `?` returned an error; its text is on stderr above")
        }
        Failure::Panic(Some(text)) => panic_error(&text, generated, cell),
        Failure::Panic(None) => CellError::new("Panic", "the cell panicked; the message is on stderr above"),
    }
}

/// Adds to an error from inside a library the first of these lines that is the cell's.
pub fn with_call(error: CellError, lines: &[usize], generated: &str, cell: &str) -> CellError {
    match lines.iter().find_map(|line| line_in_cell(*line, generated, cell)) {
        Some(line) => with_line(error, line, cell),
        None => error,
    }
}

/// Lines of a panic's text without information.
const NOISE: [&str; 2] = ["note: run with `RUST_BACKTRACE", "thread caused non-unwinding panic"];

/// From `thread 'main' panicked at src/lib.rs:12:5:`, the message on the next lines, and a note on backtraces.
fn panic_error(text: &str, generated: &str, cell: &str) -> CellError {
    let (head, rest) = text.split_once('\n').unwrap_or((text, ""));
    let place =
        head.split_once("panicked at ").map(|(_, place)| place.trim_end_matches(':')).unwrap_or_default();
    let (message, backtrace) = match rest.find("\nstack backtrace:") {
        Some(at) => (&rest[..at], rest[at + 1..].trim_end()),
        None => (rest, ""),
    };
    let message: Vec<&str> =
        message.lines().filter(|line| !NOISE.iter().any(|noise| line.starts_with(noise))).collect();
    let message = message.join("\n").trim_end().to_owned();
    let mut error = CellError::new("Panic", without_frames(&message));
    let own = place.strip_prefix("src/lib.rs:").and_then(|rest| rest.split(':').next()?.parse().ok());
    if let Some(line) = own.and_then(|number| line_in_cell(number, generated, cell)) {
        error = with_line(error, line, cell);
    } else if !place.is_empty() && !place.starts_with("src/lib.rs:") {
        error = error.with_note(&format!("{}at {place}{}", ansi::DIM, ansi::RESET));
    }
    if backtrace.is_empty() { error } else { error.with_note(backtrace) }
}

/// A C++ exception's text includes its stack, which does not help the author of a cell.
fn without_frames(text: &str) -> &str {
    match text.find("\nException raised from ") {
        Some(at) if text[at..].contains("\nframe #") => text[..at].trim_end(),
        _ => text,
    }
}

/// Adds which line of the cell it was.
fn with_line(error: CellError, line: usize, cell: &str) -> CellError {
    let source = cell.lines().nth(line - 1).unwrap_or_default().trim();
    error.with_note(&format!("{}line {line}:{} {source}", ansi::GUTTER, ansi::RESET))
}

/// The error for a process that ended before its cell did. `kills` is how often the system had ended a program for want of
/// memory when the cell began.
pub fn crash(exit: Option<Exit>, lost: &[String], kills: Option<u64>) -> CellError {
    let memory_was_full = exit.as_ref().is_some_and(|exit| exit.allocation.is_some())
        || (kills.is_some() && limits::kills_for_memory() > kills);
    let said = exit.as_ref().and_then(|exit| exit.said.clone()).unwrap_or_default();
    let mut error = CellError::new("Crash", how_it_ended(exit, memory_was_full));
    if memory_was_full {
        error = error.with_note(&limits::of_memory());
    } else if let Some(note) = limits::advice(&said) {
        error = error.with_note(&note);
    }
    error.with_note(&lost_variables(lost)).with_note("The next cell runs in a new program.")
}

fn how_it_ended(exit: Option<Exit>, memory_was_full: bool) -> String {
    let Some(Exit { code, signal, allocation, .. }) = exit else { return "the program ended".to_owned() };
    if let Some(bytes) = allocation {
        let size = bytes as f64 / f64::from(1 << 30);
        return format!(
            "the program asked for {size:.1} GiB of memory at once, which is not available, and ended"
        );
    }
    let Some(signal) = signal else {
        return format!("the program ended itself with exit status {}", code.unwrap_or_default());
    };
    let why = match sys::signal_name(signal).as_str() {
        "SIGSEGV" | "SIGBUS" => {
            " (it used memory that is not its own: unsafe code, or a fault in a library)".to_owned()
        }
        "SIGKILL" if memory_was_full => " (by the system, because the memory was full)".to_owned(),
        "SIGKILL" => {
            format!(" (by the system if the memory was full, or by another program{})", known_limits())
        }
        "SIGXCPU" => format!(" (its processor time is used up{})", known_limits()),
        "SIGXFSZ" => " (it wrote a file that is larger than files may be here: `ulimit -f`)".to_owned(),
        "SIGABRT" => " (it aborted; its message is above)".to_owned(),
        _ => String::new(),
    };
    format!("the program was ended by {}{why}", sys::signal_name(signal))
}

/// The limits that end a program without a word.
fn known_limits() -> String {
    let seconds = limits::processor_seconds();
    let time =
        seconds.map(|seconds| format!("A program may use {seconds} s of processor time here (ulimit -t)"));
    let known: Vec<String> = limits::memory().into_iter().chain(time).collect();
    if known.is_empty() { String::new() } else { format!("; {}", known.join(". ")) }
}

/// The error of an interrupted cell. `error` is the cell's own, if any.
pub fn interrupted(error: Option<CellError>, by: Interrupted, ran: bool, lost: &[String]) -> CellError {
    if by.killed {
        let after = if by.times > 1 { "at the second interrupt" } else { "after an interrupt" };
        let seconds = GRACE.as_secs();
        let what =
            format!("the program did not stop by itself (it has up to {seconds} s) and was ended {after}");
        return CellError::new(INTERRUPTED, what).with_note(&lost_variables(lost));
    }
    match error {
        Some(error) if ran => CellError { ename: INTERRUPTED.to_owned(), ..error },
        _ => before_it_ran(),
    }
}

/// The error of a cell that was interrupted early enough.
pub fn before_it_ran() -> CellError {
    CellError::new(INTERRUPTED, "the cell was stopped before it ran; no variables were lost")
}

/// How such a cell ends.
pub fn withdrawn() -> Outcome {
    Outcome { error: Some(before_it_ran()), interrupted: true, ..Outcome::default() }
}

/// A sentence that lists exactly what is gone.
pub fn lost_variables(lost: &[String]) -> String {
    match lost {
        [] => "No variables were lost.".to_owned(),
        [one] => format!("This variable is gone: {one}"),
        many => format!("These variables are gone: {}", many.join(", ")),
    }
}

/// How long a cell took, as `:timing` shows it.
pub fn timing(elapsed: Duration) -> String {
    format!("Took {:.3} s\n", elapsed.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_says_its_line_in_the_cell() {
        let text = "thread 'main' (7) panicked at src/lib.rs:3:9:\nindex out of bounds\nsecond line\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n";
        let error = panic_error(text, "a\nb\n    v[7];\nc\n", "let v = vec![1];\nv[7];\n");
        assert_eq!(
            (error.ename.as_str(), error.evalue.as_str()),
            ("Panic", "index out of bounds\nsecond line")
        );
        assert!(error.traceback[1].contains("line 2:"), "{:?}", error.traceback);
        let elsewhere = panic_error("thread 'x' panicked at /src/vec.rs:1:2:\nboom\n", "", "");
        assert!(elsewhere.traceback[1].contains("at /src/vec.rs:1:2"));
    }

    #[test]
    fn the_call_that_led_to_a_panic_is_named() {
        let error =
            with_call(CellError::new("Panic", "boom"), &[1, 4], "a\n  f();\nb\n  f();\nc", "f();\n\nf();");
        assert!(error.traceback[1].contains("line 3:"), "{:?}", error.traceback);
    }

    #[test]
    fn an_error_is_shown_without_the_stack_of_a_cpp_library() {
        let text = "shape '[5]' is invalid\nException raised from f at a.h:1:\nframe #0: g\nframe #1: h";
        let error = from_failure(Failure::Question(Some(text.to_owned()), None), "", "");
        assert_eq!(error.evalue, "shape '[5]' is invalid");
        let own = "a\nException raised from here";
        let error = from_failure(Failure::Question(Some(own.to_owned()), Some(2)), "x\n  f()?;\n", "f()?;");
        assert_eq!(error.evalue, own);
        assert!(error.traceback[1].contains("line 1:"), "{:?}", error.traceback);
    }

    #[test]
    fn a_crash_says_what_and_what_is_lost() {
        let lost = ["a".to_owned(), "b".to_owned()];
        let by = |code, signal| Some(Exit { code, signal, allocation: None, said: None });
        let error = crash(by(None, Some(9)), &lost, None);
        assert!(error.evalue.starts_with("the program was ended by SIGKILL"), "{}", error.evalue);
        assert_eq!(error.traceback[1], "These variables are gone: a, b");
        assert_eq!(crash(by(Some(3), None), &[], None).evalue, "the program ended itself with exit status 3");
        let greedy = Exit { allocation: Some(1 << 50), ..by(None, Some(6)).unwrap() };
        let error = crash(Some(greedy), &[], None);
        assert!(error.evalue.contains("1048576.0 GiB") && error.traceback[1].contains("smaller batches"));
        let full = how_it_ended(by(None, Some(9)), true);
        assert!(full.ends_with("(by the system, because the memory was full)"), "{full}");
        let said = Some("libgomp: Thread creation failed: Resource temporarily unavailable".to_owned());
        let error = crash(Some(Exit { said, ..by(Some(1), None).unwrap() }), &[], None);
        assert!(error.traceback[1].contains("No process or thread"), "{:?}", error.traceback);
    }
}
