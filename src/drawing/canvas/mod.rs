//! The canvas of every picture: a list of shapes, rendered as pixels or SVG.
//!
//! Places and sizes are CSS pixels from the top left corner. Pixels have twice that density, for
//! high-resolution screens; an SVG scales to any size. It is also a plotters backend, for charts.

mod backend;
mod raster;
mod svg;

use std::sync::Arc;

use image::{Rgb, RgbImage};

use super::Figure;
use super::font::{self, Weight};
use super::palette::{INK, WHITE};
use crate::{Error, Result};

pub use backend::CanvasBackend;
pub(crate) use backend::FINE;
pub(super) use svg::around as svg_around;

/// Pixels per CSS pixel.
pub(crate) const SHARP: u32 = 2;
/// The most CSS pixels of a figure: a hundred screens.
const MOST_PIXELS: u64 = 40_000_000;

/// Shapes on a white background, later ones on top. The background is part of the picture, so it
/// looks the same on a dark page.
#[derive(Clone, Debug)]
pub(crate) struct Canvas {
    width: u32,
    height: u32,
    shapes: Vec<Shape>,
}

/// A rectangle by its left upper corner and its size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Area {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) width: f32,
    pub(crate) height: f32,
}

impl Area {
    pub(crate) fn new(x: f32, y: f32, width: f32, height: f32) -> Self {
        Self { x, y, width, height }
    }

    pub(crate) fn right(self) -> f32 {
        self.x + self.width
    }

    pub(crate) fn bottom(self) -> f32 {
        self.y + self.height
    }

    /// The part that two areas share, in square pixels.
    pub(crate) fn shared(self, other: Area) -> f32 {
        let across = self.right().min(other.right()) - self.x.max(other.x);
        let down = self.bottom().min(other.bottom()) - self.y.max(other.y);
        across.max(0.0) * down.max(0.0)
    }
}

/// Which part of a text is at its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

impl Anchor {
    /// The other end.
    fn opposite(self) -> Self {
        match self {
            Anchor::Start => Anchor::End,
            Anchor::Middle => Anchor::Middle,
            Anchor::End => Anchor::Start,
        }
    }
}

/// How a text is written. Built by chaining: `Text::new(11.0).bold().middle()`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Text {
    /// CSS pixels to the em.
    pub(crate) size: f32,
    pub(crate) weight: Weight,
    pub(crate) colour: Rgb<u8>,
    pub(crate) anchor: Anchor,
    /// Turned by a quarter, read from below.
    pub(crate) upright: bool,
}

impl Text {
    pub(crate) fn new(size: f32) -> Self {
        Self { size, weight: Weight::Regular, colour: INK, anchor: Anchor::Start, upright: false }
    }

    pub(crate) fn bold(self) -> Self {
        Self { weight: Weight::Bold, ..self }
    }

    pub(crate) fn colour(self, colour: Rgb<u8>) -> Self {
        Self { colour, ..self }
    }

    pub(crate) fn middle(self) -> Self {
        Self { anchor: Anchor::Middle, ..self }
    }

    pub(crate) fn end(self) -> Self {
        Self { anchor: Anchor::End, ..self }
    }

    pub(crate) fn upright(self) -> Self {
        Self { upright: true, ..self }
    }

    /// Width of a text written so, in CSS pixels.
    pub(crate) fn width(&self, text: &str) -> f32 {
        font::width(text, self.size, self.weight)
    }

    /// The text if it is not wider than `room`, or its beginning and an ellipsis.
    pub(crate) fn shortened(&self, text: &str, room: f32) -> String {
        font::shortened(text, room, self.size, self.weight)
    }
}

/// How a picture is scaled to its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scaling {
    /// For photographs.
    Smooth,
    /// For pictures whose single pixels matter: filters, heat maps.
    Pixels,
}

#[derive(Clone, Debug)]
enum Shape {
    Rect { area: Area, colour: Rgb<u8>, opacity: f32 },
    Line { points: Vec<(f32, f32)>, width: f32, colour: Rgb<u8>, opacity: f32 },
    Circle { centre: (f32, f32), radius: f32, colour: Rgb<u8>, opacity: f32 },
    Polygon { corners: Vec<(f32, f32)>, colour: Rgb<u8>, opacity: f32 },
    Text { text: String, at: (f32, f32), style: Text },
    Picture { image: Arc<RgbImage>, area: Area, scaling: Scaling },
}

