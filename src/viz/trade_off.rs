//! What each choice costs and what it gives, to choose one by.

use image::Rgb;

use super::Figure;
use super::labelled::OccupiedAreas;
use crate::drawing::axis::Scale;
use crate::drawing::canvas::{Area, Canvas, Text};
use crate::drawing::palette::{BLUE, GREY, INK, blues};
use crate::drawing::plot::Plot;
use crate::train::Comparison;
use crate::{Error, Result};

/// One choice: a network with the seconds that it takes and the accuracy that it reaches.
#[derive(Clone, Debug, PartialEq)]
pub struct TradeOff {
    /// What stands at its point.
    pub name: String,
    /// What it costs; less is better. Seconds, parameters, bytes.
    pub cost: f64,
    /// What it gives; more is better. An accuracy.
    pub gain: f64,
    /// The error of `gain`, drawn as a line up and down; `None` if it is not known.
    pub error: Option<f64>,
}

impl TradeOff {
    /// `TradeOff::new("resnet18", 12.5, 0.91)`.
    pub fn new(name: impl Into<String>, cost: f64, gain: f64) -> Self {
        Self { name: name.into(), cost, gain, error: None }
    }

    /// With an error of what it gives, such as a [standard error](super::Measurement::standard_error).
    pub fn error(self, error: f64) -> Self {
        Self { error: Some(error), ..self }
    }

    /// Whether another costs no more and gives no less, and is better in one of the two.
    fn is_beaten(&self, others: &[TradeOff]) -> bool {
        others.iter().any(|other| {
            let no_worse = other.cost <= self.cost && other.gain >= self.gain;
            no_worse && (other.cost < self.cost || other.gain > self.gain)
        })
    }
}

const WIDTH: f32 = 720.0;
const HEIGHT: f32 = 420.0;
const HEAD: f32 = 50.0;
const DOT: f32 = 5.0;
/// Points whose names have room.
const MOST: usize = 200;

/// Points by what they cost (across) and what they give (up), each with its name. Those that no other beats in both are
/// blue and joined by a line: one chooses among them by what one can afford. Costs that span more than a factor of eight
/// have a logarithmic axis. `cost` and `gain` say what the axes show.
///
/// # Errors
/// [`Error::Argument`] if there is nothing to draw, or a value is not a finite number.
pub fn plot_trade_off(points: &[TradeOff], cost: &str, gain: &str) -> Result<Figure> {
    check(points)?;
    let mut canvas = Canvas::new(WIDTH as u32, HEIGHT as u32)?;
    canvas.text(&format!("{gain} against {cost}"), (14.0, 22.0), Text::new(14.0).bold());
    let told = "blue: no other is better in both";
    canvas.text(told, (14.0, 38.0), Text::new(11.0).colour(GREY));
    let costs: Vec<f64> = points.iter().map(|point| point.cost).collect();
    let ends = |point: &TradeOff| {
        let error = point.error.unwrap_or(0.0);
        [point.gain - error, point.gain + error]
    };
    let gains: Vec<f64> = points.iter().flat_map(ends).collect();
    let room = Area::new(0.0, HEAD, WIDTH - 20.0, HEIGHT - HEAD - 6.0);
    let plot = Plot::new(room, Scale::cost(&costs), Scale::around(&gains));
    plot.axes(&mut canvas, cost, gain)?;
    let mut best: Vec<&TradeOff> = points.iter().filter(|point| !point.is_beaten(points)).collect();
    best.sort_by(|a, b| a.cost.total_cmp(&b.cost));
    let line: Vec<(f64, f64)> = best.iter().map(|point| (point.cost, point.gain)).collect();
    plot.line(&mut canvas, &line, 1.5, blues(0.35))?;
    for point in points {
        let colour = colour_of(point, points);
        if let Some(error) = point.error {
            let ends = [(point.cost, point.gain - error), (point.cost, point.gain + error)];
            plot.line(&mut canvas, &ends, 1.5, colour)?;
        }
        plot.dot(&mut canvas, (point.cost, point.gain), DOT, colour)?;
    }
    names(&mut canvas, &plot, points, &line);
    let list = points.iter().map(|point| {
        let error = point.error.map(|error| format!(" ± {error:.3}")).unwrap_or_default();
        let mark = if point.is_beaten(points) { "" } else { " *" };
        format!("{}: {cost} {:.3}, {gain} {:.3}{error}{mark}", point.name, point.cost, point.gain)
    });
    let head = format!("{gain} against {cost}; * no other is better in both");
    canvas.figure(std::iter::once(head).chain(list).collect::<Vec<_>>().join("\n"))
}

