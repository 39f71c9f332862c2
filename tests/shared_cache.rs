//! Two kernels at once, as processes of their own, that fill and read one cache folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use herbarium::prelude::*;
use image::RgbImage;

type Outcome = Result<(), Box<dyn std::error::Error>>;

const PICTURES: usize = 150;
/// Of each picture after `resize(20, 20)`.
const BYTES: u64 = 20 * 20 * 3;

/// Where the children find the pictures, and have their cache.
const FOLDER: &str = "HERBARIUM_TEST_FOLDER";

/// A folder of this test, gone when it ends.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn pictures(folder: &Path) -> Outcome {
    let set = folder.join("set/lily");
    fs::create_dir_all(&set)?;
    for i in 0..PICTURES as u32 {
        let picture =
            RgbImage::from_fn(160, 120, |x, y| image::Rgb([(x + i) as u8, (y * 2 + i) as u8, (x * y) as u8]));
        picture.save(set.join(format!("{i:03}.jpg")))?;
    }
    Ok(())
}

fn loader(folder: &Path, cache: CacheOptions) -> herbarium::Result<DataLoader> {
    let transforms = Compose::new(vec![resize(20, 20), random_rotation(45.0), to_tensor()]);
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

fn on_disk(folder: &Path) -> CacheOptions {
    CacheOptions { memory: 0, disk: 1 << 30, folder: Some(folder.join("cache")) }
}

/// Whether an epoch through the cache in `folder` gives the batches of one without; how many were decoded for it.
fn same_as_decoded(folder: &Path) -> herbarium::Result<(bool, u64)> {
    let (kept, decoded) = (loader(folder, on_disk(folder))?, loader(folder, CacheOptions::off())?);
    let mut same = true;
    for (ours, theirs) in kept.iter().zip(decoded.iter()) {
        let (ours, theirs) = (ours?, theirs?);
        same &= ours.images.equal(&theirs.images) && ours.labels.equal(&theirs.labels);
    }
    Ok((same, kept.cache().map_or(0, |usage| usage.decoded)))
}

#[test]
fn two_processes_share_a_cache() -> Outcome {
    let folder = Folder(std::env::temp_dir().join(format!("herbarium-shared-cache-{}", std::process::id())));
    pictures(&folder.0)?;
    let spawn = || {
        Command::new(std::env::current_exe()?)
            .args(["--exact", "child_that_fills_and_reads", "--ignored", "--nocapture"])
            .env(FOLDER, &folder.0)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    };
    let children = [spawn()?, spawn()?];
    // Both begin at once.
    while fs::read_dir(&folder.0)?.flatten().filter(|e| e.path().extension().is_some()).count() < 2 {
        std::thread::sleep(Duration::from_millis(5));
    }
    fs::write(folder.0.join("go"), "")?;
    let mut decoded = Vec::new();
    for child in children {
        let output = child.wait_with_output()?;
        let text = String::from_utf8(output.stdout)? + &String::from_utf8(output.stderr)?;
        assert!(output.status.success(), "{text}");
        let counts = text.lines().find_map(|line| line.strip_prefix("decoded: "));
        decoded.push(counts.ok_or(text.clone())?.parse::<usize>()?);
    }
    // Each decodes a picture once at most; what it did not, it read from the other.
    assert!(decoded.iter().all(|&count| count <= PICTURES), "{decoded:?}");
    assert!(decoded.iter().sum::<usize>() >= PICTURES, "{decoded:?}");
    only_whole_files(&folder.0.join("cache"))?;
    let (same, again) = same_as_decoded(&folder.0)?;
    assert!(same && again < PICTURES as u64, "{again} were decoded again");
    assert_eq!(same_as_decoded(&folder.0)?, (true, 0));
    only_whole_files(&folder.0.join("cache"))?;
    Ok(())
}

#[test]
#[ignore = "run by two_processes_share_a_cache"]
fn child_that_fills_and_reads() {
    let folder = PathBuf::from(std::env::var_os(FOLDER).unwrap());
    fs::write(folder.join(format!("{}.ready", std::process::id())), "").unwrap();
    while !folder.join("go").exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    println!();
    let (same, decoded) = same_as_decoded(&folder).unwrap();
    assert!(same, "a batch differs while both fill the cache");
    // As a new kernel, while the other process may still be writing. (What lies in a segment that is mostly
    // of no more use is decoded once more.)
    for _ in 0..5 {
        assert!(same_as_decoded(&folder).unwrap().0, "a batch differs after the cache was filled");
    }
    println!("decoded: {decoded}");
}

/// Nothing is in a data set's folder but its description and segments, of which the index and the pixels have
/// the same number of whole pictures.
fn only_whole_files(cache: &Path) -> Outcome {
    let sets: Vec<_> = fs::read_dir(cache)?.collect::<Result<_, _>>()?;
    assert_eq!(sets.len(), 1);
    let mut segments = 0;
    for entry in fs::read_dir(sets[0].path())? {
        let path = entry?.path();
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("json") => {}
            Some("index") => {
                let (head, record) = (16, 64);
                let records = path.metadata()?.len() - head;
                let pixels = path.with_extension("pixels").metadata()?.len();
                assert_eq!((records % record, pixels), (0, records / record * BYTES), "{}", path.display());
                segments += 1;
            }
            Some("pixels") => assert!(path.with_extension("index").exists(), "{}", path.display()),
            _ => panic!("{} is left", path.display()),
        }
    }
    assert!(segments > 0, "nothing was kept");
    Ok(())
}
