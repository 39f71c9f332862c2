//! The course of a training: losses, accuracies and the learning rate, epoch by epoch.

use image::Rgb;

use super::Figure;
use super::axis::Scale;
use super::canvas::{Area, Canvas, Text};
use super::palette::{BLUE, GREEN, ORANGE, PURPLE, group};
use super::plot::{Plot, heading};
use crate::Result;
use crate::notebook::{MimeBundle, Show, result};
use crate::train::{Comparison, History};

/// Size of the figure in CSS pixels.
const WIDTH: u32 = 960;
const HEIGHT: u32 = 300;
/// Height above a panel's plot, for its title and legend.
const HEAD: f32 = 34.0;
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
    /// weights were kept is marked. Values that are not finite are left out.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) if the picture cannot be drawn.
    pub fn plot(&self) -> Result<Figure> {
        let mut canvas = Canvas::new(WIDTH, HEIGHT)?;
        let (panels, epochs) = (panels(self), length(self));
        let width = WIDTH as f32 / panels.len() as f32;
        for (place, panel) in panels.iter().enumerate() {
            let left = place as f32 * width;
            let title = Area::new(left + 14.0, 0.0, width - 30.0, HEAD);
            heading(&mut canvas, title, 21.0, panel.title, &legend(panel));
            if epochs > 0 {
                let room = Area::new(left, HEAD, width - 16.0, HEIGHT as f32 - HEAD - 4.0);
                draw(&mut canvas, room, panel, epochs)?;
            }
        }
        if epochs == 0 {
            canvas.text("no epoch was completed", (20.0, 150.0), Text::new(13.0));
        }
        canvas.figure(self.to_string())
    }

    /// Shows the table as the value of a cell's last expression.
    pub fn evcxr_display(&self) {
        result(self);
    }
}

impl Show for History {
    fn bundle(&self) -> MimeBundle {
        MimeBundle::text(self.to_string()).with_html(super::history_table::html(self))
    }
}

impl Comparison {
    /// Validation losses and accuracies of all runs over the epochs, each run in a colour of its own.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) if the picture cannot be drawn.
    pub fn plot(&self) -> Result<Figure> {
        let mut canvas = Canvas::new(WIDTH, HEIGHT)?;
        let epochs = self.runs.iter().map(|(_, history)| length(history)).max().unwrap_or(0);
        let colours = || self.runs.iter().enumerate().map(|(number, _)| group(number));
        let names: Vec<(String, Rgb<u8>)> =
            self.runs.iter().map(|(name, _)| name.clone()).zip(colours()).collect();
        let list = |history: &History, loss: bool| {
            if loss { history.valid_losses.clone() } else { history.val_acc_history.clone() }
        };
        let width = WIDTH as f32 / 2.0;
        for (place, title) in ["Validation loss", "Validation accuracy"].into_iter().enumerate() {
            let loss = place == 0;
            let left = place as f32 * width;
            let head = Area::new(left + 14.0, 0.0, width - 30.0, HEAD);
            // The names stand once, and the first panel has room for them.
            heading(&mut canvas, head, 21.0, title, if place == 0 { &names } else { &[] });
            if epochs == 0 {
                continue;
            }
            let all: Vec<f64> = self.runs.iter().flat_map(|(_, history)| list(history, loss)).collect();
            let scale = if loss { Scale::from_zero(&all) } else { Scale::share(&all) };
            let room = Area::new(left, HEAD, width - 16.0, HEIGHT as f32 - HEAD - 4.0);
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

fn draw(canvas: &mut Canvas, room: Area, panel: &Panel, epochs: usize) -> Result<()> {
    let plot = Plot::new(room, Scale::epochs(epochs), panel.scale.clone());
    plot.axes(canvas, "epoch", "")?;
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