fn check(points: &[TradeOff]) -> Result<()> {
    if points.is_empty() || points.len() > MOST {
        return Err(Error::Argument(format!(
            "plot_trade_off draws 1 to {MOST} points, these are {}",
            points.len()
        )));
    }
    let values = |point: &TradeOff| [point.cost, point.gain, point.error.unwrap_or(0.0)];
    match points.iter().find(|point| values(point).iter().any(|value| !value.is_finite())) {
        None => Ok(()),
        Some(TradeOff { name, cost, gain, .. }) => Err(Error::Argument(format!(
            "plot_trade_off: {name} has cost {cost} and gain {gain}, give finite numbers"
        ))),
    }
}

fn colour_of(point: &TradeOff, points: &[TradeOff]) -> Rgb<u8> {
    if point.is_beaten(points) { GREY } else { BLUE }
}

/// Each name beside its point, off the points, the line of the best and the other names; a thin line leads to one that
/// is far away.
fn names(canvas: &mut Canvas, plot: &Plot, points: &[TradeOff], best: &[(f64, f64)]) {
    let mut taken = OccupiedAreas::default();
    for pair in best.windows(2) {
        if let (Some(from), Some(to)) = (plot.at(pair[0]), plot.at(pair[1])) {
            taken.add_line(from, to);
        }
    }
    for point in points {
        let end = |sign: f64| plot.at((point.cost, point.gain + sign * point.error.unwrap_or(0.0)));
        if let (Some(from), Some(to)) = (end(-1.0), end(1.0)) {
            taken.add_line(from, to);
        }
    }
    let places: Vec<Option<(f32, f32)>> =
        points.iter().map(|point| plot.at((point.cost, point.gain))).collect();
    for &(x, y) in places.iter().flatten() {
        taken.add(Area::new(x - DOT, y - DOT, 2.0 * DOT, 2.0 * DOT));
    }
    for (point, place) in points.iter().zip(places) {
        let Some(place) = place else { continue };
        let style = Text::new(11.0).colour(if point.is_beaten(points) { GREY } else { INK });
        let name = style.shortened(&point.name, 220.0);
        let area = taken.near(place, (style.width(&name), 13.0), DOT + 3.0, plot.values());
        let end = (place.0.clamp(area.x, area.right()), place.1.clamp(area.y, area.bottom()));
        if (end.0 - place.0).hypot(end.1 - place.1) > 16.0 {
            canvas.line_over(&[place, end], 0.75, GREY, 0.6);
        }
        canvas.text(&name, (area.x, area.y + 10.5), style);
    }
}

impl Comparison {
    /// The best validation accuracy of each run against the seconds that its training took, to choose a network by:
    /// see [`plot_trade_off`].
    ///
    /// # Errors
    /// As [`plot_trade_off`].
    pub fn plot_trade_off(&self) -> Result<Figure> {
        let point = |(name, history): &(String, crate::train::History)| {
            TradeOff::new(name.as_str(), history.seconds, history.best_acc)
        };
        let points: Vec<TradeOff> = self.runs.iter().map(point).collect();
        plot_trade_off(&points, "seconds of training", "best validation accuracy")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_worse_in_both_is_beaten() {
        let points = [
            TradeOff::new("fast", 1.0, 0.5),
            TradeOff::new("good", 9.0, 0.9),
            TradeOff::new("slow", 9.0, 0.8),
            TradeOff::new("twin", 1.0, 0.5),
        ];
        let beaten: Vec<bool> = points.iter().map(|point| point.is_beaten(&points)).collect();
        assert_eq!(beaten, [false, false, true, false]);
        assert!(plot_trade_off(&[], "", "").is_err());
        let told =
            plot_trade_off(&[TradeOff::new("odd", f64::NAN, 1.0)], "s", "acc").unwrap_err().to_string();
        assert!(told.contains("odd"), "{told}");
    }
}
