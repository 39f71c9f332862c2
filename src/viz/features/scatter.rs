//! Points of a map as a picture, with photographs where there is room.

use std::path::PathBuf;

use image::Rgb;
use tch::{Device, Kind, Tensor};

use crate::data::CategoryNames;
use crate::drawing::canvas::{Area, Canvas, Scaling, Text};
use crate::drawing::palette::{FAINT, GREY, INK, WHITE, group};
use crate::viz::Figure;
use crate::viz::labelled::OccupiedAreas;
use crate::viz::labels::Names;
use crate::viz::photograph::square;
use crate::{Error, Result};

const WIDTH: u32 = 960;
const HEIGHT: u32 = 700;
const MARGIN: f32 = 14.0;
const TOP: f32 = 52.0;
const THUMBNAIL: f32 = 44.0;
/// Photographs on one map; reading more would take long.
const MOST_THUMBNAILS: usize = 160;
/// With more classes than this their names are in smaller letters.
const MANY_NAMES: usize = 30;
/// Points whose neighbours are looked for; all pairs of more would take long.
const MOST_NEIGHBOURS: usize = 4000;

/// A map's points and what they are of.
pub(crate) struct Points<'a> {
    /// `t-SNE`, and more about how the map was made.
    pub(crate) method: &'a str,
    /// (N, 2).
    pub(crate) places: &'a Tensor,
    /// The classes, as indices into the names.
    pub(crate) labels: &'a [usize],
    /// Files for photographs; none are drawn if there are none.
    pub(crate) paths: &'a [PathBuf],
}

/// Draws points (N, 2), such as [`tsne`](super::tsne) or [`pca`](super::pca) give, coloured by their
/// classes, whose names stand above them. With `paths`, one file for each point, photographs are
/// shown where there is room; without, points alone.
///
/// # Errors
/// [`Error::Argument`] if points, labels and paths are not as many, or a label is not a class; the error
/// of [`CategoryNames::name`] for a label without name.
pub fn plot_points(
    points: &Tensor,
    labels: &[usize],
    paths: &[PathBuf],
    class_names: &[String],
    cat_to_name: &CategoryNames,
) -> Result<Figure> {
    let points = Points { method: "map", places: points, labels, paths };
    draw(&points, &Names::of(class_names, cat_to_name)?)
}

pub(crate) fn draw(points: &Points<'_>, names: &Names) -> Result<Figure> {
    let places = checked(points, names.drawn.len())?;
    let mut canvas = Canvas::new(WIDTH, HEIGHT)?;
    let count = places.len();
    let mut told = format!("{count} pictures of {} classes", classes_of(points.labels));
    if let Some(share) = same_neighbours(&places, points.labels) {
        told += &format!("; {:.0} % have one of their own class nearest to them", 100.0 * share);
    }
    canvas.text("Map of the features", (MARGIN, 22.0), Text::new(14.0).bold());
    canvas.text(&format!("{}: {told}", points.method), (MARGIN, 38.0), Text::new(11.0).colour(GREY));
    let area = Area::new(MARGIN, TOP, WIDTH as f32 - 2.0 * MARGIN, HEIGHT as f32 - TOP - MARGIN);
    canvas.frame(area, 1.0, FAINT);
    let shown = spread(&places, area);
    let radius = if count > 2000 { 1.8 } else { 3.2 };
    for (place, label) in shown.iter().zip(points.labels) {
        canvas.circle_over(*place, radius, group(*label), 0.75);
    }
    // Without photographs the names may be nearer to the points.
    let clearance = if points.paths.is_empty() { 4.0 } else { THUMBNAIL / 2.0 + 3.0 };
    let labels = class_labels(&shown, points.labels, names, (area, clearance));
    labels.iter().for_each(|label| label.lead(&mut canvas));
    if !points.paths.is_empty() {
        thumbnails(&mut canvas, &shown, points, &labels, area);
    }
    labels.iter().for_each(|label| label.draw(&mut canvas));
    let named: Vec<String> = labels.iter().map(|label| names.full[label.class].clone()).collect();
    let list = if named.is_empty() { String::new() } else { format!("\n{}", named.join(", ")) };
    canvas.figure(format!("map of the features ({}): {told}{list}", points.method))
}

