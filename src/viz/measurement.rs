//! Things that were measured several times, with their means and errors: what gives how much.

use std::fmt;

use image::Rgb;

use super::Figure;
use crate::drawing::axis::Scale;
use crate::drawing::canvas::{Area, Canvas, Text};
use crate::drawing::palette::{BLUE, FAINT, GREY, INK, group};
use crate::{Error, Result};

/// One thing that was measured once or several times, such as the accuracy of one setting with several seeds.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// Measurements of one group, given one after another, stand together under its name; may be empty.
    pub group: String,
    /// What was measured; the same name has the same colour in all groups.
    pub name: String,
    /// What came out, one value for each time.
    pub values: Vec<f64>,
}

impl Measurement {
    /// `Measurement::new("64 px", "batch norms move", &[0.31, 0.29, 0.33])`.
    pub fn new(group: impl Into<String>, name: impl Into<String>, values: &[f64]) -> Self {
        Self { group: group.into(), name: name.into(), values: values.to_vec() }
    }

    /// The mean of the values; NaN if there are none.
    pub fn mean(&self) -> f64 {
        self.values.iter().sum::<f64>() / self.values.len() as f64
    }

    /// The standard error of the mean: the sample standard deviation, which divides by n − 1, over √n. `None` of fewer
    /// than two values. Two means less than two such errors apart may differ only by luck.
    pub fn standard_error(&self) -> Option<f64> {
        let (count, mean) = (self.values.len() as f64, self.mean());
        if self.values.len() < 2 {
            return None;
        }
        let squares: f64 = self.values.iter().map(|value| (value - mean).powi(2)).sum();
        Some((squares / (count - 1.0)).sqrt() / count.sqrt())
    }

    /// `0.310 ± 0.012`.
    fn in_numbers(&self) -> String {
        match self.standard_error() {
            Some(error) => format!("{:.3} ± {error:.3}", self.mean()),
            None if self.values.is_empty() => "-".into(),
            None => format!("{:.3}", self.mean()),
        }
    }
}

impl fmt::Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> =
            [self.group.as_str(), &self.name].into_iter().filter(|name| !name.is_empty()).collect();
        write!(f, "{}: {} ({} values)", names.join(", "), self.in_numbers(), self.values.len())
    }
}

/// What marks a mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Marks {
    /// Bars from 0: for how large values are.
    #[default]
    Bars,
    /// Dots on an axis that covers the values alone: for how much they differ.
    Dots,
}

/// How [`plot_means`] draws.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MeansOptions {
    /// Above the picture.
    pub title: String,
    /// What the axis shows: `validation accuracy`.
    pub value: String,
    /// Bars or dots.
    pub marks: Marks,
}

const WIDTH: f32 = 760.0;
const MARGIN: f32 = 14.0;
const HEAD: f32 = 34.0;
const ROW: f32 = 24.0;
const GROUP: f32 = 24.0;
/// Below the rows: the numbers of the axis, and what it shows.
const BELOW: f32 = 40.0;
/// Width of the names at most.
const NAMES: f32 = 300.0;
/// Measurements that one figure has room for.
const MOST: usize = 500;

/// Means as bars or dots, each with its standard error as a line, its single values as small dots and both in numbers:
/// what gives how much, and whether the difference is one.
///
/// ```
/// use herbarium::prelude::*;
/// use herbarium::viz::MeansOptions;
///
/// let accuracies = [
///     Measurement::new("64 px", "batch norms move", &[0.31, 0.29, 0.33]),
///     Measurement::new("64 px", "batch norms stand still", &[0.42, 0.40, 0.41]),
///     Measurement::new("224 px", "batch norms move", &[0.61, 0.66, 0.64]),
/// ];
/// let options = MeansOptions { title: "The head alone".into(), value: "validation accuracy".into(), ..Default::default() };
/// let figure = plot_means(&accuracies, options)?;
/// assert!(figure.alt().contains("64 px, batch norms move: 0.310 ± 0.012 (3 values)"));
/// # Ok::<(), herbarium::Error>(())
/// ```
///
/// # Errors
/// [`Error::Argument`] if there is nothing to draw, or more than fits a figure.
pub fn plot_means(measurements: &[Measurement], options: MeansOptions) -> Result<Figure> {
    if measurements.is_empty() || measurements.len() > MOST {
        let told = format!("plot_means draws 1 to {MOST} measurements, these are {}", measurements.len());
        return Err(Error::Argument(told));
    }
    let rows = rows(measurements);
    let height = HEAD + rows.iter().map(Row::height).sum::<f32>() + BELOW + MARGIN;
    let mut canvas = Canvas::new(WIDTH as u32, height as u32)?;
    canvas.text(&options.title, (MARGIN, 22.0), Text::new(14.0).bold());
    let name = Text::new(11.0).end();
    let widest = measurements.iter().map(|one| name.width(&one.name)).fold(0.0, f32::max).ceil().min(NAMES);
    let numbers = measurements.iter().map(|one| name.width(&one.in_numbers())).fold(0.0, f32::max);
    let left = MARGIN + widest + 8.0;
    let area = Area::new(left, HEAD, WIDTH - left - numbers - 10.0 - MARGIN, height - HEAD - BELOW - MARGIN);
    let scale = scale(measurements, options.marks);
    axis(&mut canvas, area, &scale, &options.value);
    let mut top = area.y;
    for row in &rows {
        match row {
            Row::Group(name) => {
                let style = Text::new(11.5).bold();
                canvas.text(&style.shortened(name, WIDTH - 2.0 * MARGIN), (MARGIN, top + 17.0), style);
            }
            Row::Measurement(one, colour) => {
                let base = top + ROW / 2.0 + 4.0;
                canvas.text(&name.shortened(&one.name, widest), (left - 8.0, base), name);
                let line = Area::new(area.x, top, area.width, ROW);
                mark(&mut canvas, line, one, &scale, options.marks, *colour);
                let style = Text::new(11.0).colour(GREY).end();
                canvas.text(&one.in_numbers(), (WIDTH - MARGIN, base), style);
            }
        }
        top += row.height();
    }
    let list: Vec<String> = measurements.iter().map(ToString::to_string).collect();
    let title = if options.title.is_empty() { "means" } else { &options.title };
    canvas.figure(format!("{title}, mean ± standard error of the {}\n{}", options.value, list.join("\n")))
}

