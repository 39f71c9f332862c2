//! Text files that list pictures: `path label` lines, CSV, and names of categories.

use std::fs;
use std::path::{Path, PathBuf};

use fastrand::Rng;
use herbarium::data::{AnnotationFile, CategoryNames, CsvColumns};
use herbarium::transforms::Compose;
use tempfile::NamedTempFile;

use super::mutate::{damage, splice};
use super::run::Target;

pub fn target() -> Target {
    Target { name: "annotations", seeds: seeds(), damage: damaged, read }
}

fn pictures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/pictures")
}

/// Reads a file as all three, and shows what came of it.
fn read(file: &[u8]) -> bool {
    let scratch = NamedTempFile::new().expect("there is a scratch file");
    fs::write(&scratch, file).expect("the scratch file is written");
    let none = || Compose::new(Vec::new());
    let lines = AnnotationFile::new(&scratch, pictures(), none());
    let csv = AnnotationFile::csv(&scratch, pictures(), &CsvColumns::default(), none());
    let names = CategoryNames::from_json(&scratch);
    let mut accepted = false;
    for set in [lines, csv].into_iter().flatten() {
        accepted |= !set.to_string().is_empty() && set.classes().len() <= set.len();
    }
    if let Ok(names) = names {
        accepted |= !format!("{names:?}").is_empty();
    }
    accepted
}

fn seeds() -> Vec<Vec<u8>> {
    [
        "# pictures\njpeg_444.jpg 1\njpeg_422.jpg rose\n\ngif.gif\t10\npng_1.png 2\n",
        "path,label\njpeg_444.jpg,1\n\"jpeg_422.jpg\",\"fire, \"\"lily\"\"\"\ngif.gif,10\n",
        "path;label\r\njpeg_444.jpg;1\r\npng_1.png;\u{fc}ber\r\n",
        "path\tlabel\tweight\njpeg_444.jpg\ta b\t3\nbmp_1.bmp\tc\t\n",
        "{\"1\": \"pink primrose\", \"10\": \"colt's foot\", \"x\": \"\\u00fc\"}",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect()
}

fn damaged(seeds: &[Vec<u8>], rng: &mut Rng) -> Vec<u8> {
    const PIECES: [&[u8]; 12] =
        [b",", b"\"", b"\"\"", b"\n", b"\r", b"\r\n", b"\xEF\xBB\xBF", b"#", b" ", b"{", b"\\u", b"../"];
    let seed = &seeds[rng.usize(..seeds.len())];
    let mut file =
        if rng.u8(..4) == 0 { splice(seed, &seeds[rng.usize(..seeds.len())], rng) } else { seed.clone() };
    if rng.bool() {
        damage(&mut file, rng);
    } else {
        for _ in 0..1 + rng.usize(..4) {
            let piece = PIECES[rng.usize(..PIECES.len())];
            let at = rng.usize(..=file.len());
            let times = if rng.u8(..20) == 0 { rng.usize(..200) } else { 1 };
            file.splice(at..at, piece.repeat(times));
        }
    }
    file
}
