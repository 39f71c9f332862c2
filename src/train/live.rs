//! Live output of a training: the tutorial's lines, or in a notebook a table and curves.

use crate::notebook::html::escape;
use std::io::Write;
use std::time::{Duration, Instant};

use tch::Device;

use super::History;
use super::epoch::Tally;
use super::history::table;
use crate::cuda;
use crate::notebook::{DisplayHandle, MimeBundle, Progress, Show, display, is_live};

/// The minimum interval between updates of the line, which must also take less than a hundredth of the
/// time.
const INTERVAL: Duration = Duration::from_millis(250);
const COST: u32 = 100;
/// A longer training shows its last epochs, and the best one.
const MOST_ROWS: usize = 30;

/// The live output of one training.
pub(super) struct Live {
    /// The tutorial's lines so far.
    transcript: String,
    output: Output,
    bar: Progress,
    started: Instant,
    shown: Option<Instant>,
    cost: Duration,
    /// Images of the phases of the epochs that are done, and of the phase that runs.
    before: u64,
    curves: String,
    head: String,
    /// Where it trains.
    device: Device,
}

enum Output {
    Quiet,
    Lines,
    /// The table with its curves, and the line below.
    Notebook {
        table: DisplayHandle,
        line: DisplayHandle,
    },
}

/// Plain text and HTML that are built elsewhere.
struct Page(MimeBundle);

impl Live {
    /// `images` is how many pictures all epochs have together, validation included; `head` says what is
    /// trained with what, on `device`.
    pub fn new(verbose: bool, live: bool, images: u64, head: String, device: Device) -> Live {
        let bar = Progress::hidden("", images).unit("images");
        let output = match (verbose, live && is_live()) {
            (false, _) => Output::Quiet,
            (true, false) => Output::Lines,
            (true, true) => Output::Notebook {
                table: display(&Page(MimeBundle::text("").with_html(head_html(&head)))),
                line: display(&bar),
            },
        };
        Live {
            transcript: String::new(),
            output,
            bar,
            started: Instant::now(),
            shown: None,
            cost: Duration::ZERO,
            before: 0,
            curves: String::new(),
            head,
            device,
        }
    }

    /// What is trained with what, and how full the GPU is.
    fn head(&self) -> String {
        if !self.device.is_cuda() {
            return self.head.clone();
        }
        cuda::memory(self.device)
            .map_or_else(|_| self.head.clone(), |memory| format!("{}, {memory}", self.head))
    }

    /// Prints a line and flushes, so that a notebook shows it during training.
    pub fn say(&mut self, line: std::fmt::Arguments<'_>) {
        match self.output {
            Output::Quiet => {}
            Output::Lines => {
                let mut out = std::io::stdout().lock();
                // If standard output is closed there is nobody to report to.
                let _ = writeln!(out, "{line}").and_then(|()| out.flush());
            }
            Output::Notebook { .. } => self.transcript += &format!("{line}\n"),
        }
    }

    /// Skips the part that a resumed training has already done.
    pub fn skip(&mut self, images: u64) {
        self.before = images;
        self.bar.set_position(images);
    }

    /// A batch is done: `tally` is of the running phase, whose number of batches is `batches`.
    pub fn batch(&mut self, phase: &str, epoch: (usize, usize), tally: &Tally, batches: usize) {
        let Output::Notebook { line, .. } = &self.output else { return };
        let due = self.shown.is_none_or(|shown| shown.elapsed() >= INTERVAL)
            && self.cost * COST <= self.started.elapsed();
        if !due {
            return;
        }
        let start = Instant::now();
        self.bar.set_description(format!(
            "Epoch {}/{} {phase}, batch {}/{batches}",
            epoch.0,
            epoch.1.saturating_sub(1),
            tally.batches
        ));
        self.bar.set_postfix(format!("loss {:.4}, acc {:.4}", tally.loss, tally.accuracy()));
        self.bar.set_position(self.before + tally.images as u64);
        self.bar.refresh();
        line.update(&self.bar);
        self.shown = Some(Instant::now());
        self.cost += start.elapsed();
    }

    /// A phase is done.
    pub fn phase(&mut self, tally: &Tally) {
        self.before += tally.images as u64;
    }

    /// An epoch is done: the table and the curves grow.
    pub fn epoch(&mut self, history: &History) {
        let Output::Notebook { table, .. } = &self.output else { return };
        let start = Instant::now();
        // Drawing takes milliseconds; if epochs do too, not every one is drawn.
        if self.cost * COST <= self.started.elapsed() || self.curves.is_empty() {
            self.curves = curves(history);
        }
        table.update(&Page(page(&self.head(), history, &self.curves, &self.transcript)));
        self.cost += start.elapsed();
    }

    /// The training has ended: shows the final state, which the saved notebook keeps.
    pub fn end(&mut self, history: &History) {
        let Output::Notebook { table, line } = &self.output else { return };
        let curves = curves(history);
        table.update(&Page(page(&self.head(), history, &curves, &self.transcript)));
        let summary = summary(history);
        let html = format!("<div>{}</div>", escape(&summary).replace('\n', "<br>"));
        line.update(&Page(MimeBundle::text(summary).with_html(html)));
    }
}

impl std::fmt::Debug for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&self.0, f)
    }
}

impl Show for Page {
    fn bundle(&self) -> MimeBundle {
        self.0.clone()
    }
}

/// The last lines of the history's text, below its table.
fn summary(history: &History) -> String {
    let text = history.to_string();
    let skip = if history.rows() > 0 { history.rows() + 1 } else { 0 };
    text.lines().skip(skip).collect::<Vec<_>>().join("\n")
}

fn curves(history: &History) -> String {
    let Ok(figure) = history.plot() else { return String::new() };
    let alt = escape(&summary(history));
    format!(
        "<img width=\"{}\" height=\"{}\" alt=\"{alt}\" src=\"{}\">",
        figure.width(),
        figure.height(),
        figure.data_url()
    )
}

fn page(head: &str, history: &History, curves: &str, transcript: &str) -> MimeBundle {
    let html = format!("{}{curves}{}", head_html(head), table::running_html(history, MOST_ROWS));
    MimeBundle::text(transcript.trim_end()).with_html(html)
}

fn head_html(head: &str) -> String {
    format!("<div style=\"color:gray\">{}</div>", escape(head))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_marks_the_best_and_keeps_it_in_a_long_training() {
        let history = History {
            train_losses: vec![1.0; 50],
            train_acc_history: vec![0.5; 50],
            valid_losses: vec![1.0; 50],
            val_acc_history: vec![0.25; 50],
            lrs: vec![0.01; 51],
            train_seconds: vec![1.0; 50],
            valid_seconds: vec![1.0; 50],
            train_images_per_second: vec![100.0; 50],
            best_epoch: Some(3),
            best_acc: 0.25,
            ..Default::default()
        };
        let html = table::running_html(&history, MOST_ROWS);
        assert_eq!(html.matches("<tr").count(), 1 + MOST_ROWS + 1);
        assert!(html.contains("<tr style=\"font-weight:bold\"><td style=\"text-align:right\">3</td>"));
        assert!(html.contains("0.2500 ★"));
        assert!(summary(&history).starts_with("best valid acc 0.2500 in epoch 3"));
        assert!(curves(&history).starts_with("<img width=\"960\""));
    }
}
