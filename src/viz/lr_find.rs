//! The learning-rate finder's curve.

use super::Figure;
use super::axis::{Scale, short};
use super::canvas::{Area, Canvas, Text};
use super::palette::{BLUE, GREY, ORANGE};
use super::plot::Plot;
use crate::{Error, Result};

const WIDTH: u32 = 640;
const HEIGHT: u32 = 320;

/// The loss at each learning rate that was tried, with the rate to take: fastai's `lr_find`. Rates are
/// drawn on a logarithmic axis. Losses far above the first one are left out, or the dip would not be
/// seen; so are values that are not finite.
///
/// # Errors
/// [`Error::Argument`] if there are not as many rates as losses, or a rate is not above 0.
pub fn plot_lr_find(lrs: &[f64], losses: &[f64], suggestion: Option<f64>) -> Result<Figure> {
    if lrs.len() != losses.len() {
        let told = format!(
            "there are {} learning rates and {} losses, there must be as many",
            lrs.len(),
            losses.len()
        );
        return Err(Error::Argument(told));
    }
    if let Some(rate) = lrs.iter().chain(&suggestion).find(|rate| !(**rate > 0.0 && rate.is_finite())) {
        return Err(Error::Argument(format!("{rate} is no learning rate: it must be above 0")));
    }
    let mut canvas = Canvas::new(WIDTH, HEIGHT)?;
    canvas.text("Learning-rate finder", (14.0, 22.0), Text::new(14.0).bold());
    let shown: Vec<f64> =
        losses.iter().map(|loss| if *loss <= ceiling(losses) { *loss } else { f64::NAN }).collect();
    let room = Area::new(0.0, 50.0, WIDTH as f32 - 16.0, HEIGHT as f32 - 56.0);
    let plot = Plot::new(room, Scale::logarithmic(lrs), Scale::around(&shown));
    let told = in_words(lrs, losses, suggestion);
    canvas.text(&told, (14.0, 38.0), Text::new(11.0).colour(GREY));
    plot.axes(&mut canvas, "learning rate", "loss")?;
    let pairs: Vec<(f64, f64)> = lrs.iter().copied().zip(shown).collect();
    plot.line(&mut canvas, &pairs, 2.0, BLUE)?;
    if let Some(rate) = suggestion {
        plot.mark(&mut canvas, rate, ORANGE)?;
        if let Some(loss) = loss_at(&pairs, rate) {
            plot.ring(&mut canvas, (rate, loss), ORANGE)?;
        }
    }
    canvas.figure(format!("learning-rate finder: {told}"))
}

/// The loss at a rate, between the two that were tried beside it.
fn loss_at(pairs: &[(f64, f64)], rate: f64) -> Option<f64> {
    let stretch = pairs.windows(2).find(|pair| pair[0].0 <= rate && rate <= pair[1].0)?;
    let ((low, from), (high, to)) = (stretch[0], stretch[1]);
    let share = if high > low { (rate / low).ln() / (high / low).ln() } else { 0.0 };
    let loss = from + (to - from) * share;
    loss.is_finite().then_some(loss)
}

/// Losses above this are of rates that are far too large.
fn ceiling(losses: &[f64]) -> f64 {
    let finite = || losses.iter().copied().filter(|loss| loss.is_finite());
    let (first, least) = (finite().next().unwrap_or(0.0), finite().fold(f64::INFINITY, f64::min));
    first + (first - least).max(0.2 * first.abs()).max(1e-9)
}

fn in_words(lrs: &[f64], losses: &[f64], suggestion: Option<f64>) -> String {
    let pairs = lrs.iter().zip(losses).filter(|(_, loss)| loss.is_finite());
    let Some((at, least)) = pairs.min_by(|a, b| a.1.total_cmp(b.1)) else {
        return "no loss was finite".into();
    };
    let least = format!("least loss {least:.4} at {}", short(*at));
    match suggestion {
        Some(rate) => format!("suggested {}, {least}", short(rate)),
        None => format!("no rate to suggest, {least}"),
    }
}