/// The places as numbers, if all goes together.
fn checked(points: &Points<'_>, classes: usize) -> Result<Vec<(f32, f32)>> {
    let &[count, 2] = points.places.size().as_slice() else {
        return Err(Error::Argument(format!("points must be (N, 2), got {:?}", points.places.size())));
    };
    let (count, labels, paths) = (count as usize, points.labels.len(), points.paths.len());
    if labels != count || (paths != count && paths != 0) {
        let told = format!("there are {count} points, {labels} labels and {paths} paths: one for each point");
        return Err(Error::Argument(told));
    }
    if let Some(label) = points.labels.iter().find(|label| **label >= classes) {
        return Err(Error::Argument(format!("a point is of class {label}, but class_names has {classes}")));
    }
    let flat = points.places.f_detach()?.f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?.f_reshape([-1])?;
    Ok(Vec::<f32>::try_from(&flat)?.chunks(2).map(|pair| (pair[0], pair[1])).collect())
}

fn classes_of(labels: &[usize]) -> usize {
    labels.iter().collect::<std::collections::HashSet<_>>().len()
}

/// The share of points whose nearest neighbour is of their class; `None` if it would take long.
fn same_neighbours(places: &[(f32, f32)], labels: &[usize]) -> Option<f64> {
    if places.len() < 2 || places.len() > MOST_NEIGHBOURS {
        return None;
    }
    let nearest = |i: usize| {
        let (x, y) = places[i];
        let distance = |j: &usize| (places[*j].0 - x).powi(2) + (places[*j].1 - y).powi(2);
        (0..places.len()).filter(|j| *j != i).min_by(|a, b| distance(a).total_cmp(&distance(b)))
    };
    let same = (0..places.len()).filter(|i| nearest(*i).is_some_and(|j| labels[j] == labels[*i])).count();
    Some(same as f64 / places.len() as f64)
}

/// The points on the canvas, with the same scale across and down.
fn spread(places: &[(f32, f32)], area: Area) -> Vec<(f32, f32)> {
    let finite = places.iter().filter(|(x, y)| x.is_finite() && y.is_finite());
    let bounds = finite.fold(None, |bounds: Option<[f32; 4]>, &(x, y)| {
        let [left, right, low, high] = bounds.unwrap_or([x, x, y, y]);
        Some([left.min(x), right.max(x), low.min(y), high.max(y)])
    });
    let [left, right, low, high] = bounds.unwrap_or([0.0; 4]);
    let pad = 0.5 * THUMBNAIL + 4.0;
    let room = (area.width - 2.0 * pad, area.height - 2.0 * pad);
    let scale = (room.0 / (right - left).max(1e-12)).min(room.1 / (high - low).max(1e-12));
    let middle = (area.x + area.width / 2.0, area.y + area.height / 2.0);
    let place = |&(x, y): &(f32, f32)| {
        (middle.0 + (x - (left + right) / 2.0) * scale, middle.1 - (y - (low + high) / 2.0) * scale)
    };
    places.iter().map(place).collect()
}

/// Photographs at their points, as long as they hide neither each other nor the names.
fn thumbnails(canvas: &mut Canvas, shown: &[(f32, f32)], points: &Points<'_>, labels: &[Label], area: Area) {
    let mut taken: Vec<(f32, f32)> = Vec::new();
    let half = THUMBNAIL / 2.0;
    for (index, &(x, y)) in shown.iter().enumerate() {
        let free =
            taken.iter().all(|at| (at.0 - x).abs() > THUMBNAIL + 3.0 || (at.1 - y).abs() > THUMBNAIL + 3.0);
        let inside =
            x - half > area.x && x + half < area.right() && y - half > area.y && y + half < area.bottom();
        let frame = Area::new(x - half - 2.0, y - half - 2.0, THUMBNAIL + 4.0, THUMBNAIL + 4.0);
        let unnamed = labels.iter().all(|label| label.area.shared(frame) == 0.0);
        if free
            && inside
            && unnamed
            && taken.len() < MOST_THUMBNAILS
            && !points.paths[index].as_os_str().is_empty()
        {
            let photograph = square(&points.paths[index], 2 * THUMBNAIL as u32);
            let frame = Area::new(x - half, y - half, THUMBNAIL, THUMBNAIL);
            canvas.picture(photograph, frame, Scaling::Smooth);
            canvas.frame(frame, 2.0, group(points.labels[index]));
            taken.push((x, y));
        }
    }
}

