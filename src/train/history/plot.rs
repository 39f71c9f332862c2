//! The course of a training: losses, accuracies and the learning rate, epoch by epoch.

use image::Rgb;

use super::{History, table};
use crate::drawing::Figure;
use crate::drawing::axis::Scale;
use crate::drawing::canvas::{Area, Canvas, Text};
use crate::drawing::legend::Heading;
use crate::drawing::palette::{BLUE, GREEN, GREY, ORANGE, PURPLE, group};
use crate::drawing::plot::Plot;
use crate::notebook::{MimeBundle, Show, result};
use crate::train::Comparison;
use crate::{Error, Result};

/// Size of the figure in CSS pixels; a legend of several lines makes it higher.
const WIDTH: u32 = 960;
const HEIGHT: f32 = 300.0;
/// Height of a heading of one line, which that height includes.
const HEAD: f32 = 34.0;
/// Height of the strip above the plots in which the phases' names stand.
const STRIP: f32 = 15.0;
/// With more epochs than this, the points on a line are left out.
const MOST_POINTS: usize = 40;

const TRAIN: Rgb<u8> = BLUE;
const VALID: Rgb<u8> = ORANGE;
const RATE: Rgb<u8> = PURPLE;
const BEST: Rgb<u8> = GREEN;

/// One line of a panel: the value of each epoch.
struct Series {
    name: &'static str,
    colour: Rgb<u8>,
    values: Vec<f64>,
}

/// One of the figure's plots.
struct Panel {
    title: &'static str,
    series: Vec<Series>,
    scale: Scale,
    /// The epoch to mark, and the line whose value there is the best.
    best: Option<(usize, usize)>,
}

impl History {
    /// Losses, accuracies and the learning rate over the epochs, in three panels. The epoch whose
    /// weights were kept is marked, and where a later [phase](History::phases) began. Values that are not finite are left
    /// out.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) if the picture cannot be drawn.
    pub fn plot(&self) -> Result<Figure> {
        draw(self, &[])
    }

    /// Shows the table as the value of a cell's last expression.
    pub fn evcxr_display(&self) {
        result(self);
    }
}

impl Show for History {
    fn bundle(&self) -> MimeBundle {
        MimeBundle::text(self.to_string()).with_html(table::html(self))
    }
}

impl Comparison {
    /// Validation losses and accuracies of all runs over the epochs, each run in its own colour.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) if the picture cannot be drawn.
    pub fn plot(&self) -> Result<Figure> {
        let epochs = self.runs.iter().map(|(_, history)| length(history)).max().unwrap_or(0);
        let colours = || self.runs.iter().enumerate().map(|(number, _)| group(number));
        let names: Vec<(String, Rgb<u8>)> =
            self.runs.iter().map(|(name, _)| name.clone()).zip(colours()).collect();
        let list = |history: &History, loss: bool| {
            if loss { history.valid_losses.clone() } else { history.val_acc_history.clone() }
        };
        let width = WIDTH as f32 / 2.0;
        let titles = ["Validation loss", "Validation accuracy"];
        // The names appear once: beside the first title, or above both.
        let first = Heading::new(titles[0], &names, width - 30.0);
        let above = Heading::new("", &names, WIDTH as f32 - 30.0);
        let top = if first.is_one_line() { 0.0 } else { above.height() - 8.0 };
        let height = HEIGHT + top;
        let mut canvas = Canvas::new(WIDTH, height as u32)?;
        if !first.is_one_line() {
            above.draw(&mut canvas, (14.0, 0.0));
        }
        for (place, title) in titles.into_iter().enumerate() {
            let loss = place == 0;
            let left = place as f32 * width;
            let beside = if loss && first.is_one_line() { &names[..] } else { &[] };
            Heading::new(title, beside, width - 30.0).draw(&mut canvas, (left + 14.0, top));
            if epochs == 0 {
                continue;
            }
            let all: Vec<f64> = self.runs.iter().flat_map(|(_, history)| list(history, loss)).collect();
            let scale = if loss { Scale::from_zero(&all) } else { Scale::share(&all) };
            let room = Area::new(left, top + HEAD, width - 16.0, height - top - HEAD - 4.0);
            let plot = Plot::new(room, Scale::epochs(epochs), scale);
            plot.axes(&mut canvas, "epoch", "")?;
            for ((_, history), colour) in self.runs.iter().zip(colours()) {
                plot.series(&mut canvas, &list(history, loss), colour, epochs <= MOST_POINTS)?;
            }
        }
        if epochs == 0 {
            canvas.text("no epoch was completed", (20.0, 150.0), Text::new(13.0));
        }
        canvas.figure(self.to_string())
    }
}

/// The phases of one training in a single plot, [`History::plot`]'s panels with the name of each phase above its
/// epochs: `plot_phases(&[("head alone", &history_1), ("all layers", &history_2)])`.
///
/// # Errors
/// [`Error::Argument`](crate::Error::Argument) if there is no phase, or the picture cannot be drawn.
pub fn plot_phases(phases: &[(&str, &History)]) -> Result<Figure> {
    let whole = phases.iter().map(|(_, history)| (*history).clone()).reduce(History::then);
    let Some(whole) = whole else {
        return Err(Error::Argument("plot_phases: give at least one phase, (name, &history)".into()));
    };
    let names: Vec<(String, usize)> =
        phases.iter().map(|(name, history)| ((*name).to_owned(), length(history))).collect();
    draw(&whole, &names)
}

