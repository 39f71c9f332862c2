//! One folder of kept pictures for several processes.

use std::fs;
use std::path::Path;

use herbarium::data::CacheOptions;
use herbarium::prelude::*;
use image::RgbImage;

use super::Outcome;

pub const PICTURES: usize = 150;

/// Of each picture after `resize([20, 20])`.
pub const BYTES: u64 = 20 * 20 * 3;

/// Where the children find the pictures, and have their cache.
pub const FOLDER: &str = "HERBARIUM_TEST_FOLDER";

pub fn pictures(folder: &Path) -> Outcome {
    let set = folder.join("set/lily");
    fs::create_dir_all(&set)?;
    for i in 0..PICTURES as u32 {
        let picture =
            RgbImage::from_fn(160, 120, |x, y| image::Rgb([(x + i) as u8, (y * 2 + i) as u8, (x * y) as u8]));
        picture.save(set.join(format!("{i:03}.jpg")))?;
    }
    Ok(())
}

pub fn loader(folder: &Path, cache: CacheOptions) -> herbarium::Result<DataLoader> {
    let transforms = Compose::new(vec![resize([20, 20]), random_rotation(45.0), to_tensor()]);
    let options = LoaderOptions {
        batch_size: 16,
        shuffle: true,
        seed: Some(4),
        num_workers: 2,
        cache,
        ..Default::default()
    };
    Ok(DataLoader::new(ImageFolder::new(folder.join("set"), transforms)?, options))
}

pub fn on_disk(folder: &Path) -> CacheOptions {
    CacheOptions { memory: 0, disk: 1 << 30, folder: Some(folder.join("cache")) }
}

/// Whether an epoch through the cache in `folder` gives the batches of one without; how many were decoded for it.
pub fn same_as_decoded(folder: &Path) -> herbarium::Result<(bool, u64)> {
    let (kept, decoded) = (loader(folder, on_disk(folder))?, loader(folder, CacheOptions::off())?);
    let mut same = true;
    for (ours, theirs) in kept.iter().zip(decoded.iter()) {
        let (ours, theirs) = (ours?, theirs?);
        same &= ours.images.equal(&theirs.images) && ours.labels.equal(&theirs.labels);
    }
    Ok((same, kept.cache().map_or(0, |usage| usage.decoded)))
}
