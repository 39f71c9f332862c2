//! Data sets and loaders, as a learner meets them: what they give, print and refuse.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

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
        read_image(dir.write("old.bmp", [b"BM".as_slice(), &[0; 60]].concat())),
        &["old.bmp", "convert it"],
    );
    assert_says(read_image(dir.0.join("gone.jpg")), &["reading", "gone.jpg"]);
    // The right bytes under another format's name are read by content.
    assert_eq!(read_image(dir.write("really_a.png", &whole)).unwrap().dimensions(), (12, 10));
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
    let start = Instant::now();
    drop(batches);
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    let after = loaded.load(Ordering::SeqCst);
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
    let seen: usize = loaders.valid.iter().map(|batch| batch.unwrap().len()).sum();
    assert_eq!(seen, sets.valid.len());
}

#[test]
fn errors_read_as_sentences() {
    let dir = TempDir::new();
    let error: Error = ImageFolder::new(dir.0.join("gone"), plain()).unwrap_err();
    assert_eq!(format!("{error:?}"), error.to_string());
}
