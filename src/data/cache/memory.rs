//! Kept pictures in memory.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use image::RgbImage;

use super::id::Stamp;

/// What the pictures in memory take, of all loaders of the process.
static USED: AtomicU64 = AtomicU64::new(0);

/// What a picture takes besides its pixels.
const OVERHEAD: u64 = 128;

/// Pictures of one data set. First come, first kept: an epoch visits all of them, so evicting for the
/// newest would drop each picture just before it is needed again.
#[derive(Default)]
pub(super) struct Memory {
    pictures: RwLock<HashMap<u128, (Stamp, RgbImage)>>,
    used: AtomicU64,
}

impl Memory {
    /// A copy of a picture, if it is there and its file is unchanged.
    pub(super) fn get(&self, id: u128, stamp: Stamp) -> Option<RgbImage> {
        let pictures = self.pictures.read().unwrap_or_else(PoisonError::into_inner);
        pictures.get(&id).filter(|(kept, _)| *kept == stamp).map(|(_, picture)| picture.clone())
    }

    /// Keeps a copy, if all pictures of the process then take `budget` bytes at most.
    pub(super) fn put(&self, id: u128, stamp: Stamp, picture: &RgbImage, budget: u64) {
        let size = picture.as_raw().len() as u64 + OVERHEAD;
        let claimed = USED.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            used.checked_add(size).filter(|&sum| sum <= budget)
        });
        if claimed.is_err() {
            return;
        }
        self.used.fetch_add(size, Ordering::Relaxed);
        let mut pictures = self.pictures.write().unwrap_or_else(PoisonError::into_inner);
        let old = pictures.insert(id, (stamp, picture.clone()));
        drop(pictures);
        if let Some((_, old)) = old {
            self.release(old.as_raw().len() as u64 + OVERHEAD);
        }
    }

    fn release(&self, size: u64) {
        self.used.fetch_sub(size, Ordering::Relaxed);
        USED.fetch_sub(size, Ordering::Relaxed);
    }

    /// How many pictures there are, and the bytes that they take.
    pub(super) fn size(&self) -> (usize, u64) {
        let pictures = self.pictures.read().unwrap_or_else(PoisonError::into_inner);
        (pictures.len(), self.used.load(Ordering::Relaxed))
    }

    /// Forgets all of them.
    pub(super) fn clear(&self) {
        let mut pictures = self.pictures.write().unwrap_or_else(PoisonError::into_inner);
        pictures.clear();
        pictures.shrink_to_fit();
        self.release(self.used.load(Ordering::Relaxed));
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.clear();
    }
}
