//! Two kernels at once, as separate processes, that fill and read one cache folder.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::child::child;
use crate::support::shared_cache::*;
use crate::support::{Outcome, TempDir};

#[test]
fn two_processes_share_a_cache() -> Outcome {
    let folder = TempDir::new();
    pictures(folder.path())?;
    let spawn = || {
        child("cache-fills-and-reads")
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    };
    let children = [spawn()?, spawn()?];
    // Both begin at once.
    while fs::read_dir(folder.path())?.flatten().filter(|e| e.path().extension().is_some()).count() < 2 {
        std::thread::sleep(Duration::from_millis(5));
    }
    fs::write(folder.path().join("go"), "")?;
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
    only_whole_files(&folder.path().join("cache"))?;
    let (same, again) = same_as_decoded(folder.path())?;
    assert!(same && again < PICTURES as u64, "{again} were decoded again");
    assert_eq!(same_as_decoded(folder.path())?, (true, 0));
    only_whole_files(&folder.path().join("cache"))?;
    Ok(())
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