/// A class's name on the map.
struct Label {
    class: usize,
    text: String,
    area: Area,
    /// The nearest of the class's points.
    nearest: (f32, f32),
    style: Text,
}

impl Label {
    /// A thin line to the nearest of its points, where that is far away.
    fn lead(&self, canvas: &mut Canvas) {
        let Area { x, y, width, height } = self.area;
        let end = (self.nearest.0.clamp(x, x + width), self.nearest.1.clamp(y, y + height));
        if (end.0 - self.nearest.0).hypot(end.1 - self.nearest.1) > THUMBNAIL {
            canvas.line_over(&[self.nearest, end], 1.0, darker(group(self.class)), 0.5);
        }
    }

    fn draw(&self, canvas: &mut Canvas) {
        let Area { x, y, width, height } = self.area;
        let colour = darker(group(self.class));
        canvas.rect_over(self.area, WHITE, 0.86);
        canvas.text(
            &self.text,
            (x + width / 2.0, y + 0.5 * height + 0.36 * self.style.size),
            self.style.colour(colour),
        );
    }
}

/// The names of all classes with points, above their points by a clearance and off each other, the largest classes
/// first.
fn class_labels(
    shown: &[(f32, f32)],
    labels: &[usize],
    names: &Names,
    (area, clearance): (Area, f32),
) -> Vec<Label> {
    let mut classes: Vec<(usize, Vec<(f32, f32)>)> =
        (0..names.drawn.len()).map(|class| (class, vec![])).collect();
    for (place, label) in shown.iter().zip(labels).filter(|((x, y), _)| x.is_finite() && y.is_finite()) {
        classes[*label].1.push(*place);
    }
    classes.retain(|(_, places)| !places.is_empty());
    classes.sort_by_key(|(class, places)| (std::cmp::Reverse(places.len()), *class));
    let style = Text::new(if classes.len() > MANY_NAMES { 9.0 } else { 11.0 }).bold().middle();
    let mut taken = OccupiedAreas::default();
    let label = |(class, places): (usize, Vec<(f32, f32)>)| {
        let sorted = |values: &mut dyn Iterator<Item = f32>| {
            let mut values: Vec<f32> = values.collect();
            values.sort_by(f32::total_cmp);
            values
        };
        let across = sorted(&mut places.iter().map(|place| place.0));
        let down = sorted(&mut places.iter().map(|place| place.1));
        // Above all but a tenth of them.
        let (middle, top) = (across[across.len() / 2], down[down.len() / 10]);
        let text = style.shortened(&names.drawn[class], 150.0);
        let size = (style.width(&text) + 8.0, style.size + 5.0);
        let above = (middle, top - clearance - size.1 / 2.0);
        let wished = Area::new(above.0 - size.0 / 2.0, above.1 - size.1 / 2.0, size.0, size.1);
        let inside = wished.x >= area.x && wished.right() <= area.right() && wished.y >= area.y;
        let place = if inside && taken.shared(wished) == 0.0 {
            taken.add(wished);
            wished
        } else {
            // Beside a place where its own points are, at least as far away as a photograph's half.
            taken.near((middle, top), size, clearance, area)
        };
        let box_middle = (place.x + size.0 / 2.0, place.y + size.1 / 2.0);
        let away = |at: &(f32, f32)| (at.0 - box_middle.0).hypot(at.1 - box_middle.1);
        let nearest = places.iter().copied().min_by(|a, b| away(a).total_cmp(&away(b))).unwrap_or(box_middle);
        Label { class, text, area: place, nearest, style }
    };
    classes.into_iter().map(label).collect()
}

/// A group's colour, dark enough to read.
fn darker(colour: Rgb<u8>) -> Rgb<u8> {
    let mixed = |c: usize| ((u16::from(colour.0[c]) + u16::from(INK.0[c])) / 2) as u8;
    Rgb([mixed(0), mixed(1), mixed(2)])
}
