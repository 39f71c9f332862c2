//! The filters of a network's first layer, which look at colours themselves.

use image::{Rgb, RgbImage};
use tch::{Device, Kind, Tensor};

use crate::drawing::canvas::{Area, Canvas, Scaling, Text};
use crate::drawing::palette::GREY;
use crate::models::Model;
use crate::viz::Figure;
use crate::{Error, Result};

const MARGIN: f32 = 14.0;
const TOP: f32 = 52.0;
const WIDTH: f32 = 960.0;

/// The filters of the first convolution as small colour pictures, one beside the other. Grey is a
/// weight of 0; each filter is stretched to its own largest weight, so that all are seen. In a trained
/// network they show edges and spots of colour, in a new one noise.
///
/// # Errors
/// [`Error::Argument`] if the network has no convolution that takes pictures of three channels.
pub fn plot_filters(model: &Model) -> Result<Figure> {
    let entries = model.state_dict();
    let first = entries.iter().find(|(_, tensor)| matches!(tensor.size()[..], [_, 3, _, _]));
    let Some((name, weights)) = first else {
        let told = format!("{} has no convolution that takes pictures of three channels", model.name());
        return Err(Error::Argument(told));
    };
    let layer = name.strip_suffix(".weight").unwrap_or(name);
    let filters = pictures(weights)?;
    let (height, width) = (weights.size()[2], weights.size()[3]);
    let told = format!("{} filters of {height} x {width} in {layer} of {}", filters.len(), model.name());
    tiles("First layer's filters", &told, filters, Scaling::Pixels)
}

/// Each filter (3, H, W) as a picture around grey.
fn pictures(weights: &Tensor) -> Result<Vec<RgbImage>> {
    let size = weights.size();
    let (height, width) = (size[2] as usize, size[3] as usize);
    let flat = weights.f_detach()?.f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?.f_contiguous()?;
    let values = Vec::<f32>::try_from(&flat.f_reshape([-1])?)?;
    let picture = |filter: &[f32]| {
        let most =
            filter.iter().map(|value| value.abs()).filter(|value| value.is_finite()).fold(0.0, f32::max);
        let byte = |value: f32| (127.5 + 127.5 * value / most.max(1e-12)).round().clamp(0.0, 255.0) as u8;
        RgbImage::from_fn(width as u32, height as u32, |x, y| {
            let place = y as usize * width + x as usize;
            Rgb([0, 1, 2].map(|channel| byte(filter[channel * height * width + place])))
        })
    };
    Ok(values.chunks((3 * height * width).max(1)).map(picture).collect())
}

/// Small pictures in rows, as many beside each other as make them neither too small nor too large.
fn tiles(title: &str, told: &str, pictures: Vec<RgbImage>, scaling: Scaling) -> Result<Figure> {
    let (columns, side) = layout(pictures.len());
    let gap = if side > 40.0 { 6.0 } else { 4.0 };
    let rows = pictures.len().div_ceil(columns).max(1);
    let width = 2.0 * MARGIN + columns as f32 * (side + gap) - gap;
    let height = TOP + rows as f32 * (side + gap) - gap + MARGIN;
    let mut canvas = Canvas::new(width.max(360.0) as u32, height as u32)?;
    canvas.text(title, (MARGIN, 22.0), Text::new(14.0).bold());
    canvas.text(told, (MARGIN, 38.0), Text::new(11.0).colour(GREY));
    for (index, picture) in pictures.into_iter().enumerate() {
        let place = ((index % columns) as f32, (index / columns) as f32);
        let area = Area::new(MARGIN + place.0 * (side + gap), TOP + place.1 * (side + gap), side, side);
        canvas.picture(picture, area, scaling);
    }
    canvas.figure(format!("{}: {told}", title.to_lowercase()))
}

/// Columns, and the side of a tile in CSS pixels.
fn layout(count: usize) -> (usize, f32) {
    let columns = match count {
        0..=8 => 8,
        9..=64 => 16,
        65..=256 => 24,
        _ => 32,
    };
    let gap = if columns <= 16 { 6.0 } else { 4.0 };
    let side = ((WIDTH - 2.0 * MARGIN + gap) / columns as f32 - gap).floor();
    (columns.min(count.max(1)), side)
}
