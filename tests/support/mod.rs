//! Shared by several test programs.
#![allow(dead_code)]

pub mod colours;
#[path = "../formula/mod.rs"]
pub mod formula;
pub mod loading;
pub mod shared_cache;
pub mod tutorial_transforms;

use std::path::{Path, PathBuf};

use image::RgbImage;

pub type Outcome = Result<(), Box<dyn std::error::Error>>;

/// A separate folder for each test, gone when the test ends.
pub struct TempDir(tempfile::TempDir);

impl TempDir {
    pub fn new() -> Self {
        TempDir(tempfile::Builder::new().prefix("herbarium-test-").tempdir().unwrap())
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// The path of a file in this folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// The names of what is in this folder, sorted.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// The path of a file below this folder, in a folder that exists.
    pub fn place(&self, name: &str) -> PathBuf {
        assert!(Path::new(name).is_relative(), "{name} would lie outside of the test's folder");
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.place(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// A picture of one colour; the format is the name's.
    pub fn picture(&self, name: &str, colour: [u8; 3]) -> PathBuf {
        let path = self.place(name);
        RgbImage::from_pixel(12, 10, image::Rgb(colour)).save(&path).unwrap();
        path
    }

    /// `count` pictures in each of `classes`, below `folder`.
    pub fn pictures(&self, folder: &str, classes: &[&str], count: usize) {
        for (number, class) in classes.iter().enumerate() {
            for i in 0..count {
                let name = Path::new(folder).join(class).join(format!("{i:03}.png"));
                self.picture(name.to_str().unwrap(), [number as u8 * 20, i as u8, 9]);
            }
        }
    }
}

impl AsRef<Path> for TempDir {
    fn as_ref(&self) -> &Path {
        self.path()
    }
}

/// The text of an error, which must hold each of `parts`.
pub fn assert_says<T: std::fmt::Debug>(result: herbarium::Result<T>, parts: &[&str]) {
    let text = result.expect_err("this must fail").to_string();
    for part in parts {
        assert!(text.contains(part), "'{part}' is not in:\n{text}");
    }
}
