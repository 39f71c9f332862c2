//! The learning-rate finder's curve.

use super::LrFind;
use crate::Result;
use crate::drawing::Figure;
use crate::drawing::axis::Scale;
use crate::drawing::canvas::{Area, Canvas};
use crate::drawing::legend::Heading;
use crate::drawing::palette::{BLUE, FAINT, GREEN};
use crate::drawing::plot::Plot;

/// Size of the figure in CSS pixels.
const WIDTH: u32 = 640;
const HEIGHT: u32 = 320;

impl LrFind {
    /// The loss over the learning rate, on a logarithmic axis: of each batch, its running mean, and the
    /// suggestion. Diverged losses are left out, as they would hide the dip.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) if the picture cannot be drawn.
    pub fn plot(&self) -> Result<Figure> {
        let mut canvas = Canvas::new(WIDTH, HEIGHT)?;
        let legend = [
            ("loss".to_owned(), FAINT),
            ("running mean".to_owned(), BLUE),
            (format!("suggestion {:.1e}", self.suggestion), GREEN),
        ];
        let heading = Heading::new("Learning rate finder", &legend, WIDTH as f32 - 30.0);
        heading.draw(&mut canvas, (14.0, 0.0));
        let head = heading.height();
        let room = Area::new(0.0, head, WIDTH as f32 - 16.0, HEIGHT as f32 - head - 4.0);
        let highest = ceiling(&self.smoothed);
        let shown = |values: &[f64]| -> Vec<(f64, f64)> {
            let value = |value: f64| if value <= highest { value } else { f64::NAN };
            self.lrs.iter().copied().zip(values.iter().copied().map(value)).collect()
        };
        let (losses, means) = (shown(&self.losses), shown(&self.smoothed));
        let values: Vec<f64> = losses.iter().chain(&means).map(|(_, value)| *value).collect();
        let plot = Plot::new(room, Scale::logarithmic(&self.lrs), Scale::around(&values));
        plot.axes(&mut canvas, "learning rate", "loss")?;
        plot.line(&mut canvas, &losses, 1.5, FAINT)?;
        plot.line(&mut canvas, &means, 2.0, BLUE)?;
        plot.mark(&mut canvas, self.suggestion, GREEN)?;
        if let Some(&(rate, loss)) = means.iter().find(|(rate, _)| *rate == self.suggestion)
            && loss.is_finite()
        {
            plot.ring(&mut canvas, (rate, loss), GREEN)?;
        }
        canvas.figure(self.to_string())
    }
}

/// Losses above this are of rates that are far too large.
fn ceiling(losses: &[f64]) -> f64 {
    let finite = || losses.iter().copied().filter(|loss| loss.is_finite());
    let (first, least) = (finite().next().unwrap_or(0.0), finite().fold(f64::INFINITY, f64::min));
    first + (first - least).max(0.2 * first.abs()).max(1e-9)
}
