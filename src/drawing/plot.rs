//! A chart: plotters' axes, lines and points on a part of a canvas.

use image::Rgb;
use plotters::chart::ChartContext;
use plotters::coord::cartesian::Cartesian2d;
use plotters::prelude::*;

use super::axis::Scale;
use super::canvas::{Area, Canvas, CanvasBackend, FINE};
use super::palette::{FAINT, GREY, INK};
use crate::{Error, Result};

/// The colour of the axes themselves.
const AXIS: Rgb<u8> = Rgb([150, 150, 150]);
const TICK: f32 = 3.0;
/// Letters at the ticks and beside the axes.
const LABEL: f32 = 11.0;
/// Margins for the axis labels.
const LEFT: f32 = 52.0;
const BELOW: f32 = 42.0;

/// A chart on a part of a canvas.
pub(crate) struct Plot {
    /// The chart with its axis labels.
    room: Area,
    x: Scale,
    y: Scale,
}

/// CSS pixels in plotters' own.
fn fine(pixels: f32) -> u32 {
    (pixels * FINE).round() as u32
}

fn colour(rgb: Rgb<u8>) -> RGBColor {
    RGBColor(rgb.0[0], rgb.0[1], rgb.0[2])
}

/// The family does not matter: a canvas has one font.
fn letters(colour: RGBColor) -> TextStyle<'static> {
    ("sans-serif", f64::from(LABEL * FINE)).into_font().color(&colour)
}

impl Plot {
    /// A chart whose values and axes fill `room`.
    pub(crate) fn new(room: Area, x: Scale, y: Scale) -> Self {
        Self { room, x, y }
    }

    /// Draws on the chart.
    fn on(
        &self,
        canvas: &mut Canvas,
        draw: impl FnOnce(&mut ChartContext<'_, CanvasBackend<'_>, Cartesian2d<Scale, Scale>>) -> Drawn,
    ) -> Result<()> {
        let Area { x, y, width, height } = self.room;
        let whole = CanvasBackend::fine(canvas).into_drawing_area();
        let area = whole.shrink((fine(x), fine(y)), (fine(width), fine(height)));
        let chart = ChartBuilder::on(&area)
            .x_label_area_size(fine(BELOW))
            .y_label_area_size(fine(LEFT))
            .build_cartesian_2d(self.x.clone(), self.y.clone());
        chart
            .map_err(Into::into)
            .and_then(|mut chart| draw(&mut chart))
            .map_err(|reason| Error::Argument(format!("a chart cannot be drawn: {reason}")))
    }

    /// Grid lines, the axes, their numbers and their names.
    ///
    /// # Errors
    /// As all that draws here: [`Error::Argument`] if there is no room for a chart.
    pub(crate) fn axes(&self, canvas: &mut Canvas, x_name: &str, y_name: &str) -> Result<()> {
        self.on(canvas, |chart| {
            chart
                .configure_mesh()
                .disable_x_mesh()
                .bold_line_style(colour(FAINT).stroke_width(fine(1.0)))
                .light_line_style(TRANSPARENT)
                .axis_style(colour(AXIS).stroke_width(fine(1.0)))
                .set_all_tick_mark_size(fine(TICK))
                .label_style(letters(colour(INK)))
                .axis_desc_style(letters(colour(GREY)))
                .x_desc(x_name)
                .y_desc(y_name)
                .draw()?;
            Ok(())
        })
    }

    /// The line of values over their numbers 0, 1, 2…, broken where a value cannot be shown; with
    /// `dots`, each value has its own, and a value alone has one in any case.
    pub(crate) fn series(&self, canvas: &mut Canvas, values: &[f64], rgb: Rgb<u8>, dots: bool) -> Result<()> {
        self.on(canvas, |chart| {
            for run in self.y.runs(values) {
                let line = LineSeries::new(run.iter().copied(), colour(rgb).stroke_width(fine(2.0)));
                chart.draw_series(line)?;
                if dots || run.len() == 1 {
                    let dot = |point: &(f64, f64)| Circle::new(*point, fine(2.75), colour(rgb).filled());
                    chart.draw_series(run.iter().map(dot))?;
                }
            }
            Ok(())
        })
    }

    /// A line through pairs of values, broken where one cannot be shown.
    pub(crate) fn line(
        &self,
        canvas: &mut Canvas,
        pairs: &[(f64, f64)],
        width: f32,
        rgb: Rgb<u8>,
    ) -> Result<()> {
        let points: Vec<_> =
            pairs.iter().map(|(x, y)| Some((self.x.place(*x)?, self.y.place(*y)?))).collect();
        self.on(canvas, |chart| {
            for run in points.split(Option::is_none).filter(|run| !run.is_empty()) {
                let style = colour(rgb).stroke_width(fine(width));
                chart.draw_series(LineSeries::new(run.iter().flatten().copied(), style))?;
            }
            Ok(())
        })
    }

    /// A line from bottom to top at a place of the horizontal axis. What is drawn later lies above it.
    pub(crate) fn mark(&self, canvas: &mut Canvas, x: f64, rgb: Rgb<u8>) -> Result<()> {
        let Some(x) = self.x.place(x) else { return Ok(()) };
        let (line, style) =
            ([(x, self.y.low), (x, self.y.high)], colour(rgb).mix(0.55).stroke_width(fine(1.0)));
        self.on(canvas, |chart| Ok(chart.draw_series(LineSeries::new(line, style)).map(drop)?))
    }

    /// A ring around a pair of values, if it can be shown, wide enough to leave the point itself visible.
    pub(crate) fn ring(&self, canvas: &mut Canvas, (x, y): (f64, f64), rgb: Rgb<u8>) -> Result<()> {
        let (Some(x), Some(y)) = (self.x.place(x), self.y.place(y)) else { return Ok(()) };
        let ring = Circle::new((x, y), fine(6.0), colour(rgb).stroke_width(fine(1.5)));
        self.on(canvas, |chart| Ok(chart.draw_series([ring]).map(drop)?))
    }

    /// A filled circle at a pair of values, if it can be shown.
    pub(crate) fn dot(
        &self,
        canvas: &mut Canvas,
        (x, y): (f64, f64),
        radius: f32,
        rgb: Rgb<u8>,
    ) -> Result<()> {
        let (Some(x), Some(y)) = (self.x.place(x), self.y.place(y)) else { return Ok(()) };
        let dot = Circle::new((x, y), fine(radius), colour(rgb).filled());
        self.on(canvas, |chart| Ok(chart.draw_series([dot]).map(drop)?))
    }

    /// Where a pair of values is on the canvas, in CSS pixels, if it can be shown.
    pub(crate) fn at(&self, (x, y): (f64, f64)) -> Option<(f32, f32)> {
        let (place, values) = (self.y.place(y)?, self.values());
        self.x.place(x)?;
        let share = (place - self.y.low) / (self.y.high - self.y.low);
        Some((self.across(x), values.bottom() - share as f32 * values.height))
    }

    /// Where a value of the horizontal axis is, in CSS pixels; at its left end if it cannot be shown.
    pub(crate) fn across(&self, x: f64) -> f32 {
        let place = self.x.place(x).unwrap_or(self.x.low);
        let share = (place - self.x.low) / (self.x.high - self.x.low);
        self.values().x + share as f32 * self.values().width
    }

    /// The part of the room in which values are.
    pub(crate) fn values(&self) -> Area {
        let Area { x, y, width, height } = self.room;
        Area::new(x + LEFT, y, width - LEFT, height - BELOW)
    }
}

type Drawn = std::result::Result<(), Box<dyn std::error::Error>>;
