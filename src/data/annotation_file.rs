//! `AnnotationFile`: the tutorial's second method, a text file of paths and labels.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use fastrand::Rng;
use image::RgbImage;
use tch::Tensor;

use super::picture_set::{PictureSet, check_same_classes};
use super::{Dataset, Splits};
use crate::transforms::Compose;
use crate::{Error, Result};

/// Pictures listed in a text file, one `path label` a line.
///
/// ```text
/// # train.txt: paths are relative to a root folder given with the file
/// train/1/image_00000.jpg 1
/// my holiday/a rose.jpg   rose
/// ```
///
/// The label is what follows the last white space, so that a path may hold spaces; it may be a number or a
/// word. Empty lines and lines that begin with `#` are passed over. The classes are the labels **sorted as
/// text**, as [`ImageFolder`](super::ImageFolder) sorts its folders, whatever their order in the file.
#[derive(Clone)]
pub struct AnnotationFile {
    file: PathBuf,
    root: PathBuf,
    set: PictureSet,
}

impl AnnotationFile {
    /// The pictures that `file` lists, with paths relative to `root`.
    ///
    /// # Errors
    /// When the file cannot be read or lists nothing; when a line has no label or names a file that does
    /// not exist (with the line's number); when a transform was made with wrong arguments.
    pub fn new(file: impl AsRef<Path>, root: impl AsRef<Path>, transform: Compose) -> Result<Self> {
        let (file, root) = (file.as_ref().to_path_buf(), root.as_ref().to_path_buf());
        let text = std::fs::read(&file).map_err(Error::io("reading", &file))?;
        let lines = parse(&file, &root, &text)?;
        let labels: BTreeSet<&str> = lines.iter().map(|(_, label)| label.as_str()).collect();
        let classes: Vec<String> = labels.into_iter().map(String::from).collect();
        let samples = lines
            .into_iter()
            .map(|(path, label)| {
                let place = classes.binary_search(&label).unwrap_or_else(|place| place);
                (path, place as i64)
            })
            .collect();
        Ok(AnnotationFile { set: PictureSet::new(classes, samples, transform)?, file, root })
    }

    /// One file for training and one for validation, with the same root.
    ///
    /// # Errors
    /// As [`AnnotationFile::new`] for each, and when the two do not have the same classes.
    pub fn splits<P: AsRef<Path>>(
        files: &Splits<P>,
        root: impl AsRef<Path>,
        transforms: &Splits<Compose>,
    ) -> Result<Splits<Self>> {
        let train = Self::new(&files.train, &root, transforms.train.clone())?;
        let valid = Self::new(&files.valid, &root, transforms.valid.clone())?;
        check_same_classes(&train.set, &valid.set)?;
        Ok(Splits { train, valid })
    }

    /// How many pictures there are.
    pub fn len(&self) -> usize {
        self.set.samples.len()
    }

    /// Whether there is no picture; never true of a file that could be read.
    pub fn is_empty(&self) -> bool {
        self.set.samples.is_empty()
    }

    /// The classes, sorted as text; a label is an index into them.
    pub fn classes(&self) -> Vec<String> {
        self.set.classes.to_vec()
    }

    /// Every file with its label, in the file's order.
    pub fn samples(&self) -> &[(PathBuf, i64)] {
        &self.set.samples
    }

    /// Picture `index` as it is on disk, not transformed.
    ///
    /// # Errors
    /// When there is no such picture or it cannot be read.
    pub fn picture(&self, index: usize) -> Result<RgbImage> {
        self.set.picture(index)
    }
}

/// The path and the label of every line.
fn parse(file: &Path, root: &Path, text: &[u8]) -> Result<Vec<(PathBuf, String)>> {
    let error = |line: usize, problem: String| Error::Annotation { path: file.to_path_buf(), line, problem };
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    let mut lines = Vec::new();
    for (number, line) in text.split(|&byte| byte == b'\n').enumerate() {
        let number = number + 1;
        let line = std::str::from_utf8(line)
            .map_err(|_| error(number, "the line is not UTF-8 text: save the file as UTF-8".into()))?
            .trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((path, label)) = line.rsplit_once(char::is_whitespace) else {
            return Err(error(number, format!("'{line}' is no pair of path and label: write `path label`")));
        };
        let path = root.join(path.trim_end());
        if !path.is_file() {
            return Err(error(
                number,
                format!("there is no file {}: correct the path or the root", path.display()),
            ));
        }
        lines.push((path, label.to_string()));
    }
    if lines.is_empty() {
        return Err(error(1, "the file lists no picture: write a line `path label` for each".into()));
    }
    Ok(lines)
}

impl Dataset for AnnotationFile {
    fn len(&self) -> usize {
        self.len()
    }

    fn get(&self, index: usize, rng: &mut Rng) -> Result<(Tensor, i64)> {
        self.set.get(index, rng)
    }

    fn get_into(&self, index: usize, rng: &mut Rng, values: &mut Vec<f32>) -> Result<([i64; 3], i64)> {
        self.set.get_into(index, rng, values)
    }

    fn path(&self, index: usize) -> Option<&Path> {
        self.set.samples.get(index).map(|(path, _)| path.as_path())
    }

    fn classes(&self) -> Vec<String> {
        self.classes()
    }
}

impl fmt::Display for AnnotationFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let extra = [format!("Annotation file: {}", self.file.display())];
        self.set.describe(f, "AnnotationFile", &self.root, &extra)
    }
}

impl fmt::Debug for AnnotationFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
