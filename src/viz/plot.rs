//! A chart's frame: where values are, lines to read them by, and what stands at the axes.

use image::Rgb;

use super::axis::Scale;
use super::canvas::{Area, Canvas, Text};
use super::palette::{FAINT, GREY, INK};

/// The colour of the axes themselves.
const AXIS: Rgb<u8> = Rgb([150, 150, 150]);
const TICK: f32 = 3.0;
/// Letters at the ticks and beside the axes.
const LABEL: f32 = 11.0;

/// Room around the values for what stands at the axes.
pub(crate) const LEFT: f32 = 52.0;
pub(crate) const BELOW: f32 = 42.0;

/// A chart on a part of a canvas.
pub(crate) struct Plot {
    /// Where the values are, without what stands at the axes.
    pub(crate) area: Area,
    pub(crate) x: Scale,
    pub(crate) y: Scale,
}

impl Plot {
    /// A chart whose values and axes fill `room`.
    pub(crate) fn new(room: Area, x: Scale, y: Scale) -> Self {
        let Area { x: left, y: top, width, height } = room;
        let area = Area::new(left + LEFT, top, (width - LEFT).max(1.0), (height - BELOW).max(1.0));
        Self { area, x, y }
    }

    /// Lines to read values by, the axes, their numbers and their names.
    pub(crate) fn axes(&self, canvas: &mut Canvas, x_name: &str, y_name: &str) {
        let Area { x: left, y: top, width, height } = self.area;
        let bottom = top + height;
        for tick in &self.y.ticks {
            let y = self.place(self.x.low, *tick).1;
            canvas.rect(Area::new(left, y - 0.5, width, 1.0), FAINT);
            canvas.rect(Area::new(left - TICK, y - 0.5, TICK, 1.0), AXIS);
            let label = self.y.text(*tick);
            canvas.text(&label, (left - TICK - 4.0, y + 0.365 * LABEL), Text::new(LABEL).end());
        }
        for tick in &self.x.ticks {
            let x = self.place(*tick, self.y.low).0;
            canvas.rect(Area::new(x - 0.5, bottom, 1.0, TICK), AXIS);
            canvas.text(&self.x.text(*tick), (x, bottom + TICK + 12.0), Text::new(LABEL).middle());
        }
        canvas.rect(Area::new(left - 0.5, top, 1.0, height + 0.5), AXIS);
        canvas.rect(Area::new(left - 0.5, bottom - 0.5, width + 0.5, 1.0), AXIS);
        let name = Text::new(LABEL).middle();
        canvas.text(x_name, (left + width / 2.0, bottom + TICK + 29.0), name.colour(GREY));
        canvas.text(y_name, (left - LEFT + 10.0, top + height / 2.0), name.colour(GREY).upright());
    }

    /// Where values are that were put on the axes' own units ([`Scale::place`]).
    pub(crate) fn place(&self, x: f64, y: f64) -> (f32, f32) {
        let share = |scale: &Scale, value: f64| ((value - scale.low) / (scale.high - scale.low)) as f32;
        let Area { x: left, y: top, width, height } = self.area;
        (left + width * share(&self.x, x), top + height * (1.0 - share(&self.y, y)))
    }

    /// Where a pair of values is; `None` if one of them cannot be shown.
    pub(crate) fn point(&self, x: f64, y: f64) -> Option<(f32, f32)> {
        Some(self.place(self.x.place(x)?, self.y.place(y)?))
    }

    /// The line of values over their numbers 0, 1, 2…, broken where a value cannot be shown; with
    /// `dots`, each value has its own, and a value alone has one in any case.
    pub(crate) fn series(&self, canvas: &mut Canvas, values: &[f64], colour: Rgb<u8>, dots: bool) {
        for run in self.y.runs(values) {
            let points: Vec<_> = run.iter().map(|(x, y)| self.place(*x, *y)).collect();
            canvas.line(&points, 2.0, colour);
            if dots || points.len() == 1 {
                points.iter().for_each(|point| canvas.circle(*point, 2.75, colour));
            }
        }
    }

    /// A line through pairs of values, broken where one cannot be shown.
    pub(crate) fn line(&self, canvas: &mut Canvas, pairs: &[(f64, f64)], width: f32, colour: Rgb<u8>) {
        let points: Vec<_> = pairs.iter().map(|(x, y)| self.point(*x, *y)).collect();
        for run in points.split(Option::is_none).filter(|run| !run.is_empty()) {
            canvas.line(&run.iter().flatten().copied().collect::<Vec<_>>(), width, colour);
        }
    }

    /// A line from bottom to top at a place of the horizontal axis.
    pub(crate) fn mark(&self, canvas: &mut Canvas, x: f64, colour: Rgb<u8>) {
        if let Some(x) = self.x.place(x) {
            let (from, to) = (self.place(x, self.y.low), self.place(x, self.y.high));
            canvas.line_over(&[from, to], 1.0, colour, 0.55);
        }
    }
}

/// A chart's title at its left and its legend at its right, on the line at height `y`.
pub(crate) fn heading(canvas: &mut Canvas, area: Area, y: f32, title: &str, legend: &[(String, Rgb<u8>)]) {
    canvas.text(title, (area.x, y), Text::new(14.0).bold());
    let small = Text::new(LABEL).colour(INK);
    let mut right = area.right();
    for (name, colour) in legend.iter().rev() {
        right -= small.width(name);
        canvas.text(name, (right, y - 1.0), small);
        right -= 18.0;
        canvas.rect(Area::new(right, y - 6.0, 14.0, 2.0), *colour);
        right -= 12.0;
    }
}
