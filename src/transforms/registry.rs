//! Maps the names in a saved pipeline to constructors.

use super::json::Args;
use super::{
    Transform, affine, auto_augment, center_crop, color_jitter, compose, containers, crop, crops, erasing,
    filters, flip, grayscale, lookup_tables, pad, perspective, resize, resized_crop, rotation, tensor,
};
use crate::Result;

/// Makes a step from its saved arguments.
pub(super) type Constructor = fn(&mut Args) -> Result<Transform>;

/// The constructor of the step called `name`.
pub(super) fn constructor(name: &str) -> Option<Constructor> {
    let constructor: Constructor = match name {
        "AutoAugment" => auto_augment::auto_from_json,
        "CenterCrop" => center_crop::from_json,
        "ColorJitter" => color_jitter::from_json,
        "Compose" => compose::from_json,
        "FiveCrop" | "TenCrop" => crops::from_json,
        "GaussianBlur" => filters::blur_from_json,
        "Grayscale" => grayscale::grayscale_from_json,
        "Normalize" => tensor::normalize_from_json,
        "Pad" => pad::from_json,
        "RandAugment" => auto_augment::rand_from_json,
        "RandomAdjustSharpness" => filters::sharpness_from_json,
        "RandomAffine" => affine::from_json,
        "RandomApply" => containers::apply_from_json,
        "RandomAutocontrast" | "RandomEqualize" | "RandomInvert" | "RandomPosterize" | "RandomSolarize" => {
            lookup_tables::from_json
        }
        "RandomChoice" => containers::choice_from_json,
        "RandomCrop" => crop::from_json,
        "RandomErasing" => erasing::from_json,
        "RandomGrayscale" => grayscale::from_json,
        "RandomHorizontalFlip" => flip::horizontal_from_json,
        "RandomOrder" => containers::order_from_json,
        "RandomPerspective" => perspective::from_json,
        "RandomResizedCrop" => resized_crop::from_json,
        "RandomRotation" => rotation::from_json,
        "RandomVerticalFlip" => flip::vertical_from_json,
        "Resize" => resize::from_json,
        "ToTensor" => tensor::to_tensor_from_json,
        "TrivialAugmentWide" => auto_augment::trivial_from_json,
        _ => return None,
    };
    Some(constructor)
}
