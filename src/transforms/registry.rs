//! The steps that a saved pipeline may have, by torchvision's names.

use super::affine::RandomAffine;
use super::auto_augment::{RandAugment, TrivialAugmentWide};
use super::crop::RandomCrop;
use super::erasing::RandomErasing;
use super::filters::GaussianBlur;
use super::json::Args;
use super::pad::Pad;
use super::perspective::RandomPerspective;
use super::resize::Resize;
use super::resized_crop::RandomResizedCrop;
use super::rotation::RandomRotation;
use super::*;
use crate::Result;

/// The step called `name` with its saved arguments, in the order in which they are asked for; `None` where there is no
/// such step.
pub(super) fn construct(name: &str, args: &mut Args) -> Result<Option<Transform>> {
    Ok(Some(match name {
        "AutoAugment" => auto_augment(),
        "CenterCrop" => center_crop(args.take::<[i64; 2]>("size")?),
        "ColorJitter" => color_jitter::from_json(args)?,
        "Compose" => Compose::new(args.transforms()?).into(),
        "FiveCrop" => five_crop(args.take::<[i64; 2]>("size")?),
        "GaussianBlur" => args.step::<GaussianBlur>()?,
        "Grayscale" => grayscale::from_json(args)?,
        "Normalize" => normalize(args.take("mean")?, args.take("std")?),
        "Pad" => args.step::<Pad>()?,
        "RandAugment" => args.step::<RandAugment>()?,
        "RandomAdjustSharpness" => random_adjust_sharpness(args.take("sharpness_factor")?, args.take("p")?),
        "RandomAffine" => args.step::<RandomAffine>()?,
        "RandomApply" => random_apply(args.transforms()?, args.take("p")?),
        "RandomAutocontrast" => random_autocontrast(args.take("p")?),
        "RandomChoice" => containers::choice_from_json(args)?,
        "RandomCrop" => args.step::<RandomCrop>()?,
        "RandomEqualize" => random_equalize(args.take("p")?),
        "RandomErasing" => args.step::<RandomErasing>()?,
        "RandomGrayscale" => random_grayscale(args.take("p")?),
        "RandomHorizontalFlip" => random_horizontal_flip(args.take("p")?),
        "RandomInvert" => random_invert(args.take("p")?),
        "RandomOrder" => random_order(args.transforms()?),
        "RandomPerspective" => args.step::<RandomPerspective>()?,
        "RandomPosterize" => random_posterize(args.take("bits")?, args.take("p")?),
        "RandomResizedCrop" => args.step::<RandomResizedCrop>()?,
        "RandomRotation" => args.step::<RandomRotation>()?,
        "RandomSolarize" => random_solarize(args.take("threshold")?, args.take("p")?),
        "RandomVerticalFlip" => random_vertical_flip(args.take("p")?),
        "Resize" => args.step::<Resize>()?,
        "TenCrop" => ten_crop(args.take::<[i64; 2]>("size")?).vertical_flip(args.take("vertical_flip")?),
        "ToTensor" => to_tensor(),
        "TrivialAugmentWide" => args.step::<TrivialAugmentWide>()?,
        _ => return Ok(None),
    }))
}