/// The panels of a history; `names` are the phases' with their numbers of epochs.
fn draw(history: &History, names: &[(String, usize)]) -> Result<Figure> {
    let (panels, epochs) = (panels(history), length(history));
    let width = WIDTH as f32 / panels.len() as f32;
    let heading = |panel: &Panel| Heading::new(panel.title, &legend(panel), width - 30.0);
    let headings: Vec<Heading> = panels.iter().map(heading).collect();
    let head = headings.iter().map(Heading::height).fold(HEAD, f32::max);
    let strip = if names.is_empty() { 0.0 } else { STRIP };
    let height = HEIGHT + head - HEAD + strip;
    let mut canvas = Canvas::new(WIDTH, height as u32)?;
    for (place, (panel, heading)) in panels.iter().zip(&headings).enumerate() {
        let left = place as f32 * width;
        heading.draw(&mut canvas, (left + 14.0, 0.0));
        if epochs == 0 {
            continue;
        }
        let top = head + strip;
        let plot = Plot::new(
            Area::new(left, top, width - 16.0, height - top - 4.0),
            Scale::epochs(epochs),
            panel.scale.clone(),
        );
        draw_panel(&mut canvas, &plot, panel, &history.phases, epochs)?;
        phase_names(&mut canvas, &plot, names, top - 5.0);
    }
    if epochs == 0 {
        canvas.text("no epoch was completed", (20.0, 150.0), Text::new(13.0));
    }
    let phases: String =
        names.iter().map(|(name, epochs)| format!("{name}: {epochs} epochs\n")).collect::<String>();
    canvas.figure(phases + &history.to_string())
}

/// The phases' names over the middles of their epochs.
fn phase_names(canvas: &mut Canvas, plot: &Plot, names: &[(String, usize)], base: f32) {
    let values = plot.values();
    let mut first = 0;
    for (name, epochs) in names {
        let edge = |epoch: usize| plot.across(epoch as f64 - 0.5).clamp(values.x, values.right());
        let (from, to) = (edge(first), edge(first + epochs));
        let style = Text::new(10.0).colour(GREY).middle();
        canvas.text(&style.shortened(name, to - from - 4.0), ((from + to) / 2.0, base), style);
        first += epochs;
    }
}

/// Epochs that have any value.
fn length(history: &History) -> usize {
    let lists =
        [&history.train_losses, &history.valid_losses, &history.train_acc_history, &history.val_acc_history];
    lists.iter().map(|list| list.len()).max().unwrap_or(0)
}

fn panels(history: &History) -> [Panel; 3] {
    let series = |name, colour, values: &[f64]| Series { name, colour, values: values.to_vec() };
    let losses =
        vec![series("train", TRAIN, &history.train_losses), series("valid", VALID, &history.valid_losses)];
    let accuracies = vec![
        series("train", TRAIN, &history.train_acc_history),
        series("valid", VALID, &history.val_acc_history),
    ];
    // The first of the rates is the one before training.
    let rates = history.lrs.get(1..).unwrap_or(&[]);
    let best = history.best_epoch.filter(|epoch| *epoch < length(history)).map(|epoch| (epoch, 1));
    let scale = |series: &[Series], choose: fn(&[f64]) -> Scale| {
        let all: Vec<f64> = series.iter().flat_map(|line| line.values.iter().copied()).collect();
        choose(&all)
    };
    [
        Panel { title: "Loss", scale: scale(&losses, Scale::from_zero), series: losses, best },
        Panel { title: "Accuracy", scale: scale(&accuracies, Scale::share), series: accuracies, best },
        Panel {
            title: "Learning rate",
            scale: Scale::rate(rates),
            series: vec![series("", RATE, rates)],
            best: None,
        },
    ]
}

fn legend(panel: &Panel) -> Vec<(String, Rgb<u8>)> {
    let lines = panel.series.iter().map(|line| (line.name.to_string(), line.colour));
    let mark = panel.best.map(|(epoch, _)| (format!("best ({epoch})"), BEST));
    lines.chain(mark).filter(|(name, _)| !name.is_empty()).collect()
}

fn draw_panel(
    canvas: &mut Canvas,
    plot: &Plot,
    panel: &Panel,
    changes: &[usize],
    epochs: usize,
) -> Result<()> {
    plot.axes(canvas, "epoch", "")?;
    // Between two epochs and below the lines, so that neither mark covers a point.
    for change in changes.iter().filter(|change| (1..epochs).contains(*change)) {
        plot.mark(canvas, *change as f64 - 0.5, GREY)?;
    }
    if let Some((epoch, _)) = panel.best {
        plot.mark(canvas, epoch as f64, BEST)?;
    }
    for line in &panel.series {
        plot.series(canvas, &line.values, line.colour, epochs <= MOST_POINTS)?;
    }
    if let Some((epoch, line)) = panel.best
        && let Some(value) = panel.series.get(line).and_then(|line| line.values.get(epoch))
    {
        plot.ring(canvas, (epoch as f64, *value), BEST)?;
    }
    Ok(())
}
