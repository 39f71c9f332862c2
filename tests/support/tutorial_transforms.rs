//! The tutorial's transforms, as its notebook and `examples/tutorial.rs` write them out.

use herbarium::prelude::*;

/// For training and for validation.
pub fn tutorial_transforms() -> Splits<Compose> {
    let train = vec![
        resize([96, 96]),
        random_rotation(45.0),
        center_crop(64),
        random_horizontal_flip(0.5),
        random_vertical_flip(0.5),
        color_jitter(0.2, 0.1, 0.1, 0.1),
        random_grayscale(0.025),
        to_tensor(),
        normalize(IMAGENET_MEAN, IMAGENET_STD),
    ];
    let valid = vec![resize([64, 64]), to_tensor(), normalize(IMAGENET_MEAN, IMAGENET_STD)];
    Splits { train: Compose::new(train), valid: Compose::new(valid) }
}
