//! A bar that fills while a loop runs, with tqdm's words and tqdm's line.

mod bar;
mod iter;
mod rate;

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use super::bundle::{MimeBundle, Show};
use super::display::{DisplayHandle, display};
use super::host::{Host, host};
use bar::{Face, State};
pub use iter::ProgressIter;
use rate::Rate;

/// A notebook's output changes no more often than this.
const IN_NOTEBOOK: Duration = Duration::from_millis(100);
/// In a file or another kernel each change is a line: one now and then.
const IN_LOG: Duration = Duration::from_secs(30);

/// A progress bar with rate and remaining time, as `tqdm` has it.
///
/// ```
/// use herbarium_notebook::Progress;
///
/// let mut bar = Progress::new("Epoch 0", 40).unit("batch");
/// for batch in 0..40 {
///     bar.set_postfix(format!("loss={:.4}", 1.0 / f64::from(batch + 1)));
///     bar.update(1);
/// }
/// bar.close();
///
/// for picture in Progress::over("reading", 0..120) {
///     # let _ = picture;
/// }
/// ```
///
/// In a notebook it appears where it was created and updates in place at most ten times a second; the
/// saved notebook shows its last state. On a terminal it is one line on stderr, overwritten; in a file,
/// or under another evcxr kernel, it is a line every half minute and one at the end. A bar dropped
/// before it reached its total says `stopped`.
pub struct Progress {
    description: String,
    postfix: String,
    unit: String,
    scale: bool,
    total: Option<u64>,
    done: u64,
    started: Instant,
    rate: Rate,
    /// When the rate was last measured, and what was done by then.
    measured: (Instant, u64),
    shown: Option<Instant>,
    /// Which of the two changes was shown last; `None` once the other has been shown after it.
    shown_for: Option<Change>,
    state: State,
    outlet: Outlet,
}

/// What a loop changes in its two calls for each step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Count,
    Words,
}

/// Where a bar is shown.
#[derive(Debug)]
enum Outlet {
    /// In a cell; the handle is there once it was shown.
    Notebook(Option<DisplayHandle>),
    /// On a terminal's line; how many columns the text there has.
    Terminal(usize),
    /// As lines, on stdout if it is `true`.
    Log(bool),
    /// Nowhere: whoever made it shows it.
    Hidden,
}

impl Progress {
    /// A bar for `total` steps, shown at once.
    pub fn new(description: impl Into<String>, total: u64) -> Self {
        let mut bar = Self::with(description.into(), Some(total), outlet());
        bar.refresh();
        bar
    }

    /// A bar for an unknown total: it counts, and shows no remaining time.
    pub fn unbounded(description: impl Into<String>) -> Self {
        let mut bar = Self::with(description.into(), None, outlet());
        bar.refresh();
        bar
    }

    /// A bar that is not displayed by itself but becomes part of a larger display, by its
    /// [`bundle`](Show::bundle) or its text (`to_string`).
    pub fn hidden(description: impl Into<String>, total: u64) -> Self {
        Self::with(description.into(), Some(total), Outlet::Hidden)
    }

    /// The elements of `iterable`, with a bar that moves as they are taken, as `tqdm(iterable)`.
    pub fn over<I: IntoIterator>(description: impl Into<String>, iterable: I) -> ProgressIter<I::IntoIter> {
        ProgressIter::new(description.into(), iterable.into_iter())
    }

    fn with(description: String, total: Option<u64>, outlet: Outlet) -> Self {
        let now = Instant::now();
        Self {
            description,
            postfix: String::new(),
            unit: "it".into(),
            scale: false,
            total,
            done: 0,
            started: now,
            rate: Rate::default(),
            measured: (now, 0),
            shown: None,
            shown_for: None,
            state: State::Running,
            outlet,
        }
    }

    /// The unit of a step in the rate, `it` by default: `3.61batch/s`.
    pub fn unit(mut self, unit: impl Into<String>) -> Self {
        self.unit = unit.into();
        self
    }

    /// Counts bytes: `12.3M/527M [00:05<03:31, 2.44MB/s]`, as tqdm's `unit="B", unit_scale=True`.
    pub fn bytes(mut self) -> Self {
        self.scale = true;
        self.unit("B")
    }

    /// `steps` more are done. Cheap: it may be called for each of a million steps.
    pub fn update(&mut self, steps: u64) {
        self.set_position(self.done.saturating_add(steps));
    }

    /// Sets how many steps are done in all.
    pub fn set_position(&mut self, done: u64) {
        self.done = done;
        self.refresh_if_due(Change::Count);
    }

    /// How many steps are done.
    pub fn position(&self) -> u64 {
        self.done
    }

    /// How many steps there are in all, if that is known.
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// Sets how many steps there are in all, when that becomes known.
    pub fn set_total(&mut self, total: u64) {
        self.total = Some(total);
        self.refresh_if_due(Change::Count);
    }

    /// Sets the text before the bar.
    pub fn set_description(&mut self, description: impl Into<String>) {
        self.description = description.into();
        self.refresh_if_due(Change::Words);
    }

    /// Sets the text after the rate, such as `loss=0.31`.
    pub fn set_postfix(&mut self, postfix: impl Into<String>) {
        self.postfix = postfix.into();
        self.refresh_if_due(Change::Words);
    }

