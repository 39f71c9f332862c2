//! How a bar looks: tqdm's line as text, a bar and the same facts as HTML.

use crate::html::escape;
use std::time::Duration;

use super::super::bundle::MimeBundle;
use super::rate::{clock, scaled};

/// Columns of the bar in the text form.
const WIDTH: u64 = 20;
/// Parts of a column, by eighths.
const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// The state of a bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Running,
    /// Closed with all of it done, or with no total.
    Done,
    /// Closed, or dropped, before the total was reached.
    Stopped,
}

/// All that is shown of a bar at one moment.
#[derive(Debug)]
pub(super) struct Face<'a> {
    pub description: &'a str,
    pub postfix: &'a str,
    pub unit: &'a str,
    /// Numbers are large, and shown with SI prefixes.
    pub scale: bool,
    pub done: u64,
    pub total: Option<u64>,
    pub elapsed: Duration,
    pub per_second: Option<f64>,
    pub state: State,
}

impl Face<'_> {
    /// `Epoch 0:  45%|█████████           | 18/40 [00:05<00:06, 3.61batch/s, loss=0.31]`.
    pub(super) fn text(&self) -> String {
        let mut line = String::new();
        if !self.description.is_empty() {
            line = format!("{}: ", self.description);
        }
        if self.total.is_some() {
            line += &format!("{:>3}%|{}| ", self.percent(), bar(self.fraction()));
        }
        line += &format!("{} [{}", self.count(), self.times());
        for part in [self.rate(), self.postfix.to_string()].iter().filter(|part| !part.is_empty()) {
            line += &format!(", {part}");
        }
        line += "]";
        if self.state == State::Stopped {
            line += " stopped";
        }
        line
    }

    /// A bar and its numbers. It is a `<progress>` element, which front ends keep even in untrusted
    /// notebooks.
    pub(super) fn html(&self) -> String {
        let mut html = String::from("<div style=\"font-family:monospace;white-space:pre-wrap\">");
        if !self.description.is_empty() {
            html += &format!("{} ", escape(self.description));
        }
        let (value, max) = match self.total {
            Some(total) => (self.done.min(total), total.max(1)),
            None => (u64::from(self.state != State::Running), 1),
        };
        html += "<progress style=\"width:16em;vertical-align:middle\"";
        if self.total.is_some() || self.state != State::Running {
            html += &format!(" value=\"{value}\"");
        }
        html += &format!(" max=\"{max}\"></progress>");
        let percent = self.total.map(|_| format!("{}%", self.percent())).unwrap_or_default();
        let facts = [percent, self.count(), self.times(), self.rate(), self.postfix.to_string()];
        let mut facts: Vec<String> =
            facts.iter().filter(|fact| !fact.is_empty()).map(|fact| escape(fact)).collect();
        if self.state == State::Stopped {
            facts.push("<b>stopped</b>".into());
        }
        html += &format!(" {}</div>", facts.join(" · "));
        html
    }

    /// Both forms.
    pub(super) fn bundle(&self) -> MimeBundle {
        MimeBundle::text(self.text()).with_html(self.html())
    }

    fn fraction(&self) -> f64 {
        match self.total {
            Some(0) | None => f64::from(self.state == State::Done),
            Some(total) => (self.done as f64 / total as f64).min(1.0),
        }
    }

    fn percent(&self) -> u64 {
        // Not 100 before all is done.
        (self.fraction() * 100.0).floor() as u64
    }

    fn count(&self) -> String {
        let number = |number: u64| if self.scale { scaled(number as f64) } else { number.to_string() };
        match self.total {
            Some(total) => format!("{}/{}", number(self.done), number(total)),
            None => format!("{}{}", number(self.done), self.unit),
        }
    }

    /// `elapsed<remaining`; only `elapsed` where there is nothing left or no total.
    fn times(&self) -> String {
        let elapsed = clock(self.elapsed);
        let Some(total) = self.total.filter(|_| self.state == State::Running) else { return elapsed };
        let left = total.saturating_sub(self.done) as f64;
        match self.per_second {
            Some(rate) => match Duration::try_from_secs_f64(left / rate) {
                Ok(time) => format!("{elapsed}<{}", clock(time)),
                Err(_) => format!("{elapsed}<?"),
            },
            None => format!("{elapsed}<?"),
        }
    }

    /// `3.61batch/s`, or `2.50s/batch` for what takes longer than a second.
    fn rate(&self) -> String {
        let unit = self.unit;
        match self.per_second {
            None => String::new(),
            Some(rate) if rate < 1.0 => format!("{}s/{unit}", scaled(1.0 / rate)),
            Some(rate) => format!("{}{unit}/s", scaled(rate)),
        }
    }
}

