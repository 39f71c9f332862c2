//! A classifier's prediction for one photograph.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::path::PathBuf;

use image::{RgbImage, imageops};

use crate::Result;
use crate::notebook::{MimeBundle, Rich, Show, result};
use crate::viz::{Figure, top_k};

/// The longest side of the picture kept for display, in pixels.
const KEPT: u32 = 640;

/// One class that a photograph may show.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The class, an index into the class names.
    pub class: usize,
    /// The folder's label: `21`.
    pub label: String,
    /// What it is called: `fire lily`.
    pub name: String,
    /// How likely it is, 0 to 1.
    pub probability: f64,
}

/// The likeliest classes of a photograph. As the last expression of a cell it shows the photograph with a bar
/// for each of them.
#[derive(Clone)]
pub struct Prediction {
    /// The photograph's file, if it came from one.
    pub path: Option<PathBuf>,
    /// The five likeliest classes, the likeliest first; all if there are fewer.
    pub answers: Vec<Answer>,
    picture: RgbImage,
    /// Makes the type `!Sync`, as [`Figure`] is, so that a `Result` of it shows the picture, too.
    rich: PhantomData<Cell<()>>,
}

impl Prediction {
    pub(super) fn new(picture: &RgbImage, answers: Vec<Answer>) -> Prediction {
        let (width, height) = picture.dimensions();
        let scale = f64::from(KEPT) / f64::from(width.max(height).max(1));
        let side = |length: u32| ((f64::from(length) * scale) as u32).max(1);
        let picture = if scale < 1.0 {
            imageops::thumbnail(picture, side(width), side(height))
        } else {
            picture.clone()
        };
        Prediction { path: None, answers, picture, rich: PhantomData }
    }

    /// What the likeliest class is called.
    pub fn name(&self) -> &str {
        self.answers.first().map_or("", |answer| &answer.name)
    }

    /// The folder label of the likeliest class.
    pub fn label(&self) -> &str {
        self.answers.first().map_or("", |answer| &answer.label)
    }

    /// How likely that class is, 0 to 1.
    pub fn confidence(&self) -> f64 {
        self.answers.first().map_or(0.0, |answer| answer.probability)
    }

    /// The photograph with a bar for each answer.
    ///
    /// # Errors
    /// [`Error::Argument`](crate::Error::Argument) when a probability is not a number from 0 to 1, as for
    /// a network with NaN weights.
    pub fn figure(&self) -> Result<Figure> {
        let names: Vec<String> = self.answers.iter().map(|answer| answer.name.clone()).collect();
        let probabilities: Vec<f64> = self.answers.iter().map(|answer| answer.probability).collect();
        top_k(&self.picture, &names, &probabilities)
    }

    /// Shows the figure as the value of a cell's last expression.
    pub fn evcxr_display(&self) {
        result(self);
    }
}

impl Show for Prediction {
    fn bundle(&self) -> MimeBundle {
        match self.figure() {
            Ok(figure) => {
                let text = self.to_string();
                MimeBundle::text(text).with_png(figure.png(), figure.width(), figure.height())
            }
            Err(_) => MimeBundle::text(self.to_string()),
        }
    }
}

impl fmt::Display for Prediction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.path {
            write!(f, "{}: ", path.display())?;
        }
        write!(f, "{}", self.name())?;
        let width = self.answers.iter().map(|answer| answer.name.chars().count()).max().unwrap_or(0);
        self.answers.iter().try_for_each(|answer| {
            write!(f, "\n  {:width$}  {:5.1} %", answer.name, 100.0 * answer.probability)
        })
    }
}

impl fmt::Debug for Prediction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Rich for Prediction {
    fn text(&self) -> String {
        self.to_string()
    }

    fn show(&self) {
        result(self);
    }
}
