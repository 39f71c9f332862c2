//! The course of a training: losses, accuracies and the learning rate, epoch by epoch.

use image::{Rgb, RgbImage};
use plotters::coord::Shift;
use plotters::prelude::*;

use super::Figure;
use super::axis::Scale;
use super::font::{self, Line, Weight};
use super::pen::Pen;
use crate::notebook::{MimeBundle, Show, result};
use crate::train::History;
use crate::{Error, Result};

/// Pixels per CSS pixel, for sharp screens.
const SHARP: u32 = 2;
/// Size of the figure in CSS pixels.
const WIDTH: u32 = 960;
const HEIGHT: u32 = 300;
/// Height above a panel's plot, for its title and legend.
const HEAD: u32 = 34;
/// With more epochs than this, the points on a line are left out.
const MOST_POINTS: usize = 40;

const TRAIN: RGBColor = RGBColor(31, 119, 180);
const VALID: RGBColor = RGBColor(225, 92, 20);
const RATE: RGBColor = RGBColor(112, 72, 160);
const BEST: RGBColor = RGBColor(0, 128, 0);
const INK: RGBColor = RGBColor(60, 60, 60);
const FAINT: RGBColor = RGBColor(228, 228, 228);

/// One line of a panel: the value of each epoch.
struct Series {
    name: &'static str,
    colour: RGBColor,
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
    /// [`Error::Argument`] if the picture cannot be drawn.
    pub fn plot(&self) -> Result<Figure> {
        let mut sheet = RgbImage::from_pixel(WIDTH * SHARP, HEIGHT * SHARP, Rgb([255; 3]));
        let (panels, epochs) = (panels(self), length(self));
        for (place, panel) in panels.iter().enumerate() {
            heading(&mut sheet, place as u32, panel);
        }
        if epochs == 0 {
            write(&mut sheet, "no epoch was completed", 20.0, 150.0, 13.0, Weight::Regular, INK);
        } else {
            let areas = Pen(&mut sheet).into_drawing_area().split_evenly((1, panels.len()));
            for (area, panel) in areas.iter().zip(&panels) {
                draw(area, panel, epochs).map_err(|reason| {
                    Error::Argument(format!("{} cannot be plotted: {reason}", panel.title))
                })?;
            }
        }
        Figure::new(&sheet, WIDTH, HEIGHT, self.to_string())
    }

    /// Shows the table as the value of a cell's last expression.
    pub fn evcxr_display(&self) {
        result(self);
    }
}

impl Show for History {
    fn bundle(&self) -> MimeBundle {
        MimeBundle::text(self.to_string())
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

/// A panel's title at its left, its legend at its right.
fn heading(sheet: &mut RgbImage, place: u32, panel: &Panel) {
    let left = (place * WIDTH / 3) as f32;
    write(sheet, panel.title, left + 14.0, 21.0, 14.0, Weight::Bold, INK);
    let mut right = left + (WIDTH / 3) as f32 - 16.0;
    let mark = panel.best.map(|(epoch, _)| (format!("best ({epoch})"), BEST));
    let lines = panel.series.iter().map(|line| (line.name.to_string(), line.colour));
    for (name, colour) in mark.into_iter().chain(lines.rev()).filter(|(name, _)| !name.is_empty()) {
        right -= font::width(&name, 11.0, Weight::Regular);
        write(sheet, &name, right, 20.0, 11.0, Weight::Regular, INK);
        right -= 18.0;
        for x in (right * SHARP as f32) as i32..((right + 14.0) * SHARP as f32) as i32 {
            for y in 31..35 {
                font::blend(sheet, x, y, Rgb([colour.0, colour.1, colour.2]), 1.0);
            }
        }
        right -= 12.0;
    }
}

/// Writes at a place given in CSS pixels.
fn write(sheet: &mut RgbImage, text: &str, x: f32, y: f32, size: f32, weight: Weight, colour: RGBColor) {
    let (sharp, colour) = (SHARP as f32, Rgb([colour.0, colour.1, colour.2]));
    font::draw(sheet, text, Line { x: x * sharp, y: y * sharp, size: size * sharp, weight, colour });
}

/// A label's size in the picture's own pixels; the family does not matter, the pen has one font.
fn label(size: u32) -> TextStyle<'static> {
    ("sans-serif", size * SHARP).into_font().color(&INK)
}

fn draw(
    area: &DrawingArea<Pen<'_>, Shift>,
    panel: &Panel,
    epochs: usize,
) -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut chart = ChartBuilder::on(area)
        .margin_top(HEAD * SHARP)
        .margin_right(16 * SHARP)
        .margin_bottom(4 * SHARP)
        .margin_left(6 * SHARP)
        .x_label_area_size(38 * SHARP)
        .y_label_area_size(46 * SHARP)
        .build_cartesian_2d(Scale::epochs(epochs), panel.scale.clone())?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(FAINT.stroke_width(SHARP))
        .light_line_style(TRANSPARENT)
        .axis_style(RGBColor(150, 150, 150).stroke_width(SHARP))
        .set_all_tick_mark_size(3 * SHARP)
        .label_style(label(11))
        .x_desc("epoch")
        .axis_desc_style(label(11))
        .draw()?;
    if let Some((epoch, _)) = panel.best {
        let x = epoch as f64;
        let line = [(x, panel.scale.low), (x, panel.scale.high)];
        chart.draw_series(LineSeries::new(line, BEST.mix(0.55).stroke_width(SHARP)))?;
    }
    for line in &panel.series {
        for run in panel.scale.runs(&line.values) {
            chart.draw_series(LineSeries::new(run.iter().copied(), line.colour.stroke_width(2 * SHARP)))?;
            if epochs <= MOST_POINTS || run.len() == 1 {
                let dot = |point: &(f64, f64)| Circle::new(*point, 5, line.colour.filled());
                chart.draw_series(run.iter().map(dot))?;
            }
        }
    }
    if let Some((epoch, line)) = panel.best
        && let Some(value) = panel.series.get(line).and_then(|line| line.values.get(epoch))
        && let Some(y) = panel.scale.place(*value)
    {
        let at = (epoch as f64, y);
        chart.draw_series([Circle::new(at, 9, BEST.filled()), Circle::new(at, 5, WHITE.filled())])?;
    }
    Ok(())
}