/// A line of the picture.
enum Row<'a> {
    Group(&'a str),
    Measurement(&'a Measurement, Rgb<u8>),
}

impl Row<'_> {
    fn height(&self) -> f32 {
        match self {
            Row::Group(_) => GROUP,
            Row::Measurement(..) => ROW,
        }
    }
}

/// The measurements, with a line before each group. Colours tell names apart where a name occurs again.
fn rows(measurements: &[Measurement]) -> Vec<Row<'_>> {
    let mut names: Vec<&str> = Vec::new();
    for one in measurements {
        if !names.contains(&one.name.as_str()) {
            names.push(&one.name);
        }
    }
    let (mut rows, mut last) = (Vec::new(), "");
    for one in measurements {
        if one.group != last && !one.group.is_empty() {
            rows.push(Row::Group(&one.group));
        }
        last = &one.group;
        let number = names.iter().position(|name| *name == one.name).unwrap_or(0);
        let colour = if names.len() == measurements.len() { BLUE } else { group(number) };
        rows.push(Row::Measurement(one, colour));
    }
    rows
}

/// The axis on which all values, and the errors of their means, have room.
fn scale(measurements: &[Measurement], marks: Marks) -> Scale {
    let ends = |one: &Measurement| {
        let (mean, error) = (one.mean(), one.standard_error().unwrap_or(0.0));
        one.values.iter().copied().chain([mean - error, mean + error]).collect::<Vec<_>>()
    };
    let all: Vec<f64> = measurements.iter().flat_map(ends).collect();
    match marks {
        Marks::Bars => Scale::with_zero(&all),
        Marks::Dots => Scale::around(&all),
    }
}

fn axis(canvas: &mut Canvas, area: Area, scale: &Scale, value: &str) {
    let style = Text::new(11.0).middle();
    for tick in &scale.ticks {
        let share = (tick - scale.low) / (scale.high - scale.low);
        let x = area.x + share as f32 * area.width;
        canvas.rect(Area::new(x - 0.5, area.y, 1.0, area.height), FAINT);
        canvas.text(&scale.text(*tick), (x, area.bottom() + 15.0), style);
    }
    canvas.rect(Area::new(area.x, area.bottom(), area.width, 1.0), GREY);
    canvas.text(value, (area.x + area.width / 2.0, area.bottom() + 32.0), style.colour(GREY));
}

/// The mean with its error and the single values, on its line.
fn mark(canvas: &mut Canvas, line: Area, one: &Measurement, scale: &Scale, marks: Marks, colour: Rgb<u8>) {
    let place = |value: f64| scale.share_of(value).map(|share| line.x + share * line.width);
    let (Some(mean), middle) = (place(one.mean()), line.y + line.height / 2.0) else { return };
    match (marks, place(0.0)) {
        (Marks::Bars, Some(zero)) => {
            let bar = Area::new(mean.min(zero), line.y + 4.0, (mean - zero).abs(), line.height - 8.0);
            canvas.rect(bar, colour);
        }
        _ => canvas.circle_over((mean, middle), 4.5, colour, 1.0),
    }
    if let Some(error) = one.standard_error()
        && let (Some(low), Some(high)) = (place(one.mean() - error), place(one.mean() + error))
    {
        canvas.rect(Area::new(low, middle - 0.75, high - low, 1.5), INK);
        for end in [low, high] {
            canvas.rect(Area::new(end - 0.75, middle - 4.0, 1.5, 8.0), INK);
        }
    }
    if one.values.len() > 1 {
        // Below the error's line, so that neither hides the other.
        for value in one.values.iter().filter_map(|value| place(*value)) {
            canvas.circle_over((value, middle + 7.0), 1.75, INK, 0.55);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of 2, 4, 4, 4, 5, 5, 7, 9 the mean is 5 and the squares' sum 32: √(32/7)/√8.
    #[test]
    fn means_and_errors_are_those_of_the_formula() {
        let eight = Measurement::new("", "eight", &[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
        assert_eq!(eight.mean(), 5.0);
        assert!((eight.standard_error().unwrap() - (32.0f64 / 7.0).sqrt() / 8f64.sqrt()).abs() < 1e-12);
        assert_eq!(eight.to_string(), "eight: 5.000 ± 0.756 (8 values)");
        let once = Measurement::new("g", "once", &[0.5]);
        assert_eq!((once.standard_error(), once.to_string().as_str()), (None, "g, once: 0.500 (1 values)"));
        assert!(Measurement::new("", "", &[]).mean().is_nan());
    }

    #[test]
    fn groups_have_one_heading_and_names_one_colour() {
        let all = ["a", "a", "b", "b"].map(|group| Measurement::new(group, "", &[1.0]));
        let headings = rows(&all).iter().filter(|row| matches!(row, Row::Group(_))).count();
        assert_eq!(headings, 2);
        let pair = [Measurement::new("a", "x", &[1.0]), Measurement::new("b", "x", &[1.0])];
        let colours: Vec<_> = rows(&pair)
            .into_iter()
            .filter_map(|row| if let Row::Measurement(_, colour) = row { Some(colour) } else { None })
            .collect();
        assert_eq!(colours, [group(0), group(0)]);
    }
}
