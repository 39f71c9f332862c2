//! What transforms do to a photograph.

use fastrand::Rng;
use image::RgbImage;

use super::grid::{self, Panel};
use super::{Figure, Grid};
use crate::drawing::to_image;
use crate::transforms::{Compose, Sample, Transform};
use crate::{Error, Result};

/// One photograph and what a pipeline of random transforms makes of it: the photograph itself, then as many
/// draws as the grid has room for, each as the network would see it, normalisation undone.
///
/// The same `seed` gives the same draws. Of `five_crop` and `ten_crop` every crop is shown.
///
/// # Errors
/// [`Error::Argument`] if the grid has no room; what a transform does not allow.
pub fn augmentation_preview(
    picture: &RgbImage,
    transform: &Compose,
    grid: Grid,
    seed: u64,
) -> Result<Figure> {
    let room = grid.room_for(usize::MAX)?;
    let mut cells = vec![Panel::new(picture.clone()).title("the photograph")];
    let mut draw = 0;
    while cells.len() < room {
        draw += 1;
        let sample = transform.apply(Sample::Picture(picture.clone()), &mut draws(seed, draw))?;
        let pictures = pictures(&sample, transform.transforms())?;
        if pictures.is_empty() {
            break;
        }
        let count = pictures.len();
        for (number, drawn) in pictures.into_iter().enumerate().take(room - cells.len()) {
            let title =
                if count == 1 { format!("draw {draw}") } else { format!("draw {draw}, {}", number + 1) };
            cells.push(Panel::new(drawn).title(title));
        }
    }
    let (width, height) = picture.dimensions();
    let shown = cells.len() - 1;
    let alt = format!(
        "a photograph of {width} x {height} pixels and {shown} pictures that these transforms made of it:\n{transform}"
    );
    grid::draw(cells, grid, alt)
}

/// A photograph on its way through a pipeline: as it is, and after each step, titled with the step's name.
/// Random choices are drawn from `seed`.
///
/// # Errors
/// What a transform does not allow.
pub fn transform_steps(picture: &RgbImage, transform: &Compose, seed: u64) -> Result<Figure> {
    let mut cells = vec![Panel::new(picture.clone()).title("the photograph")];
    let mut told = vec!["a photograph, and what it is after each step:".to_string()];
    let (mut sample, mut rng) = (Sample::Picture(picture.clone()), draws(seed, 1));
    for (index, step) in transform.transforms().iter().enumerate() {
        sample = step.apply(sample, &mut rng)?;
        let so_far = &transform.transforms()[..=index];
        if let Some(made) = pictures(&sample, so_far)?.into_iter().next() {
            told.push(format!("{step}: {} x {} pixels", made.width(), made.height()));
            cells.push(Panel::new(made).title(step.name()));
        }
    }
    let grid = columns(cells.len());
    grid::draw(cells, grid, told.join("\n"))
}

/// A photograph, and what each of `transforms` alone makes of it, titled with the transform's name.
/// Random choices are drawn from `seed`.
///
/// # Errors
/// What a transform does not allow, and one that works on tensors: it cannot work on a photograph.
pub fn transform_panel(picture: &RgbImage, transforms: &[Transform], seed: u64) -> Result<Figure> {
    let mut cells = vec![Panel::new(picture.clone()).title("the photograph")];
    let mut told = vec!["a photograph, and what each transform alone makes of it:".to_string()];
    for (index, transform) in transforms.iter().enumerate() {
        let sample = transform.apply(Sample::Picture(picture.clone()), &mut draws(seed, index as u64))?;
        if let Some(made) = pictures(&sample, std::slice::from_ref(transform))?.into_iter().next() {
            told.push(transform.to_string());
            cells.push(Panel::new(made).title(transform.name()));
        }
    }
    let grid = columns(cells.len());
    grid::draw(cells, grid, told.join("\n"))
}

/// The generator of one draw; draws differ, and each is the same in a larger grid.
fn draws(seed: u64, draw: u64) -> Rng {
    Rng::with_seed(seed.wrapping_add(draw.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
}

fn columns(count: usize) -> Grid {
    let columns = count.clamp(1, 5);
    Grid { rows: count.div_ceil(columns).max(1), columns }
}

/// What there is to see of a sample after `transforms`.
fn pictures(sample: &Sample, transforms: &[Transform]) -> Result<Vec<RgbImage>> {
    let tensor = match sample {
        Sample::Picture(picture) => return Ok(vec![picture.clone()]),
        Sample::Pictures(pictures) => return Ok(pictures.clone()),
        Sample::Tensor(tensor) => tensor,
    };
    let (mean, std) = normalization(transforms).unwrap_or(([0.0; 3], [1.0; 3]));
    match tensor.size()[..] {
        [3, _, _] => Ok(vec![to_image(tensor, mean, std)?]),
        [count, 3, _, _] => {
            (0..count).map(|index| to_image(&tensor.f_select(0, index)?, mean, std)).collect()
        }
        ref size => {
            Err(Error::Argument(format!("the transforms make a tensor of {size:?}, (3, H, W) can be shown")))
        }
    }
}

/// The mean and standard deviation of the last `normalize` of a pipeline.
fn normalization(transforms: &[Transform]) -> Option<([f64; 3], [f64; 3])> {
    transforms.iter().rev().find_map(Transform::normalization)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transforms::*;

    fn photograph() -> RgbImage {
        RgbImage::from_fn(60, 40, |x, y| image::Rgb([x as u8 * 4, y as u8 * 6, 120]))
    }

    #[test]
    fn draws_of_a_pipeline() {
        let pipeline = Compose::new(vec![
            resize([48, 48]),
            random_rotation(45.0),
            color_jitter(0.2, 0.1, 0.1, 0.1),
            to_tensor(),
            normalize(IMAGENET_MEAN, IMAGENET_STD),
        ]);
        let grid = Grid { rows: 2, columns: 3 };
        let figure = augmentation_preview(&photograph(), &pipeline, grid, 7).unwrap();
        assert!(
            figure.alt().starts_with("a photograph of 60 x 40 pixels and 5 pictures"),
            "{}",
            figure.alt()
        );
        let again = augmentation_preview(&photograph(), &pipeline, grid, 7).unwrap();
        assert_eq!(figure.png(), again.png());
        let other = augmentation_preview(&photograph(), &pipeline, grid, 8).unwrap();
        assert_ne!(figure.png(), other.png());
        assert!(augmentation_preview(&photograph(), &pipeline, Grid { rows: 0, columns: 2 }, 7).is_err());
        let steps = transform_steps(&photograph(), &pipeline, 1).unwrap();
        assert_eq!(steps.alt().lines().count(), 6);
        assert!(steps.alt().contains("ToTensor(): 48 x 48 pixels"), "{}", steps.alt());
    }

    /// Undone, the normalisation leaves no trace.
    #[test]
    fn normalisation_is_undone() {
        let pipeline = [to_tensor(), normalize(IMAGENET_MEAN, IMAGENET_STD)];
        let sample = Compose::new(pipeline.to_vec())
            .apply(Sample::Picture(photograph()), &mut Rng::with_seed(0))
            .unwrap();
        assert_eq!(pictures(&sample, &pipeline).unwrap(), [photograph()]);
    }

    #[test]
    fn one_transform_each() {
        let figure =
            transform_panel(&photograph(), &[random_invert(1.0), five_crop(20), grayscale()], 3).unwrap();
        assert_eq!(figure.alt().lines().count(), 4);
        assert!(transform_panel(&photograph(), &[normalize(IMAGENET_MEAN, IMAGENET_STD)], 3).is_err());
    }
}
