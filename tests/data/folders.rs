//! `ImageFolder`: what it finds, prints and refuses.

use herbarium::Error;
use herbarium::data::{CacheOptions, Subset};
use herbarium::prelude::*;
use herbarium::transforms::random_affine;

use crate::loader::Numbers;
use crate::support::loading::*;
use crate::support::tutorial_transforms::tutorial_transforms;
use crate::support::{TempDir, assert_says};

#[test]
fn classes_sort_as_text() {
    let dir = TempDir::new();
    dir.pictures("", &["2", "1", "100", "11", "10", "102", "101"], 1);
    let folder = ImageFolder::new(&dir, plain()).unwrap();
    assert_eq!(folder.classes(), ["1", "10", "100", "101", "102", "11", "2"]);
    assert_eq!(folder.class_to_idx("2"), Some(6));
    assert_eq!(folder.class_to_idx("3"), None);
    assert_eq!(folder.samples()[1], (dir.path().join("10/000.png"), 1));
}

/// Opening looks at the folders alone, not into each file; 200,000 files are measured by `make bench`.
#[test]
fn each_of_many_files_comes_once() {
    let dir = TempDir::new();
    let picture = std::fs::read(dir.picture("source.png", [1, 2, 3])).unwrap();
    for i in 0..4_000 {
        std::fs::write(dir.place(&format!("root/{}/{i}.png", i % 20)), &picture).unwrap();
    }
    let folder = ImageFolder::new(dir.path().join("root"), plain()).unwrap();
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
        let to = dir.path().join("root/x").join(name);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::rename(from, to).unwrap();
    }
    dir.write("root/x/notes.txt", "no picture");
    dir.write("root/x/png", "no extension");
    std::fs::create_dir_all(dir.path().join("root/x/folder.jpg")).unwrap();
    std::fs::create_dir_all(dir.path().join("root/.ipynb_checkpoints")).unwrap();
    dir.write("root/loose.png", "beside the class folders");
    let folder = ImageFolder::new(dir.path().join("root"), plain()).unwrap();
    assert_eq!(folder.classes(), ["x"]);
    let names: Vec<_> = folder
        .samples()
        .iter()
        .map(|(path, _)| path.strip_prefix(dir.path().join("root/x")).unwrap().to_str().unwrap())
        .collect();
    assert_eq!(names, [".hidden.png", "a.png", "b.PNG", "deep/z.png", "deep/er/a.png"]);
}

#[cfg(unix)]
#[test]
fn a_link_in_a_circle_ends() {
    let dir = TempDir::new();
    dir.pictures("", &["1"], 2);
    std::os::unix::fs::symlink(dir.path().join("1"), dir.path().join("1/again")).unwrap();
    assert_eq!(ImageFolder::new(&dir, plain()).unwrap().len(), 2);
}

/// The text that the tutorial shows, in torchvision 0.28's wording.
#[test]
fn prints_as_torchvision() {
    let dir = TempDir::new();
    dir.pictures("train", &["1", "2"], 2);
    dir.pictures("valid", &["1", "2"], 1);
    let sets = ImageFolder::splits(&dir, &tutorial_transforms()).unwrap();
    let root = dir.path().display();
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
        (random_crop([4, 5]), "RandomCrop(size=(4, 5), padding=None)"),
        (resize(96), "Resize(size=96, interpolation=bilinear, max_size=None, antialias=True)"),
        (
            random_resized_crop(64),
            "RandomResizedCrop(size=(64, 64), scale=(0.08, 1.0), ratio=(0.75, 1.3333), \
             interpolation=bilinear, antialias=True)",
        ),
        (random_affine(0.0).translate([0.1, 0.2]), "RandomAffine(degrees=[-0.0, 0.0], translate=(0.1, 0.2))"),
        (
            random_affine(10.0).scale([0.9, 1.1]).shear(5.0),
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
    let new = |name: &str| ImageFolder::new(dir.path().join(name), plain());
    assert_says(new("gone"), &["gone does not exist", "<class>/*.jpg"]);
    std::fs::create_dir(dir.path().join("empty")).unwrap();
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
    let splits = |name: &str| ImageFolder::splits(dir.path().join(name), &both(plain()));
    assert_says(splits("gone"), &["gone does not exist", "train/<class>/*.jpg", "valid/<class>/*.jpg"]);
    dir.pictures("half/train", &["1"], 1);
    assert_says(splits("half"), &["half/valid does not exist", "valid/<class>/*.jpg"]);
}

#[test]
fn folders_under_other_names_and_one_level_too_many() {
    let dir = TempDir::new();
    let splits = |name: &str| ImageFolder::splits(dir.path().join(name), &both(plain()));
    for (set, valid) in [("a", "val"), ("b", "test")] {
        dir.pictures(&format!("{set}/train"), &["1", "2"], 5);
        dir.pictures(&format!("{set}/{valid}"), &["1", "2"], 2);
    }
    assert_eq!(splits("a").unwrap().valid.root(), dir.path().join("a/val"));
    // What there is instead, and two ways out; the second is typed here.
    let root = dir.path().join("b");
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
    let deeper = format!("use the folder {}", dir.path().join("deep/deep").display());
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
        dir.path().display()
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

#[test]
fn errors_read_as_sentences() {
    let dir = TempDir::new();
    let error: Error = ImageFolder::new(dir.path().join("gone"), plain()).unwrap_err();
    assert_eq!(format!("{error:?}"), error.to_string());
}
