//! The learning rates of `fine_tune` before it begins: a curve for each group of layers.

use image::Rgb;

use super::Figure;
use crate::drawing::axis::{Scale, short};
use crate::drawing::canvas::{Area, Canvas, Text};
use crate::drawing::legend::Heading;
use crate::drawing::palette::{GREY, group};
use crate::drawing::plot::Plot;
use crate::models::Model;
use crate::train::{FineTuneOptions, PhaseRates, rates};
use crate::{Error, Result};

const WIDTH: f32 = 760.0;
const HEIGHT: f32 = 320.0;
/// Height of the strip with the phases' names.
const STRIP: f32 = 15.0;
/// The axis goes down to this share of the lowest peak: a cycle's end is ten thousand times lower, and would press all
/// else together.
const FLOOR: f64 = 0.03;

/// The learning rates with which [`fine_tune`](crate::train::fine_tune) would train a model, group by group over the
/// epochs: one cycle in each phase, the first layers slower than the last ones. The group that a
/// [`History`](crate::train::History) tells the rate of is the last one. `batches` are those of one epoch,
/// `dataloaders.train.len()`. The model stays as it is.
///
/// # Errors
/// [`Error::Argument`] if there are no epochs or no batches.
pub fn plot_learning_rates(model: &Model, batches: usize, options: &FineTuneOptions) -> Result<Figure> {
    let phases = rates(model, batches, options)?;
    if phases.is_empty() || batches == 0 {
        let told = "plot_learning_rates: without epochs and batches there are no learning rates";
        return Err(Error::Argument(told.into()));
    }
    let names = names(&phases);
    let legend: Vec<(String, Rgb<u8>)> =
        names.iter().enumerate().map(|(number, name)| (with_peaks(name, &phases), group(number))).collect();
    let title = format!("Learning rates of fine_tune for {}", model.name());
    let heading = Heading::new(&title, &legend, WIDTH - 30.0);
    let top = heading.height() + STRIP;
    let mut canvas = Canvas::new(WIDTH as u32, (HEIGHT + top) as u32)?;
    heading.draw(&mut canvas, (14.0, 0.0));
    let peaks = || phases.iter().flat_map(|phase| phase.groups.iter().map(|(_, rates)| peak(rates)));
    let floor = FLOOR * peaks().fold(f64::INFINITY, f64::min);
    let epochs: usize = phases.iter().map(|phase| phase.epochs).sum();
    let scale = Scale::logarithmic(&[floor, peaks().fold(0.0, f64::max)]);
    let room = Area::new(0.0, top, WIDTH - 16.0, HEIGHT - 4.0);
    let plot = Plot::new(room, Scale::between(0.0, epochs as f64), scale);
    plot.axes(&mut canvas, "epoch", "learning rate")?;
    let mut began = 0;
    for (number, phase) in phases.iter().enumerate() {
        if number > 0 {
            plot.mark(&mut canvas, began as f64, GREY)?;
        }
        for (name, rates) in &phase.groups {
            let at = |(step, rate): (usize, &f64)| {
                let epoch = began as f64 + step as f64 / batches as f64;
                (epoch, if *rate >= floor { *rate } else { f64::NAN })
            };
            let curve: Vec<(f64, f64)> = rates.iter().enumerate().map(at).collect();
            let colour = group(names.iter().position(|known| known == name).unwrap_or(0));
            plot.line(&mut canvas, &curve, 2.0, colour)?;
        }
        let (from, to) = (plot.across(began as f64), plot.across((began + phase.epochs) as f64));
        let style = Text::new(10.0).colour(GREY).middle();
        let said = style.shortened(&phase_in_words(phase, model), to - from - 4.0);
        canvas.text(&said, ((from + to) / 2.0, top - 5.0), style);
        began += phase.epochs;
    }
    canvas.figure(in_words(&title, &phases, model))
}

fn peak(rates: &[f64]) -> f64 {
    rates.iter().copied().fold(0.0, f64::max)
}

/// The groups of all phases, the first layers first.
fn names(phases: &[PhaseRates]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    // The last phase has all groups in their order.
    for (name, _) in phases.iter().rev().flat_map(|phase| &phase.groups) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

/// `fc to 0.005, then 8e-4`.
fn with_peaks(name: &str, phases: &[PhaseRates]) -> String {
    let groups = phases.iter().flat_map(|phase| &phase.groups);
    let mut peaks: Vec<String> =
        groups.filter(|(known, _)| known == name).map(|(_, rates)| short(peak(rates))).collect();
    peaks.dedup();
    format!("{name} to {}", peaks.join(", then "))
}

/// What a phase trains.
fn phase_in_words(phase: &PhaseRates, model: &Model) -> String {
    match phase.groups.as_slice() {
        [_] => format!("only what is new in {} learns, {} epochs", model.name(), phase.epochs),
        groups => format!("{} groups of layers, {} epochs", groups.len(), phase.epochs),
    }
}

fn in_words(title: &str, phases: &[PhaseRates], model: &Model) -> String {
    let mut text = title.to_string();
    for phase in phases {
        text += &format!("\n{}:", phase_in_words(phase, model));
        for (name, rates) in &phase.groups {
            text += &format!("\n  {name}: up to {}", short(peak(rates)));
        }
    }
    text
}
