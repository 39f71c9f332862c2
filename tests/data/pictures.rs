//! Files of pictures: odd, broken and huge ones.

use std::path::{Path, PathBuf};

use herbarium::data::Unreadable;
use herbarium::prelude::*;
use tch::Kind;

use crate::support::loading::*;
use crate::support::{TempDir, assert_says};

#[test]
fn files_that_cannot_be_read() {
    let dir = TempDir::new();
    let whole = std::fs::read(dir.picture("whole.jpg", [200, 30, 30])).unwrap();
    let cut = dir.write("cut.jpg", &whole[..whole.len() / 2]);
    assert_says(read_image(&cut), &["cut.jpg", "truncated", "copy it again or delete it"]);
    assert_says(read_image(dir.write("empty.jpg", "")), &["empty.jpg", "0 bytes"]);
    assert_says(read_image(dir.write("text.jpg", "not a picture at all")), &["text.jpg", "not a picture"]);
    assert_says(
        read_image(dir.write("cut.tif", [b"II*\0".as_slice(), &[0; 60]].concat())),
        &["cut.tif", "damaged or truncated"],
    );
    assert_says(
        read_image(dir.write("palette.tif", palette_tiff())),
        &["palette.tif", "is not read", "Convert it"],
    );
    assert_says(
        read_image(dir.write("phone.jpg", b"\0\0\0\x14ftypheic\0\0\0\0mif1")),
        &["HEIC", "pillow_heif"],
    );
    assert_says(read_image(dir.write("a.jpg", b"\0\0\0\x14ftypavif\0\0\0\0mif1")), &["AVIF", "Pillow"]);
    assert_says(read_image(dir.write("b.jpg", b"\0\0\0\x0cjP  \r\n\x87\n")), &["JPEG 2000", "Pillow"]);
    assert_says(read_image(dir.path().join("gone.jpg")), &["reading", "gone.jpg"]);
    // The right bytes under another format's name are read by content.
    assert_eq!(read_image(dir.write("really_a.png", &whole)).unwrap().dimensions(), (12, 10));
}

/// One pixel of a palette of two.
fn palette_tiff() -> Vec<u8> {
    // Tag, type (3: 16 bits, 4: 32 bits), count, value.
    const ENTRIES: [[u32; 4]; 9] = [
        [256, 3, 1, 1],
        [257, 3, 1, 1],
        [258, 3, 1, 1],
        [259, 3, 1, 1],
        [262, 3, 1, 3],
        [273, 4, 1, 8],
        [278, 3, 1, 1],
        [279, 4, 1, 1],
        [320, 3, 6, 10],
    ];
    let mut file = [&b"II*\0"[..], &22u32.to_le_bytes(), &[0x80, 0], &[0; 12], &9u16.to_le_bytes()].concat();
    for [tag, kind, count, value] in ENTRIES {
        file.extend([(tag as u16).to_le_bytes(), (kind as u16).to_le_bytes()].concat());
        file.extend([count.to_le_bytes(), value.to_le_bytes()].concat());
    }
    [file, vec![0; 4]].concat()
}

/// A header that claims 60000 x 60000 pixels is refused before memory is taken for them.
#[test]
fn bombs_are_refused() {
    let dir = TempDir::new();
    let png = std::fs::read(dir.picture("a.png", [1, 1, 1])).unwrap();
    // The size stands in the first chunk, whose checksum must fit.
    let mut bomb = png;
    bomb[16..20].copy_from_slice(&60000u32.to_be_bytes());
    bomb[20..24].copy_from_slice(&60000u32.to_be_bytes());
    let checksum = crc32(&bomb[12..29]);
    bomb[29..33].copy_from_slice(&checksum.to_be_bytes());
    assert_says(read_image(dir.write("bomb.png", bomb)), &["bomb.png", "60000x60000"]);
    // Pillow's limit for an error is twice the one for its warning.
    assert_says(read_image(dir.write("bomb.pbm", "P4\n13400 13400\n")), &["13400x13400", "178956970"]);
}

