//! What a layer gives for a picture.

use image::{Rgb, RgbImage};
use tch::{Device, Kind, Tensor};

use super::layer::one_picture;
use crate::drawing::palette::viridis;
use crate::drawing::to_image;
use crate::models::Model;
use crate::transforms::{IMAGENET_MEAN, IMAGENET_STD};
use crate::viz::grid::{self, Panel};
use crate::viz::{Figure, Grid};
use crate::{Error, Result};

/// The picture, and the maps that a layer makes of it: those that vary most over the picture, each
/// from its least (dark) to its greatest value (yellow). The note below the title of each is its range.
///
/// `image` is one picture, (3, H, W) or (1, 3, H, W), normalised as for the model, which is taken in
/// eval mode. `layer` is a path such as `conv1` or `layer2.0.relu`.
///
/// # Errors
/// [`Error::Argument`] if it is not one picture, the grid has no room or the layer gives no maps;
/// [`Error::UnknownLayer`] for a path that names nothing; as [`Model::forward`].
pub fn plot_activations(model: &Model, image: &Tensor, layer: &str, grid: Grid) -> Result<Figure> {
    let images = one_picture(model, image)?;
    let maps = model.activation(layer, &images)?;
    let &[1, channels, height, width] = maps.size().as_slice() else {
        let told = format!("{layer} of {} gives {:?}, not maps (1, C, H, W)", model.name(), maps.size());
        return Err(Error::Argument(told));
    };
    let room = grid.room_for(channels as usize + 1)?;
    let maps = maps.f_select(0, 0)?.f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?;
    let spread = maps.f_flatten(1, -1)?.f_std_dim([1i64].as_slice(), false, false)?;
    let order = Vec::<i64>::try_from(&spread.f_argsort(0, true)?)?;
    let photograph = to_image(&images, IMAGENET_MEAN, IMAGENET_STD)?;
    let mut cells = vec![Panel::new(photograph).title("the picture").note(" ")];
    let mut shown = Vec::new();
    for &channel in order.iter().take(room.saturating_sub(1)) {
        let (picture, note) = map_picture(&maps.f_select(0, channel)?, (height, width))?;
        cells.push(Panel::new(picture).title(format!("map {channel}")).note(note).pixels());
        shown.push(channel.to_string());
    }
    let alt = format!(
        "the picture and {} of {channels} maps of {height} x {width} that {layer} of {} makes of it, those that \
         vary most first: {}",
        shown.len(),
        model.name(),
        shown.join(", ")
    );
    grid::draw(cells, grid, alt)
}

/// One map (H, W) from dark to yellow, and its range.
fn map_picture(map: &Tensor, (height, width): (i64, i64)) -> Result<(RgbImage, String)> {
    let values = Vec::<f32>::try_from(&map.f_contiguous()?.f_reshape([-1])?)?;
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let (low, high) = (finite().fold(f32::INFINITY, f32::min), finite().fold(f32::NEG_INFINITY, f32::max));
    let range = f64::from(high - low).max(1e-12);
    let picture = RgbImage::from_fn(width as u32, height as u32, |x, y| -> Rgb<u8> {
        let value = values[y as usize * width as usize + x as usize];
        viridis(f64::from(value - low) / range)
    });
    Ok((picture, format!("{low:.2} to {high:.2}")))
}
