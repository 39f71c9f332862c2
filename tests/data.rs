//! Data sets and loaders, as a learner meets them: what they give, print and refuse.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use herbarium::Error;
use herbarium::prelude::*;
use image::RgbImage;
use tch::{Kind, Tensor};

/// A folder of its own for each test, gone when the test ends.
struct TempDir(PathBuf);

impl TempDir {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("herbarium-data-test-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        TempDir(path)
    }

    /// The path of a file below this folder, in a folder that exists.
    fn place(&self, name: &str) -> PathBuf {
        assert!(Path::new(name).is_relative(), "{name} would lie outside of the test's folder");
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.place(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// A picture of one colour; the format is the name's.
    fn picture(&self, name: &str, colour: [u8; 3]) -> PathBuf {
        let path = self.place(name);
        RgbImage::from_pixel(12, 10, image::Rgb(colour)).save(&path).unwrap();
        path
    }

    /// `count` pictures in each of `classes`, below `folder`.
    fn pictures(&self, folder: &str, classes: &[&str], count: usize) {
        for (number, class) in classes.iter().enumerate() {
            for i in 0..count {
                let name = Path::new(folder).join(class).join(format!("{i:03}.png"));
                self.picture(name.to_str().unwrap(), [number as u8 * 20, i as u8, 9]);
            }
        }
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl AsRef<Path> for TempDir {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

fn plain() -> Compose {
    Compose::new(vec![to_tensor()])
}

fn both(transform: Compose) -> Splits<Compose> {
    Splits { train: transform.clone(), valid: transform }
}

fn options(batch_size: usize, num_workers: usize) -> LoaderOptions {
    LoaderOptions { batch_size, num_workers, ..Default::default() }
}

/// The text of an error, which must hold each of `parts`.
fn assert_says<T: std::fmt::Debug>(result: herbarium::Result<T>, parts: &[&str]) {
    let text = result.expect_err("this must fail").to_string();
    for part in parts {
        assert!(text.contains(part), "'{part}' is not in:\n{text}");
    }
}

fn numbers(tensor: &Tensor) -> Vec<i64> {
    Vec::<i64>::try_from(tensor).unwrap()
}

// ---- ImageFolder

#[test]
fn classes_sort_as_text() {
    let dir = TempDir::new();
    dir.pictures("", &["2", "1", "100", "11", "10", "102", "101"], 1);
    let folder = ImageFolder::new(&dir, plain()).unwrap();
    assert_eq!(folder.classes(), ["1", "10", "100", "101", "102", "11", "2"]);
    assert_eq!(folder.class_to_idx("2"), Some(6));
    assert_eq!(folder.class_to_idx("3"), None);
    assert_eq!(folder.samples()[1], (dir.0.join("10/000.png"), 1));
}

/// Opening looks at the folders alone, not into each file; 200,000 files are measured by `make bench`.
#[test]
fn each_of_many_files_comes_once() {
    let dir = TempDir::new();
    let picture = std::fs::read(dir.picture("source.png", [1, 2, 3])).unwrap();
    for i in 0..4_000 {
        std::fs::write(dir.place(&format!("root/{}/{i}.png", i % 20)), &picture).unwrap();
    }
    let folder = ImageFolder::new(dir.0.join("root"), plain()).unwrap();
    assert_eq!(folder.len(), 4_000);
    let off = LoaderOptions { shuffle: true, cache: CacheOptions::off(), ..options(100, 2) };
    let mut seen = vec![false; 4_000];
    for batch in &DataLoader::new(folder, off) {
        for path in batch.unwrap().paths {
            let number: usize = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
            assert!(!std::mem::replace(&mut seen[number], true));
        }
    }
    assert!(seen.into_iter().all(|seen| seen));
}

/// torchvision: folders by path, files by name, extensions in any case, hidden files too.
#[test]
fn files_are_torchvisions_in_its_order() {
    let dir = TempDir::new();
    for name in ["b.PNG", "a.png", ".hidden.png", "deep/z.png", "deep/er/a.png"] {
        let from = dir.picture("source.png", [1, 2, 3]);
        let to = dir.0.join("root/x").join(name);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::rename(from, to).unwrap();
    }
    dir.write("root/x/notes.txt", "no picture");
    dir.write("root/x/png", "no extension");
    std::fs::create_dir_all(dir.0.join("root/x/folder.jpg")).unwrap();
    std::fs::create_dir_all(dir.0.join("root/.ipynb_checkpoints")).unwrap();
    dir.write("root/loose.png", "beside the class folders");
    let folder = ImageFolder::new(dir.0.join("root"), plain()).unwrap();
    assert_eq!(folder.classes(), ["x"]);
    let names: Vec<_> = folder
        .samples()
        .iter()
        .map(|(path, _)| path.strip_prefix(dir.0.join("root/x")).unwrap().to_str().unwrap())
        .collect();
    assert_eq!(names, [".hidden.png", "a.png", "b.PNG", "deep/z.png", "deep/er/a.png"]);
}

#[cfg(unix)]
#[test]
fn a_link_in_a_circle_ends() {
    let dir = TempDir::new();
    dir.pictures("", &["1"], 2);
    std::os::unix::fs::symlink(dir.0.join("1"), dir.0.join("1/again")).unwrap();
    assert_eq!(ImageFolder::new(&dir, plain()).unwrap().len(), 2);
}

/// The text that the tutorial shows, in torchvision 0.28's wording.
#[test]
fn prints_as_torchvision() {
    let dir = TempDir::new();
    dir.pictures("train", &["1", "2"], 2);
    dir.pictures("valid", &["1", "2"], 1);
    let transforms = Splits {
        train: Compose::new(vec![
            resize(96, 96),
            random_rotation(45.0),
            center_crop(64, 64),
            random_horizontal_flip(0.5),
            random_vertical_flip(0.5),
            color_jitter(0.2, 0.1, 0.1, 0.1),
            random_grayscale(0.025),
            to_tensor(),
            normalize(IMAGENET_MEAN, IMAGENET_STD),
        ]),
        valid: Compose::new(vec![resize(64, 64), to_tensor(), normalize(IMAGENET_MEAN, IMAGENET_STD)]),
    };
    let sets = ImageFolder::splits(&dir, &transforms).unwrap();
    let root = dir.0.display();
    let expected = format!(
        "{{'train': Dataset ImageFolder
     Number of datapoints: 4
     Root location: {root}/train
     StandardTransform
 Transform: Compose(
                Resize(size=[96, 96], interpolation=bilinear, max_size=None, antialias=True)
                RandomRotation(degrees=[-45.0, 45.0], interpolation=nearest, expand=False, fill=0)
                CenterCrop(size=(64, 64))
                RandomHorizontalFlip(p=0.5)
                RandomVerticalFlip(p=0.5)
                ColorJitter(brightness=(0.8, 1.2), contrast=(0.9, 1.1), saturation=(0.9, 1.1), hue=(-0.1, 0.1))
                RandomGrayscale(p=0.025)
                ToTensor()
                Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
            ),
 'valid': Dataset ImageFolder
     Number of datapoints: 2
     Root location: {root}/valid
     StandardTransform
 Transform: Compose(
                Resize(size=[64, 64], interpolation=bilinear, max_size=None, antialias=True)
                ToTensor()
                Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
            )}}"
    );
    assert_eq!(sets.to_string(), expected);
    assert_eq!(format!("{sets:?}"), expected);
    assert_eq!(sets.sizes().to_string(), "{'train': 4, 'valid': 2}");
    let others = [
        (random_crop(4, 5), "RandomCrop(size=(4, 5), padding=None)"),
        (resize_short(96), "Resize(size=96, interpolation=bilinear, max_size=None, antialias=True)"),
        (
            random_resized_crop(64),
            "RandomResizedCrop(size=(64, 64), scale=(0.08, 1.0), ratio=(0.75, 1.3333), \
             interpolation=bilinear, antialias=True)",
        ),
        (random_translation(0.1, 0.2), "RandomAffine(degrees=[-0.0, 0.0], translate=(0.1, 0.2))"),
        (
            random_affine(10.0, [0.0, 0.0], [0.9, 1.1], 5.0),
            "RandomAffine(degrees=[-10.0, 10.0], scale=(0.9, 1.1), shear=[-5.0, 5.0])",
        ),
    ];
    for (transform, expected) in others {
        assert_eq!(transform.to_string(), expected);
    }
}

#[test]
fn folders_that_cannot_be_used() {
    let dir = TempDir::new();
    let new = |name: &str| ImageFolder::new(dir.0.join(name), plain());
    assert_says(new("gone"), &["gone does not exist", "<class>/*.jpg"]);
    std::fs::create_dir(dir.0.join("empty")).unwrap();
    assert_says(new("empty"), &["empty is empty", "<class>/*.jpg"]);
    dir.write("file", "text");
    assert_says(new("file"), &["file is a file, not a folder"]);
    dir.picture("flat/a.png", [0, 0, 0]);
    assert_says(new("flat"), &["flat has pictures but no class folders", "<class>/*.jpg"]);
    dir.write("texts/readme.txt", "text");
    assert_says(new("texts"), &["texts has no class folders"]);
    dir.pictures("some", &["1", "3"], 1);
    dir.write("some/2/readme.txt", "text");
    assert_says(new("some"), &["no pictures in the class folder 2", ".jpg"]);
    let splits = |name: &str| ImageFolder::splits(dir.0.join(name), &both(plain()));
    assert_says(splits("gone"), &["gone does not exist", "train/<class>/*.jpg", "valid/<class>/*.jpg"]);
    dir.pictures("half/train", &["1"], 1);
    assert_says(splits("half"), &["half/valid does not exist", "valid/<class>/*.jpg"]);
}

#[test]
fn folders_under_other_names_and_one_level_too_many() {
    let dir = TempDir::new();
    let splits = |name: &str| ImageFolder::splits(dir.0.join(name), &both(plain()));
    for (set, valid) in [("a", "val"), ("b", "test")] {
        dir.pictures(&format!("{set}/train"), &["1", "2"], 5);
        dir.pictures(&format!("{set}/{valid}"), &["1", "2"], 2);
    }
    assert_eq!(splits("a").unwrap().valid.root(), dir.0.join("a/val"));
    // What there is instead, and two ways out; the second is typed here.
    let root = dir.0.join("b");
    let advised = format!("train_valid_split(\"{}/train\", SplitOptions::default(), ", root.display());
    assert_says(splits("b"), &["b/valid does not exist", "b has test, train", "rename", &advised]);
    let split =
        ImageFolder::train_valid_split(root.join("train"), SplitOptions::default(), &both(plain())).unwrap();
    assert_eq!(split.train.len() + split.valid.len(), 10);
    std::fs::rename(root.join("test"), root.join("valid")).unwrap();
    assert_eq!(splits("b").unwrap().valid.len(), 4);
    // An archive unpacked into a folder of its own name.
    dir.pictures("deep/deep/train", &["1"], 1);
    dir.pictures("deep/deep/valid", &["1"], 1);
    let deeper = format!("use the folder {}", dir.0.join("deep/deep").display());
    assert_says(splits("deep"), &["deep/train does not exist", &deeper]);
    assert!(splits("deep/deep").is_ok());
    // The classes themselves.
    dir.pictures("classes", &["daisy", "rose"], 1);
    assert_says(
        splits("classes"),
        &["classes/train does not exist", "classes has daisy, rose", "train_valid_split"],
    );
    dir.pictures("words/Training", &["1"], 1);
    assert_says(splits("words"), &["words has Training: rename Training to train"]);
}

#[test]
fn train_and_valid_must_have_the_same_classes() {
    let dir = TempDir::new();
    dir.pictures("train", &["1", "2", "7", "12"], 1);
    dir.pictures("valid", &["1", "2", "13"], 1);
    assert_says(
        ImageFolder::splits(&dir, &both(plain())),
        &["only train has 12, 7", "only valid has 13", "same classes"],
    );
}

#[test]
fn wrong_transforms_are_named() {
    let dir = TempDir::new();
    dir.pictures("", &["1"], 1);
    for (transform, parts) in [
        (random_horizontal_flip(1.5), ["RandomHorizontalFlip", "1.5"]),
        (random_vertical_flip(f64::NAN), ["RandomVerticalFlip", "NaN"]),
        (random_grayscale(-0.1), ["RandomGrayscale", "-0.1"]),
        (resize(-3, 64), ["Resize", "-3x64"]),
        (resize_short(0), ["Resize", "0x0"]),
        (resize(1_000_000, 1_000_000), ["Resize", "pixels at most"]),
        (center_crop(0, 5), ["CenterCrop", "0x5"]),
        (random_crop(5, -1), ["RandomCrop", "5x-1"]),
        (random_resized_crop(0), ["RandomResizedCrop", "0x0"]),
        (random_rotation(-45.0), ["RandomRotation", "-45"]),
        (color_jitter(0.2, 0.1, 0.1, 0.7), ["ColorJitter", "hue is 0.7"]),
        (random_translation(0.1, 2.0), ["RandomAffine", "2"]),
        (normalize(IMAGENET_MEAN, [0.2, 0.0, 0.2]), ["Normalize", "std holds 0"]),
    ] {
        let pipeline = Compose::new(vec![transform, to_tensor()]);
        assert_says(ImageFolder::new(&dir, pipeline.clone()), &parts);
        let picture = Sample::Picture(RgbImage::new(8, 8));
        assert_says(pipeline.apply(picture, &mut fastrand::Rng::with_seed(0)), &parts);
    }
}

#[test]
fn transforms_in_the_wrong_order() {
    let apply = |transforms| {
        let picture = Sample::Picture(RgbImage::new(8, 8));
        Compose::new(transforms).apply(picture, &mut fastrand::Rng::with_seed(0))
    };
    assert_says(
        apply(vec![to_tensor(), random_rotation(5.0)]),
        &["RandomRotation", "put it before ToTensor()"],
    );
    assert_says(apply(vec![to_tensor(), to_tensor()]), &["ToTensor", "was given a tensor"]);
    assert_says(
        apply(vec![normalize(IMAGENET_MEAN, IMAGENET_STD)]),
        &["Normalize", "put it after ToTensor()"],
    );
    assert_says(
        apply(vec![random_crop(9, 3)]),
        &["RandomCrop", "(9, 3) is larger than input image size (8, 8)"],
    );
    let dir = TempDir::new();
    dir.pictures("", &["1"], 1);
    let folder = ImageFolder::new(&dir, Compose::new(vec![resize(4, 4)])).unwrap();
    let loader = DataLoader::new(folder, options(1, 0));
    assert_says(loader.batch(0), &["000.png", "put to_tensor() at the end"]);
}

/// The same transforms inside a transform of their own, and in front of one, give the same.
#[test]
fn pipelines_nest() {
    let picture = RgbImage::from_fn(20, 20, |x, y| image::Rgb([x as u8, y as u8, 9]));
    let run = |compose: Compose| match compose
        .apply(Sample::Picture(picture.clone()), &mut fastrand::Rng::with_seed(4))
        .unwrap()
    {
        Sample::Tensor(tensor) => tensor,
        other => panic!("{other}"),
    };
    let front = vec![random_rotation(30.0), color_jitter(0.5, 0.5, 0.5, 0.5)];
    let back = vec![to_tensor(), normalize(IMAGENET_MEAN, IMAGENET_STD)];
    let flat = Compose::new([front.clone(), back.clone()].concat());
    let nested = Compose::new(vec![Compose::new(front).into(), Compose::new(back).into()]);
    assert!(run(flat.clone()).equal(&run(nested)));
    assert_eq!(flat.deterministic_front(), 0);
    let valid = Compose::new(vec![resize(4, 4), center_crop(2, 2), random_grayscale(0.1), to_tensor()]);
    assert_eq!(valid.deterministic_front(), 2);
}

// ---- files that are no pictures

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
    assert_says(read_image(dir.0.join("gone.jpg")), &["reading", "gone.jpg"]);
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
    let told = warnings("a_huge_picture_is_read_with_a_warning", || {
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
    let told = warnings("grey_of_16_bits_is_said_once_for_a_data_set", || {
        for name in ["one", "two"] {
            let dir = TempDir::new();
            for number in 0..4u16 {
                let grey =
                    image::ImageBuffer::<image::Luma<u16>, _>::from_pixel(8, 8, image::Luma([number * 3000]));
                grey.save(dir.place(&format!("{name}/{}/{number}.png", number % 2))).unwrap();
            }
            let set = ImageFolder::new(dir.0.join(name), plain()).unwrap();
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
fn pictures_of_the_real_world() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cases/pictures");
    if !folder.exists() {
        println!("LEFT OUT: {} is not there; files of the same kinds are made above", folder.display());
        return;
    }
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
    assert_says(loader.iter().next().unwrap(), &["not one file", "0.jpg"]);
    assert_says(loader.batch(1), &["not one file", "2.jpg"]);
}

// ---- AnnotationFile and CategoryNames

#[test]
fn annotation_files() {
    let dir = TempDir::new();
    dir.picture("pics/a rose.png", [1, 1, 1]);
    dir.picture("pics/b.png", [2, 2, 2]);
    dir.picture("pics/c.png", [3, 3, 3]);
    let list =
        dir.write("train.txt", "# a comment\n\npics/b.png 10\r\npics/a rose.png\t2\n  pics/c.png   10  \n");
    let set = AnnotationFile::new(&list, &dir, plain()).unwrap();
    assert_eq!(set.classes(), ["10", "2"]);
    let labels: Vec<i64> = set.samples().iter().map(|(_, label)| *label).collect();
    assert_eq!(labels, [0, 1, 0]);
    assert!(set.samples()[1].0.ends_with("pics/a rose.png"));
    let expected = format!(
        "Dataset AnnotationFile
    Number of datapoints: 3
    Root location: {}
    Annotation file: {}
    StandardTransform
Transform: Compose(
               ToTensor()
           )",
        dir.0.display(),
        list.display()
    );
    assert_eq!(set.to_string(), expected);
    let batch = DataLoader::new(set, options(3, 1)).batch(0).unwrap();
    assert_eq!(numbers(&batch.labels), [0, 1, 0]);

    let words = dir.write("words.txt", "pics/b.png rose\npics/c.png aster\n");
    assert_eq!(AnnotationFile::new(&words, &dir, plain()).unwrap().classes(), ["aster", "rose"]);
    let files = Splits { train: list, valid: words };
    assert_says(AnnotationFile::splits(&files, &dir, &both(plain())), &["only train has 10, 2"]);
}

#[test]
fn annotation_files_that_cannot_be_used() {
    let dir = TempDir::new();
    dir.picture("a.png", [1, 1, 1]);
    let new = |text: &[u8]| AnnotationFile::new(dir.write("list.txt", text), &dir, plain());
    assert_says(new(b"a.png 1\n\nlonely\n"), &["list.txt, line 3", "'lonely'", "path label"]);
    assert_says(new(b"# one\ngone.png 1\n"), &["list.txt, line 2", "gone.png"]);
    assert_says(new(b"a.png 1\n\xFF\xFE 1\n"), &["line 2", "UTF-8"]);
    assert_says(new(b"# nothing\n"), &["lists no picture"]);
    assert_says(AnnotationFile::new(dir.0.join("no.txt"), &dir, plain()), &["reading", "no.txt"]);
}

#[test]
fn category_names() {
    let dir = TempDir::new();
    let names = |text: &str| CategoryNames::from_json(dir.write("cat_to_name.json", text));
    let good = names(r#"{"21": "fire lily", "3": "canterbury bells", "1": "colt's foot"}"#).unwrap();
    assert_eq!(good.name("3").unwrap(), "canterbury bells");
    assert_eq!(good.name(String::from("21")).unwrap(), "fire lily");
    assert_eq!(good.to_string(), "{'21': 'fire lily', '3': 'canterbury bells', '1': \"colt's foot\"}");
    assert_says(good.name("4"), &["label '4'", "cat_to_name.json"]);
    assert_says(
        names("{\"1\": \"a\",\n \"2\": \"b\"\n \"3\": \"c\"}"),
        &["cat_to_name.json, line 3, column 2"],
    );
    assert_says(names("[1]"), &["one object"]);
    assert_says(names("{\"1\": 5}"), &["label '1' has 5"]);
    assert_says(CategoryNames::from_json(dir.0.join("no.json")), &["reading", "no.json"]);
    let classes = |names: &[&str]| -> Vec<String> { names.iter().map(|name| name.to_string()).collect() };
    let own = CategoryNames::for_classes(dir.0.join("elsewhere"), &classes(&["fire_lily", "rose"])).unwrap();
    assert_eq!(own.to_string(), "{'fire_lily': 'fire lily', 'rose': 'rose'}");
    names(r#"{"1": "rose"}"#).unwrap();
    assert_eq!(CategoryNames::for_classes(&dir, &classes(&["1"])).unwrap().name("1").unwrap(), "rose");
    assert_says(CategoryNames::for_classes(&dir, &classes(&["1", "2"])), &["label '2'", "cat_to_name.json"]);
}

#[test]
fn csv_files() {
    let dir = TempDir::new();
    for name in ["a rose.png", "b.png", "c, too.png"] {
        dir.picture(&format!("pics/{name}"), [1, 1, 1]);
    }
    let csv = |text: &str, columns: &CsvColumns| {
        AnnotationFile::csv(dir.write("list.csv", text), dir.0.join("pics"), columns, plain())
    };
    let usual = CsvColumns::default();
    let set = csv("id,species,file\n1,rose,a rose.png\n2,\"aster\",\"c, too.png\"\n", &usual).unwrap();
    assert_eq!(set.classes(), ["aster", "rose"]);
    assert_eq!(set.targets(), [1, 0]);
    assert!(set.samples()[1].0.ends_with("pics/c, too.png"));
    assert!(set.to_string().contains("    Annotation file: "), "{set}");
    let named = CsvColumns { path: "Bild".into(), label: "Art".into(), extension: ".png".into() };
    let set = csv("Art;Bild;Ort\nRose;a rose;Ulm\nAster;b;Bonn\n", &named).unwrap();
    assert_eq!((set.classes(), set.targets()), (vec!["Aster".to_string(), "Rose".into()], vec![1, 0]));
    assert_eq!(csv("what,kind\nb.png,x\n", &usual).unwrap().classes(), ["x"]);
    assert_says(csv("Art;Bild\n", &usual), &["line 1", "lists no picture"]);
    assert_says(csv("", &usual), &["the file is empty", "path,label"]);
    assert_says(csv("path\nb.png\n", &usual), &["line 1", "no column \"label\"", "the header has path"]);
    assert_says(csv("a,b\nb.png,x\n", &named), &["no column \"Bild\": the header has a, b"]);
    assert_says(csv("path,label\nb.png,x\n\nb.png\n", &usual), &["list.csv, line 4", "\"label\" is missing"]);
    assert_says(csv("path,label\ngone.png,x\n", &usual), &["line 2", "gone.png", "extension"]);
    assert_says(csv("path,label\nb.png,\"x\nb.png,y\n", &usual), &["line 2", "does not end"]);
}

#[test]
fn lists_of_pictures() {
    let dir = TempDir::new();
    let (a, b) = (dir.picture("x/a.png", [1, 1, 1]), dir.picture("y/deep/b.png", [2, 2, 2]));
    let set = ImageList::new([(&a, "10"), (&b, "2"), (&a, "2")], plain()).unwrap();
    assert_eq!((set.classes(), set.targets()), (vec!["10".to_string(), "2".into()], vec![0, 1, 1]));
    let head =
        format!("Dataset ImageList\n    Number of datapoints: 3\n    Root location: {}\n", dir.0.display());
    assert!(set.to_string().starts_with(&head), "{set}");
    assert_eq!(numbers(&DataLoader::new(set, options(3, 1)).batch(0).unwrap().labels), [0, 1, 1]);
    // Labels may be numbers.
    assert_eq!(ImageList::new(vec![(&a, 7)], plain()).unwrap().classes(), ["7"]);
    let new = |list: &[(&str, &str)]| ImageList::new(list.iter().copied(), plain());
    assert_says(new(&[]), &["the list of pictures is empty"]);
    assert_says(
        new(&[(a.to_str().unwrap(), "1"), ("/gone.png", "1")]),
        &["sample 1", "/gone.png", "does not exist"],
    );
    assert_says(new(&[(a.to_str().unwrap(), " ")]), &["sample 0", "has no label"]);
    let parts = Splits { train: vec![(&a, "1"), (&b, "2")], valid: vec![(&b, "1")] };
    assert_says(ImageList::splits(parts, &both(plain())), &["only train has 2"]);
}

#[test]
fn one_folder_in_two_parts() {
    let dir = TempDir::new();
    dir.pictures("", &["1", "10", "2"], 10);
    let part = SplitOptions { valid: 0.3, seed: 5 };
    let transforms = Splits { train: augmented(), valid: plain() };
    let sets = ImageFolder::train_valid_split(&dir, part, &transforms).unwrap();
    assert_eq!(sets.sizes(), Splits { train: 21, valid: 9 });
    assert_eq!(sets.train.classes(), ["1", "10", "2"]);
    assert_eq!(sets.valid.class_counts().unwrap().counts, [3, 3, 3]);
    let mut all: Vec<_> = sets.train.samples().iter().chain(sets.valid.samples()).cloned().collect();
    all.sort();
    assert_eq!(all, ImageFolder::new(&dir, plain()).unwrap().samples());
    assert_eq!(sets.valid.transform().to_string(), plain().to_string());
    let head = format!(
        "Dataset ImageFolder\n    Number of datapoints: 9\n    Root location: {}\n    \
         Split: valid, 9 of 30 datapoints (valid=0.3, seed=5)\n    StandardTransform\n",
        dir.0.display()
    );
    assert!(sets.valid.to_string().starts_with(&head), "{}", sets.valid);
    let again = ImageFolder::train_valid_split(&dir, part, &transforms).unwrap();
    assert_eq!(again.valid.samples(), sets.valid.samples());
    assert_says(
        ImageFolder::train_valid_split(&dir, SplitOptions { valid: 20.0, ..part }, &transforms),
        &["valid is 20", "0.2"],
    );
    let html = sets.bundle().get("text/html").unwrap();
    assert!(html.contains("<summary>train: 21 samples in 3 classes, 7 each</summary>"), "{html}");

    let some = sets.train.subset(&[3, 0, 3]).unwrap();
    assert_eq!(some.samples()[0], sets.train.samples()[3]);
    assert!(some.to_string().contains("    Subset: 3 of 21 datapoints\n"), "{some}");
    assert_says(sets.train.subset(&[21]), &["no sample 21: the data set has 21"]);
    let numbers_set = Subset::new(Numbers::new(50), vec![40, 2]).unwrap();
    assert!(numbers_set.to_string().starts_with("Subset(2 of 50 samples)\n"), "{numbers_set}");
    assert_eq!(numbers(&DataLoader::new(numbers_set, options(9, 0)).batch(0).unwrap().labels), [40, 2]);
    assert_says(Subset::new(Numbers::new(50), vec![50]), &["no sample 50"]);
}

// ---- DataLoader

/// Numbers as samples of one pixel, with a way to be slow or to panic.
#[derive(Debug)]
struct Numbers {
    count: usize,
    panics_at: Option<usize>,
    delay: Duration,
    loaded: Arc<AtomicUsize>,
}

impl Numbers {
    fn new(count: usize) -> Self {
        Numbers { count, panics_at: None, delay: Duration::ZERO, loaded: Arc::default() }
    }
}

impl Dataset for Numbers {
    fn len(&self) -> usize {
        self.count
    }

    fn get(&self, index: usize, rng: &mut fastrand::Rng) -> herbarium::Result<(Tensor, i64)> {
        std::thread::sleep(self.delay);
        self.loaded.fetch_add(1, Ordering::SeqCst);
        assert_ne!(Some(index), self.panics_at, "number {index} is not to my liking");
        let values = [index as f32, rng.f32()];
        Ok((Tensor::f_from_slice(&values)?.f_view([1, 1, 2])?, index as i64))
    }

    fn path(&self, _: usize) -> Option<&Path> {
        None
    }

    fn classes(&self) -> Vec<String> {
        (0..self.count).map(|number| number.to_string()).collect()
    }
}

fn epoch(loader: &DataLoader, number: u64) -> Vec<(Vec<i64>, Tensor)> {
    loader
        .iter_epoch(number)
        .map(|batch| batch.map(|batch| (numbers(&batch.labels), batch.images)).unwrap())
        .collect()
}

#[test]
fn batches_do_not_depend_on_the_number_of_workers() {
    for batch_size in [1, 7, 64, 1000] {
        let make = |workers| {
            let options = LoaderOptions { shuffle: true, seed: Some(5), ..options(batch_size, workers) };
            DataLoader::new(Numbers::new(150), options)
        };
        let reference = make(0);
        for workers in [1, 2, 5] {
            let loader = make(workers);
            assert_eq!(loader.len(), 150usize.div_ceil(batch_size));
            for number in [0, 3] {
                let (ours, theirs) = (epoch(&loader, number), epoch(&reference, number));
                assert_eq!(ours.len(), loader.len());
                for ((labels, images), (expected_labels, expected_images)) in ours.iter().zip(&theirs) {
                    assert_eq!(labels, expected_labels);
                    assert!(images.equal(expected_images));
                }
            }
        }
    }
}

#[test]
fn epochs() {
    let options = LoaderOptions { shuffle: true, ..options(10, 2) };
    let loader = DataLoader::new(Numbers::new(25), options.clone());
    let orders: Vec<Vec<i64>> =
        (0..3).map(|_| loader.iter().flat_map(|batch| numbers(&batch.unwrap().labels)).collect()).collect();
    assert_ne!(orders[0], orders[1]);
    for (number, order) in orders.iter().enumerate() {
        let again: Vec<i64> =
            epoch(&loader, number as u64).into_iter().flat_map(|(labels, _)| labels).collect();
        assert_eq!(&again, order);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..25).collect::<Vec<i64>>());
    }
    // What chance does to a sample changes from epoch to epoch.
    let draw = |number| {
        let samples = epoch(&loader, number);
        let (labels, images) = &samples[0];
        let place = labels.iter().position(|&label| label == labels[0]).unwrap() as i64;
        images.double_value(&[place, 0, 0, 1])
    };
    assert_ne!(draw(0), draw(1));
    // A batch by number is the same every time, and is the first epoch's.
    assert_eq!(numbers(&loader.batch(1).unwrap().labels), orders[0][10..20]);
    assert_eq!(numbers(&loader.batch(2).unwrap().labels), orders[0][20..]);
    assert_says(loader.batch(3), &["no batch 3", "has 3"]);

    let dropping = DataLoader::new(Numbers::new(25), LoaderOptions { drop_last: true, ..options });
    assert_eq!(dropping.len(), 2);
    assert_eq!(dropping.iter().map(|batch| batch.unwrap().len()).collect::<Vec<_>>(), [10, 10]);
    assert_eq!((&dropping).into_iter().epoch(), 1);
}

#[test]
fn prints_itself() {
    let loader = DataLoader::new(Numbers::new(720), LoaderOptions { shuffle: true, ..options(128, 1) });
    let expected = "DataLoader(720 samples, 6 batches of 128, shuffle=True, num_workers=1, seed=0)";
    assert_eq!(loader.to_string(), expected);
    assert_eq!(format!("{loader:?}"), expected);
    assert_eq!(
        loader.batch(0).unwrap().to_string(),
        "Batch(images=torch.Size([128, 1, 1, 2]), labels=torch.Size([128]), paths=128)"
    );
}

#[test]
fn options_that_cannot_work() {
    let loader = DataLoader::new(Numbers::new(3), options(0, 1));
    assert_eq!(loader.len(), 0);
    assert_says(loader.iter().next().unwrap_or_else(|| panic!("an error must come")), &["batch_size is 0"]);
    assert_says(loader.batch(0), &["batch_size is 0"]);
    let empty = DataLoader::new(Numbers::new(0), options(4, 1));
    assert!(empty.iter().next().is_none());
    assert!(empty.is_empty());
}

#[test]
fn a_panic_is_an_error_and_no_hang() {
    for workers in [0, 1, 3] {
        let set = Numbers { panics_at: Some(17), ..Numbers::new(40) };
        let mut batches = DataLoader::new(set, options(10, workers)).iter();
        assert!(batches.next().unwrap().is_ok());
        assert_says(batches.next().unwrap(), &["sample 17 panicked", "not to my liking"]);
        assert!(batches.next().is_none());
    }
}

#[test]
fn dropping_early_stops_the_workers() {
    let set = Numbers { delay: Duration::from_millis(5), ..Numbers::new(100_000) };
    let loaded = set.loaded.clone();
    let options = LoaderOptions { prefetch_batches: 1000, ..options(50, 2) };
    let mut batches = DataLoader::new(set, options).iter();
    batches.next().unwrap().unwrap();
    drop(batches);
    let after = loaded.load(Ordering::SeqCst);
    assert!(after < 50_000, "{after} were loaded, of which nobody wants any");
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(loaded.load(Ordering::SeqCst), after);
}

#[test]
fn reading_ahead_is_bounded() {
    let set = Numbers::new(10_000);
    let loaded = set.loaded.clone();
    let options = LoaderOptions { prefetch_batches: 3, ..options(10, 2) };
    let mut batches = DataLoader::new(set, options).iter();
    batches.next().unwrap().unwrap();
    for _ in 0..10_000 {
        if loaded.load(Ordering::SeqCst) >= 40 {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(loaded.load(Ordering::SeqCst), 40);
}

#[test]
fn pictures_of_different_sizes_make_no_batch() {
    let dir = TempDir::new();
    dir.pictures("", &["1"], 20);
    RgbImage::new(5, 6).save(dir.0.join("1/odd.png")).unwrap();
    for workers in [0, 2] {
        let folder = ImageFolder::new(&dir, plain()).unwrap();
        let loader = DataLoader::new(folder, options(21, workers));
        assert_says(loader.batch(0), &["odd.png", "[3, 6, 5]", "[3, 10, 12]", "resize(height, width)"]);
    }
}

// ---- what is kept between epochs

/// `count` photographs-like pictures of class "1" below `dir`.
fn gradients(dir: &TempDir, folder: &str, count: u32) {
    for i in 0..count {
        let picture = RgbImage::from_fn(40, 30, |x, y| {
            image::Rgb([(x * 6) as u8, (y * 8 + i) as u8, (x * y + i) as u8])
        });
        picture.save(dir.place(&format!("{folder}/{}/{i:03}.png", i % 3))).unwrap();
    }
}

fn augmented() -> Compose {
    Compose::new(vec![
        resize(20, 20),
        random_rotation(45.0),
        center_crop(16, 16),
        color_jitter(0.2, 0.1, 0.1, 0.1),
        to_tensor(),
        normalize(IMAGENET_MEAN, IMAGENET_STD),
    ])
}

fn assert_same_epochs(ours: &DataLoader, theirs: &DataLoader) {
    for number in 0..2 {
        let (ours, theirs) = (epoch(ours, number), epoch(theirs, number));
        assert_eq!(ours.len(), theirs.len());
        for ((labels, images), (expected_labels, expected_images)) in ours.iter().zip(&theirs) {
            assert_eq!(labels, expected_labels);
            assert!(images.equal(expected_images));
        }
    }
}

/// In processes of their own: what may be kept in memory is counted for the process, and other tests keep, too.
#[test]
fn what_is_kept_in_memory() {
    for test in ["a_cache_changes_nothing_but_time", "what_is_kept_is_never_stale"] {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        let output = command.args(["--exact", test, "--ignored", "--nocapture"]).output().unwrap();
        let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
        assert!(output.status.success() && said[0].contains("1 passed"), "{test}:\n{}", said.concat());
    }
}

/// Not one bit differs: without a cache, in memory, on disk, warm from disk, with little room, for pipelines
/// with chance and without.
#[test]
#[ignore = "run by what_is_kept_in_memory"]
fn a_cache_changes_nothing_but_time() {
    let dir = TempDir::new();
    gradients(&dir, "set", 120);
    let cache = dir.0.join("cache");
    let valid = Compose::new(vec![resize(20, 20), to_tensor(), normalize(IMAGENET_MEAN, IMAGENET_STD)]);
    let (small, full) = (20 * 20 * 3, 40 * 30 * 3);
    // The second pipeline begins as the first, and finds its pictures.
    for (transform, kept_bytes, new) in [(augmented(), small, 120), (valid, small, 0), (plain(), full, 120)] {
        let folder = ImageFolder::new(dir.0.join("set"), transform).unwrap();
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
    assert!(data::cache::list_folder(&cache).unwrap().to_string().starts_with("no picture is kept in "));
}

/// A picture that was written anew, other transforms, a cleared cache under a loader that goes on.
#[test]
#[ignore = "run by what_is_kept_in_memory"]
fn what_is_kept_is_never_stale() {
    let dir = TempDir::new();
    gradients(&dir, "set", 120);
    let root = dir.0.join("set");
    let cache = CacheOptions { memory: 1 << 20, disk: 1 << 30, folder: Some(dir.0.join("cache")) };
    let loader = |height, cache: &CacheOptions| {
        let transform = Compose::new(vec![resize(height, 20), to_tensor()]);
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
    assert_eq!(data::cache::clear_folder(dir.0.join("cache")).unwrap().data_sets, 2);
    assert_same_epochs(&kept, &reference);
    assert_eq!(kept.cache().unwrap().decoded, 242);
    assert_eq!(data::cache::list_folder(dir.0.join("cache")).unwrap().stored[0].root, root);
    // A file that is gone is an error, kept or not.
    std::fs::remove_file(one).unwrap();
    assert_says(kept.iter().find(|batch| batch.is_err()).unwrap(), &["000.png"]);
}

/// Files that are cut, overwritten or gone, as after a crash: the pictures are decoded again.
#[test]
fn a_damaged_cache_is_mended() {
    let dir = TempDir::new();
    gradients(&dir, "set", 120);
    let cache = CacheOptions { memory: 0, disk: 1 << 30, folder: Some(dir.0.join("cache")) };
    let folder = ImageFolder::new(dir.0.join("set"), augmented()).unwrap();
    let loader = |cache: &CacheOptions| {
        DataLoader::new(folder.clone(), LoaderOptions { cache: cache.clone(), ..options(16, 2) })
    };
    let reference = loader(&CacheOptions::off());
    assert_same_epochs(&loader(&cache), &reference);
    let files = || -> Vec<PathBuf> {
        let set = std::fs::read_dir(dir.0.join("cache")).unwrap().next().unwrap().unwrap().path();
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
    let folder = ImageFolder::new(dir.0.join("set"), augmented()).unwrap();
    let loader =
        |cache: CacheOptions| DataLoader::new(folder.clone(), LoaderOptions { cache, ..options(16, 2) });
    let reference = loader(CacheOptions::off());
    let nowhere = loader(CacheOptions { memory: 0, disk: 1 << 30, folder: Some(file.join("cache")) });
    assert_same_epochs(&nowhere, &reference);
    let usage = nowhere.cache().unwrap();
    assert_eq!(usage.decoded, 240);
    assert!(usage.to_string().contains("Not kept:"), "{usage}");
    let cache = dir.0.join("cache");
    let small = loader(CacheOptions { memory: 0, disk: 50_000, folder: Some(cache.clone()) });
    assert_same_epochs(&small, &reference);
    let usage = small.cache().unwrap();
    assert!(usage.from_disk > 20 && usage.to_string().contains("as large as it may be"), "{usage}");
    let listing = data::cache::list_folder(&cache).unwrap();
    assert!(listing.bytes() <= 51_000, "{listing}");
    // Another data set takes the place of the one that was used before.
    gradients(&dir, "other", 120);
    let other = ImageFolder::new(dir.0.join("other"), augmented()).unwrap();
    let options = LoaderOptions {
        cache: CacheOptions { memory: 0, disk: 50_000, folder: Some(cache.clone()) },
        ..options(16, 2)
    };
    DataLoader::new(other, options).iter().for_each(|batch| drop(batch.unwrap()));
    let listing = data::cache::list_folder(&cache).unwrap();
    assert_eq!(listing.stored.len(), 1);
    assert!(listing.stored[0].root.ends_with("other"), "{listing}");
}

/// Two processes are told apart by their budgets here: each writes files of its own, and reads the other's the
/// next time.
#[test]
fn two_caches_may_share_a_folder() {
    let dir = TempDir::new();
    gradients(&dir, "set", 120);
    let folder = ImageFolder::new(dir.0.join("set"), augmented()).unwrap();
    let loader = |disk| {
        let cache = CacheOptions { memory: 0, disk, folder: Some(dir.0.join("cache")) };
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
    // One deletes everything while the other goes on.
    data::cache::clear_folder(dir.0.join("cache")).unwrap();
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
        .args(["--exact", "a_full_disk_is_said_once", "--nocapture"])
        .env(CHILD, &dir.0)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert_eq!(told.matches("note: pictures cannot be kept on disk").count(), 1, "{told}");
    // What was written before is of use.
    let folder = ImageFolder::new(dir.0.join("set"), augmented()).unwrap();
    let cache = CacheOptions { memory: 0, disk: 1 << 30, folder: Some(dir.0.join("cache")) };
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
    let cache = CacheOptions { folder: Some(dir.0.join("cache")), ..Default::default() };
    let folder = ImageFolder::new(dir.0.join("set"), augmented()).unwrap();
    let loader = DataLoader::new(folder, LoaderOptions { cache, ..options(16, 2) });
    (0..2).for_each(|_| loader.iter().for_each(|batch| drop(batch.unwrap())));
    assert_eq!(loader.cache().unwrap().from_memory, 30);
    assert!(!dir.0.join("cache").exists());
}

// ---- health

/// Everything that can be wrong, once.
#[test]
fn check_finds_what_is_wrong() {
    let dir = TempDir::new();
    for part in ["train", "valid"] {
        for (class, count) in [("1", 22), ("2", 2)] {
            for i in 0..count {
                let colour = [i as u8, if part == "train" { 0 } else { 9 }, if class == "1" { 0 } else { 9 }];
                dir.picture(&format!("{part}/{class}/{i:03}.png"), colour);
            }
        }
    }
    let good = ImageFolder::new(dir.0.join("valid"), plain()).unwrap().subset(&[0, 1, 22, 23]).unwrap();
    let health = good.check().unwrap();
    assert!(health.is_good(), "{health}");
    assert!(health.to_string().starts_with("4 files in 2 classes, no problem found (read in "), "{health}");
    let copy = |from: &str, to: &str| {
        std::fs::copy(dir.0.join(from), dir.place(to)).unwrap();
    };
    copy("train/1/003.png", "train/1/100.png");
    copy("train/1/004.png", "train/2/101.png");
    copy("train/1/005.png", "valid/1/102.png");
    // The same pixels, another file.
    let pixels = image::open(dir.0.join("train/1/006.png")).unwrap();
    pixels.save(dir.0.join("train/1/103.webp")).unwrap();
    dir.write("valid/2/104.jpg", "no picture");
    image::GrayImage::new(50, 3).save(dir.0.join("train/2/105.png")).unwrap();
    let sets = ImageFolder::splits(&dir, &both(plain())).unwrap();
    let health = sets.check().unwrap();
    let texts: Vec<String> = health.problems.iter().map(ToString::to_string).collect();
    let expected: [&[&str]; 6] = [
        &["cannot be read: ", "valid/2/104.jpg (class 2): not a picture"],
        &[
            "the same file in train and valid: ",
            "train/1/005.png (class 1) and ",
            "valid/1/102.png (class 1)",
        ],
        &["the same file under two labels: ", "train/1/004.png (class 1) and ", "train/2/101.png (class 2)"],
        &["the same file 2 times: ", "train/1/003.png (class 1) and ", "train/1/100.png (class 1)"],
        &["the same pixels 2 times: ", "train/1/006.png", "train/1/103.webp"],
        &["1 picture is L, not RGB: ", "train/2/105.png (class 2) of train"],
    ];
    assert_eq!(texts.len(), expected.len(), "{health}");
    for (text, parts) in texts.iter().zip(expected) {
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
    }
    let train = &health.parts[0];
    assert_eq!((train.counts.counts.as_slice(), train.distinct_sizes), (&[24, 4][..], 2));
    assert_eq!(train.sizes, Some([(12, 10), (12, 10), (50, 3)]));
    assert_eq!(train.modes, [("RGB".to_string(), 27), ("L".into(), 1)]);
    assert_eq!(health.parts[1].unreadable.len(), 1);
    let html = health.bundle().get("text/html").unwrap();
    assert!(html.contains("<img src=\"data:image/png;base64,") && html.contains("<li>cannot be read"));
    assert!(
        health.plot().unwrap().alt().starts_with("Pictures of each class: 54 files in 2 classes, 6 problems")
    );
    // One class far smaller than the other.
    let rare = sets.train.subset(&(0..25).collect::<Vec<_>>()).unwrap().check().unwrap();
    let rare: Vec<String> = rare.problems.iter().map(ToString::to_string).collect();
    assert!(rare.iter().any(|text| text.starts_with("class 2 has 1, the largest 24")), "{rare:?}");
}

// ---- samplers

/// Three classes of 3, 30 and 300 samples, two values each.
#[derive(Debug)]
struct Uneven;

impl Dataset for Uneven {
    fn len(&self) -> usize {
        333
    }

    fn get(&self, index: usize, _: &mut fastrand::Rng) -> herbarium::Result<(Tensor, i64)> {
        Ok((Tensor::f_from_slice(&[index as f32])?.f_view([1, 1, 1])?, self.label(index).unwrap()))
    }

    fn label(&self, index: usize) -> Option<i64> {
        Some(if index < 3 {
            0
        } else if index < 33 {
            1
        } else {
            2
        })
    }

    fn path(&self, _: usize) -> Option<&Path> {
        None
    }

    fn classes(&self) -> Vec<String> {
        ["rare", "fair", "common"].map(String::from).into()
    }
}

#[test]
fn a_balanced_sampler_evens_the_classes_out() {
    let counts = data::ClassCounts::of(&Uneven).unwrap();
    assert_eq!(counts.counts, [3, 30, 300]);
    // scikit-learn's compute_class_weight("balanced"): 333 / (3 * count).
    assert_eq!(counts.weights(), [37.0, 3.7, 0.37]);
    assert_eq!(
        counts.to_string(),
        "333 samples in 3 classes, 3 to 300 each
\
         class   samples   share
rare          3   0.9 %
fair         30   9.0 %
common      300  90.1 %"
    );
    let sampler = Some(WeightedRandomSampler::balanced());
    let loader = DataLoader::new(Uneven, LoaderOptions { sampler, seed: Some(1), ..options(32, 2) });
    assert_eq!(
        loader.to_string(),
        "DataLoader(333 samples, 11 batches of 32, shuffle=False, num_workers=2, seed=1, \
         sampler=WeightedRandomSampler(balanced, replacement=True))"
    );
    let drawn: Vec<i64> =
        (0..10).flat_map(|number| epoch(&loader, number)).flat_map(|(labels, _)| labels).collect();
    assert_eq!(drawn.len(), 3330);
    for class in 0..3 {
        let share = drawn.iter().filter(|&&label| label == class).count() as f64 / 3330.0;
        assert!((share - 1.0 / 3.0).abs() < 5.0 * (2.0 / 9.0 / 3330.0f64).sqrt(), "{class}: {share}");
    }
    let with = |sampler, shuffle| {
        DataLoader::new(Uneven, LoaderOptions { sampler: Some(sampler), shuffle, ..options(32, 2) })
    };
    let few = with(WeightedRandomSampler::new(vec![1.0; 333], 40, false), false);
    assert_eq!((few.len(), epoch(&few, 0).iter().map(|(labels, _)| labels.len()).sum::<usize>()), (2, 40));
    assert_says(with(WeightedRandomSampler::balanced(), true).batch(0), &["mutually exclusive with shuffle"]);
    let wrong =
        |weights: Vec<f64>, count| with(WeightedRandomSampler::new(weights, count, false), false).batch(0);
    assert_says(wrong(vec![1.0; 5], 5), &["5 weights for 333 samples"]);
    assert_says(wrong(vec![1.0; 333], 334), &["num_samples is 334", "333 samples can be drawn"]);
    assert_says(wrong(vec![f64::NAN; 333], 5), &["a weight is NaN"]);
    let numbers = LoaderOptions { sampler: Some(WeightedRandomSampler::balanced()), ..options(4, 0) };
    assert_says(DataLoader::new(Numbers::new(8), numbers).batch(0), &["implement Dataset::label"]);
}

/// The whole path on real photographs, where they are there.
#[test]
fn photographs() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/flowers12");
    let dir = std::env::var_os("HERBARIUM_DATA").filter(|dir| !dir.is_empty()).map_or(dir, PathBuf::from);
    if !dir.exists() {
        println!("skipped: there are no photographs at {} (set HERBARIUM_DATA)", dir.display());
        return;
    }
    let train = Compose::new(vec![
        resize(96, 96),
        random_rotation(45.0),
        center_crop(64, 64),
        random_horizontal_flip(0.5),
        color_jitter(0.2, 0.1, 0.1, 0.1),
        to_tensor(),
        normalize(IMAGENET_MEAN, IMAGENET_STD),
    ]);
    let valid = Compose::new(vec![resize(64, 64), to_tensor(), normalize(IMAGENET_MEAN, IMAGENET_STD)]);
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

#[test]
fn errors_read_as_sentences() {
    let dir = TempDir::new();
    let error: Error = ImageFolder::new(dir.0.join("gone"), plain()).unwrap_err();
    assert_eq!(format!("{error:?}"), error.to_string());
}

/// Short runs of `make fuzz`.
mod fuzz {
    mod annotations;
    mod mutate;
    mod pictures;
    mod run;

    fn few(target: run::Target, files: u64) {
        let report = run::run(&target, files, 9_000_000);
        println!("{report}");
        assert_eq!(report.panics, 0);
        assert!(report.accepted > 0 && report.accepted < report.files);
    }

    #[test]
    fn a_few_thousand_damaged_pictures() {
        few(pictures::target(), 10_000);
    }

    #[test]
    fn a_few_thousand_damaged_annotation_files() {
        few(annotations::target(), 3_000);
    }
}