    /// How long the bar has run.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Steps per second, as a moving average; over the whole time once the bar is closed.
    pub fn per_second(&self) -> Option<f64> {
        if self.state == State::Running { self.rate.per_second() } else { self.average() }
    }

    /// Shows the last state for good. Closing again does nothing, and a closed bar does not change.
    pub fn close(&mut self) {
        if self.state != State::Running {
            return;
        }
        let complete = self.total.is_none_or(|total| self.done >= total);
        self.state = if complete { State::Done } else { State::Stopped };
        self.show();
    }

    fn average(&self) -> Option<f64> {
        let seconds = self.measured.0.duration_since(self.started).as_secs_f64();
        (self.done > 0 && seconds > 0.0).then(|| self.done as f64 / seconds)
    }

    fn refresh_if_due(&mut self, change: Change) {
        let in_log = matches!(self.outlet, Outlet::Log(_));
        let interval = if in_log { IN_LOG } else { IN_NOTEBOOK };
        if self.shown.is_none_or(|shown| shown.elapsed() >= interval) {
            self.refresh();
            self.shown_for = Some(change);
        } else if !in_log && self.shown_for.take_if(|shown| *shown != change).is_some() {
            // A slow step sets its loss and its count one after the other: show both, not one of them.
            self.refresh();
        }
    }

    /// Shows the present state now, however short the time since the last.
    pub fn refresh(&mut self) {
        if self.state == State::Running {
            self.show();
        }
    }

    fn show(&mut self) {
        let now = Instant::now();
        let (since, before) = self.measured;
        if self.done > before || self.state != State::Running {
            self.rate.add(self.done.saturating_sub(before), now.duration_since(since));
            self.measured = (now, self.done);
        }
        let first = self.shown.replace(now).is_none();
        let running = self.state == State::Running;
        let mut outlet = std::mem::replace(&mut self.outlet, Outlet::Hidden);
        match &mut outlet {
            Outlet::Notebook(Some(handle)) => handle.update(self),
            Outlet::Notebook(handle) => *handle = Some(display(self)),
            Outlet::Terminal(columns) => {
                let text = self.to_string();
                let before = std::mem::replace(columns, text.chars().count());
                let rest = " ".repeat(before.saturating_sub(*columns));
                let end = if running { "" } else { "\n" };
                // If stderr is closed there is nobody to report to.
                let _ = write!(std::io::stderr().lock(), "\r{text}{rest}{end}");
            }
            // A log starts with the first known numbers, not with an empty bar.
            Outlet::Log(_) if first && running => {}
            Outlet::Log(true) => drop(writeln!(std::io::stdout().lock(), "{self}")),
            Outlet::Log(false) => drop(writeln!(std::io::stderr().lock(), "{self}")),
            Outlet::Hidden => {}
        }
        self.outlet = outlet;
    }

    fn face(&self) -> Face<'_> {
        let elapsed = if self.state == State::Running {
            self.started.elapsed()
        } else {
            self.measured.0.duration_since(self.started)
        };
        Face {
            description: &self.description,
            postfix: &self.postfix,
            unit: &self.unit,
            scale: self.scale,
            done: self.done,
            total: self.total,
            elapsed,
            per_second: self.per_second(),
            state: self.state,
        }
    }

    /// Nothing to show: the bar is already on the page.
    pub fn evcxr_display(&self) {}
}

/// Where a bar of this process is shown.
fn outlet() -> Outlet {
    match host() {
        Host::Herbarium => Outlet::Notebook(None),
        Host::Evcxr => Outlet::Log(true),
        Host::Plain if std::io::stderr().is_terminal() => Outlet::Terminal(0),
        Host::Plain => Outlet::Log(false),
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.close();
    }
}

impl std::fmt::Display for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.face().text())
    }
}

impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl Show for Progress {
    /// tqdm's line, and a bar as HTML.
    fn bundle(&self) -> MimeBundle {
        self.face().bundle()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_ends() {
        let mut bar = Progress::hidden("reading", 4).unit("picture");
        assert!(bar.to_string().starts_with("reading:   0%|"), "{bar}");
        bar.update(3);
        assert_eq!((bar.position(), bar.total()), (3, Some(4)));
        bar.set_postfix("rose.jpg");
        assert!(bar.to_string().contains(" 75%|") && bar.to_string().contains("3/4"), "{bar}");
        bar.update(1);
        bar.close();
        let last = bar.to_string();
        assert!(last.contains("100%|") && last.contains("rose.jpg]") && !last.contains('<'), "{last}");
        std::thread::sleep(Duration::from_millis(2));
        assert_eq!(bar.to_string(), last, "a closed bar stands still");
        assert_eq!(format!("{bar:?}"), last);
    }

    #[test]
    fn a_bar_that_is_closed_too_soon_says_so() {
        let mut bar = Progress::hidden("x", 4);
        bar.update(1);
        bar.close();
        assert!(bar.to_string().ends_with("stopped"));
    }

    #[test]
    fn the_rate_is_there_as_soon_as_something_was_done() {
        let mut bar = Progress::hidden("x", 1000);
        assert_eq!(bar.per_second(), None);
        std::thread::sleep(Duration::from_millis(20));
        bar.set_position(100);
        assert!(bar.per_second().is_some_and(|rate| rate > 100.0 && rate < 5001.0), "{bar:?}");
        assert!(bar.to_string().contains("it/s"));
    }
}
