//! `ImageFolder`: one folder per class.

use std::fmt;
use std::path::{Path, PathBuf};

use super::picture_set::{PictureSet, check_same_classes, picture_data_set};
use super::split_folders::{check_folder, split_folders};
use super::walk::{IMG_EXTENSIONS, pictures, subfolders};
use super::{SplitOptions, Splits};
use crate::transforms::Compose;
use crate::{Error, Result};

/// Pictures in one folder per class, `root/<class>/…/*.jpg`: `torchvision.datasets.ImageFolder`.
///
/// The classes are the folders' names **sorted as text** (1, 10, 100, 101, 102, 11, …, 2, 20, …), and a
/// label is a place in that order: label 1 is class "10", not class "1". Look a label up in
/// [`classes`](ImageFolder::classes) before looking the class up anywhere else.
///
/// Files are torchvision's, in its order: every name that ends in one of
/// [`IMG_EXTENSIONS`], hidden ones and those in deeper folders too, through links. One difference: a hidden
/// folder without pictures (`.ipynb_checkpoints`, which Jupyter leaves behind) is not a class; in
/// torchvision it is an error.
///
/// Cloning is cheap, and prints as torchvision prints.
#[derive(Clone)]
pub struct ImageFolder {
    root: PathBuf,
    set: PictureSet,
}

impl ImageFolder {
    /// The pictures below `root`, each sent through `transform` when it is read.
    ///
    /// # Errors
    /// When `root` is missing, is not a folder, has no class folders, or a class folder has no pictures;
    /// when a transform was made with wrong arguments.
    pub fn new(root: impl AsRef<Path>, transform: Compose) -> Result<Self> {
        fn new(root: &Path, transform: Compose) -> Result<ImageFolder> {
            let root = root.to_path_buf();
            check_folder(&root, &root, one_set)?;
            let mut classes = Vec::new();
            let mut samples = Vec::new();
            let mut empty = Vec::new();
            for name in subfolders(&root)? {
                let files = pictures(&root.join(&name))?;
                let name = name.to_string_lossy().into_owned();
                if files.is_empty() {
                    if !name.starts_with('.') {
                        empty.push(name);
                    }
                    continue;
                }
                let label = classes.len() as i64;
                samples.extend(files.into_iter().map(|path| (path, label)));
                classes.push(name);
            }
            let problem = if !empty.is_empty() {
                format!(
                    "has no pictures in the class folder{} {} (names must end in {})",
                    if empty.len() == 1 { "" } else { "s" },
                    empty.join(", "),
                    IMG_EXTENSIONS.join(", ")
                )
            } else if classes.is_empty() {
                no_class_folders(&root)?
            } else {
                let set = PictureSet::new(&root, classes, samples, transform)?;
                return Ok(ImageFolder { root, set });
            };
            Err(Error::DataFolder { layout: one_set(&root), path: root, problem })
        }
        new(root.as_ref(), transform)
    }

    /// `data_dir/train` and `data_dir/valid` (or `data_dir/val`), each with its transforms.
    ///
    /// # Errors
    /// As [`ImageFolder::new`] for each, and when the two do not have the same classes; where one of the folders is
    /// missing, the message says what is there instead.
    pub fn splits(data_dir: impl AsRef<Path>, transforms: &Splits<Compose>) -> Result<Splits<Self>> {
        fn splits(data_dir: &Path, transforms: &Splits<Compose>) -> Result<Splits<ImageFolder>> {
            let folders = split_folders(data_dir)?;
            let train = ImageFolder::new(folders.train, transforms.train.clone())?;
            let valid = ImageFolder::new(folders.valid, transforms.valid.clone())?;
            check_same_classes(&train.set, &valid.set)?;
            Ok(Splits { train, valid })
        }
        splits(data_dir.as_ref(), transforms)
    }

    /// Splits one folder of class folders into two disjoint parts, each with its own transforms. The same
    /// share of every class goes to validation.
    ///
    /// # Errors
    /// As [`ImageFolder::new`]; when the share is not between 0 and 1, or a class has a single picture.
    pub fn train_valid_split(
        root: impl AsRef<Path>,
        options: SplitOptions,
        transforms: &Splits<Compose>,
    ) -> Result<Splits<Self>> {
        let whole = Self::new(root, transforms.train.clone())?;
        let Splits { train, valid } = whole.set.split(options, transforms)?;
        let part = |set| ImageFolder { root: whole.root.clone(), set };
        Ok(Splits { train: part(train), valid: part(valid) })
    }

    /// The folder of the class folders.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

picture_data_set!(ImageFolder);

impl fmt::Display for ImageFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.set.describe(f, "ImageFolder", &self.root, &[])
    }
}

/// Why `root` has no classes.
fn no_class_folders(root: &Path) -> Result<String> {
    let mut entries = std::fs::read_dir(root).map_err(Error::io("reading", root))?;
    Ok(if entries.next().is_none() {
        "is empty".into()
    } else if !pictures(root)?.is_empty() {
        "has pictures but no class folders".into()
    } else {
        "has no class folders".into()
    })
}

fn one_set(root: &Path) -> String {
    let root = root.display();
    format!("  {root}/<class>/*.jpg   one folder for each class")
}

crate::notebook::vars::known_by_len!([] ImageFolder: "picture";);
