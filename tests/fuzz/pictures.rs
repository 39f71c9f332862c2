//! Picture files of every format, damaged as a whole, and PNG with checksums that fit again.

use std::fs;
use std::path::Path;

use fastrand::Rng;
use herbarium::data::{Decoding, FixedSteps, ReadOptions, decode_image};
use herbarium::transforms::{Compose, functional, resize};
use tempfile::NamedTempFile;

use super::mutate::{damage, splice};
use super::run::Target;

/// What a JPEG begins with.
const JPEG: &[u8] = &[0xFF, 0xD8];
/// Heights and widths to resize to: smaller, larger, and of one row or column.
const SIZES: [[i64; 2]; 5] = [[20, 14], [96, 96], [1, 7], [33, 1], [200, 150]];

pub fn target() -> Target {
    Target { name: "pictures", seeds: seeds(), damage: damaged, read }
}

/// Decodes a file whole and, a JPEG, at reduced scale and while it is resized.
fn read(file: &[u8]) -> bool {
    let whole = decode_image(file, ReadOptions { exif_orientation: true, at_least: None });
    let reduced = decode_image(file, ReadOptions { exif_orientation: false, at_least: Some([6, 6]) });
    if file.starts_with(JPEG) {
        resized_while_decoded(file);
    }
    whole.is_ok() && reduced.is_ok()
}

/// A loader decodes a JPEG row by row into its first resize: what is accepted, and every pixel, is as
/// one after the other.
fn resized_while_decoded(file: &[u8]) {
    let [height, width] = SIZES[file.len() % SIZES.len()];
    let (fixed, _) = FixedSteps::split("", &Compose::new(vec![resize([height, width])]));
    let scratch = NamedTempFile::new().expect("there is a scratch file");
    fs::write(&scratch, file).expect("the scratch file is written");
    let together = fixed.read(scratch.path(), Decoding::Exact);
    let reduced = fixed.read(scratch.path(), Decoding::Reduced);
    let one_by_one = decode_image(file, ReadOptions::default())
        .and_then(|picture| functional::resize(&picture, [height, width], Default::default()));
    assert_eq!(together.ok(), one_by_one.ok(), "resized while decoded, and after it");
    assert!(
        reduced.is_err()
            || reduced.is_ok_and(|picture| picture.dimensions() == (width as u32, height as u32))
    );
}

/// The committed pictures of all formats.
fn seeds() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/pictures");
    let mut paths: Vec<_> = fs::read_dir(&folder)
        .expect("the pictures are there")
        .map(|entry| entry.expect("the folder is read").path())
        .filter(|path| path.extension().is_some_and(|ending| ending != "json" && ending != "safetensors"))
        .collect();
    // The order of a folder differs between machines.
    paths.sort();
    paths.iter().map(|path| fs::read(path).expect("the picture is read")).collect()
}

fn damaged(seeds: &[Vec<u8>], rng: &mut Rng) -> Vec<u8> {
    let seed = &seeds[rng.usize(..seeds.len())];
    let mut file =
        if rng.u8(..10) == 0 { splice(seed, &seeds[rng.usize(..seeds.len())], rng) } else { seed.clone() };
    if file.starts_with(JPEG) && rng.bool() {
        damage_headers(&mut file, rng);
    } else {
        damage(&mut file, rng);
    }
    if rng.u8(..4) > 0 {
        mend_checksums(&mut file);
    }
    file
}

/// Changes bytes of a JPEG's segments only: sizes, samplings, tables, and what a scan holds.
fn damage_headers(file: &mut [u8], rng: &mut Rng) {
    let markers: Vec<usize> =
        (0..file.len().saturating_sub(24)).filter(|&at| file[at] == 0xFF && file[at + 1] >= 0xC0).collect();
    if markers.is_empty() {
        return;
    }
    for _ in 0..1 + rng.usize(..4) {
        let at = markers[rng.usize(..markers.len())] + 1 + rng.usize(..20);
        file[at] = match rng.u8(..4) {
            0 => rng.u8(..),
            1 => file[at] ^ (1 << rng.u8(..8)),
            2 => [0, 1, 2, 0x11, 0x22, 0x41, 0x44, 63, 64, 255][rng.usize(..10)],
            _ => file[at].wrapping_add(1),
        };
    }
}

/// Makes the checksums of a PNG's chunks fit what they are of, so that damage reaches what is behind them.
fn mend_checksums(file: &mut [u8]) {
    if !file.starts_with(b"\x89PNG\r\n\x1a\n") {
        return;
    }
    let mut at = 8;
    while let Some(length) = file.get(at..).and_then(|rest| rest.first_chunk::<4>()) {
        let end = at + 8 + u32::from_be_bytes(*length) as usize;
        let Some(sum) = file.get(at + 4..end).map(crc32) else { return };
        let Some(place) = file.get_mut(end..end + 4) else { return };
        place.copy_from_slice(&sum.to_be_bytes());
        at = end + 4;
    }
}

/// PNG's checksum, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let shifted = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), |crc, _| shifted(crc)))
}
