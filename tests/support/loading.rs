//! Sets of small pictures, and epochs of them.

use herbarium::prelude::*;
use image::RgbImage;

use super::TempDir;

pub fn plain() -> Compose {
    Compose::new(vec![to_tensor()])
}

pub fn both(transform: Compose) -> Splits<Compose> {
    Splits { train: transform.clone(), valid: transform }
}

pub fn options(batch_size: usize, num_workers: usize) -> LoaderOptions {
    LoaderOptions { batch_size, num_workers, ..Default::default() }
}

pub fn numbers(tensor: &Tensor) -> Vec<i64> {
    Vec::<i64>::try_from(tensor).unwrap()
}

pub fn epoch(loader: &DataLoader, number: u64) -> Vec<(Vec<i64>, Tensor)> {
    loader
        .iter_epoch(number)
        .map(|batch| batch.map(|batch| (numbers(&batch.labels), batch.images)).unwrap())
        .collect()
}

/// `count` photographs-like pictures of class "1" below `dir`.
pub fn gradients(dir: &TempDir, folder: &str, count: u32) {
    for i in 0..count {
        let picture = RgbImage::from_fn(40, 30, |x, y| {
            image::Rgb([(x * 6) as u8, (y * 8 + i) as u8, (x * y + i) as u8])
        });
        picture.save(dir.place(&format!("{folder}/{}/{i:03}.png", i % 3))).unwrap();
    }
}

pub fn augmented() -> Compose {
    Compose::new(vec![
        resize([20, 20]),
        random_rotation(45.0),
        center_crop(16),
        color_jitter(0.2, 0.1, 0.1, 0.1),
        to_tensor(),
        normalize(IMAGENET_MEAN, IMAGENET_STD),
    ])
}

pub fn assert_same_epochs(ours: &DataLoader, theirs: &DataLoader) {
    for number in 0..2 {
        let (ours, theirs) = (epoch(ours, number), epoch(theirs, number));
        assert_eq!(ours.len(), theirs.len());
        for ((labels, images), (expected_labels, expected_images)) in ours.iter().zip(&theirs) {
            assert_eq!(labels, expected_labels);
            assert!(images.equal(expected_images));
        }
    }
}
