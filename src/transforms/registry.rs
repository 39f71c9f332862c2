//! Which name in a saved pipeline is made by what.

use super::json::Args;
use super::{
    Transform, affine, center_crop, color_jitter, compose, containers, crop, flip, grayscale, pad,
    perspective, resize, resized_crop, rotation, tensor, tone,
};
use crate::Result;

/// Makes a step from its saved arguments.
pub(super) type Constructor = fn(&mut Args) -> Result<Transform>;

/// What makes the step called `name`.
pub(super) fn constructor(name: &str) -> Option<Constructor> {
    let constructor: Constructor = match name {
        "CenterCrop" => center_crop::from_json,
        "ColorJitter" => color_jitter::from_json,
        "Compose" => compose::from_json,
        "Grayscale" => grayscale::grayscale_from_json,
        "Normalize" => tensor::normalize_from_json,
        "Pad" => pad::from_json,
        "RandomAffine" => affine::from_json,
        "RandomApply" => containers::apply_from_json,
        "RandomAutocontrast" | "RandomEqualize" | "RandomInvert" | "RandomPosterize" | "RandomSolarize" => {
            tone::from_json
        }
        "RandomChoice" => containers::choice_from_json,
        "RandomCrop" => crop::from_json,
        "RandomGrayscale" => grayscale::from_json,
        "RandomHorizontalFlip" => flip::horizontal_from_json,
        "RandomOrder" => containers::order_from_json,
        "RandomPerspective" => perspective::from_json,
        "RandomResizedCrop" => resized_crop::from_json,
        "RandomRotation" => rotation::from_json,
        "RandomVerticalFlip" => flip::vertical_from_json,
        "Resize" => resize::from_json,
        "ToTensor" => tensor::to_tensor_from_json,
        _ => return None,
    };
    Some(constructor)
}
