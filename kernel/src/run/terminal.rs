//! What `herbarium run` shows while it runs.

use std::io::{self, BufRead, IsTerminal};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::Value;

use super::rank::Rank;
use crate::session::{Event, InputRequest, Outcome, Reply, ansi};
use crate::stdio;
use crate::sys::{sockets, terminal::Hidden};

/// Prints progress: a line for each cell, its text below, what it took. Colours only on a terminal.
pub struct Terminal {
    colours: bool,
    /// Of several processes only the first one shows how it goes; the others say where they failed.
    rank: Rank,
    /// The cell that runs.
    cell: Mutex<String>,
    /// Where the cursor is, and whether the progress of a build stands there.
    line: Mutex<Line>,
}

#[derive(PartialEq, Eq)]
enum Line {
    Start,
    Inside,
    Progress,
}

impl Terminal {
    pub fn new(rank: Rank) -> Terminal {
        Terminal {
            colours: stdio::is_terminal(),
            rank,
            cell: Mutex::default(),
            line: Mutex::new(Line::Start),
        }
    }

    /// A cell begins.
    pub fn begin(&self, number: usize, of: usize, source: &str) {
        let first = source.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        let short: String = first.chars().take(70).collect();
        let more = if short.len() < first.len() { "…" } else { "" };
        *self.cell.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) =
            format!("[{number}/{of}] {short}{more}");
        self.print(&format!(
            "{}[{number}/{of}]{} {short}{more}\n",
            self.code(ansi::BOLD),
            self.code(ansi::RESET)
        ));
    }

    /// Something that the cell shows.
    pub fn event(&self, event: &Event) {
        match event {
            Event::Text { text, .. } => self.print(&self.dimmed(text)),
            Event::Display { data, display_id: Some(id), .. }
            | Event::Update { data, display_id: id, .. }
                if id.starts_with("herbarium-build-") =>
            {
                self.progress(data.get("text/plain").and_then(Value::as_str).unwrap_or_default());
            }
            Event::Display { data, .. } | Event::Result { data, .. } => {
                let kinds: Vec<&str> =
                    data.keys().filter(|mime| mime.starts_with("image/")).map(String::as_str).collect();
                match (kinds.first(), data.get("text/plain").and_then(Value::as_str)) {
                    (Some(kind), Some(text)) => self.print(&self.dimmed(&format!("{text} ({kind})\n"))),
                    (Some(kind), None) => self.print(&self.dimmed(&format!("({kind})\n"))),
                    (None, Some(text)) => self.print(&self.dimmed(&format!("{text}\n"))),
                    (None, None) => {}
                }
            }
            Event::Update { .. } | Event::Clear { .. } => {}
        }
    }

    /// The cell has ended.
    pub fn end(&self, outcome: &Outcome) {
        self.new_line();
        if let Some(error) = &outcome.error {
            let text = error.traceback.join("\n");
            if !self.rank.is_first() {
                let cell = self.cell.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                stdio::print_error(&format!("rank {}, {cell}\n{}", self.rank, without_colours(&text)));
            }
            self.print(&if self.colours {
                format!("{text}\n")
            } else {
                format!("{}\n", without_colours(&text))
            });
        }
        let seconds = outcome.elapsed.as_secs_f64();
        self.print(&self.dimmed(&format!("      {seconds:.1} s\n")));
    }

    /// Asks the person at the terminal, until that is `cancelled`.
    pub fn ask(&self, request: &InputRequest, cancelled: &dyn Fn() -> bool) -> Reply {
        if !io::stdin().is_terminal() {
            return Reply::Refused(NO_TERMINAL.to_owned());
        }
        self.new_line();
        self.print(&request.prompt);
        let hidden = request.password.then(Hidden::begin);
        while !can_read_stdin() {
            if cancelled() {
                return Reply::Cancelled;
            }
        }
        let mut answer = String::new();
        let read = io::stdin().lock().read_line(&mut answer);
        if hidden.is_some() {
            self.print("\n");
        }
        *self.line() = Line::Start;
        match read {
            Ok(read) if read > 0 => Reply::Line(answer.trim_end_matches(['\n', '\r']).to_owned()),
            _ => Reply::End,
        }
    }

    /// A line that the next one overwrites; nothing if the output is a file.
    fn progress(&self, text: &str) {
        if self.colours {
            let mut line = self.line();
            let start = if *line == Line::Inside { "\n" } else { "\r\x1b[2K" };
            stdio::print(&format!("{start}{}      {text}{}", ansi::DIM, ansi::RESET));
            *line = Line::Progress;
        }
    }

    fn print(&self, text: &str) {
        if !self.rank.is_first() {
            return;
        }
        let mut line = self.line();
        if *line == Line::Progress {
            stdio::print("\r\x1b[2K");
            *line = Line::Start;
        }
        stdio::print(text);
        let visible = without_colours(text);
        if !visible.is_empty() {
            *line = if visible.ends_with('\n') { Line::Start } else { Line::Inside };
        }
    }

    fn new_line(&self) {
        if *self.line() == Line::Inside {
            self.print("\n");
        }
    }

    fn dimmed(&self, text: &str) -> String {
        format!("{}{text}{}", self.code(ansi::DIM), self.code(ansi::RESET))
    }

    fn code(&self, code: &'static str) -> &'static str {
        if self.colours { code } else { "" }
    }

    fn line(&self) -> std::sync::MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Why a cell cannot ask.
const NO_TERMINAL: &str = "the cell reads standard input, but `herbarium run` has no terminal to ask at: put the value into the notebook";

/// Waits a moment for somebody to have typed a line.
fn can_read_stdin() -> bool {
    const MOMENT: Duration = Duration::from_millis(50);
    // An error is looked at by who reads or asks again.
    sockets::readable([Some(&io::stdin())], Some(MOMENT)).is_ok_and(|[ready]| ready)
}

/// Text without ANSI colours.
fn without_colours(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("\x1b[") {
        out.push_str(&rest[..start]);
        rest = rest[start..].split_once('m').map_or("", |(_, after)| after);
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_taken_away() {
        assert_eq!(without_colours("\x1b[1;31mError\x1b[0m: a\n"), "Error: a\n");
        assert_eq!(without_colours("plain"), "plain");
    }
}
