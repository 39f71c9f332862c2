//! What the grids take out of a batch, checked.

use image::RgbImage;
use tch::{Device, Kind, Tensor};

use crate::data::Batch;
use crate::drawing::to_image;
use crate::transforms::{IMAGENET_MEAN, IMAGENET_STD};
use crate::{Error, Result};

/// The labels of a batch, as indices into `class_names`.
///
/// # Errors
/// [`Error::Argument`] if labels and pictures do not match in number.
pub(super) fn labels(batch: &Batch) -> Result<Vec<usize>> {
    let flat = batch.labels.f_to_device(Device::Cpu)?.f_to_kind(Kind::Int64)?.f_reshape([-1])?;
    let labels = Vec::<i64>::try_from(&flat)?;
    let pictures = count(&batch.images)?;
    if labels.len() != pictures {
        let told =
            format!("the batch has {pictures} pictures and {} labels, there must be as many", labels.len());
        return Err(Error::Argument(told));
    }
    let index = |label: i64| {
        usize::try_from(label)
            .map_err(|_| Error::Argument(format!("{label} is not a label: labels count from 0")))
    };
    labels.into_iter().map(index).collect()
}

fn count(images: &Tensor) -> Result<usize> {
    match images.size()[..] {
        [count, 3, _, _] => Ok(count as usize),
        ref size => {
            let told = format!("the batch's images must be a tensor of (N, 3, H, W), this one has {size:?}");
            Err(Error::Argument(told))
        }
    }
}

/// Picture `index` of a batch with its normalisation undone, as [`im_convert`](crate::drawing::im_convert).
pub(super) fn image(batch: &Batch, index: usize) -> Result<RgbImage> {
    to_image(&batch.images.f_select(0, index as i64)?, IMAGENET_MEAN, IMAGENET_STD)
}