/// A bar of [`WIDTH`] columns, filled to an eighth of a column.
fn bar(fraction: f64) -> String {
    let eighths = (fraction * (WIDTH * 8) as f64) as u64;
    let (full, part) = (eighths / 8, EIGHTHS[(eighths % 8) as usize]);
    let empty = WIDTH - full - u64::from(!part.is_empty());
    format!("{}{part}{}", "█".repeat(full as usize), " ".repeat(empty as usize))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face() -> Face<'static> {
        Face {
            description: "Epoch 0",
            postfix: "loss=0.31",
            unit: "batch",
            scale: false,
            done: 18,
            total: Some(40),
            elapsed: Duration::from_secs(5),
            per_second: Some(3.614),
            state: State::Running,
        }
    }

    /// tqdm 4.70: `tqdm.format_meter(18, 40, 5, prefix="Epoch 0", unit="batch", rate=3.614,
    /// postfix="loss=0.31", bar_format="{l_bar}{bar:20}{r_bar}")`, without its padding of the rate. Its
    /// percentage is rounded, so that it says 100 before all is done; this one is not.
    #[test]
    fn the_line_is_tqdms() {
        let expected = "Epoch 0:  45%|█████████           | 18/40 [00:05<00:06, 3.61batch/s, loss=0.31]";
        assert_eq!(face().text(), expected);
        let slow = Face { per_second: Some(0.4), postfix: "", description: "", done: 19, ..face() };
        assert_eq!(slow.text(), " 47%|█████████▌          | 19/40 [00:05<00:52, 2.50s/batch]");
    }

    #[test]
    fn the_last_face_says_how_it_ended() {
        let done = Face { done: 40, state: State::Done, elapsed: Duration::from_secs(11), ..face() };
        assert_eq!(done.text(), "Epoch 0: 100%|████████████████████| 40/40 [00:11, 3.61batch/s, loss=0.31]");
        let stopped = Face { state: State::Stopped, ..face() };
        assert!(stopped.text().ends_with("[00:05, 3.61batch/s, loss=0.31] stopped"));
        assert!(stopped.html().contains("<b>stopped</b>"));
    }

    #[test]
    fn without_a_total_it_counts() {
        let bytes = Face { total: None, scale: true, unit: "B", done: 12_300_000, postfix: "", ..face() };
        assert_eq!(bytes.text(), "Epoch 0: 12.3MB [00:05, 3.61B/s]");
        assert!(!bytes.html().contains("value="), "an open bar has no value");
    }

    #[test]
    fn html_is_a_bar_with_the_same_facts_and_escapes() {
        let html = Face { description: "<b>&", ..face() }.html();
        assert!(html.contains("&lt;b&gt;&amp;") && html.contains("value=\"18\" max=\"40\""), "{html}");
        assert!(html.contains("45% · 18/40 · 00:05&lt;00:06 · 3.61batch/s · loss=0.31"), "{html}");
    }

    #[test]
    fn strange_numbers_do_no_harm() {
        let face = Face { done: 50, per_second: Some(1e-300), total: Some(u64::MAX), ..face() };
        assert!(face.text().contains("<?"));
        let empty = Face { done: 0, total: Some(0), ..face };
        assert!(empty.text().contains("0%|") && empty.html().contains("max=\"1\""));
        let more = Face { done: 50, total: Some(40), ..empty };
        assert!(more.text().contains("100%|") && more.html().contains("value=\"40\""));
    }
}
