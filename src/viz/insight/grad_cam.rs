//! Grad-CAM, where a network looks: ["Grad-CAM"](https://arxiv.org/abs/1610.02391), Selvaraju et
//! al. 2017.

use image::{Rgb, RgbImage};
use tch::{Device, Kind, Tensor};

use super::layer::{last_map, one_picture};
use crate::data::CategoryNames;
use crate::drawing::axis::short;
use crate::drawing::canvas::{Area, Canvas, Scaling, Text};
use crate::drawing::palette::{GREY, inferno};
use crate::drawing::to_image;
use crate::models::{Model, Predictions};
use crate::transforms::{IMAGENET_MEAN, IMAGENET_STD};
use crate::viz::grid::{self, Panel};
use crate::viz::labels::name_of;
use crate::viz::{Figure, Grid};
use crate::{Error, Result};

/// What Grad-CAM is computed for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GradCamOptions {
    /// The path of the layer, `layer3` or `layer4.1`; empty for the last part that gives maps.
    pub layer: String,
    /// The class, an index into `class_names`; `None` for the likeliest.
    pub class: Option<usize>,
}

/// How strongly each position of a picture supports a class.
pub struct GradCam {
    /// (H, W) as the picture, float32 on the CPU, 0 to 1: 1 where most speaks for the class. 0
    /// everywhere if nothing does.
    pub heat: Tensor,
    /// The greatest value before it was made 1, by which the heats of several classes can be compared: an activation
    /// times the gradient of the class's logit. 0 if nothing speaks for the class.
    pub peak: f64,
    /// The layer's path.
    pub layer: String,
    /// The layer's maps: height and width.
    pub resolution: (i64, i64),
    /// The class, an index into `class_names`.
    pub class: usize,
    /// Its probability, 0 to 1.
    pub probability: f64,
}

/// Where `image` speaks for a class: the layer's maps, each weighted by the mean of the class's
/// gradients over it, added up; what is negative becomes 0, the rest is enlarged bilinearly
/// (`align_corners=False`) to the picture's size and divided by its greatest value.
///
/// `image` is one picture, (3, H, W) or (1, 3, H, W), normalised as for the model, which is taken in
/// eval mode and stays as it is. It works for frozen layers too.
///
/// # Errors
/// [`Error::Argument`] if it is not one picture, the class does not exist or the layer gives no maps;
/// [`Error::UnknownLayer`] for a path that names nothing; as [`Model::forward`].
pub fn grad_cam(model: &Model, image: &Tensor, options: GradCamOptions) -> Result<GradCam> {
    let images = one_picture(model, image)?;
    let layer = if options.layer.is_empty() { last_map(model, &images)? } else { options.layer };
    let (logits, activation) = tch::with_grad(|| model.eval_with(&images, &layer))?;
    let resolution = match activation.size()[..] {
        [1, _, height, width] => (height, width),
        ref size => {
            let told = format!(
                "{layer} of {} gives {size:?}, not maps (1, C, H, W): name another layer",
                model.name()
            );
            return Err(Error::Argument(told));
        }
    };
    let preds = Predictions::from_logits(&logits)?;
    let classes = model.num_classes();
    let class = options.class.map_or_else(|| preds.class(0), Ok)?;
    if class >= classes {
        let told = format!("there is no class {class}: {} has {classes} classes, from 0", model.name());
        return Err(Error::Argument(told));
    }
    let score = tch::with_grad(|| logits.f_select(1, class as i64)?.f_sum(Kind::Float))?;
    // libtorch crashes on a score that has no graph.
    if !score.requires_grad() {
        let told = format!("the classes of {} do not depend on {layer}: name another layer", model.name());
        return Err(Error::Argument(told));
    }
    let gradients = Tensor::f_run_backward(&[score], &[&activation], false, false)?;
    let gradient = gradients.first().ok_or_else(|| Error::Torch("no gradient was computed".into()))?;
    let _guard = tch::no_grad_guard();
    let (heat, peak) = heat(&activation.f_detach()?, gradient, (images.size()[2], images.size()[3]))?;
    let probability = preds.probabilities().f_double_value(&[0, class as i64])?;
    Ok(GradCam { heat, peak, layer, resolution, class, probability })
}

/// The map of an activation and a gradient (1, C, h, w), enlarged to `(height, width)`, and its greatest value, which
/// becomes 1 in it.
fn heat(activation: &Tensor, gradient: &Tensor, (height, width): (i64, i64)) -> Result<(Tensor, f64)> {
    let weights = gradient.f_mean_dim([2i64, 3].as_slice(), true, Kind::Float)?;
    let sum = weights.f_multiply(activation)?.f_sum_dim_intlist([1i64].as_slice(), true, Kind::Float)?;
    let large = sum.f_relu()?.f_upsample_bilinear2d([height, width], false, None, None)?;
    let large = large.f_reshape([height, width])?.f_to_device(Device::Cpu)?;
    let most = large.f_max()?;
    Ok((large.f_divide(&most.f_clamp_min(1e-30)?)?, f64::try_from(&most)?))
}

