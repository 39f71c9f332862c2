//! What the benches share: the tutorial's transforms, and how fast a loader is.

#[path = "../support/tutorial_transforms.rs"]
mod tutorial_transforms;

use std::time::Instant;

use herbarium::prelude::*;
pub use tutorial_transforms::tutorial_transforms;

/// One pass over a loader: images per second.
pub fn read(loader: &DataLoader) -> Result<f64> {
    let start = Instant::now();
    let mut images = 0;
    for batch in loader.iter() {
        images += batch?.len();
    }
    Ok(images as f64 / start.elapsed().as_secs_f64())
}
