//! What a loader keeps between epochs.

use std::path::PathBuf;

use herbarium::data::CacheOptions;
use herbarium::prelude::*;

use crate::child::child_says;
use crate::support::loading::*;
use crate::support::{Outcome, TempDir};

/// Files that are cut, overwritten or gone, as after a crash: the pictures are decoded again.
#[test]
fn a_damaged_cache_is_mended() {
    let dir = TempDir::new();
    gradients(&dir, "set", 120);
    let cache = CacheOptions { memory: 0, disk: 1 << 30, folder: Some(dir.path().join("cache")) };
    let folder = ImageFolder::new(dir.path().join("set"), augmented()).unwrap();
    let loader = |cache: &CacheOptions| {
        DataLoader::new(folder.clone(), LoaderOptions { cache: cache.clone(), ..options(16, 2) })
    };
    let reference = loader(&CacheOptions::off());
    assert_same_epochs(&loader(&cache), &reference);
    let files = || -> Vec<PathBuf> {
        let set = std::fs::read_dir(dir.path().join("cache")).unwrap().next().unwrap().unwrap().path();
        let mut files: Vec<_> = std::fs::read_dir(set).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    };
    let mut rng = fastrand::Rng::with_seed(8);
    for round in 0..40 {
        let files = files();
        let path = &files[rng.usize(..files.len())];
        let mut bytes = std::fs::read(path).unwrap();
        match round % 3 {
            0 => bytes.truncate(rng.usize(..=bytes.len())),
            1 => (0..20).for_each(|_| {
                if let Some(byte) = bytes.len().checked_sub(1).map(|last| rng.usize(..=last)) {
                    bytes[byte] ^= rng.u8(..);
                }
            }),
            _ => std::fs::remove_file(path).unwrap(),
        }
        if round % 3 < 2 {
            std::fs::write(path, bytes).unwrap();
        }
        assert_same_epochs(&loader(&cache), &reference);
    }
    let whole = loader(&cache);
    assert_same_epochs(&whole, &reference);
    assert_eq!(whole.cache().unwrap().decoded, 0);
}

/// A place that cannot be written, and a limit that is reached.
#[test]
fn without_room_pictures_are_decoded() {
    let dir = TempDir::new();
    gradients(&dir, "set", 120);
    let file = dir.write("a file", "and no folder");
    let folder = ImageFolder::new(dir.path().join("set"), augmented()).unwrap();
    let loader =
        |cache: CacheOptions| DataLoader::new(folder.clone(), LoaderOptions { cache, ..options(16, 2) });
    let reference = loader(CacheOptions::off());
    let nowhere = loader(CacheOptions { memory: 0, disk: 1 << 30, folder: Some(file.join("cache")) });
    assert_same_epochs(&nowhere, &reference);
    let usage = nowhere.cache().unwrap();
    assert_eq!(usage.decoded, 240);
    assert!(usage.to_string().contains("Not kept:"), "{usage}");
    let cache = dir.path().join("cache");
    let small = loader(CacheOptions { memory: 0, disk: 50_000, folder: Some(cache.clone()) });
    assert_same_epochs(&small, &reference);
    let usage = small.cache().unwrap();
    assert!(usage.from_disk > 20 && usage.to_string().contains("has reached its limit"), "{usage}");
    let listing = data::cache::list_folder(&cache).unwrap();
    assert!(listing.bytes() <= 51_000, "{listing}");
    // Another data set leaves the one that is in use its place, and takes it afterwards.
    gradients(&dir, "other", 120);
    let other = ImageFolder::new(dir.path().join("other"), augmented()).unwrap();
    let read_other = || {
        let cache = CacheOptions { memory: 0, disk: 50_000, folder: Some(cache.clone()) };
        let loader = DataLoader::new(other.clone(), LoaderOptions { cache, ..options(16, 2) });
        loader.iter().for_each(|batch| drop(batch.unwrap()));
    };
    read_other();
    let listing = data::cache::list_folder(&cache).unwrap();
    let kept = |name: &str| listing.stored.iter().any(|set| set.root.ends_with(name) && set.pictures > 20);
    assert!(kept("set") && !kept("other"), "{listing}");
    drop(small);
    read_other();
    let listing = data::cache::list_folder(&cache).unwrap();
    assert_eq!(listing.stored.len(), 1);
    assert!(listing.stored[0].root.ends_with("other"), "{listing}");
}

