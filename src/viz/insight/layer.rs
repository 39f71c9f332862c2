//! Which layer is looked at, and one picture for it.

use tch::{Kind, Tensor};

use crate::models::Model;
use crate::{Error, Result};

/// One picture as a batch (1, 3, H, W), float32 on the model's device.
///
/// # Errors
/// [`Error::Argument`] if the tensor is not one picture.
pub(crate) fn one_picture(model: &Model, image: &Tensor) -> Result<Tensor> {
    let image = image.f_detach()?;
    let image = match image.size()[..] {
        [3, height, width] if height * width > 0 => image.f_unsqueeze(0)?,
        [1, 3, height, width] if height * width > 0 => image,
        ref size => {
            let told = format!(
                "one picture is needed, a tensor of (3, H, W) or (1, 3, H, W), this one has {size:?}: \
                 `batch.images.get(0)` is the first of a batch"
            );
            return Err(Error::Argument(told));
        }
    };
    Ok(image.f_to_device(model.device())?.f_to_kind(Kind::Float)?)
}

/// The last of a network's main parts that still gives maps, such as `layer4` or `features`: what it
/// sees is the most like a class, and still has places.
///
/// # Errors
/// [`Error::Argument`] if no part gives maps larger than one pixel; the model's own, when `images` do
/// not fit.
pub(crate) fn last_map(model: &Model, images: &Tensor) -> Result<String> {
    let parts = model.module().children();
    let mut single = None;
    for (name, module) in parts.iter().rev() {
        if module.kind().contains("Pool") {
            continue;
        }
        // Some parts work in training only.
        let Ok(activation) = model.activation(name, images) else { continue };
        match activation.size()[..] {
            [_, _, height, width] if height * width > 1 => return Ok((*name).to_string()),
            [_, _, 1, 1] if single.is_none() => single = Some((*name).to_string()),
            _ => {}
        }
    }
    // Nothing was found: either the pictures do not fit, which the pass itself says, or they are small.
    model.predict(images)?;
    single
        .ok_or_else(|| Error::Argument(format!("{} has no part that gives maps: name a layer", model.name())))
}