/// A child process that reads, or what this process sees of one on its standard error.
fn warnings(test: &str, read: impl FnOnce()) -> Option<String> {
    if std::env::var_os("HERBARIUM_TEST_ROLE").is_some() {
        read();
        return None;
    }
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env("HERBARIUM_TEST_ROLE", "child")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    Some(told)
}

/// As Pillow reads it, with a warning: once, also where it is read again.
#[test]
fn a_huge_picture_is_read_with_a_warning() {
    let told = warnings("pictures::a_huge_picture_is_read_with_a_warning", || {
        let dir = TempDir::new();
        let (width, height) = (9480u32, 9440);
        let rows = vec![0u8; width.div_ceil(8) as usize * height as usize];
        let huge = dir.write("huge.pbm", [format!("P4\n{width} {height}\n").as_bytes(), &rows].concat());
        for _ in 0..2 {
            let picture = read_image(&huge).unwrap();
            assert_eq!((picture.dimensions(), picture.get_pixel(9, 9).0), ((width, height), [255; 3]));
        }
    });
    let Some(told) = told else { return };
    let expected = "huge.pbm has 9480x9440 pixels, more than 89478485";
    assert_eq!((told.matches(expected).count(), told.matches("warning").count()), (1, 1), "{told}");
}

/// Grey of 16 bits turns white, as in Pillow: said once for a data set, however often it is read.
#[test]
fn grey_of_16_bits_is_said_once_for_a_data_set() {
    let told = warnings("pictures::grey_of_16_bits_is_said_once_for_a_data_set", || {
        for name in ["one", "two"] {
            let dir = TempDir::new();
            for number in 0..4u16 {
                let grey =
                    image::ImageBuffer::<image::Luma<u16>, _>::from_pixel(8, 8, image::Luma([number * 3000]));
                grey.save(dir.place(&format!("{name}/{}/{number}.png", number % 2))).unwrap();
            }
            let set = ImageFolder::new(dir.path().join(name), plain()).unwrap();
            assert_eq!(set.picture(3).unwrap().get_pixel(0, 0).0, [255; 3]);
            let loader = DataLoader::new(set.clone(), options(2, 2));
            (0..2).for_each(|_| loader.iter().for_each(|batch| drop(batch.unwrap())));
            // The report counts them, and says nothing more.
            assert!(set.check().unwrap().to_string().contains("I;16"));
        }
    });
    let Some(told) = told else { return };
    assert_eq!(told.matches("is grey with 16 bits, and becomes mostly white").count(), 2, "{told}");
}

/// Small files that people have, where they are there.
#[test]
#[cfg_attr(not(found_files), ignore = "needs files that people have: ../shared/cases")]
fn pictures_of_the_real_world() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cases/pictures");
    let read = |name: &str| read_image(folder.join(name));
    let (tiff, ppm) = (read("x.tif").unwrap(), read("x.ppm").unwrap());
    assert_eq!(tiff, ppm);
    assert!(read("gray16.png").unwrap().pixels().any(|pixel| pixel.0 == [255; 3]));
    assert_says(read("iphone.jpg"), &["iphone.jpg: it is a HEIC picture", "Convert it"]);
    assert_says(read("jp2_named.jpg"), &["jp2_named.jpg: it is a JPEG 2000 picture", "Convert it"]);
    assert_says(read("x.avif"), &["x.avif: it is an AVIF picture", "Convert it"]);
}

/// PNG's checksum, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}