impl Shape {
    /// The same `by` times as large, then moved so that the origin is at `to`.
    fn scaled(&self, by: f32, to: (f32, f32)) -> Shape {
        let point = |(x, y): (f32, f32)| (to.0 + x * by, to.1 + y * by);
        let area = |area: Area| {
            let (x, y) = point((area.x, area.y));
            Area::new(x, y, area.width * by, area.height * by)
        };
        let mut shape = self.clone();
        match &mut shape {
            Shape::Rect { area: own, .. } | Shape::Picture { area: own, .. } => *own = area(*own),
            Shape::Line { points, width, .. } => {
                points.iter_mut().for_each(|place| *place = point(*place));
                *width *= by;
            }
            Shape::Circle { centre, radius, .. } => (*centre, *radius) = (point(*centre), *radius * by),
            Shape::Polygon { corners, .. } => corners.iter_mut().for_each(|place| *place = point(*place)),
            Shape::Text { at, style, .. } => (*at, style.size) = (point(*at), style.size * by),
        }
        shape
    }
}

impl Canvas {
    /// An empty white canvas.
    ///
    /// # Errors
    /// [`Error::Argument`] if it would be too large to look at.
    pub(crate) fn new(width: u32, height: u32) -> Result<Self> {
        if u64::from(width) * u64::from(height) > MOST_PIXELS {
            let told = format!("a figure of {width} x {height} pixels is too large, show less at once");
            return Err(Error::Argument(told));
        }
        Ok(Self { width: width.max(1), height: height.max(1), shapes: Vec::new() })
    }

    pub(crate) fn width(&self) -> u32 {
        self.width
    }

    pub(crate) fn height(&self) -> u32 {
        self.height
    }

    /// A filled rectangle.
    pub(crate) fn rect(&mut self, area: Area, colour: Rgb<u8>) {
        self.rect_over(area, colour, 1.0);
    }

    /// A translucent rectangle; `opacity = 1` is opaque.
    pub(crate) fn rect_over(&mut self, area: Area, colour: Rgb<u8>, opacity: f32) {
        self.shapes.push(Shape::Rect { area, colour, opacity });
    }

    /// A frame whose outer edge is the area.
    pub(crate) fn frame(&mut self, area: Area, width: f32, colour: Rgb<u8>) {
        let Area { x, y, width: w, height: h } = area;
        self.rect(Area::new(x, y, w, width), colour);
        self.rect(Area::new(x, y + h - width, w, width), colour);
        self.rect(Area::new(x, y + width, width, h - 2.0 * width), colour);
        self.rect(Area::new(x + w - width, y + width, width, h - 2.0 * width), colour);
    }

    /// A line through points, with round ends and corners; `opacity = 1` hides what is below.
    pub(crate) fn line_over(&mut self, points: &[(f32, f32)], width: f32, colour: Rgb<u8>, opacity: f32) {
        self.shapes.push(Shape::Line { points: points.to_vec(), width, colour, opacity });
    }

    /// A filled circle; `opacity = 1` hides what is below.
    pub(crate) fn circle_over(&mut self, centre: (f32, f32), radius: f32, colour: Rgb<u8>, opacity: f32) {
        self.shapes.push(Shape::Circle { centre, radius, colour, opacity });
    }

    /// A filled polygon, closed by itself; filled by the even-odd rule. `opacity = 1` hides what is below.
    pub(crate) fn polygon_over(&mut self, corners: &[(f32, f32)], colour: Rgb<u8>, opacity: f32) {
        self.shapes.push(Shape::Polygon { corners: corners.to_vec(), colour, opacity });
    }

    /// Another canvas with its white ground, made as wide as the area; its proportions stay.
    pub(crate) fn place(&mut self, other: &Canvas, area: Area) {
        let by = area.width / other.width as f32;
        self.rect(Area::new(area.x, area.y, area.width, other.height as f32 * by), WHITE);
        self.shapes.extend(other.shapes.iter().map(|shape| shape.scaled(by, (area.x, area.y))));
    }

    /// A line of text; `at` is on its baseline.
    pub(crate) fn text(&mut self, text: &str, at: (f32, f32), style: Text) {
        if !text.is_empty() {
            self.shapes.push(Shape::Text { text: text.to_string(), at, style });
        }
    }

    /// A picture, stretched to its area.
    pub(crate) fn picture(&mut self, image: RgbImage, area: Area, scaling: Scaling) {
        self.shapes.push(Shape::Picture { image: Arc::new(image), area, scaling });
    }

    /// Whether a photograph is among the shapes.
    pub(crate) fn has_photographs(&self) -> bool {
        let is_one = |shape: &Shape| matches!(shape, Shape::Picture { scaling: Scaling::Smooth, .. });
        self.shapes.iter().any(is_one)
    }

    /// The pixels.
    pub(crate) fn pixels(&self) -> RgbImage {
        raster::draw(self)
    }

    /// The SVG, described by `alt`.
    pub(crate) fn svg(&self, alt: &str) -> String {
        svg::write(self, alt)
    }

    /// The finished figure; `alt` says in words what it shows.
    pub(crate) fn figure(self, alt: impl Into<String>) -> Result<Figure> {
        Figure::drawn(self, alt.into())
    }
}
