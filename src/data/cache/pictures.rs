//! Kept pictures of one data set: in memory, else on disk, else decoded.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use image::RgbImage;

use super::id::{Stamp, path_id};
use super::memory::Memory;
use super::store::Store;
use super::usage::CacheUsage;
use super::{CacheOptions, folder, probe};
use crate::data::{Decoding, FixedSteps};
use crate::{Error, Result};

/// A data set with fewer pictures is not cached on disk: it is decoded in a moment.
const WORTH_FILES: usize = 100;

/// What loaders read a data set's pictures through.
pub(in crate::data) struct PictureCache {
    fixed: FixedSteps,
    decoding: Decoding,
    budget: u64,
    memory: Memory,
    store: Option<Store>,
    from_memory: AtomicU64,
    from_disk: AtomicU64,
    decoded: AtomicU64,
    complained: AtomicBool,
}

/// Loaders with equal keys share a cache.
type Key = (u128, CacheOptions, bool);

/// The caches that are in use: a second loader over the same pictures shares what is kept for the first.
static OPEN: Mutex<Option<HashMap<Key, Weak<PictureCache>>>> = Mutex::new(None);

impl PictureCache {
    /// The cache of a data set of `count` pictures.
    pub(in crate::data) fn open(
        fixed: &FixedSteps,
        decoding: Decoding,
        count: usize,
        options: &CacheOptions,
    ) -> Arc<PictureCache> {
        let on_disk = options.disk > 0 && count >= WORTH_FILES;
        let key = probe::key(fixed, decoding);
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        let open = open.get_or_insert_default();
        open.retain(|_, cache| cache.strong_count() > 0);
        let known = (key, options.clone(), on_disk);
        if let Some(cache) = open.get(&known).and_then(Weak::upgrade) {
            return cache;
        }
        let complained = AtomicBool::new(false);
        let folder = || options.folder.clone().map_or_else(folder::default_folder, Ok);
        let store = match on_disk.then(folder) {
            Some(Ok(cache)) => {
                let folder = cache.join(folder::name(key));
                Some(Store::open(fixed, decoding, &cache, folder, options.disk))
            }
            Some(Err(error)) => {
                complain(&complained, &error.to_string());
                None
            }
            None => None,
        };
        let cache = Arc::new(PictureCache {
            fixed: fixed.clone(),
            decoding,
            budget: options.memory,
            memory: Memory::default(),
            store,
            from_memory: AtomicU64::new(0),
            from_disk: AtomicU64::new(0),
            decoded: AtomicU64::new(0),
            complained,
        });
        open.insert(known, Arc::downgrade(&cache));
        cache
    }

    /// Whether this is the cache of pictures that are made like those of `fixed`.
    pub(in crate::data) fn is_of(&self, fixed: &FixedSteps) -> bool {
        self.fixed.is(fixed)
            || self.fixed.root() == fixed.root() && self.fixed.description() == fixed.description()
    }

    /// The picture at `path` as [`FixedSteps::read`] makes it.
    ///
    /// # Errors
    /// As [`FixedSteps::read`].
    pub(in crate::data) fn get(&self, path: &Path) -> Result<RgbImage> {
        // Before the file is read: if it changes meanwhile, its stamp will not be the one that is kept.
        let metadata = std::fs::metadata(path).map_err(Error::io("reading", path))?;
        let (id, stamp) = (path_id(path), Stamp::of(&metadata));
        let count = |counter: &AtomicU64| counter.fetch_add(1, Ordering::Relaxed);
        if let Some(picture) = self.memory.get(id, stamp) {
            count(&self.from_memory);
            return Ok(picture);
        }
        if let Some(picture) = self.store.as_ref().and_then(|store| store.get(id, stamp)) {
            count(&self.from_disk);
            self.memory.put(id, stamp, &picture, self.budget);
            return Ok(picture);
        }
        let picture = self.fixed.read(path, self.decoding)?;
        count(&self.decoded);
        self.memory.put(id, stamp, &picture, self.budget);
        if let Some(store) = &self.store
            && let Err(reason) = store.put(id, stamp, &picture)
        {
            complain(&self.complained, &reason);
        }
        Ok(picture)
    }

    /// Where pictures have been read from so far, and how many are cached.
    pub(in crate::data) fn usage(&self) -> CacheUsage {
        let (memory_pictures, memory_bytes) = self.memory.size();
        let (disk_pictures, disk_bytes) = self.store.as_ref().map_or((0, 0), Store::size);
        CacheUsage {
            kept: self.fixed.to_string(),
            from_memory: self.from_memory.load(Ordering::Relaxed),
            from_disk: self.from_disk.load(Ordering::Relaxed),
            decoded: self.decoded.load(Ordering::Relaxed),
            memory_pictures,
            memory_bytes,
            disk_pictures,
            disk_bytes,
            folder: self.store.as_ref().map(|store| store.folder().to_path_buf()),
            trouble: self.store.as_ref().and_then(Store::trouble),
        }
    }
}

/// Says once that pictures cannot be kept on disk.
fn complain(complained: &AtomicBool, reason: &str) {
    if !complained.swap(true, Ordering::Relaxed) {
        eprintln!(
            "note: pictures cannot be kept on disk ({reason}); those that do not fit into memory are decoded \
             in every epoch. Make room, or choose another folder with CacheOptions {{ folder, .. }}"
        );
    }
}

/// Makes this process's caches forget the folder `deleted`, which (or whose contents) has been
/// deleted.
pub(super) fn forget_below(deleted: &Path) {
    let open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    for cache in open.iter().flat_map(HashMap::values).filter_map(Weak::upgrade) {
        if let Some(store) = &cache.store
            && store.folder().starts_with(deleted)
        {
            store.forget();
            cache.memory.clear();
        }
    }
}
