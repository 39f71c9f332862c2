//! Loaders' caches in separate processes.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use herbarium::data::CacheOptions;
use herbarium::prelude::*;
use image::RgbImage;

use crate::support::loading::*;
use crate::support::shared_cache::{FOLDER, same_as_decoded};
use crate::support::{TempDir, assert_says};

/// Not one bit differs: without a cache, in memory, on disk, warm from disk, with little room, for pipelines
/// with randomness and without.
pub fn cache_changes_nothing() {
    let dir = TempDir::new();
    gradients(&dir, "set", 120);
    let cache = dir.path().join("cache");
    let valid = Compose::new(vec![resize([20, 20]), to_tensor(), normalize(IMAGENET_MEAN, IMAGENET_STD)]);
    let (small, full) = (20 * 20 * 3, 40 * 30 * 3);
    // The second pipeline begins as the first, and finds its pictures.
    for (transform, kept_bytes, new) in [(augmented(), small, 120), (valid, small, 0), (plain(), full, 120)] {
        let folder = ImageFolder::new(dir.path().join("set"), transform).unwrap();
        let loader = |cache: CacheOptions, workers| {
            let options = LoaderOptions { shuffle: true, seed: Some(3), cache, ..options(16, workers) };
            DataLoader::new(folder.clone(), options)
        };
        let reference = loader(CacheOptions::off(), 0);
        assert!(reference.cache().is_none());
        let on = |memory, disk| CacheOptions { memory, disk, folder: Some(cache.clone()) };
        for workers in [0, 3] {
            let memory = loader(CacheOptions::memory_only(1 << 30), workers);
            assert_same_epochs(&memory, &reference);
            let usage = memory.cache().unwrap();
            assert_eq!((usage.decoded, usage.from_memory, usage.from_disk), (120, 120, 0), "{usage}");
            assert_eq!(usage.folder, None);
        }
        let disk = loader(on(0, 1 << 30), 2);
        assert_same_epochs(&disk, &reference);
        let usage = disk.cache().unwrap();
        assert_eq!((usage.decoded, usage.from_memory, usage.from_disk), (new, 0, 240 - new), "{usage}");
        assert_eq!((usage.disk_pictures, usage.disk_bytes), (120, 120 * kept_bytes), "{usage}");
        drop(disk);
        // As the next kernel: nothing is decoded any more.
        let warm = loader(on(60_000, 1 << 30), 2);
        assert_same_epochs(&warm, &reference);
        let usage = warm.cache().unwrap();
        assert_eq!(usage.decoded, 0, "{usage}");
        assert!(usage.from_memory > 0 && usage.memory_bytes <= 60_000, "{usage}");
    }
    let listing = data::cache::list_folder(&cache).unwrap();
    assert_eq!(listing.stored.iter().map(|stored| stored.pictures).collect::<Vec<_>>(), [120, 120]);
    assert!(listing.to_string().contains("decode, Resize(size=[20, 20]"), "{listing}");
    assert!(listing.bundle().get("text/html").unwrap().contains("<table>"));
    dir.write("cache/mine.txt", "not the cache's");
    let cleared = data::cache::clear_folder(&cache).unwrap();
    assert_eq!((cleared.data_sets, cleared.pictures, cleared.bytes), (2, 240, listing.bytes()));
    assert_eq!(std::fs::read_dir(&cache).unwrap().count(), 1);
    assert!(data::cache::list_folder(&cache).unwrap().to_string().starts_with("no pictures are stored in "));
    println!("cache: the same");
}

/// A picture that was rewritten, other transforms, a cleared cache under a loader that continues.
pub fn cache_is_never_stale() {
    let dir = TempDir::new();
    gradients(&dir, "set", 120);
    let root = dir.path().join("set");
    let cache = CacheOptions { memory: 1 << 20, disk: 1 << 30, folder: Some(dir.path().join("cache")) };
    let loader = |height, cache: &CacheOptions| {
        let transform = Compose::new(vec![resize([height, 20]), to_tensor()]);
        let options = LoaderOptions { cache: cache.clone(), ..options(16, 2) };
        DataLoader::new(ImageFolder::new(&root, transform).unwrap(), options)
    };
    let reference = loader(20, &CacheOptions::off());
    let kept = loader(20, &cache);
    assert_same_epochs(&kept, &reference);
    // The same length, other pixels.
    let (one, other) = (root.join("0/000.png"), root.join("1/001.png"));
    for (path, colour) in [(&one, [9, 9, 9]), (&other, [200, 1, 1])] {
        std::thread::sleep(Duration::from_millis(20));
        RgbImage::from_pixel(40, 30, image::Rgb(colour)).save(path).unwrap();
    }
    assert_same_epochs(&kept, &reference);
    assert_eq!(kept.cache().unwrap().decoded, 122);
    assert_same_epochs(&loader(24, &cache), &loader(24, &CacheOptions::off()));
    assert_eq!(data::cache::clear_folder(dir.path().join("cache")).unwrap().data_sets, 2);
    assert_same_epochs(&kept, &reference);
    assert_eq!(kept.cache().unwrap().decoded, 242);
    assert_eq!(data::cache::list_folder(dir.path().join("cache")).unwrap().stored[0].root, root);
    // A file that is gone is an error, kept or not.
    std::fs::remove_file(one).unwrap();
    assert_says(kept.iter().find(|batch| batch.is_err()).unwrap(), &["000.png"]);
    println!("cache: never stale");
}

pub fn cache_fills_and_reads() {
    let folder = PathBuf::from(std::env::var_os(FOLDER).unwrap());
    fs::write(folder.join(format!("{}.ready", std::process::id())), "").unwrap();
    while !folder.join("go").exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let (same, decoded) = same_as_decoded(&folder).unwrap();
    assert!(same, "a batch differs while both fill the cache");
    // As a new kernel, while the other process may still be writing. (What lies in a segment that is mostly
    // of no more use is decoded once more.)
    for _ in 0..5 {
        assert!(same_as_decoded(&folder).unwrap().0, "a batch differs after the cache was filled");
    }
    println!("decoded: {decoded}");
}
