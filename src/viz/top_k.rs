//! A picture beside what a model takes it for.

use image::{RgbImage, imageops};

use super::Figure;
use crate::drawing::bars::{self, Bar};
use crate::drawing::canvas::{Area, Canvas, Scaling, Text};
use crate::drawing::font;
use crate::drawing::palette::{BLUE, FAINT, GREY};
use crate::{Error, Result};

const WIDTH: f32 = 680.0;
const MARGIN: f32 = 14.0;
/// The longer side of the picture.
const SIDE: f32 = 240.0;
const TITLE: f32 = 34.0;
const ROW: f32 = 30.0;

/// `picture` at the left, at the right a bar for each of `names` with its probability (0 to 1), in the order
/// in which they are given, and the first one as the title: the likeliest classes of
/// [`Predictions::top_k`](crate::models::Predictions::top_k).
///
/// # Errors
/// [`Error::Argument`] when there are no names, not as many probabilities, or one outside of 0 to 1.
pub fn top_k(picture: &RgbImage, names: &[String], probabilities: &[f64]) -> Result<Figure> {
    let (Some(first), Some(best)) = (names.first(), probabilities.first()) else {
        return Err(Error::Argument("a picture of the likeliest classes needs at least one of them".into()));
    };
    if names.len() != probabilities.len() {
        let (names, probabilities) = (names.len(), probabilities.len());
        return Err(Error::Argument(format!("there are {names} names and {probabilities} probabilities")));
    }
    if let Some(wrong) = probabilities.iter().find(|value| !(0.0..=1.0).contains(*value)) {
        return Err(Error::Argument(format!("{wrong} is not a probability: it must be between 0 and 1")));
    }
    let drawn = |name: &String, index: usize| {
        if font::covers(name) { name.clone() } else { format!("class {}", index + 1) }
    };
    let bar = |(index, (name, &probability)): (usize, (&String, &f64))| {
        let bar = Bar::new(drawn(name, index), probability, percent(probability));
        // The first is the answer, the others are what else it may be.
        if index == 0 { bar } else { bar.colour(GREY) }
    };
    let list: Vec<Bar> = names.iter().zip(probabilities).enumerate().map(bar).collect();

    let (width, height) = fitted(picture);
    let tall = height.max(TITLE + list.len() as f32 * ROW);
    let mut canvas = Canvas::new(WIDTH as u32, (tall + 2.0 * MARGIN).ceil() as u32)?;
    let area = Area::new(MARGIN, MARGIN, width, height);
    canvas.picture(shrunk(picture, area), area, Scaling::Smooth);
    canvas.frame(area, 1.0, FAINT);
    let left = area.right() + 2.0 * MARGIN;
    let room = WIDTH - MARGIN - left;
    let title = Text::new(16.0).bold().colour(BLUE);
    canvas.text(&title.shortened(&drawn(first, 0), room), (left, MARGIN + 16.0), title);
    let rows = Area::new(left, MARGIN + TITLE, room, list.len() as f32 * ROW);
    bars::draw(&mut canvas, rows, ROW, &list, 1.0);

    let told: Vec<String> =
        names.iter().zip(probabilities).map(|(name, value)| format!("{name} {}", percent(*value))).collect();
    canvas.figure(format!("{first}, {} sure; the likeliest classes: {}", percent(*best), told.join(", ")))
}

fn percent(probability: f64) -> String {
    format!("{:.1} %", 100.0 * probability)
}

/// Width and height at which the picture is shown.
fn fitted(picture: &RgbImage) -> (f32, f32) {
    let (width, height) = (picture.width().max(1) as f32, picture.height().max(1) as f32);
    let scale = SIDE / width.max(height);
    ((width * scale).max(1.0), (height * scale).max(1.0))
}

/// No more pixels than are shown on a sharp screen.
fn shrunk(picture: &RgbImage, area: Area) -> RgbImage {
    let (width, height) = ((2.0 * area.width) as u32, (2.0 * area.height) as u32);
    if picture.width() <= width || picture.height() <= height {
        return picture.clone();
    }
    imageops::thumbnail(picture, width.max(1), height.max(1))
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn it_says_what_it_shows() {
        let picture = RgbImage::from_pixel(300, 100, Rgb([200, 0, 0]));
        let figure = top_k(&picture, &names(&["rose", "花"]), &[0.8321, 0.1]).unwrap();
        assert_eq!(figure.alt(), "rose, 83.2 % sure; the likeliest classes: rose 83.2 %, 花 10.0 %");
        assert_eq!((figure.width(), figure.height()), (680, 122));
        let sheet = image::load_from_memory(figure.png()).unwrap().to_rgb8();
        // Two pixels a CSS pixel: inside the picture, and beside it.
        assert_eq!(sheet.get_pixel(2 * 100, 2 * 40).0, [200, 0, 0]);
        assert_eq!(sheet.get_pixel(2 * 266, 2 * 100).0, [255; 3]);
    }

    #[test]
    fn what_is_no_list_of_probabilities_is_refused() {
        let picture = RgbImage::new(1, 1);
        for (names, values) in [
            (names(&[]), vec![]),
            (names(&["a"]), vec![]),
            (names(&["a"]), vec![1.5]),
            (names(&["a"]), vec![f64::NAN]),
        ] {
            assert!(top_k(&picture, &names, &values).is_err());
        }
    }
}
