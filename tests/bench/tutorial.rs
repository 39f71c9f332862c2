//! What the benches share: the tutorial's transforms, and how fast a loader is.

use std::time::Instant;

use herbarium::prelude::*;

/// The tutorial's, for training and for validation.
pub fn tutorial_transforms() -> Splits<Compose> {
    let train = vec![
        resize(96, 96),
        random_rotation(45.0),
        center_crop(64, 64),
        random_horizontal_flip(0.5),
        random_vertical_flip(0.5),
        color_jitter(0.2, 0.1, 0.1, 0.1),
        random_grayscale(0.025),
        to_tensor(),
        normalize(IMAGENET_MEAN, IMAGENET_STD),
    ];
    let valid = vec![resize(64, 64), to_tensor(), normalize(IMAGENET_MEAN, IMAGENET_STD)];
    Splits { train: Compose::new(train), valid: Compose::new(valid) }
}

/// One pass over a loader: images per second.
pub fn read(loader: &DataLoader) -> Result<f64> {
    let start = Instant::now();
    let mut images = 0;
    for batch in loader.iter() {
        images += batch?.len();
    }
    Ok(images as f64 / start.elapsed().as_secs_f64())
}
