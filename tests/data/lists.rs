//! Annotation files, names of categories, CSV files and lists.

use herbarium::data::CsvColumns;
use herbarium::prelude::*;

use crate::support::loading::*;
use crate::support::{TempDir, assert_says};

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
        dir.path().display(),
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
    assert_says(AnnotationFile::new(dir.path().join("no.txt"), &dir, plain()), &["reading", "no.txt"]);
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
    assert_says(CategoryNames::from_json(dir.path().join("no.json")), &["reading", "no.json"]);
    let classes = |names: &[&str]| -> Vec<String> { names.iter().map(|name| name.to_string()).collect() };
    let own =
        CategoryNames::for_classes(dir.path().join("elsewhere"), &classes(&["fire_lily", "rose"])).unwrap();
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
        AnnotationFile::csv(dir.write("list.csv", text), dir.path().join("pics"), columns, plain())
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
    let head = format!(
        "Dataset ImageList\n    Number of datapoints: 3\n    Root location: {}\n",
        dir.path().display()
    );
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
