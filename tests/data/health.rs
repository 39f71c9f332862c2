//! `check()`: what is wrong with a data set.

use herbarium::prelude::*;

use crate::support::TempDir;
use crate::support::loading::*;

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
    let good = ImageFolder::new(dir.path().join("valid"), plain()).unwrap().subset(&[0, 1, 22, 23]).unwrap();
    let health = good.check().unwrap();
    assert!(health.is_good(), "{health}");
    assert!(health.to_string().starts_with("4 files in 2 classes, no problem found (read in "), "{health}");
    let copy = |from: &str, to: &str| {
        std::fs::copy(dir.path().join(from), dir.place(to)).unwrap();
    };
    copy("train/1/003.png", "train/1/100.png");
    copy("train/1/004.png", "train/2/101.png");
    copy("train/1/005.png", "valid/1/102.png");
    // The same pixels, another file.
    let pixels = image::open(dir.path().join("train/1/006.png")).unwrap();
    pixels.save(dir.path().join("train/1/103.webp")).unwrap();
    dir.write("valid/2/104.jpg", "no picture");
    image::GrayImage::new(50, 3).save(dir.path().join("train/2/105.png")).unwrap();
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