#[test]
fn unreadable_files_fail_or_are_skipped() {
    let dir = TempDir::new();
    dir.pictures("", &["1", "2"], 5);
    let bad = dir.write("1/999.jpg", "");
    let folder = ImageFolder::new(&dir, plain()).unwrap();
    for workers in [0, 2] {
        let loader = DataLoader::new(folder.clone(), options(4, workers));
        let mut batches = loader.iter();
        assert_eq!(batches.next().unwrap().unwrap().len(), 4);
        assert_says(batches.next().unwrap(), &["999.jpg", "0 bytes"]);
        assert!(batches.next().is_none());

        let skip = LoaderOptions { unreadable: Unreadable::Skip, ..options(4, workers) };
        let loader = DataLoader::new(folder.clone(), skip);
        assert!(loader.skipped().is_empty());
        for _ in 0..2 {
            let sizes: Vec<usize> = loader.iter().map(|batch| batch.unwrap().len()).collect();
            assert_eq!(sizes, [4, 3, 3]);
        }
        let skipped = loader.skipped();
        assert_eq!(skipped.len(), 1);
        assert_eq!(skipped[0].path, bad);
        assert!(loader.to_string().ends_with("1 unreadable files skipped)"), "{loader}");
    }
}

#[test]
fn skipping_everything_is_an_error() {
    let dir = TempDir::new();
    for i in 0..3 {
        dir.write(&format!("1/{i}.jpg"), "");
    }
    let folder = ImageFolder::new(&dir, plain()).unwrap();
    let skip = LoaderOptions { unreadable: Unreadable::Skip, ..options(2, 1) };
    let loader = DataLoader::new(folder, skip);
    assert_says(loader.iter().next().unwrap(), &["none of the files", "0.jpg"]);
    assert_says(loader.batch(1), &["none of the files", "2.jpg"]);
}

/// The whole path on real photographs, where they are there.
#[test]
#[cfg_attr(not(photographs), ignore = "needs photographs: HERBARIUM_DATA, or ../shared/data/flowers12")]
fn photographs() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/flowers12");
    let dir = std::env::var_os("HERBARIUM_DATA").filter(|dir| !dir.is_empty()).map_or(dir, PathBuf::from);
    let train = Compose::new(vec![
        resize([96, 96]),
        random_rotation(45.0),
        center_crop(64),
        random_horizontal_flip(0.5),
        color_jitter(0.2, 0.1, 0.1, 0.1),
        to_tensor(),
        normalize(IMAGENET_MEAN, IMAGENET_STD),
    ]);
    let valid = Compose::new(vec![resize([64, 64]), to_tensor(), normalize(IMAGENET_MEAN, IMAGENET_STD)]);
    let sets = ImageFolder::splits(&dir, &Splits { train, valid }).unwrap();
    let names = CategoryNames::from_json(dir.join("cat_to_name.json")).unwrap();
    for class in sets.train.classes() {
        names.name(&class).unwrap();
    }
    let loaders = sets.loaders(LoaderOptions { shuffle: true, ..options(128, 1) });
    let batch = loaders.train.batch(0).unwrap();
    assert_eq!(batch.images.size(), [128, 3, 64, 64]);
    assert_eq!(batch.images.kind(), Kind::Float);
    assert_eq!(batch.labels.kind(), Kind::Int64);
    let inline = sets.loaders(LoaderOptions { shuffle: true, ..options(128, 0) });
    assert!(inline.train.batch(0).unwrap().images.equal(&batch.images));
    for (path, label) in batch.paths.iter().zip(numbers(&batch.labels)) {
        let class = path.parent().unwrap().file_name().unwrap().to_str().unwrap();
        assert_eq!(sets.train.classes()[label as usize], class);
    }
    // Of these photographs it is known that two files are the same.
    if dir.ends_with("flowers12") {
        let health = sets.check().unwrap();
        let twice =
            |problem: &&data::Problem| matches!(problem, data::Problem::Duplicate { same_bytes: true, .. });
        assert_eq!(health.problems.iter().filter(twice).count(), 1, "{health}");
    }
    let seen: usize = loaders.valid.iter().map(|batch| batch.unwrap().len()).sum();
    assert_eq!(seen, sets.valid.len());
}