/// What the warmest colour stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HeatScale {
    /// The greatest value of all classes shown: a class for which little speaks stays cold.
    #[default]
    Common,
    /// Each class's own greatest value: where the most speaks for it, however little that is.
    Each,
}

/// What is drawn by [`plot_grad_cam`].
#[derive(Clone, Debug, PartialEq)]
pub struct GradCamPlot {
    /// The path of the layer; empty for the last part that gives maps.
    pub layer: String,
    /// The classes, as indices into `class_names`; empty for the three likeliest.
    pub classes: Vec<usize>,
    /// How much the warmth hides of the photograph, 0 to 1.
    pub opacity: f64,
    /// Whether colours can be compared between the classes.
    pub scale: HeatScale,
}

impl Default for GradCamPlot {
    /// The last layer, the three likeliest classes, on one scale.
    fn default() -> Self {
        Self { layer: String::new(), classes: Vec::new(), opacity: 0.75, scale: HeatScale::Common }
    }
}

/// One picture and, beside it, where it speaks for each class: dark red to yellow over the photograph
/// in grey, with a colour bar. All classes have one scale, or each its own ([`HeatScale`]). See [`grad_cam`] for how it
/// is computed, and for the numbers. A layer's maps say where to within a place of theirs: 2 x 2 of them at 64 pixels,
/// 7 x 7 at 224 for ResNet18's `layer4`.
///
/// # Errors
/// As [`grad_cam`]; [`Error::Argument`] if `class_names` are not the model's; the error of
/// [`CategoryNames::name`] for a label without name.
pub fn plot_grad_cam(
    model: &Model,
    image: &Tensor,
    class_names: &[String],
    cat_to_name: &CategoryNames,
    options: GradCamPlot,
) -> Result<Figure> {
    let images = one_picture(model, image)?;
    let GradCamPlot { layer, classes, opacity, scale } = options;
    let layer = if layer.is_empty() { last_map(model, &images)? } else { layer };
    let classes = if classes.is_empty() {
        model.predict(&images)?.top_k(0, 3)?.iter().map(|guess| guess.class).collect()
    } else {
        classes
    };
    let cams = classes
        .into_iter()
        .map(|class| grad_cam(model, &images, GradCamOptions { layer: layer.clone(), class: Some(class) }))
        .collect::<Result<Vec<GradCam>>>()?;
    let greatest = cams.iter().map(|cam| cam.peak).fold(0.0, f64::max);
    let photograph = to_image(&images, IMAGENET_MEAN, IMAGENET_STD)?;
    let mut cells = vec![Panel::new(photograph.clone()).title("the picture").note(" ")];
    let mut told = String::new();
    let (height, width) = cams.first().map_or((0, 0), |cam| cam.resolution);
    for cam in &cams {
        let name = name_of(cam.class, class_names, cat_to_name, "a class of the model")?;
        let sure = format!("{:.0} % sure, up to {}", 100.0 * cam.probability, short(cam.peak));
        told += &format!("\n{}, {sure}: {}", name.name, cam.place()?);
        let share = match scale {
            HeatScale::Common => cam.peak / greatest.max(f64::MIN_POSITIVE),
            HeatScale::Each => 1.0,
        };
        let heat = cam.heat.f_multiply_scalar(share)?;
        cells.push(Panel::new(overlay(&photograph, &heat, opacity)?).title(name.drawn).note(sure));
    }
    let grid = Grid { rows: cells.len(), columns: cells.len().clamp(1, 4) };
    let pictures = grid::lay(cells, grid)?;
    let (wide, high) = (pictures.width() as f32, pictures.height() as f32);
    let mut canvas = Canvas::new(pictures.width(), pictures.height() + BAR as u32)?;
    canvas.place(&pictures, Area::new(0.0, 0.0, wide, high));
    colour_bar(&mut canvas, Area::new(14.0, high, wide - 28.0, BAR), greatest, (scale, opacity))?;
    let scale_told = match scale {
        HeatScale::Common => format!("one scale, to {}", short(greatest)),
        HeatScale::Each => "each class to its own greatest value".into(),
    };
    let alt = format!(
        "Grad-CAM of {layer} of {} ({height} x {width} places, {scale_told}), where the picture speaks for:",
        model.name()
    );
    canvas.figure(alt + &told)
}

/// Height of the colour bar with its numbers.
const BAR: f32 = 44.0;