/// Two processes are distinguished by their budgets here: each writes its own files, and reads the other's the
/// next time.
#[test]
fn two_caches_may_share_a_folder() {
    let dir = TempDir::new();
    gradients(&dir, "set", 120);
    let folder = ImageFolder::new(dir.path().join("set"), augmented()).unwrap();
    let loader = |disk| {
        let cache = CacheOptions { memory: 0, disk, folder: Some(dir.path().join("cache")) };
        DataLoader::new(folder.clone(), LoaderOptions { shuffle: true, cache, ..options(16, 2) })
    };
    let off = LoaderOptions { shuffle: true, cache: CacheOptions::off(), ..options(16, 0) };
    let reference = DataLoader::new(folder.clone(), off);
    let (one, two) = (loader(1 << 30), loader(1 << 31));
    let half: Vec<_> = one.iter_epoch(0).take(3).map(|batch| batch.unwrap().len()).collect();
    assert_eq!(half, [16; 3]);
    std::thread::scope(|scope| {
        scope.spawn(|| assert_same_epochs(&one, &reference));
        scope.spawn(|| assert_same_epochs(&two, &reference));
    });
    // One deletes everything while the other continues.
    data::cache::clear_folder(dir.path().join("cache")).unwrap();
    assert_same_epochs(&two, &reference);
    drop((one, two));
    let next = loader(1 << 32);
    assert_same_epochs(&next, &reference);
    assert_eq!(next.cache().unwrap().decoded, 0);
}

/// A file that cannot grow, as on a full disk: the epoch is as without a cache, and one line says why.
#[cfg(unix)]
#[test]
fn a_full_disk_is_said_once() {
    const CHILD: &str = "HERBARIUM_TEST_FULL_DISK";
    if let Some(dir) = std::env::var_os(CHILD) {
        let dir = PathBuf::from(dir);
        let folder = ImageFolder::new(dir.join("set"), augmented()).unwrap();
        let loader = |cache| DataLoader::new(folder.clone(), LoaderOptions { cache, ..options(16, 2) });
        let full = loader(CacheOptions { memory: 0, disk: 1 << 30, folder: Some(dir.join("cache")) });
        assert_same_epochs(&full, &loader(CacheOptions::off()));
        let usage = full.cache().unwrap();
        assert!(usage.from_disk > 10 && usage.trouble.is_some(), "{usage}");
        return;
    }
    let dir = TempDir::new();
    gradients(&dir, "set", 120);
    // 64 kB a file at most, and an error instead of a signal beyond.
    let limited = "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\"";
    let output = std::process::Command::new("bash")
        .args(["-c", limited])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "cache::a_full_disk_is_said_once", "--nocapture"])
        .env(CHILD, dir.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert_eq!(told.matches("note: pictures cannot be kept on disk").count(), 1, "{told}");
    // What was written before is of use.
    let folder = ImageFolder::new(dir.path().join("set"), augmented()).unwrap();
    let cache = CacheOptions { memory: 0, disk: 1 << 30, folder: Some(dir.path().join("cache")) };
    let next = DataLoader::new(folder, LoaderOptions { cache, ..options(16, 2) });
    next.iter().for_each(|batch| drop(batch.unwrap()));
    let usage = next.cache().unwrap();
    assert!(usage.from_disk > 10 && usage.from_disk + usage.decoded == 120, "{usage}");
}

/// A data set that is read in a moment leaves no files behind.
#[test]
fn small_sets_are_kept_in_memory_only() {
    let dir = TempDir::new();
    gradients(&dir, "set", 30);
    let cache = CacheOptions { folder: Some(dir.path().join("cache")), ..Default::default() };
    let folder = ImageFolder::new(dir.path().join("set"), augmented()).unwrap();
    let loader = DataLoader::new(folder, LoaderOptions { cache, ..options(16, 2) });
    (0..2).for_each(|_| loader.iter().for_each(|batch| drop(batch.unwrap())));
    assert_eq!(loader.cache().unwrap().from_memory, 30);
    assert!(!dir.path().join("cache").exists());
}

/// In separate processes: what may be kept in memory is counted for the process, and other tests keep, too.
#[test]
fn what_is_kept_in_memory() -> Outcome {
    child_says("cache-changes-nothing", "cache: the same")?;
    child_says("cache-is-never-stale", "cache: never stale")
}