/// What the colours stand for, as they lie over a middle grey.
fn colour_bar(
    canvas: &mut Canvas,
    area: Area,
    greatest: f64,
    (scale, opacity): (HeatScale, f64),
) -> Result<()> {
    const STEPS: u32 = 128;
    let grey = RgbImage::from_pixel(STEPS, 1, Rgb([128; 3]));
    let steps: Vec<f32> = (0..STEPS).map(|step| step as f32 / (STEPS - 1) as f32).collect();
    let bar = overlay(&grey, &Tensor::from_slice(&steps).f_view([1, i64::from(STEPS)])?, opacity)?;
    let (middle, long) = (area.x + area.width / 2.0, area.width.min(260.0));
    let left = middle - long / 2.0;
    canvas.picture(bar, Area::new(left, area.y + 2.0, long, 10.0), Scaling::Smooth);
    let style = Text::new(11.0).colour(GREY);
    let (most, told) = match scale {
        HeatScale::Common => (short(greatest), "how much speaks for the class, one scale for all"),
        HeatScale::Each => ("its most".into(), "how much speaks for the class, each on its own scale"),
    };
    canvas.text("0", (left - 6.0, area.y + 11.0), style.end());
    canvas.text(&most, (left + long + 6.0, area.y + 11.0), style);
    canvas.text(&style.shortened(told, area.width), (middle, area.y + 27.0), style.middle());
    Ok(())
}

/// A photograph in grey with the warmth over it.
fn overlay(photograph: &RgbImage, heat: &Tensor, opacity: f64) -> Result<RgbImage> {
    let heat = Vec::<f32>::try_from(&heat.f_contiguous()?.f_reshape([-1])?)?;
    let opacity = if opacity.is_nan() { 0.0 } else { opacity.clamp(0.0, 1.0) };
    let width = photograph.width() as usize;
    Ok(RgbImage::from_fn(photograph.width(), photograph.height(), |x, y| {
        let [r, g, b] = photograph.get_pixel(x, y).0.map(f64::from);
        let grey = 0.299 * r + 0.587 * g + 0.114 * b;
        let t = f64::from(heat[y as usize * width + x as usize]);
        // Cold places show the photograph, in grey and a little paler.
        let (under, warm) = (55.0 + 0.75 * grey, inferno(0.25 + 0.75 * t).0);
        let alpha = opacity * t.clamp(0.0, 1.0).sqrt();
        Rgb(warm.map(|value| (under + (f64::from(value) - under) * alpha).round() as u8))
    }))
}

impl GradCam {
    /// The warmest place in words: `most at the top left`.
    fn place(&self) -> Result<String> {
        let (height, width) = (self.heat.size()[0], self.heat.size()[1]);
        if self.heat.f_max()?.f_double_value(&[])? <= 0.0 {
            return Ok("nothing speaks for it".into());
        }
        let at = self.heat.f_argmax(None, false)?.f_int64_value(&[])?;
        let third = |place: i64, size: i64| ((3 * place / size.max(1)).min(2)) as usize;
        let down = ["top", "middle", "bottom"][third(at / width, height)];
        let across = ["left", "middle", "right"][third(at % width, width)];
        Ok(match (down, across) {
            ("middle", "middle") => "most in the middle".into(),
            ("middle", side) => format!("most at the {side}"),
            (side, "middle") => format!("most at the {side}"),
            (down, across) => format!("most at the {down} {across}"),
        })
    }
}

impl std::fmt::Display for GradCam {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let GradCam { layer, resolution: (height, width), class, probability, .. } = self;
        let (size, place) = (self.heat.size(), self.place().unwrap_or_default());
        write!(
            f,
            "GradCam(class={class}, probability={probability:.4}, layer={layer}, {height} x {width} places, \
             heat=torch.Size({size:?}), {place})"
        )
    }
}

impl std::fmt::Debug for GradCam {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

crate::notebook::rich_by_debug!(GradCam);

#[cfg(test)]
mod tests {
    use super::*;

    /// Two maps of 1 x 2 with mean gradients 2 and −1: relu(2 · [1, 3] − [4, 1]) = [0, 5].
    #[test]
    fn maps_are_weighted_by_their_mean_gradients() -> Result<()> {
        let activation = Tensor::from_slice(&[1f32, 3.0, 4.0, 1.0]).f_view([1, 2, 1, 2])?;
        let gradient = Tensor::from_slice(&[1f32, 3.0, -1.0, -1.0]).f_view([1, 2, 1, 2])?;
        let small = Vec::<f32>::try_from(heat(&activation, &gradient, (1, 2))?.0.f_reshape([-1])?)?;
        assert_eq!(small, [0.0, 1.0]);
        // Enlarged to 4 with align_corners=False: 0, 1.25, 3.75, 5 of 5.
        let large = Vec::<f32>::try_from(heat(&activation, &gradient, (1, 4))?.0.f_reshape([-1])?)?;
        assert_eq!(large, [0.0, 0.25, 0.75, 1.0]);
        let (cold, peak) = heat(&activation, &gradient.f_neg()?, (1, 2))?;
        assert_eq!((heat(&activation, &gradient, (1, 2))?.1, peak), (5.0, 2.0));
        assert_eq!(Vec::<f32>::try_from(cold.f_reshape([-1])?)?, [1.0, 0.0]);
        Ok(())
    }
}
